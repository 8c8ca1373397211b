"""What promoting one digest comes to: every step in order, and why there are no more. Pure."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef, Transport
from gate.promotion.attached import Attachments
from gate.promotion.places import is_clear, same_repository, same_store
from gate.promotion.state import TargetState
from gate.promotion.steps import Omission, Refused, Step, Verb, differs, left_of
from gate.promotion.tree import ManifestTree


class PlannedBill(Value):
    """A bill of materials that goes along: the image it is about, and the digest and size of its bytes."""

    subject: Digest
    digest: Digest
    size: int


class PromotionPlan(Value):
    """Blobs first, then manifests from the children up, what is attached to them, the tag, then the locks.

    `source` and `target` are pinned to bytes. Without `locks` the target's registry has none that the gate knows of:
    whoever may push there can move or delete what was released. `absent` are the manifests that the target did not
    have when the plan was made: what this promotion would bring, and all that may be taken back if it is denied.
    `bills` are attached before the tag is set.
    """

    version: Literal["gate.promotion/1"] = "gate.promotion/1"
    source: ImageRef
    target: ImageRef
    digest: Digest
    same_store: bool
    steps: tuple[Step, ...]
    locks: bool = False
    absent: tuple[Digest, ...] = ()
    omitted: tuple[Omission, ...] = ()
    bills: tuple[PlannedBill, ...] = ()


def plan_promotion(
    tree: ManifestTree,
    source: ImageRef,
    target: ImageRef,
    state: TargetState,
    attachments: Attachments | None = None,
) -> PromotionPlan | Refused:
    """Plan to bring the tree's bytes from `source` to `target`, with what is attached, under the target's tag.

    Refused: `place_unclear`, `source_not_promotable`, `same_repository`, `digest_differs`, `foreign_layer`,
    `tag_taken`.
    """
    digest = tree.root.digest
    refused = _refuse_places(source, target) or _refuse_content(tree, source) or _refuse_tag(target, digest, state)
    if refused is not None:
        return refused
    attachments = attachments or Attachments()
    whole = ManifestTree(nodes=(*attachments.nodes(), *tree.nodes))
    steps = [Step(verb=Verb.COPY_BLOB, descriptor=blob) for blob in whole.blobs()]
    steps += [Step(verb=Verb.PUT_MANIFEST, descriptor=node.descriptor) for node in (*tree.nodes, *attachments.nodes())]
    steps += [Step(verb=Verb.ATTACH, descriptor=one.tree.root, subject=one.subject) for one in attachments.attached]
    if target.tag:
        steps.append(Step(verb=Verb.SET_TAG, descriptor=tree.root, tag=target.tag))
    steps += _locking(tree, target) if state.locks else []
    return PromotionPlan(
        source=source.at(digest),
        target=target.at(digest),
        digest=digest,
        same_store=same_store(source, target),
        steps=tuple(steps),
        locks=state.locks,
        absent=tuple(
            node.descriptor.digest
            for node in (*tree.nodes, *attachments.nodes())
            if node.descriptor.digest not in state.present
        ),
        omitted=(*_not_promoted(tree, target), *left_of(attachments)),
    )


def _locking(tree: ManifestTree, target: ImageRef) -> list[Step]:
    """Lock the manifests, children first, and the tag: Azure keeps the two apart, and one alone holds nothing."""
    steps = [Step(verb=Verb.LOCK_MANIFEST, descriptor=node.descriptor) for node in tree.nodes]
    return [*steps, Step(verb=Verb.LOCK_TAG, descriptor=tree.root, tag=target.tag)] if target.tag else steps


def _refuse_places(source: ImageRef, target: ImageRef) -> Refused | None:
    for ref in (source, target):
        if ref.transport is Transport.DOCKER_ENGINE:
            message = f"`{ref.place}` is a local engine: it has no registry's bytes to promote"
            hint = "push the image to the staging registry and evaluate it there"
            return Refused(code="source_not_promotable", message=message, hint=hint, facts={"place": ref.place})
        if not is_clear(ref.place):
            message = f"`{ref.place}` can be spelt in another way; write it in its shortest form"
            return Refused(code="place_unclear", message=message, facts={"place": ref.place})
    if same_repository(source, target):
        message = f"`{source.place}` is source and target: a discard there would delete the release"
        return Refused(code="same_repository", message=message, facts={"place": source.place})
    return None


def _refuse_content(tree: ManifestTree, source: ImageRef) -> Refused | None:
    if source.digest != tree.root.digest:
        return differs(source, tree.root.digest)
    foreign = [layer.digest for node in tree.nodes for layer in node.content.foreign]
    if foreign:
        message = f"{tree.root.digest} has layers that lie outside its registry: {foreign[0]}"
        hint = "rebuild the image on a base that the registry holds whole"
        return Refused(code="foreign_layer", message=message, hint=hint, facts={"layers": ",".join(foreign[:20])})
    return None


def _refuse_tag(target: ImageRef, digest: Digest, state: TargetState) -> Refused | None:
    if state.tag_digest in {None, digest}:
        return None
    message = f"`{target.place}:{target.tag}` is released as {state.tag_digest}; release tags are written once"
    facts = {"place": target.place, "tag": target.tag, "holds": str(state.tag_digest), "wanted": digest}
    return Refused(code="tag_taken", message=message, hint="release it under a new tag", facts=facts)


def _not_promoted(tree: ManifestTree, target: ImageRef) -> tuple[Omission, ...]:
    subjects = [node.content.subject for node in tree.nodes if node.content.subject]
    omitted = [Omission(code="subject_not_copied", subject=subject.digest) for subject in subjects]
    if not target.tag:
        omitted.append(Omission(code="no_tag", subject=tree.root.digest))
    return tuple(omitted)
