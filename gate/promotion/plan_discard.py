"""What discarding one digest comes to: every step in order, and why there are no more. Pure."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.promotion.attached import Attachments, deletions_about
from gate.promotion.places import Places
from gate.promotion.state import Holder, StagingState
from gate.promotion.steps import Omission, Refused, Step, Verb, differs, left_of
from gate.promotion.tree import ManifestTree
from gate.registry.interface import Descriptor


class DiscardPlan(Value):
    """The digest first, then children that nobody else needs, then what is attached. `tags` vanish with it, by name.

    `released` is the place that serves the same digest as a release: it stays there, for people to take out of service;
    `unknown` if that place could not be asked. With `tombstone` nothing is deleted yet: all of it is hidden first.
    """

    version: Literal["gate.discard/1"] = "gate.discard/1"
    place: ImageRef
    digest: Digest
    tags: tuple[str, ...]
    steps: tuple[Step, ...]
    omitted: tuple[Omission, ...] = ()
    released: str = ""
    tombstone: bool = False


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
    found = removal(tree, place, digest, state, attachments or Attachments())
    if isinstance(found, Refused):
        return found
    steps, omitted = found
    return DiscardPlan(place=place, digest=digest, tags=state.tags_on(digest), steps=steps, omitted=omitted)


def removal(
    tree: ManifestTree | None, place: ImageRef, digest: Digest, state: StagingState, attachments: Attachments
) -> tuple[tuple[Step, ...], tuple[Omission, ...]] | Refused:
    """Return the steps that delete a digest of a place with all that nobody else there needs, and what stays.

    Refused: `digest_differs`, `digest_in_use`.
    """
    if tree is not None and tree.root.digest != digest:
        return differs(place, tree.root.digest)
    users = state.parents_of(digest)
    if users:
        return in_use(place, digest, users)
    steps, omitted = _deletions(tree, digest, state)
    about_it = _kept_about(tree, {step.descriptor.digest for step in steps}, state)
    if about_it:
        return in_use(place, digest, about_it)
    with_it = deletions_about(tuple(step.descriptor for step in steps), attachments, state)
    if isinstance(with_it, Holder):
        return in_use(place, digest, (with_it,))
    steps += tuple(Step(verb=Verb.DELETE_MANIFEST, descriptor=one) for one in with_it)
    return steps, omitted + left_of(attachments)


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


def _kept_about(tree: ManifestTree | None, deleted: set[Digest], state: StagingState) -> tuple[Holder, ...]:
    """Return children that stay and are about something that would go: Azure would delete them with it all the same."""
    subjects = {node.descriptor.digest: node.content.subject for node in (tree.nodes if tree else ())}
    return tuple(
        Holder(digest=digest, tags=state.tags_on(digest))
        for digest, subject in subjects.items()
        if digest not in deleted and subject is not None and subject.digest in deleted
    )


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
