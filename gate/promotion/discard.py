"""Discard: delete what the plan names, and believe it only when the registry was read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError
from gate.promotion.attached import is_list
from gate.promotion.gone import is_gone, prove_gone
from gate.promotion.lock import open_locks
from gate.promotion.plan_discard import in_use, pinned_staging
from gate.promotion.receipt import DiscardReceipt
from gate.promotion.state import StagingState, look_at_staging
from gate.promotion.steps import Refused, Verb, about
from gate.registry.referring import is_referrers_tag

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.promotion.places import Places
    from gate.promotion.plan_discard import DiscardPlan
    from gate.registry.interface import ImageWriter


def discard(
    plan: DiscardPlan,
    store: ImageWriter,
    *,
    places: Places,
    bounds: ImageBounds | None = None,
    unlock: bool = False,
) -> DiscardReceipt:
    """Delete the plan's digests from staging and prove it by reading. Gone already is success.

    The repository is looked at again first: what came to be used since the plan was made is not deleted, and what is
    locked, manifest or tag, is only with `unlock`, which is policy's word.

    Raises:
        ConflictError: `not_staging`, `digest_in_use` or `manifest_locked`; nothing was changed.
        UpstreamError: the store failed, or still has what was deleted (`discard_unproved`).
    """
    pinned = pinned_staging(plan.place, places)
    if isinstance(pinned, Refused):
        raise pinned.error()
    digests = tuple(descriptor.digest for descriptor in about(plan.steps, Verb.DELETE_MANIFEST))
    state = look_at_staging(store, plan.place, known=plan.tags, bounds=bounds)
    refuse_new_users(plan.place, plan.digest, digests, state)
    open_locks(store, plan.place, {digest: state.tags_on(digest) for digest in digests}, unlock=unlock)
    already_gone = all(is_gone(store, plan.place.at(digest)) for digest in digests)
    for digest in digests:
        # Asked for even if it seems gone: one wrong "not found" must not leave a refused image behind.
        store.delete_manifest(plan.place.at(digest).model_copy(update={"tag": ""}))
    tags = tuple(sorted({*plan.tags, *(tag for digest in digests for tag in state.tags_on(digest))}))
    proof = prove_gone(plan.place, store, digests, tags)
    return DiscardReceipt(
        place=plan.place,
        digest=plan.digest,
        deleted=digests,
        tags=tags,
        already_gone=already_gone,
        released=plan.released,
        read_back=proof,
    )


def refuse_new_users(place: ImageRef, digest: Digest, digests: tuple[Digest, ...], state: StagingState) -> None:
    """Refuse to change what came to be used since it was planned.

    Args:
        place: the repository.
        digest: the one that is discarded; its own tags go with it.
        digests: all that is to go.
        state: what the repository holds now.

    Raises:
        ConflictError: `digest_in_use`.
    """
    for one in digests:
        parents = [user for user in state.parents_of(one) if user.digest not in digests]
        users = tuple(user for user in parents if one == digest or not is_list(user))
        if users:
            raise in_use(place, one, users).error()
        tags = [tag for tag in state.tags_on(one) if not is_referrers_tag(tag)]
        if one != digest and tags:
            message = f"{one} in `{place.place}` was tagged since: {', '.join(tags[:5])}"
            users_named = {"users": ",".join(tags[:20])}
            raise ConflictError(message, code="digest_in_use", place=place.place, digest=one, **users_named)
