"""Carry a retirement out, and believe it only when the registry was read again. Each step can be run twice.

Where the place can hide, it is hidden first: from then on nobody can pull it and no tag leads to it. What is hidden is
deleted when its time has come. Elsewhere it is deleted at once, the image itself first, so that a process that dies in
between leaves nothing that runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.promotion.discard import refuse_new_users
from gate.promotion.erase import erase_digests
from gate.promotion.gone import prove_gone
from gate.promotion.lock import open_locks
from gate.promotion.receipt import ReadBack
from gate.promotion.state import look_at_staging
from gate.promotion.steps import Refused
from gate.promotion.tombstone import entomb, needed_graves
from gate.registry.graves import Grave
from gate.registry.interface import Descriptor
from gate.retirement.plan import pinned_release

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.bounds import ImageBounds
    from gate.promotion.places import Places
    from gate.registry.interface import ImageWriter
    from gate.retirement.plan import RetirementPlan


class RetirementReceipt(Value):
    """What was read back. `hidden`: nobody can pull it, and its bytes are kept; else they are gone.

    `tags` lead to it no more.
    """

    version: Literal["gate.retired/1"] = "gate.retired/1"
    place: ImageRef
    digest: Digest
    manifests: tuple[Descriptor, ...]
    tags: tuple[str, ...]
    hidden: bool
    read_back: tuple[ReadBack, ...]


def hide(
    plan: RetirementPlan, store: ImageWriter, *, places: Places, bounds: ImageBounds | None = None, unlock: bool = False
) -> RetirementReceipt:
    """Have nobody pull what the plan names, or delete it at once where the plan says that it can't be hidden.

    Raises:
        ConflictError: `not_release`, `digest_in_use` or `manifest_locked`; nothing was changed.
        UpstreamError: the store failed, or still serves it (`tombstone_unproved`, `discard_unproved`).
    """
    _refuse_elsewhere(plan, places)
    digests = plan.digests
    state = look_at_staging(store, plan.place, known=plan.tags, bounds=bounds)
    refuse_new_users(plan.place, plan.digest, digests, state)
    names = {digest: state.tags_on(digest) for digest in digests}
    tags = tuple(sorted({*plan.tags, *(tag for found in names.values() for tag in found)}))
    if plan.hidden:
        graves = needed_graves(store, plan.place)
        own = [digest for digest in digests if graves.grave(plan.place.at(digest)) is Grave.BURIED]
        open_locks(store, plan.place, names, unlock=unlock, graves=own)
        proof = entomb(store, plan.place, digests, tags)
    else:
        open_locks(store, plan.place, names, unlock=unlock)
        for digest in digests:
            # Asked for even if it seems gone: one wrong "not found" must not leave it in service.
            store.delete_manifest(plan.place.at(digest).model_copy(update={"tag": ""}))
        proof = prove_gone(plan.place, store, digests, tags)
    return _receipt(plan, tags, hidden=plan.hidden, proof=proof)


def erase_hidden(
    plan: RetirementPlan,
    store: ImageWriter,
    *,
    places: Places,
    held: Callable[[], bool],
    bounds: ImageBounds | None = None,
) -> RetirementReceipt:
    """Delete what was hidden, after another look at what uses it. Tags that were put on it since are taken off.

    Raises:
        ConflictError: `not_release`, `digest_in_use` or `digest_held`.
        UpstreamError: the store failed, or still has it (`discard_unproved`).
    """
    _refuse_elsewhere(plan, places)
    digests = plan.digests
    graves = needed_graves(store, plan.place)
    state = look_at_staging(store, plan.place, bounds=bounds)
    refuse_new_users(plan.place, plan.digest, digests, state)
    since = {tag for digest in digests for tag in state.tags_on(digest)}
    if since or any(graves.grave(plan.place.at(digest)) is Grave.OPEN for digest in digests):
        entomb(store, plan.place, digests, since)
    tags = tuple(sorted({*plan.tags, *since}))
    proof = erase_digests(store, plan.place, digests, tags, held=held)
    return _receipt(plan, tags, hidden=False, proof=proof)


def _refuse_elsewhere(plan: RetirementPlan, places: Places) -> None:
    pinned = pinned_release(plan.place, places)
    if isinstance(pinned, Refused):
        raise pinned.error()


def _receipt(
    plan: RetirementPlan, tags: tuple[str, ...], *, hidden: bool, proof: tuple[ReadBack, ...]
) -> RetirementReceipt:
    return RetirementReceipt(
        place=plan.place, digest=plan.digest, manifests=plan.manifests, tags=tags, hidden=hidden, read_back=proof
    )
