"""Take back what a promotion brought before it was denied: what its plan found absent, and no other release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError
from gate.promotion.attached import lists_of
from gate.promotion.gone import prove_gone
from gate.promotion.lock import open_locks
from gate.promotion.receipt import WithdrawalReceipt
from gate.promotion.state import look_at_staging, serves
from gate.registry.referring import referrers_tag

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.model.digest import Digest
    from gate.promotion.plan_promotion import PromotionPlan
    from gate.promotion.state import StagingState
    from gate.registry.interface import ImageWriter


def withdraw(plan: PromotionPlan, store: ImageWriter, *, bounds: ImageBounds | None = None) -> WithdrawalReceipt | None:
    """Delete from the target every manifest that was absent when the plan was made; None if none of them is there.

    What was there before the plan is a release of its own and stays. Blobs stay, for nothing can be run from them.

    Raises:
        ConflictError: `release_in_use`: another tag or index of the release leads to it; nothing was changed.
        UpstreamError: the store failed, a lock forbids it (`manifest_locked`), or it is still there
            (`discard_unproved`).
    """
    # Asked twice, and deleted even if it seems gone: one wrong "not found" must not leave something deployable behind.
    if not any(serves(store, plan.target.at(digest)) for digest in plan.absent * 2):
        return None
    state = look_at_staging(store, plan.target, bounds=bounds)
    # The image first, and with it the tag: what is interrupted here must not leave a tag on half of it.
    there = (*sorted(plan.absent, key=lambda digest: digest != plan.digest), *lists_of(plan.absent, state))
    for digest in there:
        _refuse_used(plan, digest, there, state)
    # Whoever locked what was not there before is this promotion.
    open_locks(store, plan.target, {digest: state.tags_on(digest) for digest in there}, unlock=plan.locks)
    for digest in there:
        store.delete_manifest(plan.target.at(digest).model_copy(update={"tag": ""}))
    tags = (plan.target.tag,) if plan.target.tag else ()
    proof = prove_gone(plan.target, store, there, tags)
    return WithdrawalReceipt(place=plan.target, digest=plan.digest, deleted=there, read_back=proof)


def _refuse_used(plan: PromotionPlan, digest: Digest, there: tuple[Digest, ...], state: StagingState) -> None:
    own = {plan.target.tag} if digest == plan.digest else set()
    users = [tag for tag in state.tags_on(digest) if tag not in own | {referrers_tag(one) for one in plan.absent}]
    users += [user.digest for user in state.parents_of(digest) if user.digest not in there]
    if users:
        message = f"{digest} in `{plan.target.place}` is released and denied, and somebody uses it: {users[0]}"
        hint = "take it out of service with `gate retire`"
        raise ConflictError(message, hint=hint, code="release_in_use", digest=digest, users=",".join(users[:20]))
