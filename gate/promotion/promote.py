"""Promote: steps that can be run twice, and a receipt only for what was read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gate.errors import ConflictError, GateError, IntegrityError, NotFoundError, UpstreamError
from gate.model.image import Transport
from gate.promotion.attach import attach, is_listed
from gate.promotion.each import each
from gate.promotion.lock import lock, read_locks
from gate.promotion.receipt import BlobMove, PromotionReceipt, ReadBack
from gate.promotion.state import look_at_target, serves
from gate.promotion.steps import Step, Verb, about
from gate.promotion.tree import checked_manifest, describe
from gate.registry.importing import importer_of
from gate.registry.interface import IN_PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.promotion.plan_promotion import PromotionPlan
    from gate.registry.interface import Descriptor, ImageReader, ImageWriter, Manifest

_IMPORTED = "done"


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
    present = tuple(BlobMove(descriptor=blob, how="present") for blob in about(plan.steps, Verb.COPY_BLOB))
    done = _try_read_back(plan, target_store, workers)
    if done is not None:
        done = (*done, *attest(plan))
        locked = read_locks(plan, target_store)
        if locked is not None:
            return _promoted(plan, present, (*done, *locked), already_there=True)
        return _promoted(plan, present, (*done, *lock(plan, target_store)), already_there=False)
    imported = _import(plan, target_store)
    root, moves = _bring(plan, source_store, target_store, workers, imported)
    attested: tuple[ReadBack, ...] = ()
    for step in plan.steps:
        if step.verb is Verb.ATTACH:
            attach(target_store, plan.target, str(step.subject), step.descriptor)
        elif step.verb is Verb.PUT_MANIFEST:
            known = root if step.descriptor.digest == plan.digest else None
            _put(plan, known or _from_source(plan, step.descriptor, source_store), target_store)
        elif step.verb is Verb.SET_TAG:
            attested = attest(plan)
            _tag(plan, step, root, target_store)
    # Locked only after it was read back: a lock on something else would be hard to take back.
    proof = (*_read_back(plan, target_store, workers), *(attested or attest(plan)))
    receipt = _promoted(plan, moves, (*proof, *lock(plan, target_store)), already_there=False)
    return receipt.model_copy(update={"imported": imported})


def _import(plan: PromotionPlan, target_store: ImageWriter) -> str:
    """Have the registry bring the image, where it is set up to; return what came of it.

    It is not believed, and no failure of it matters: whatever is missing afterwards goes through here.
    """
    importer = importer_of(target_store, plan.source, plan.target)
    if plan.same_store or importer is None:
        return ""
    try:
        importer.import_image(plan.source, plan.target)
    except GateError as failure:
        return failure.error_code
    return _IMPORTED


def _bring(
    plan: PromotionPlan, source_store: ImageReader, target_store: ImageWriter, workers: int, imported: str
) -> tuple[Manifest, tuple[BlobMove, ...]]:
    """Bring every blob, and read meanwhile the manifest that the tag is going to be on."""
    wanted = [step for step in plan.steps if step.verb is Verb.PUT_MANIFEST and step.descriptor.digest == plan.digest]
    wanted += [step for step in plan.steps if step.verb is Verb.COPY_BLOB]

    def bring(step: Step) -> Manifest | BlobMove:
        if step.verb is Verb.COPY_BLOB:
            move = _bring_blob(plan, step.descriptor, source_store, target_store)
            came = imported == _IMPORTED and move.how == "present"
            return move.model_copy(update={"how": "imported"}) if came else move
        return _from_source(plan, step.descriptor, source_store)

    root, *moves = each(bring, wanted, workers)
    return cast("Manifest", root), tuple(move for move in moves if isinstance(move, BlobMove))


def _bring_blob(
    plan: PromotionPlan, blob: Descriptor, source_store: ImageReader, target_store: ImageWriter
) -> BlobMove:
    # In a registry it is not asked for first: to mount what is there already costs no more than the question.
    mounted = plan.same_store and plan.target.transport is Transport.REGISTRY
    if not mounted and target_store.has_blob(plan.target, blob.digest):
        return BlobMove(descriptor=blob, how="present")
    try:
        return _carry_blob(plan, blob, source_store, target_store)
    except UpstreamError as failure:
        if failure.error_code != IN_PARTS:
            raise
    return _carry_blob(plan, blob, source_store, target_store)  # the store knows better now


def _carry_blob(
    plan: PromotionPlan, blob: Descriptor, source_store: ImageReader, target_store: ImageWriter
) -> BlobMove:
    if plan.same_store:
        target_store.copy_blob(plan.source, plan.target, blob)
        return BlobMove(descriptor=blob, how="copied")
    with source_store.blob(plan.source, blob) as stream:
        target_store.upload_blob(plan.target, blob, stream)
    return BlobMove(descriptor=blob, how="uploaded")


def _from_source(plan: PromotionPlan, planned: Descriptor, source_store: ImageReader) -> Manifest:
    manifest = checked_manifest(source_store, plan.source.at(planned.digest))
    _refuse_other(planned, manifest, plan.source)
    return manifest


def _put(plan: PromotionPlan, manifest: Manifest, target_store: ImageWriter) -> None:
    target_store.put_manifest(plan.target.model_copy(update={"digest": manifest.digest, "tag": ""}), manifest)


def _tag(plan: PromotionPlan, step: Step, manifest: Manifest, target_store: ImageWriter) -> None:
    """Write the tag alone: the manifest stands under its digest. The look is the last thing before the write."""
    held = look_at_target(target_store, plan.target).tag_digest
    if held not in {None, plan.digest}:
        raise _taken(plan, held)
    target_store.put_manifest(plan.target.model_copy(update={"digest": None, "tag": step.tag}), manifest)


def _taken(plan: PromotionPlan, held: Digest | None) -> ConflictError:
    message = f"`{plan.target.place}:{plan.target.tag}` is released as {held}; release tags are written once"
    facts = {"place": plan.target.place, "tag": plan.target.tag, "holds": str(held), "wanted": plan.digest}
    return ConflictError(message, hint="release it under a new tag", code="tag_taken", **facts)


def _refuse_other(expected: Descriptor, manifest: Manifest, place: ImageRef) -> None:
    if describe(manifest) != expected:
        message = f"`{place.place}` serves manifest {expected.digest} with another size or media type than was planned"
        raise UpstreamError(message, code="promotion_unproved", place=place.place, digest=expected.digest)


def _try_read_back(plan: PromotionPlan, target_store: ImageWriter, workers: int) -> tuple[ReadBack, ...] | None:
    """Return the proof that all is done already, or None.

    One question tells first what all of them would: where the tag is, or if there is none, whether the digest is
    served. A wrong "not found" costs a second promotion and no more, for whoever writes the tag looks again.
    """
    try:
        if plan.target.tag:
            held = target_store.resolve(plan.target.model_copy(update={"digest": None}))
            if held != plan.digest:
                raise _taken(plan, held)
        elif not serves(target_store, plan.target):
            return None
        return _read_back(plan, target_store, workers)
    except (NotFoundError, IntegrityError):
        return None


def _read_back(plan: PromotionPlan, target_store: ImageWriter, workers: int) -> tuple[ReadBack, ...]:
    """Read everything that the plan brings, after the last write. Locks are read by themselves."""
    found = each(lambda step: _read_step(plan, step, target_store), plan.steps, workers)
    return tuple(seen for seen in found if seen is not None)


def _read_step(plan: PromotionPlan, step: Step, target_store: ImageWriter) -> ReadBack | None:
    digest = step.descriptor.digest
    match step.verb:
        case Verb.COPY_BLOB:
            return _read_blob(plan, step.descriptor, target_store)
        case Verb.PUT_MANIFEST:
            manifest = checked_manifest(target_store, plan.target.at(digest))
            _refuse_other(step.descriptor, manifest, plan.target)
            return ReadBack(what="manifest", name=digest, answer=manifest.digest)
        case Verb.ATTACH:
            _read_attached(plan, step, target_store)
            return ReadBack(what="referrer", name=digest, answer=str(step.subject))
        case Verb.SET_TAG:
            return _read_tag(plan, step, target_store)
        case _:
            return None


def _read_tag(plan: PromotionPlan, step: Step, target_store: ImageWriter) -> ReadBack:
    by_tag = plan.target.model_copy(update={"digest": None})
    answer = target_store.resolve(by_tag)
    if answer != step.descriptor.digest:
        message = f"`{by_tag}` is on {answer} after it was set to {step.descriptor.digest}"
        raise UpstreamError(message, code="promotion_unproved", place=plan.target.place, tag=step.tag)
    return ReadBack(what="tag", name=step.tag, answer=answer)


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
