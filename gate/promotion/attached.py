"""What is attached to an image, and to what is attached to it: read and held against its subject, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.bounds import ImageBounds
from gate.errors import BoundError, InputError, IntegrityError, NotFoundError
from gate.model.base import Value
from gate.model.digest import Digest
from gate.promotion.tree import ManifestTree, Node, read_tree
from gate.registry.referring import listed_referrers

if TYPE_CHECKING:
    from gate.model.image import ImageRef
    from gate.registry.interface import ImageReader


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
    store: ImageReader, tree: ManifestTree, place: ImageRef, *, bounds: ImageBounds | None = None
) -> Attachments:
    """Read all that is attached to the manifests of a tree, and to these, and so on.

    Raises:
        BoundError: there is more of it than `bounds.referrers` (`too_many_referrers`).
        InputError: what stands under the tag for referrers is no index.
        UpstreamError: the store failed.
    """
    bounds = bounds or ImageBounds()
    waiting = [node.descriptor.digest for node in tree.nodes]
    seen = set(waiting)
    attached: list[Attachment] = []
    left: list[Left] = []
    while waiting:
        subject = waiting.pop(0)
        for listed in listed_referrers(store, place.at(subject)):
            if listed.digest in seen:
                continue
            seen.add(listed.digest)
            if len(attached) + len(left) >= bounds.referrers:
                raise _too_many(place, bounds.referrers)
            one = _read(store, place.at(listed.digest), subject, bounds)
            if isinstance(one, Left):
                left.append(one)
                continue
            attached.append(one)
            waiting += [node.descriptor.digest for node in one.tree.nodes]
            seen.update(node.descriptor.digest for node in one.tree.nodes)
    return Attachments(attached=tuple(attached), left=tuple(left))


def _read(store: ImageReader, ref: ImageRef, subject: Digest, bounds: ImageBounds) -> Attachment | Left:
    digest = str(ref.digest)
    try:
        tree = read_tree(store, ref, bounds=bounds)
    except (InputError, IntegrityError, NotFoundError):
        return Left(code="referrer_unread", digest=digest)
    about = tree.nodes[-1].content.subject
    if about is None or about.digest != subject:
        return Left(code="referrer_of_another", digest=digest)
    if any(node.content.foreign for node in tree.nodes):
        return Left(code="referrer_foreign_layer", digest=digest)
    return Attachment(subject=subject, tree=tree)


def _too_many(place: ImageRef, limit: int) -> BoundError:
    message = f"more than {limit} manifests are attached to `{place}`"
    return BoundError(message, code="too_many_referrers", hint="raise the bound if this is expected", place=place.place)
