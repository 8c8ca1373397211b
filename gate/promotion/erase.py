"""The second phase of a discard: what was buried is deleted for good, after another look at who uses it by now.

`erase_digests` knows nothing of staging: whoever takes a release out of service uses it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError, UpstreamError
from gate.promotion.discard import refuse_new_users
from gate.promotion.gone import prove_gone
from gate.promotion.plan_discard import pinned_staging
from gate.promotion.receipt import DeletionReceipt
from gate.promotion.state import look_at_staging
from gate.promotion.steps import Refused
from gate.promotion.tombstone import entomb, needed_graves
from gate.registry.graves import Grave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gate.bounds import ImageBounds
    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.promotion.places import Places
    from gate.promotion.receipt import ReadBack, TombstoneReceipt
    from gate.registry.interface import ImageWriter


def erase(
    tombstone: TombstoneReceipt,
    store: ImageWriter,
    *,
    places: Places,
    held: Callable[[], bool],
    bounds: ImageBounds | None = None,
) -> DeletionReceipt:
    """Delete what is buried and prove it by reading. Can be run twice; gone already is success.

    Tags that were put on it since are taken off, for they name what is denied; what else came to use it keeps it.

    Args:
        tombstone: what was buried.
        store: where.
        places: what staging is, now.
        held: whether somebody holds it; asked before each deletion.
        bounds: of the look at who uses it.

    Raises:
        ConflictError: `not_staging`, `digest_in_use` or `digest_held`; the first two changed nothing.
        UpstreamError: the store failed, or still has what was deleted (`discard_unproved`).
    """
    pinned = pinned_staging(tombstone.place, places)
    if isinstance(pinned, Refused):
        raise pinned.error()
    place, digests = tombstone.place, tuple(one.digest for one in tombstone.manifests)
    graves = needed_graves(store, place)
    state = look_at_staging(store, place, bounds=bounds)
    refuse_new_users(place, tombstone.digest, digests, state)
    since = tuple(sorted(tag for digest in digests for tag in state.tags_on(digest)))
    found = {digest: graves.grave(place.at(digest)) for digest in digests}
    if since or Grave.OPEN in found.values():
        entomb(store, place, digests, since)
    proof = erase_digests(store, place, digests, {*tombstone.tags, *since}, held=held)
    return DeletionReceipt(
        place=place,
        digest=tombstone.digest,
        deleted=digests,
        tags=since,
        already_gone=all(one is Grave.ABSENT for one in found.values()),
        read_back=proof,
    )


def erase_digests(
    store: ImageWriter, place: ImageRef, digests: tuple[Digest, ...], tags: Iterable[str], *, held: Callable[[], bool]
) -> tuple[ReadBack, ...]:
    """Delete buried digests in this order, and read back that nothing is there and no tag leads there.

    Raises:
        ConflictError: `digest_held`: somebody holds it by now; what was deleted before is gone.
        UpstreamError: the store failed, or still has one (`discard_unproved`).
    """
    graves = needed_graves(store, place)
    for number, digest in enumerate(digests):
        if held():
            message = f"{digests[0]} in `{place.place}` is held, and is not deleted"
            hint = "whoever may, releases the hold: `gate discard list`, `gate discard release`"
            raise ConflictError(message, hint=hint, code="digest_held", digest=digests[0], deleted=str(number))
        # Asked for even if it seems gone: one wrong "not found" must not leave a refused image behind.
        graves.erase(place.at(digest).model_copy(update={"tag": ""}))
    for digest in digests:
        if graves.grave(place.at(digest)) is not Grave.ABSENT:
            message = f"`{place.place}` still has {digest} after it was deleted"
            hint = "the registry may forbid deletion, or somebody locked the manifest"
            raise UpstreamError(message, hint=hint, code="discard_unproved", digest=digest, place=place.place)
    return prove_gone(place, store, digests, tags)
