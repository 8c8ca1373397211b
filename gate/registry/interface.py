"""What the gate asks of a place that holds images. Reading and writing are apart; few places can do both."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol, runtime_checkable

from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef

IN_PARTS = "blob_in_parts"
"""The code of an upload that is worth another try at once, from the beginning."""


class Manifest(Value):
    """A manifest in the very bytes that its store holds; `digest` is that of `raw`, computed here."""

    digest: Digest
    media_type: str
    raw: bytes


class Descriptor(Value):
    """What a manifest says of a blob: digest, size in bytes, media type."""

    digest: Digest
    size: int
    media_type: str


@runtime_checkable
class ImageReader(Protocol):
    """Reads images. Every answer is held against its digest before it is returned, or while it streams."""

    def resolve(self, ref: ImageRef) -> Digest:
        """Return the digest that the tag points at now (or the ref's own digest, if it exists).

        Raises:
            NotFoundError: no such repository, tag or digest.
            UpstreamError: the store failed; one of its subclasses says how.
        """
        ...

    def manifest(self, ref: ImageRef) -> Manifest:
        """Return the manifest of a ref that has a digest; errors as `resolve`, and IntegrityError."""
        ...

    def blob(self, ref: ImageRef, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Stream a blob. Reading to the end raises IntegrityError if size or digest are not the descriptor's."""
        ...


@runtime_checkable
class ImageWriter(ImageReader, Protocol):
    """Also changes a store. Each call is idempotent; none is believed until it was read back."""

    def has_blob(self, place: ImageRef, digest: Digest) -> bool:
        """Say whether the repository of `place` serves the blob."""
        ...

    def copy_blob(self, source: ImageRef, target: ImageRef, descriptor: Descriptor) -> None:
        """Bring a blob of `source`'s repository into `target`'s, in the same store: mounted or linked."""
        ...

    def upload_blob(self, target: ImageRef, descriptor: Descriptor, stream: BinaryIO) -> None:
        """Write a blob from a stream; refused if the bytes are not the descriptor's.

        Raises:
            UpstreamError: `IN_PARTS`: the store did not take it in one stream; the next try goes another way.
        """
        ...

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Write the manifest's bytes under its digest and, if `target.tag` is set, under that tag."""
        ...

    def tags(self, place: ImageRef) -> tuple[str, ...]:
        """List the repository's tags, sorted, all pages. A repository that does not exist has none."""
        ...

    def delete_manifest(self, ref: ImageRef) -> None:
        """Delete a manifest by digest, and with it every tag on it. Absent already: no error."""
        ...
