"""A manifest and everything below it: an image alone, or an index with all its children."""

from __future__ import annotations

from gate.bounds import ImageBounds
from gate.errors import BoundError, InputError, IntegrityError
from gate.model.base import Value, sha256_of
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.registry.content import Content, read_content
from gate.registry.interface import Descriptor, ImageReader, Manifest


class Node(Value):
    """One manifest and what it needs. `descriptor` has the size of its very bytes."""

    descriptor: Descriptor
    content: Content


class ManifestTree(Value):
    """The manifests below one digest, each once, children before parents; the last is the digest itself."""

    nodes: tuple[Node, ...]

    @property
    def root(self) -> Descriptor:
        """The manifest that the tree was read for."""
        return self.nodes[-1].descriptor

    def blobs(self) -> tuple[Descriptor, ...]:
        """Return every blob that the store must hold, each once, in the order in which the manifests name them."""
        found: dict[Digest, Descriptor] = {}
        for node in self.nodes:
            for blob in node.content.blobs:
                known = found.setdefault(blob.digest, blob)
                if known.size != blob.size:
                    message = f"two manifests give blob {blob.digest} two sizes: {known.size} and {blob.size}"
                    raise InputError(message, code="manifest_inconsistent", digest=blob.digest)
        return tuple(found.values())


def read_tree(reader: ImageReader, ref: ImageRef, *, bounds: ImageBounds | None = None) -> ManifestTree:
    """Read the manifest of a ref that has a digest, and all below it.

    Raises:
        NotFoundError: the manifest or a child of it is not there.
        InputError: one of them can't be read as an image or an index.
        BoundError: there are more of them than `bounds.manifests`.
    """
    limit = (bounds or ImageBounds()).manifests
    root = read_node(reader, ref)
    read = {root.descriptor.digest: root}
    ordered: dict[Digest, Node] = {}
    waiting: list[tuple[Node, bool]] = [(root, False)]
    while waiting:
        node, below_done = waiting.pop()
        if below_done:
            ordered.setdefault(node.descriptor.digest, node)
        elif node.descriptor.digest not in ordered:
            waiting.append((node, True))
            for child in reversed(node.content.children):
                known = read.get(child.digest)
                if known is None and len(read) >= limit:
                    message = f"index {root.descriptor.digest} has more than {limit} manifests below it"
                    raise BoundError(message, digest=root.descriptor.digest, limit=limit)
                read[child.digest] = known or read_node(reader, ref.at(child.digest))
                _refuse_other(read[child.digest].descriptor, child)
                waiting.append((read[child.digest], False))
    return ManifestTree(nodes=tuple(ordered.values()))


def read_node(reader: ImageReader, ref: ImageRef) -> Node:
    """Read one manifest and hold it against its digest."""
    manifest = checked_manifest(reader, ref)
    return Node(descriptor=describe(manifest), content=read_content(manifest))


def checked_manifest(reader: ImageReader, ref: ImageRef) -> Manifest:
    """Read a manifest and compute its digest here: no store is taken at its word.

    Raises:
        IntegrityError: the bytes do not have the digest that the ref asks for.
    """
    manifest = reader.manifest(ref)
    actual = sha256_of(manifest.raw)
    if actual != manifest.digest or actual != ref.digest:
        message = f"`{ref}` was answered with bytes that have the digest {actual}"
        raise IntegrityError(message, place=ref.place, asked=ref.digest, got=actual)
    return manifest


def describe(manifest: Manifest) -> Descriptor:
    """Return the descriptor of a manifest's very bytes."""
    return Descriptor(digest=manifest.digest, size=len(manifest.raw), media_type=manifest.media_type)


def _refuse_other(found: Descriptor, said: Descriptor) -> None:
    if found != said:
        message = f"manifest {found.digest} is not what its index says: size or media type differ"
        raise InputError(message, code="manifest_inconsistent", digest=found.digest)
