"""Over any small registry: a discard removes the given digest and its tags, and a promotion adds one image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import HOST, PLACES, STAGING
from registry.contract_images import Sample, image, index, push

from gate.errors import ConflictError
from gate.model.image import ImageRef, Transport
from gate.promotion.discard import discard
from gate.promotion.plan_discard import DiscardPlan
from gate.promotion.plan_promotion import PromotionPlan
from gate.promotion.prepare import prepare_discard, prepare_promotion
from gate.promotion.promote import promote

IMAGES = [image(seed) for seed in "abcde"]
PLACES_OF_IMAGES = [
    f"{HOST}/{name}" for name in ("staging/app", "staging/other", "staging", "release/app", "elsewhere")
]


@dataclass(frozen=True)
class Push:
    """One push of one image, or of an index over several, into one repository."""

    repository: str
    members: tuple[int, ...]
    tags: tuple[str, ...]

    @property
    def sample(self) -> Sample:
        """What is pushed."""
        return IMAGES[self.members[0]] if len(self.members) == 1 else index(*(IMAGES[n] for n in self.members))


PUSHES = st.lists(
    st.builds(
        Push,
        repository=st.sampled_from(PLACES_OF_IMAGES),
        members=st.lists(st.integers(0, len(IMAGES) - 1), min_size=1, max_size=3, unique=True).map(tuple),
        tags=st.lists(st.sampled_from(["1", "2", "3", "latest"]), max_size=3, unique=True).map(tuple),
    ),
    min_size=1,
    max_size=8,
)


def filled(pushes: list[Push]) -> MemoryStore:
    """Push everything."""
    store = MemoryStore()
    for one in pushes:
        push(store, ref(one.repository), one.sample, *one.tags)
    return store


def ref(repository: str) -> ImageRef:
    """Name a repository."""
    return ImageRef(transport=Transport.REGISTRY, repository=repository)


Plan = TypeVar("Plan", PromotionPlan, DiscardPlan)


def unless_refused(make: Callable[[], Plan]) -> Plan | str:
    """Return the plan, or the code of its refusal."""
    try:
        return make()
    except ConflictError as refused:
        return refused.error_code


@settings(max_examples=150, deadline=None)
@given(pushes=PUSHES, choice=st.integers(0, 7))
def test_a_discard_removes_the_digest_and_its_tags_and_nothing_else(pushes: list[Push], choice: int) -> None:
    store = filled(pushes)
    chosen = pushes[choice % len(pushes)]
    was = store.snapshot()
    here = was[chosen.repository]
    digest = chosen.sample.digest
    parents = {
        one.sample.digest for one in pushes if one.repository == chosen.repository and len(one.members) > 1
    } & set(here.tags.values())
    listed = {child.digest for one in pushes for child in one.sample.children if one.sample.digest in parents}
    plan = unless_refused(lambda: prepare_discard(ref(chosen.repository).at(digest), PLACES, store=store))
    if isinstance(plan, str):
        assert store.repositories == was
        assert plan == ("digest_in_use" if PLACES.is_staging(ref(chosen.repository)) else "not_staging")
        assert digest in listed or plan == "not_staging"
        return
    assert PLACES.is_staging(ref(chosen.repository))
    assert digest not in listed
    receipt = discard(plan, store, places=PLACES)
    now = store.repositories[chosen.repository]
    doomed = set(receipt.deleted)
    assert digest in doomed
    assert doomed - {digest} <= {child.digest for child in chosen.sample.children}
    assert now.manifests == {key: value for key, value in here.manifests.items() if key not in doomed}
    assert now.tags == {tag: held for tag, held in here.tags.items() if held != digest}
    assert now.blobs == here.blobs
    others = {name: held for name, held in was.items() if name != chosen.repository}
    assert {name: held for name, held in store.repositories.items() if name != chosen.repository} == others
    # What a tag of staging still leads to is whole: nothing that somebody uses went with it.
    for held in now.tags.values():
        tagged = next(one.sample for one in pushes if one.sample.digest == held)
        assert {child.digest for child in tagged.children} <= now.manifests.keys()


@settings(max_examples=100, deadline=None)
@given(pushes=PUSHES, choice=st.integers(0, 7), tag=st.sampled_from(["", "1", "latest"]))
def test_a_promotion_adds_one_image_in_the_same_bytes_and_moves_no_tag(
    pushes: list[Push], choice: int, tag: str
) -> None:
    store = filled(pushes)
    chosen = pushes[choice % len(pushes)]
    was = store.snapshot()
    source = ref(chosen.repository).model_copy(update={"tag": tag, "digest": chosen.sample.digest})
    plan = unless_refused(lambda: prepare_promotion(source, PLACES, source_store=store, target_store=store))
    if isinstance(plan, str):
        assert store.repositories == was
        assert plan in {"not_staging", "tag_taken"}
        return
    promote(plan, store, store)
    target = PLACES.release_of(source)
    now = store.repositories[target.place]
    before = was.get(target.place)
    assert now.manifests[chosen.sample.digest].raw == chosen.sample.manifest.raw
    old_tags = before.tags if before else {}
    assert now.tags == old_tags | ({tag: chosen.sample.digest} if tag else {})
    assert all(now.tags[name] == held for name, held in old_tags.items())
    others = {name: held for name, held in was.items() if name != target.place}
    assert {name: held for name, held in store.repositories.items() if name != target.place} == others


def test_the_world_has_a_staging_place() -> None:
    assert PLACES.is_staging(STAGING)
