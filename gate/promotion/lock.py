"""Lock what was released, manifest and tag, and believe a lock only when it was read back."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gate.errors import ConflictError, GateError, NotFoundError, UpstreamError
from gate.promotion.receipt import ReadBack
from gate.promotion.steps import Verb
from gate.registry.locks import locks_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.promotion.plan_promotion import PromotionPlan
    from gate.promotion.steps import Step
    from gate.registry.interface import ImageWriter
    from gate.registry.locks import LockingStore

_LOCKS = (Verb.LOCK_MANIFEST, Verb.LOCK_TAG)


def lock(plan: PromotionPlan, store: ImageWriter) -> tuple[ReadBack, ...]:
    """Lock all that the plan says, then read the tag once more: between its write and its lock anybody could move it.

    Raises:
        ConflictError: `tag_taken`: the tag was moved before it was locked; it is left unlocked, as it was.
        UpstreamError: the store failed, has no locks any more, or does not keep one (`lock_unproved`).
    """
    steps = [step for step in plan.steps if step.verb in _LOCKS]
    if not steps:
        return ()
    keeper = _keeper(plan, store)
    for step in steps:
        ref = _locked_ref(plan, step)
        if not keeper.locks(ref).fixed:
            keeper.set_locks(ref, write=False, delete=False)
        if step.verb is Verb.LOCK_TAG:
            _refuse_moved(plan, ref, store, keeper)
    proof = read_locks(plan, store)
    if proof is None:
        message = f"`{plan.target.place}` took the locks of {plan.digest} and does not keep them"
        hint = "the identity needs the right to write metadata; see `gate doctor`"
        raise UpstreamError(message, hint=hint, code="lock_unproved", place=plan.target.place, digest=plan.digest)
    return proof


def read_locks(plan: PromotionPlan, store: ImageWriter) -> tuple[ReadBack, ...] | None:
    """Read every lock that the plan sets; None if one is not set. A plan without locks has nothing to read."""
    seen: list[ReadBack] = []
    for step in plan.steps:
        if step.verb in _LOCKS:
            if not _keeper(plan, store).locks(_locked_ref(plan, step)).fixed:
                return None
            by_tag = step.verb is Verb.LOCK_TAG
            name = step.tag if by_tag else step.descriptor.digest
            seen.append(ReadBack(what="tag_lock" if by_tag else "manifest_lock", name=name, answer="locked"))
    return tuple(seen)


def open_locks(
    store: ImageWriter,
    place: ImageRef,
    names: Mapping[Digest, tuple[str, ...]],
    *,
    unlock: bool,
    graves: Collection[Digest] = (),
) -> None:
    """Read the locks of manifests and of the tags on them, before anything is deleted; open them if that is allowed.

    Args:
        store: what holds them.
        place: their repository.
        names: the tags by digest.
        unlock: whether policy allows to lift a lock.
        graves: digests whose own locks are the gate's, for it has buried them; their tags' may be anybody's.

    Raises:
        ConflictError: `manifest_locked`: one is locked and stays so; nothing was changed.
        UpstreamError: a lock that was lifted is still there (`unlock_unproved`).
    """
    keeper = locks_of(store, place)
    if keeper is None:
        return
    refs = [place.model_copy(update={"digest": digest, "tag": ""}) for digest in names if digest not in graves]
    refs += [place.model_copy(update={"digest": None, "tag": tag}) for tags in names.values() for tag in tags]
    locked = [ref for ref in refs if not _deletable(keeper, ref)]
    if locked and not unlock:
        message = f"`{locked[0]}` is locked against deletion"
        hint = "whoever locked it unlocks it, or policy allows the gate to (`discard.unlock`)"
        raise ConflictError(message, hint=hint, code="manifest_locked", place=place.place, locked=str(len(locked)))
    for ref in locked:
        if not keeper.set_locks(ref, write=True, delete=True).deletable or not _deletable(keeper, ref):
            message = f"the lock of `{ref}` was lifted and is still there"
            raise UpstreamError(message, code="unlock_unproved", place=place.place)


def _deletable(keeper: LockingStore, ref: ImageRef) -> bool:
    try:
        return keeper.locks(ref).deletable
    except NotFoundError:
        return True  # gone since it was listed: there is nothing left to keep


def _keeper(plan: PromotionPlan, store: ImageWriter) -> LockingStore:
    keeper = locks_of(store, plan.target)
    if keeper is None:
        message = f"the plan locks what it releases, and `{plan.target.place}` is not known to have locks any more"
        hint = "name its login server in GATE_ACR_HOSTS, or submit again"
        raise UpstreamError(message, hint=hint, code="lock_unproved", place=plan.target.place)
    return keeper


def _locked_ref(plan: PromotionPlan, step: Step) -> ImageRef:
    digest = None if step.verb is Verb.LOCK_TAG else step.descriptor.digest
    return plan.target.model_copy(update={"digest": digest, "tag": step.tag})


def _refuse_moved(plan: PromotionPlan, ref: ImageRef, store: ImageWriter, keeper: LockingStore) -> None:
    held: Digest = store.resolve(ref)
    if held == plan.digest:
        return
    with contextlib.suppress(GateError):  # what follows says more than a failure to undo the lock would
        keeper.set_locks(ref, write=True, delete=True)
    message = f"`{ref}` was moved to {held} before it could be locked"
    hint = "release it under a new tag, and see who may push to the release place"
    raise ConflictError(message, hint=hint, code="tag_taken", place=ref.place, tag=ref.tag, holds=held)
