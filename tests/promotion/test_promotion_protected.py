"""Over random registries: a discard never removes what anything protected reaches, and a refused one removes nothing.

With attachments (by the referrers API and by the list under a tag), locks on manifests and tags, indexes in indexes,
shared children, digests under several tags, damaged manifests, and what others push between the plan and the act.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st
from promotion.promotion_memory import KeepingStore, Repository
from promotion.promotion_world import HOST, PLACES, STAGING
from registry.contract_images import Sample, image, index, plain, push

from gate.errors import GateError, NotFoundError
from gate.model.image import ImageRef, Transport
from gate.promotion.attach import attach
from gate.promotion.discard import discard
from gate.promotion.prepare import prepare_discard
from gate.promotion.tree import describe
from gate.registry.content import read_content
from gate.registry.interface import Descriptor
from gate.registry.referring import is_referrers_tag

if TYPE_CHECKING:
    from gate.registry.interface import Manifest

RELEASE = ImageRef(transport=Transport.REGISTRY, repository=f"{HOST}/release/app")
TAGS = ("1", "2", "3", "latest")


@dataclass
class ReferringStore(KeepingStore):
    """A registry that answers the referrers API from what manifests say of themselves."""

    def referrers(self, ref: ImageRef) -> tuple[Descriptor, ...]:
        """List what says that it is about the digest."""
        held = self.repositories.get(ref.place, Repository()).manifests.values()
        return tuple(describe(manifest) for manifest in held if _subject(manifest) == ref.digest)


def _subject(manifest: Manifest) -> str:
    subject = read_content(manifest).subject
    return subject.digest if subject else ""


@dataclass(frozen=True)
class Made:
    """How one manifest is made: over which earlier ones, about which, under which tags."""

    over: tuple[int, ...]
    about: int | None
    tags: tuple[str, ...]
    locked: bool
    locked_tag: bool
    damaged: bool


MADE = st.builds(
    Made,
    over=st.lists(st.integers(0, 9), max_size=3, unique=True).map(tuple),
    about=st.one_of(st.none(), st.integers(0, 9)),
    tags=st.lists(st.sampled_from(TAGS), max_size=2, unique=True).map(tuple),
    locked=st.sampled_from([False] * 7 + [True]),
    locked_tag=st.sampled_from([False] * 7 + [True]),
    damaged=st.sampled_from([False] * 9 + [True]),
)


_BARE = Made(over=(), about=None, tags=(), locked=False, locked_tag=False, damaged=False)
NAMED_CHILD = [_BARE, replace(_BARE, about=0, tags=("1",)), replace(_BARE, over=(0, 1), tags=("2",))]
"""An index of an image and of what is about that image and has a name of its own."""


def samples(made: list[Made]) -> list[Sample]:
    """Make the manifests; each can lean on earlier ones alone."""
    found: list[Sample] = []
    for number, one in enumerate(made):
        over = [found[at] for at in one.over if at < number]
        if over:
            found.append(index(*over))
        elif one.about is not None and one.about < number:
            subject = plain(describe(found[one.about].manifest))
            found.append(image(f"about{number}", artifactType="application/vnd.test", subject=subject))
        else:
            found.append(image(f"image{number}"))
    return found


def fill(store: KeepingStore, made: list[Made], *, api: bool) -> list[Sample]:
    """Push everything to staging and to release; then tag, attach, lock, and damage in staging."""
    found = samples(made)
    for one, sample in zip(made, found, strict=True):
        push(store, STAGING, sample, *one.tags)
        push(store, RELEASE, sample, *one.tags)
        about = read_content(sample.manifest).subject
        if about and not api:
            attach(store, STAGING, about.digest, describe(sample.manifest))
    for one, sample in zip(made, found, strict=True):
        if one.locked:
            store.set_locks(STAGING.at(sample.digest), write=False, delete=False)
        for tag in one.tags:
            if one.locked_tag and store.repositories[STAGING.place].tags.get(tag) == sample.digest:
                store.set_locks(STAGING.model_copy(update={"tag": tag}), write=False, delete=False)
    return found


def damage(store: KeepingStore, made: list[Made], found: list[Sample]) -> None:
    """Serve other bytes under the digest of what is damaged."""
    held = store.repositories[STAGING.place].manifests
    for one, sample in zip(made, found, strict=True):
        if one.damaged:
            raw = sample.manifest.raw[: len(sample.manifest.raw) // 2]
            held[sample.digest] = sample.manifest.model_copy(update={"raw": raw})


def protected(store: KeepingStore, found: list[Sample], doomed: str) -> set[str]:
    """Return what is reached, by its true content, from any name but those of what is discarded; and what is locked.

    An index without a name that is locked is protected itself and nothing below it: a registry lists names.
    """
    known = {sample.digest: sample for sample in found}
    held = store.repositories[STAGING.place]
    roots = {digest for tag, digest in held.tags.items() if digest != doomed and not is_referrers_tag(tag)}
    fixed = {name[1] for name, locks in store.kept.items() if name[0] == STAGING.place and not locks.deletable}
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        digest = waiting.pop()
        if digest in reached or digest not in known:
            continue
        reached.add(digest)
        content = read_content(known[digest].manifest)
        waiting += [child.digest for child in content.children]
        waiting += [content.subject.digest] if content.subject and digest in roots else []
    return (reached | {held.tags.get(name, name) for name in fixed}) & held.manifests.keys()


def there(store: KeepingStore, digest: str) -> bool:
    """Say whether staging has something under the digest."""
    try:
        store.resolve(STAGING.at(digest))
    except NotFoundError:
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(
    made=st.lists(MADE, min_size=1, max_size=10),
    choice=st.integers(0, 9),
    api=st.booleans(),
    later=st.one_of(st.none(), st.tuples(st.integers(0, 9), st.sampled_from(TAGS))),
)
@example(made=NAMED_CHILD, choice=2, api=False, later=None)
def test_a_discard_never_removes_what_anything_protected_reaches(
    made: list[Made], choice: int, api: bool, later: tuple[int, str] | None
) -> None:
    store = ReferringStore() if api else KeepingStore()
    found = fill(store, made, api=api)
    doomed = found[choice % len(found)]
    damage(store, made, found)
    others = store.snapshot()[RELEASE.place]
    kept = protected(store, found, doomed.digest)
    was = store.snapshot()
    try:
        plan = prepare_discard(STAGING.at(doomed.digest), PLACES, store=store)
    except GateError:
        assert store.repositories == was
        return
    if later is not None:  # somebody tags another manifest between the plan and the act
        tagged = found[later[0] % len(found)].digest
        locked = (STAGING.place, later[1]) in store.kept
        if tagged != doomed.digest and not locked:
            store.repositories[STAGING.place].tags[later[1]] = tagged
            kept = protected(store, found, doomed.digest)
            was = store.snapshot()
    try:
        receipt = discard(plan, store, places=PLACES)
    except GateError:
        assert store.repositories == was
        return
    assert store.repositories[RELEASE.place] == others
    gone = set(receipt.deleted)
    assert doomed.digest in gone
    assert doomed.digest not in kept
    assert not gone & kept
    assert not any(there(store, digest) for digest in gone)
    held = store.repositories[STAGING.place]
    assert {digest: held.manifests[digest] for digest in kept} == {
        digest: was[STAGING.place].manifests[digest] for digest in kept
    }
    assert {tag: digest for tag, digest in was[STAGING.place].tags.items() if digest not in gone} == held.tags
