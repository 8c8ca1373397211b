"""Take back what a promotion brought before it was denied: what its plan found absent, and no other release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError
from gate.promotion.attached import lists_of
from gate.promotion.gone import prove_gone
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
    there = tuple(digest for digest in reversed(plan.absent) if serves(store, plan.target.at(digest)))
    if not there:
        return None
    state = look_at_staging(store, plan.target, bounds=bounds)
    there = (*there, *lists_of(there, state))
    for digest in there:
        _refuse_used(plan, digest, there, state)
    for digest in there:
        store.delete_manifest(plan.target.at(digest).model_copy(update={"tag": ""}))
    tags = (plan.target.tag,) if plan.target.tag else ()
    proof = prove_gone(plan.target, store, there, tags)
    return WithdrawalReceipt(place=plan.target, digest=plan.digest, deleted=there, read_back=proof)


def _refuse_used(plan: PromotionPlan, digest: Digest, there: tuple[Digest, ...], state: StagingState) -> None:
    own = {plan.target.tag} if digest == plan.digest else set()
    users = [tag for tag in state.tags_on(digest) if tag not in own | {referrers_tag(one) for one in there}]
    users += [user.digest for user in state.parents_of(digest) if user.digest not in there]
    if users:
        message = f"{digest} in `{plan.target.place}` is released and denied, and somebody uses it: {users[0]}"
        hint = "take it out of service with `gate retire`"
        raise ConflictError(message, hint=hint, code="release_in_use", digest=digest, users=",".join(users[:20]))
