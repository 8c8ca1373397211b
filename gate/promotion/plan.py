"""What promoting or discarding one digest comes to: every step in order, and why there are no more. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from gate.errors import ConflictError, GateError
from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef, Transport
from gate.promotion.attached import Attachments, deletions_about
from gate.promotion.places import Places, is_clear, same_repository, same_store
from gate.promotion.state import Holder, StagingState, TargetState
from gate.promotion.tree import ManifestTree
from gate.registry.interface import Descriptor


class Verb(StrEnum):
    """The kinds of steps. Each can be run twice."""

    COPY_BLOB = "copy_blob"
    PUT_MANIFEST = "put_manifest"
    ATTACH = "attach"
    SET_TAG = "set_tag"
    LOCK_MANIFEST = "lock_manifest"
    LOCK_TAG = "lock_tag"
    DELETE_MANIFEST = "delete_manifest"


class Step(Value):
    """One change to a registry: the verb, the bytes it is about, the tag or the subject where there is one."""

    verb: Verb
    descriptor: Descriptor
    tag: str = ""
    subject: Digest | None = None


class Omission(Value):
    """Something that is not done, and by whom it is held.

    `code` is `child_tagged`, `child_in_use`, `content_unread`, `subject_not_copied`, `no_tag`, or of what is listed
    as attached `referrer_unread`, `referrer_of_another`, `referrer_foreign_layer`.
    """

    code: str
    subject: str
    by: tuple[str, ...] = ()


class Refused(Value):
    """A plan that must not be made; `code` says why."""

    code: str
    message: str
    hint: str = ""
    facts: dict[str, str] = Field(default_factory=dict)

    def error(self) -> GateError:
        """Return the refusal as an error, for a caller that can't go on."""
        return ConflictError(self.message, hint=self.hint, code=self.code, **self.facts)


class PromotionPlan(Value):
    """Blobs first, then manifests from the children up, what is attached to them, the tag, then the locks.

    `source` and `target` are pinned to bytes. Without `locks` the target's registry has none that the gate knows of:
    whoever may push there can move or delete what was released. `absent` are the manifests that the target did not
    have when the plan was made: what this promotion would bring, and all that may be taken back if it is denied.
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


class DiscardPlan(Value):
    """The digest first, then children that nobody else needs, then what is attached. `tags` vanish with it, by name.

    `released` is the place that serves the same digest as a release: it stays there, for people to take out of service;
    `unknown` if that place could not be asked.
    """

    version: Literal["gate.discard/1"] = "gate.discard/1"
    place: ImageRef
    digest: Digest
    tags: tuple[str, ...]
    steps: tuple[Step, ...]
    omitted: tuple[Omission, ...] = ()
    released: str = ""


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
        omitted=(*_not_promoted(tree, target), *_left(attachments)),
    )


def plan_discard(
    tree: ManifestTree | None,
    place: ImageRef,
    places: Places,
    state: StagingState,
    attachments: Attachments | None = None,
) -> DiscardPlan | Refused:
    """Plan to delete the digest of `place` from its staging repository; no tree means that it is gone or unreadable.

    What is attached to it goes with it, as Azure does by itself, unless that has a name of its own: then somebody uses
    the digest, and it stays.

    Refused: `not_staging`, `digest_missing`, `digest_differs`, `digest_in_use`.
    """
    digest = pinned_staging(place, places)
    if isinstance(digest, Refused):
        return digest
    if tree is not None and tree.root.digest != digest:
        return _differs(place, tree.root.digest)
    users = state.parents_of(digest)
    if users:
        return in_use(place, digest, users)
    steps, omitted = _deletions(tree, digest, state)
    attached = attachments or Attachments()
    with_it = deletions_about(tuple(step.descriptor for step in steps), attached, state)
    if isinstance(with_it, Holder):
        return in_use(place, digest, (with_it,))
    steps += tuple(Step(verb=Verb.DELETE_MANIFEST, descriptor=one) for one in with_it)
    omitted += _left(attached)
    return DiscardPlan(place=place, digest=digest, tags=state.tags_on(digest), steps=steps, omitted=omitted)


def pinned_staging(place: ImageRef, places: Places) -> Digest | Refused:
    """Return the digest that may be discarded, or refuse what no look at a registry could allow."""
    if not places.is_staging(place):
        message = f"`{place.place}` is no staging place"
        hint = "only what lies in a staging place of the policy is ever deleted"
        return Refused(code="not_staging", message=message, hint=hint, facts={"place": place.place})
    if place.digest is None:
        message = f"`{place}` is not pinned to a digest; only exact digests are discarded"
        return Refused(code="digest_missing", message=message, facts={"place": place.place})
    return place.digest


def in_use(place: ImageRef, digest: Digest, users: tuple[Holder, ...]) -> Refused:
    """Refuse to delete what an index lists or a tagged manifest is about, and name that by its tags."""
    names = sorted(tag for user in users for tag in user.tags) or [user.digest for user in users]
    message = f"{digest} in `{place.place}` is used by: {', '.join(names[:5])}"
    hint = "discard the index, or what is about the digest, first; or evaluate it as a whole"
    facts = {"place": place.place, "digest": digest, "users": ",".join(user.digest for user in users)}
    return Refused(code="digest_in_use", message=message, hint=hint, facts=facts)


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
        return _differs(source, tree.root.digest)
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


def _differs(ref: ImageRef, digest: Digest) -> Refused:
    message = f"`{ref}` is not {digest}, which was read"
    return Refused(code="digest_differs", message=message, facts={"place": ref.place, "digest": digest})


def _not_promoted(tree: ManifestTree, target: ImageRef) -> tuple[Omission, ...]:
    subjects = [node.content.subject for node in tree.nodes if node.content.subject]
    omitted = [Omission(code="subject_not_copied", subject=subject.digest) for subject in subjects]
    if not target.tag:
        omitted.append(Omission(code="no_tag", subject=tree.root.digest))
    return tuple(omitted)


def _left(attachments: Attachments) -> tuple[Omission, ...]:
    return tuple(Omission(code=one.code, subject=one.digest) for one in attachments.left)


def _deletions(
    tree: ManifestTree | None, digest: Digest, state: StagingState
) -> tuple[tuple[Step, ...], tuple[Omission, ...]]:
    if tree is None:
        unseen = Descriptor(digest=digest, size=0, media_type="")
        left = Omission(code="content_unread", subject=digest)
        return (Step(verb=Verb.DELETE_MANIFEST, descriptor=unseen),), (left,)
    deleted: dict[Digest, Descriptor] = {}
    omitted: list[Omission] = []
    for node in reversed(tree.nodes):  # parents before children
        child = node.descriptor
        tags = state.tags_on(child.digest)
        users = tuple(user for user in state.parents_of(child.digest) if user.digest not in deleted)
        if child.digest != digest and tags:
            omitted.append(Omission(code="child_tagged", subject=child.digest, by=tags))
        elif child.digest != digest and users:
            omitted.append(Omission(code="child_in_use", subject=child.digest, by=tuple(u.digest for u in users)))
        else:
            deleted[child.digest] = child
    steps = tuple(Step(verb=Verb.DELETE_MANIFEST, descriptor=descriptor) for descriptor in deleted.values())
    return steps, tuple(omitted)
