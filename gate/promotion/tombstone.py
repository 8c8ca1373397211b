"""The first phase of a discard: nothing can be pulled and no tag leads there, and the bytes are kept.

`entomb` and `prove_buried` know nothing of staging: whoever takes a release out of service uses them too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import UpstreamError
from gate.promotion.discard import refuse_new_users
from gate.promotion.lock import open_locks
from gate.promotion.plan_discard import pinned_staging
from gate.promotion.receipt import ReadBack, TombstoneReceipt
from gate.promotion.state import digest_of, look_at_staging
from gate.promotion.steps import Refused, Verb, about
from gate.registry.graves import BuryingStore, Grave, graves_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gate.bounds import ImageBounds
    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.promotion.places import Places
    from gate.promotion.plan_discard import DiscardPlan
    from gate.registry.interface import ImageWriter

_ROUNDS = 3
"""Somebody may push a tag between the write and the look; who keeps doing so is an error and no loop."""
_ANSWERS = {Grave.BURIED: "unreadable", Grave.ABSENT: "not_found"}


def bury(
    plan: DiscardPlan,
    store: ImageWriter,
    *,
    places: Places,
    bounds: ImageBounds | None = None,
    unlock: bool = False,
) -> TombstoneReceipt:
    """Hide the plan's digests in staging, take every tag off them, and prove it by reading. Can be run twice.

    Raises:
        ConflictError: `not_staging`, `digest_in_use` or `manifest_locked`; nothing was changed.
        UpstreamError: the place can't hide anything (`tombstone_impossible`), failed, or still serves what was hidden
            (`tombstone_unproved`).
    """
    pinned = pinned_staging(plan.place, places)
    if isinstance(pinned, Refused):
        raise pinned.error()
    graves = needed_graves(store, plan.place)
    manifests = about(plan.steps, Verb.DELETE_MANIFEST)
    digests = tuple(descriptor.digest for descriptor in manifests)
    state = look_at_staging(store, plan.place, known=plan.tags, bounds=bounds)
    refuse_new_users(plan.place, plan.digest, digests, state)
    found = {digest: graves.grave(plan.place.at(digest)) for digest in digests}
    hidden = [digest for digest in digests if found[digest] is Grave.BURIED]
    names = {digest: state.tags_on(digest) for digest in digests}
    open_locks(store, plan.place, names, unlock=unlock, graves=hidden)
    tags = tuple(sorted({*plan.tags, *(tag for digest in digests for tag in state.tags_on(digest))}))
    proof = entomb(store, plan.place, digests, tags)
    return TombstoneReceipt(
        place=plan.place,
        digest=plan.digest,
        manifests=manifests,
        tags=tags,
        already_gone=all(one is Grave.ABSENT for one in found.values()),
        released=plan.released,
        read_back=proof,
    )


def entomb(
    store: ImageWriter, place: ImageRef, digests: tuple[Digest, ...], tags: Iterable[str]
) -> tuple[ReadBack, ...]:
    """Hide the digests, then take off them the tags that are on them, and read all of it back.

    Between the look at a tag and its removal somebody may move it to another image: then that image loses a name, and
    nothing else. No registry offers better.

    Raises:
        UpstreamError: `tombstone_impossible`, or it is served or tagged whatever is done (`tombstone_unproved`).
    """
    graves = needed_graves(store, place)
    unhidden, leading = tuple(digests), tuple(tags)
    for _ in range(_ROUNDS):
        for digest in unhidden:
            graves.bury(place.at(digest).model_copy(update={"tag": ""}))
        for tag in leading:
            if digest_of(store, place, tag) in digests:
                graves.untag(place.model_copy(update={"tag": tag, "digest": None}))
        seen, unhidden, leading = _read(store, graves, place, digests, tags)
        if not unhidden and not leading:
            return seen
    left = (*unhidden, *leading)
    message = f"`{place.place}` still serves what was hidden: {', '.join(left[:5])}"
    hint = "the gate's identity needs the right to write metadata and to remove tags; see `gate doctor`"
    raise UpstreamError(message, hint=hint, code="tombstone_unproved", place=place.place, left=str(len(left)))


def is_buried(store: ImageWriter, place: ImageRef, digests: tuple[Digest, ...], tags: Iterable[str] = ()) -> bool:
    """Say whether none of the digests is served, and none of these tags is on one.

    Other tags are not asked for: what is hidden is served under no name.
    """
    graves = needed_graves(store, place)
    hidden = all(graves.grave(place.at(digest)) is not Grave.OPEN for digest in digests)
    return hidden and not any(digest_of(store, place, tag) in digests for tag in tags)


def needed_graves(store: ImageWriter, place: ImageRef) -> BuryingStore:
    """Return the store as one that buries.

    Raises:
        UpstreamError: `tombstone_impossible`: the place can neither untag nor hide.
    """
    graves = graves_of(store, place)
    if graves is None:
        message = f"`{place.place}` can't keep an image that nobody can pull"
        hint = "an Azure registry can, if GATE_ACR_HOSTS names it; elsewhere a discard deletes at once"
        raise UpstreamError(message, hint=hint, code="tombstone_impossible", place=place.place)
    return graves


def _read(
    store: ImageWriter, graves: BuryingStore, place: ImageRef, digests: Collection[Digest], tags: Iterable[str]
) -> tuple[tuple[ReadBack, ...], tuple[Digest, ...], tuple[str, ...]]:
    """Return what was answered, the digests that are served, and the tags that lead to one."""
    seen: list[ReadBack] = []
    unhidden, leading = [], []
    for digest in digests:
        found = graves.grave(place.at(digest))
        if found is Grave.OPEN:
            unhidden.append(digest)
        else:
            seen.append(ReadBack(what="manifest", name=digest, answer=_ANSWERS[found]))
    for tag in sorted({*tags, *store.tags(place)}):
        answer = digest_of(store, place, tag)
        if answer in digests:
            leading.append(tag)
        seen.append(ReadBack(what="tag", name=tag, answer=answer or "not_found"))
    return tuple(seen), tuple(unhidden), tuple(leading)
