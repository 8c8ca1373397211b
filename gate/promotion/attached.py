"""What is attached to an image, and to what is attached to it: read and held against its subject, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.bounds import ImageBounds
from gate.errors import BoundError, InputError, IntegrityError, NotFoundError
from gate.model.base import Value
from gate.model.digest import Digest
from gate.promotion.state import Holder, StagingState
from gate.promotion.tree import ManifestTree, Node, read_tree
from gate.registry.interface import Descriptor
from gate.registry.referring import is_referrers_tag, listed_referrers, referrers_tag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gate.model.image import ImageRef
    from gate.registry.interface import ImageReader


UNREAD = "referrer_unread"


class Attachment(Value):
    """One manifest that says of itself that it is about `subject`, with all below it."""

    subject: Digest
    tree: ManifestTree


class Left(Value):
    """Something that is listed as attached and is not taken for it, and why.

    `code` is `referrer_unread`, `referrer_of_another` or `referrer_foreign_layer`.
    """

    code: str
    digest: Digest


class Attachments(Value):
    """All that is attached to a tree's manifests; what is about an attachment comes after it."""

    attached: tuple[Attachment, ...] = ()
    left: tuple[Left, ...] = ()

    def nodes(self) -> tuple[Node, ...]:
        """Return every manifest of every attachment, each once."""
        found = {node.descriptor.digest: node for one in self.attached for node in one.tree.nodes}
        return tuple(found.values())


def read_attachments(
    store: ImageReader, digests: Iterable[Digest], place: ImageRef, *, bounds: ImageBounds | None = None
) -> Attachments:
    """Read all that is attached to these manifests of a place, and to what is attached, and so on.

    Raises:
        BoundError: there is more of it than `bounds.referrers` (`too_many_referrers`).
        InputError: what stands under the tag for referrers is no index.
        UpstreamError: the store failed.
    """
    bounds = bounds or ImageBounds()
    waiting = list(digests)
    seen = set(waiting)
    attached: list[Attachment] = []
    left: list[Left] = []
    while waiting:
        subject = waiting.pop(0)
        # Nothing is believed when it was said twice: one wrong "not found" must leave nothing behind that is attached.
        for listed in listed_referrers(store, place.at(subject)) or listed_referrers(store, place.at(subject)):
            if listed.digest in seen:
                continue
            seen.add(listed.digest)
            if len(attached) + len(left) >= bounds.referrers:
                raise _too_many(place, bounds.referrers)
            one = _read(store, place.at(listed.digest), subject, bounds)
            if isinstance(one, Left) and one.code == UNREAD:
                one = _read(store, place.at(listed.digest), subject, bounds)  # as above
            if isinstance(one, Left):
                left.append(one)
                continue
            attached.append(one)
            waiting += [node.descriptor.digest for node in one.tree.nodes]
            seen.update(node.descriptor.digest for node in one.tree.nodes)
    return Attachments(attached=tuple(attached), left=tuple(left))


def lists_of(digests: Collection[Digest], state: StagingState) -> tuple[Digest, ...]:
    """Return the lists, kept under tags, of what is attached to these digests.

    Anybody can put such a tag on anything: what has another tag too, is in an index or lists nothing is no mere list.
    """
    tags = {referrers_tag(digest) for digest in digests}
    return tuple(
        holder.digest
        for holder in state.holders
        if holder.tags
        and tags.issuperset(holder.tags)
        and holder.children
        and not state.parents_of(holder.digest)
        and holder.digest not in digests
    )


def deletions_about(
    deleted: tuple[Descriptor, ...], attachments: Attachments, state: StagingState
) -> tuple[Descriptor, ...] | Holder:
    """Return what is to be deleted with these manifests because it is about them, or who uses it and keeps it.

    A tag or an index of its own makes it somebody's: Azure would delete it with its subject all the same.
    """
    gone = {one.digest for one in deleted}
    found: dict[Digest, Descriptor] = {}
    for one in attachments.attached:
        if one.subject not in gone:
            continue
        below = {node.descriptor.digest: node.descriptor for node in one.tree.nodes}
        gone |= below.keys()
        for digest in below:
            tags = tuple(tag for tag in state.tags_on(digest) if not is_referrers_tag(tag))
            if tags:
                return Holder(digest=digest, tags=tags)
            users = [user for user in state.parents_of(digest) if user.digest not in gone and not is_list(user)]
            if users:
                return users[0]
        found |= {digest: below[digest] for digest in reversed(below)}
    lists = [Descriptor(digest=digest, size=0, media_type="") for digest in lists_of(gone, state)]
    return (*found.values(), *lists)


def is_list(holder: Holder) -> bool:
    """Say whether a manifest has no tags but those under which attachments are listed."""
    return bool(holder.tags) and all(is_referrers_tag(tag) for tag in holder.tags)


def _read(store: ImageReader, ref: ImageRef, subject: Digest, bounds: ImageBounds) -> Attachment | Left:
    digest = str(ref.digest)
    try:
        tree = read_tree(store, ref, bounds=bounds)
    except (InputError, IntegrityError, NotFoundError):
        return Left(code=UNREAD, digest=digest)
    about = tree.nodes[-1].content.subject
    if about is None or about.digest != subject:
        return Left(code="referrer_of_another", digest=digest)
    if any(node.content.foreign for node in tree.nodes):
        return Left(code="referrer_foreign_layer", digest=digest)
    return Attachment(subject=subject, tree=tree)


def _too_many(place: ImageRef, limit: int) -> BoundError:
    message = f"more than {limit} manifests are attached to `{place}`"
    return BoundError(message, code="too_many_referrers", hint="raise the bound if this is expected", place=place.place)
