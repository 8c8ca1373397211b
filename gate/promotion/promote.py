"""Promote: steps that can be run twice, and a receipt only for what was read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError, IntegrityError, NotFoundError, UpstreamError
from gate.model.image import Transport
from gate.promotion.attach import attach, is_listed
from gate.promotion.each import each
from gate.promotion.lock import lock, read_locks
from gate.promotion.receipt import BlobMove, PromotionReceipt, ReadBack
from gate.promotion.state import look_at_target, serves
from gate.promotion.steps import Step, Verb, about
from gate.promotion.tree import checked_manifest, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.model.image import ImageRef
    from gate.promotion.plan_promotion import PromotionPlan
    from gate.registry.interface import Descriptor, ImageReader, ImageWriter, Manifest


def promote(
    plan: PromotionPlan,
    source_store: ImageReader,
    target_store: ImageWriter,
    *,
    attest: Callable[[PromotionPlan], tuple[ReadBack, ...]] = lambda _: (),
    workers: int = 1,
) -> PromotionReceipt:
    """Bring the plan's bytes to the target, read them back, then lock them. Run again after any failure, it completes.

    `attest` attaches what the gate itself says of the image: when its bytes are whole, and before a tag leads to it.
    Blobs are brought and read by up to `workers` threads between registries; a folder bears one writer.

    Raises:
        ConflictError: `tag_taken`: the release tag was written by somebody else since the plan was made.
        NotFoundError: the source lost the image before it was whole in the target.
        UpstreamError: a store failed, or holds other bytes than it was given (`promotion_unproved`), or does not keep
            a lock (`lock_unproved`).
    """
    if {plan.source.transport, plan.target.transport} != {Transport.REGISTRY}:
        workers = 1
    _refuse_taken_tag(plan, target_store)
    present = tuple(BlobMove(descriptor=blob, how="present") for blob in about(plan.steps, Verb.COPY_BLOB))
    done = _try_read_back(plan, target_store, workers)
    if done is not None:
        done = (*done, *attest(plan))
        locked = read_locks(plan, target_store)
        if locked is not None:
            return _promoted(plan, present, (*done, *locked), already_there=True)
        return _promoted(plan, present, (*done, *lock(plan, target_store)), already_there=False)
    moves = each(
        lambda blob: _bring_blob(plan, blob, source_store, target_store), about(plan.steps, Verb.COPY_BLOB), workers
    )
    attested: tuple[ReadBack, ...] = ()
    for step in plan.steps:
        if step.verb is Verb.ATTACH:
            attach(target_store, plan.target, str(step.subject), step.descriptor)
        elif step.verb in {Verb.PUT_MANIFEST, Verb.SET_TAG}:
            attested = attest(plan) if step.verb is Verb.SET_TAG else attested
            _put(plan, step, source_store, target_store)
    # Locked only after it was read back: a lock on something else would be hard to take back.
    proof = (*_read_back(plan, target_store, workers), *(attested or attest(plan)))
    return _promoted(plan, moves, (*proof, *lock(plan, target_store)), already_there=False)


def _bring_blob(
    plan: PromotionPlan, blob: Descriptor, source_store: ImageReader, target_store: ImageWriter
) -> BlobMove:
    # In a registry it is not asked for first: to mount what is there already costs no more than the question.
    mounted = plan.same_store and plan.target.transport is Transport.REGISTRY
    if not mounted and target_store.has_blob(plan.target, blob.digest):
        return BlobMove(descriptor=blob, how="present")
    if plan.same_store:
        target_store.copy_blob(plan.source, plan.target, blob)
        return BlobMove(descriptor=blob, how="copied")
    with source_store.blob(plan.source, blob) as stream:
        target_store.upload_blob(plan.target, blob, stream)
    return BlobMove(descriptor=blob, how="uploaded")


def _put(plan: PromotionPlan, step: Step, source_store: ImageReader, target_store: ImageWriter) -> None:
    manifest = checked_manifest(source_store, plan.source.at(step.descriptor.digest))
    _refuse_other(step.descriptor, manifest, plan.source)
    if step.verb is Verb.SET_TAG:
        _refuse_taken_tag(plan, target_store)
    target = plan.target.model_copy(update={"digest": manifest.digest, "tag": step.tag})
    target_store.put_manifest(target, manifest)


def _refuse_taken_tag(plan: PromotionPlan, target_store: ImageWriter) -> None:
    held = look_at_target(target_store, plan.target).tag_digest
    if held not in {None, plan.digest}:
        message = f"`{plan.target.place}:{plan.target.tag}` is released as {held}; release tags are written once"
        facts = {"place": plan.target.place, "tag": plan.target.tag, "holds": held, "wanted": plan.digest}
        raise ConflictError(message, hint="release it under a new tag", code="tag_taken", **facts)


def _refuse_other(expected: Descriptor, manifest: Manifest, place: ImageRef) -> None:
    if describe(manifest) != expected:
        message = f"`{place.place}` serves manifest {expected.digest} with another size or media type than was planned"
        raise UpstreamError(message, code="promotion_unproved", place=place.place, digest=expected.digest)


def _try_read_back(plan: PromotionPlan, target_store: ImageWriter, workers: int) -> tuple[ReadBack, ...] | None:
    if not serves(target_store, plan.target):
        return None  # one question tells what all of them would
    try:
        return _read_back(plan, target_store, workers)
    except (NotFoundError, IntegrityError):
        return None


def _read_back(plan: PromotionPlan, target_store: ImageWriter, workers: int) -> tuple[ReadBack, ...]:
    seen = [*each(lambda blob: _read_blob(plan, blob, target_store), about(plan.steps, Verb.COPY_BLOB), workers)]
    for step in plan.steps:
        digest = step.descriptor.digest
        if step.verb is Verb.SET_TAG:
            by_tag = plan.target.model_copy(update={"digest": None})
            answer = target_store.resolve(by_tag)
            if answer != digest:
                message = f"`{by_tag}` is on {answer} after it was set to {digest}"
                raise UpstreamError(message, code="promotion_unproved", place=plan.target.place, tag=step.tag)
            seen.append(ReadBack(what="tag", name=step.tag, answer=answer))
        elif step.verb is Verb.PUT_MANIFEST:
            manifest = checked_manifest(target_store, plan.target.at(digest))
            _refuse_other(step.descriptor, manifest, plan.target)
            seen.append(ReadBack(what="manifest", name=digest, answer=manifest.digest))
        elif step.verb is Verb.ATTACH:
            _read_attached(plan, step, target_store)
            seen.append(ReadBack(what="referrer", name=digest, answer=str(step.subject)))
    return tuple(seen)  # locks are read by themselves


def _read_blob(plan: PromotionPlan, blob: Descriptor, target_store: ImageWriter) -> ReadBack:
    if not target_store.has_blob(plan.target, blob.digest):
        message = f"`{plan.target.place}` has no blob {blob.digest}"
        raise NotFoundError(message, code="blob_absent", place=plan.target.place, digest=blob.digest)
    return ReadBack(what="blob", name=blob.digest, answer="present")


def _read_attached(plan: PromotionPlan, step: Step, target_store: ImageWriter) -> None:
    if not is_listed(target_store, plan.target, str(step.subject), step.descriptor.digest):
        message = f"`{plan.target.place}` does not list {step.descriptor.digest} as attached to {step.subject}"
        raise NotFoundError(message, code="attach_unproved", place=plan.target.place, digest=step.descriptor.digest)


def _promoted(
    plan: PromotionPlan, moves: tuple[BlobMove, ...], proof: tuple[ReadBack, ...], *, already_there: bool
) -> PromotionReceipt:
    manifests = about(plan.steps, Verb.PUT_MANIFEST)
    return PromotionReceipt(
        source=plan.source,
        target=plan.target,
        digest=plan.digest,
        manifests=manifests,
        blobs=moves,
        size=sum(part.size for part in (*manifests, *(move.descriptor for move in moves))),
        already_there=already_there,
        locked=plan.locks,
        read_back=proof,
    )
