"""What an image index lists, every child told apart: images that can be run, and the attestations beside them.

Sources: OCI image-spec 1.1 (image index); BuildKit's `attestation-storage.md` (`vnd.docker.reference.type`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import BoundError, InputError, IntegrityError, UsageError
from gate.image.documents import (
    IMAGES,
    INDEXES,
    REBUILD,
    IndexDocument,
    ManifestDocument,
    document_of,
    fetch,
    parse,
)
from gate.model.image import ChildRole, IndexChild, IndexFacts

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from gate.bounds import ImageBounds
    from gate.image.documents import Entry
    from gate.model.digest import Digest
    from gate.model.image import ImageRef, Inventory
    from gate.registry.interface import Descriptor, ImageReader, Manifest

STATEMENT = "application/vnd.in-toto+json"
"""The media type of what BuildKit's attestations hold; no engine runs it."""

_MARK, _ABOUT = "vnd.docker.reference.type", "vnd.docker.reference.digest"


class Remembered:
    """A reader that asks for each manifest once: what has a digest can't change. Blobs are read anew."""

    def __init__(self, reader: ImageReader) -> None:
        """Remember nothing yet."""
        self._reader = reader
        self._manifests: dict[tuple[str, Digest], Manifest] = {}

    def resolve(self, ref: ImageRef) -> Digest:
        """Ask the reader."""
        return self._reader.resolve(ref)

    def manifest(self, ref: ImageRef) -> Manifest:
        """Return what was asked for before, else ask the reader."""
        if ref.digest is None:
            return self._reader.manifest(ref)
        key = (ref.place, ref.digest)
        if key not in self._manifests:
            self._manifests[key] = self._reader.manifest(ref)
        return self._manifests[key]

    def blob(self, ref: ImageRef, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Ask the reader."""
        return self._reader.blob(ref, descriptor)


def read_index(reader: ImageReader, ref: ImageRef, *, bounds: ImageBounds) -> IndexFacts | None:
    """Read what a pinned ref lists, and look into every child far enough to tell what it is; nothing if no index.

    An attestation is one by both of its marks and by holding statements alone: one mark could hide an image, and so
    could two. A child without the marks is an image, and whoever reads it says what is wrong with it.

    Raises:
        UsageError: the ref has no digest.
        InputError: the index can't be read, holds no image (`index_without_image`), or lists one digest as two things.
        IntegrityError: a child has another size than the index says.
        BoundError: more children than `bounds.children`, or too large a manifest.
        NotFoundError, UpstreamError: as the reader raises them.
    """
    if ref.digest is None:
        message = f"`{ref}` names no digest; resolve the tag first"
        raise UsageError(message)
    manifest = fetch(reader, ref, ref.digest, bounds)
    if manifest.media_type not in INDEXES:
        return None
    entries = parse(IndexDocument, document_of(manifest), "the image index").manifests
    if len(entries) > bounds.children:
        message = f"the index lists {len(entries)} manifests, more than {bounds.children}"
        raise BoundError(
            message, hint="Raise the bound `children` of reading images if this is expected.", bound="children"
        )
    children: dict[Digest, IndexChild] = {}
    for entry in entries:
        child = _child(reader, ref, entry, bounds)
        if children.setdefault(child.digest, child) != child:
            message = f"the index lists {child.digest} as two different things"
            raise InputError(message, code="manifest_ambiguous", hint=REBUILD)
    facts = IndexFacts(
        repository=ref.place,
        digest=manifest.digest,
        media_type=manifest.media_type,
        children=tuple(children.values()),
    )
    if not facts.images:
        message = "the index holds no image that can be run"
        raise InputError(message, code="index_without_image", hint=REBUILD)
    return facts


def in_index(inventory: Inventory, index: IndexFacts | None) -> Inventory:
    """Return the inventory of an index's image with the index named in it."""
    if index is None:
        return inventory
    image = inventory.image.model_copy(update={"index_digest": index.digest})
    return inventory.model_copy(update={"image": image})


def _child(reader: ImageReader, ref: ImageRef, entry: Entry, bounds: ImageBounds) -> IndexChild:
    manifest = fetch(reader, ref.at(entry.digest), entry.digest, bounds)
    if len(manifest.raw) != entry.size:
        message = f"the index gives {entry.size} bytes for {entry.digest}, it has {len(manifest.raw)}"
        raise IntegrityError(message)
    return IndexChild(
        digest=entry.digest,
        size=entry.size,
        media_type=manifest.media_type,
        role=_role(manifest, entry),
        platform=str(entry.platform) if entry.platform else "",
        about=(entry.annotations or {}).get(_ABOUT, "")[:100] if _is_marked(entry) else "",
    )


def _role(manifest: Manifest, entry: Entry) -> ChildRole:
    if not _is_marked(entry):
        return ChildRole.IMAGE
    if manifest.media_type not in IMAGES:
        return ChildRole.DISGUISED
    layers = parse(ManifestDocument, document_of(manifest), "an attestation").layers
    stated = bool(layers) and all(layer.media_type == STATEMENT for layer in layers)
    return ChildRole.ATTESTATION if stated else ChildRole.DISGUISED


def _is_marked(entry: Entry) -> bool:
    """Say whether a child has both of the marks of BuildKit's attestations."""
    unknown = entry.platform is not None and (entry.platform.os, entry.platform.architecture) == ("unknown", "unknown")
    return unknown and (entry.annotations or {}).get(_MARK) == "attestation-manifest"
