"""Images in an OCI image layout: a folder with `oci-layout`, `index.json` and `blobs/sha256/…` (image-spec 1.1).

The folder is the repository. A manifest is there if `index.json` names it, or an index that it names does. Blobs are
copied and never hard-linked: whoever may write staging could change a release through a shared file.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from gate.bounds import ImageBounds
from gate.errors import BoundError, ConflictError, GateError, InputError, IntegrityError, NotFoundError, UsageError
from gate.model.base import sha256_of
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.registry.content import INDEX_TYPES, read_content
from gate.registry.interface import Descriptor, Manifest
from gate.registry.layout_files import AbsentError, Folder, blob_name, opened, opened_to_change, write_index
from gate.registry.layout_graves import LayoutGraves
from gate.registry.layout_index import INDEX, MARKER, MARKER_BYTES, LayoutIndex
from gate.registry.verified import verified

_CHUNK = 1024 * 1024
_LOCK_WAIT = 30.0


class OciLayout(LayoutGraves):
    """Reads and writes OCI layouts; any number of processes may do so at once.

    Args:
        bounds: largest manifest and most manifests that are read.
        lock_wait: seconds to wait for another process that is changing the same folder.
    """

    def __init__(self, *, bounds: ImageBounds | None = None, lock_wait: float = _LOCK_WAIT) -> None:
        """Keep the bounds; nothing is opened yet."""
        self._bounds = bounds or ImageBounds()
        self._lock_wait = lock_wait

    def resolve(self, ref: ImageRef) -> Digest:
        """Return the digest under the tag, or the ref's own digest if the layout has it."""
        with opened(ref.repository) as folder:
            index = self._index(folder)
            if ref.digest:
                return self._manifest(folder, index, ref.digest).digest
            if not ref.tag:
                message = f"`{ref.place}` needs a tag or a digest"
                raise UsageError(message, code="reference_incomplete", place=ref.place)
            found = index.tagged(ref.tag)
            if found is None:
                message = f"`{ref.place}` has no tag `{ref.tag}`"
                raise NotFoundError(message, code="tag_absent", place=ref.place, tag=ref.tag)
            return found.digest

    def manifest(self, ref: ImageRef) -> Manifest:
        """Return the manifest's own bytes, held against its digest."""
        if ref.digest is None:
            message = f"`{ref}` has no digest"
            raise UsageError(message, hint="resolve the tag first", code="digest_needed")
        with opened(ref.repository) as folder:
            return self._manifest(folder, self._index(folder), ref.digest)

    @contextlib.contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Stream a blob; its size and digest are checked with its last byte."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(opened(ref.repository))
            self._index(folder)
            try:
                stream = stack.enter_context(folder.open(blob_name(descriptor.digest)))
            except AbsentError as error:
                message = f"`{ref.place}` has no blob {descriptor.digest}"
                raise NotFoundError(message, code="blob_absent", place=ref.place, digest=descriptor.digest) from error
            yield verified(stream, descriptor, place=ref.place)

    def has_blob(self, place: ImageRef, digest: Digest) -> bool:
        """Say whether the layout has the blob, in bytes that have the digest."""
        try:
            with opened(place.repository) as folder:
                self._index(folder)
                with folder.open(blob_name(digest)) as stream:
                    return _digest_of(stream) == digest
        except AbsentError:
            return False

    def copy_blob(self, source: ImageRef, target: ImageRef, descriptor: Descriptor) -> None:
        """Copy a blob from one layout to another, verified while it is written."""
        with self.blob(source, descriptor) as stream:
            self.upload_blob(target, descriptor, stream)

    def upload_blob(self, target: ImageRef, descriptor: Descriptor, stream: BinaryIO) -> None:
        """Write a blob that is not there yet; it appears whole and verified, or not at all."""
        with self._changing(target) as folder:
            if self.has_blob(target, descriptor.digest):
                return
            checked = verified(stream, descriptor, place=str(target))
            with folder.replacing(blob_name(descriptor.digest)) as written:
                while chunk := checked.read(_CHUNK):
                    written.write(chunk)

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Write the manifest under its digest and its tag; refused while a blob or child of it is missing."""
        if sha256_of(manifest.raw) != manifest.digest or target.digest not in {None, manifest.digest}:
            message = f"manifest {manifest.digest} does not have the digest under which it is to be written"
            raise IntegrityError(message, digest=manifest.digest)
        self._bounded(manifest)
        descriptor = Descriptor(digest=manifest.digest, size=len(manifest.raw), media_type=manifest.media_type)
        with self._changing(target) as folder:
            self._refuse_incomplete(folder, target, manifest)
            with folder.replacing(blob_name(manifest.digest)) as written:
                written.write(manifest.raw)
            with folder.locked(self._lock_wait):
                index = self._index(folder)
                write_index(folder, index, index.with_manifest(descriptor, target.tag))

    def tags(self, place: ImageRef) -> tuple[str, ...]:
        """List the tags, sorted. A folder that does not exist has none; one that is no layout is an error."""
        try:
            with opened(place.repository) as folder:
                return self._index(folder).tags()
        except AbsentError:
            return ()

    def delete_manifest(self, ref: ImageRef) -> None:
        """Take the manifest and all its tags out of the index, then its bytes, unless they are another's blob."""
        if ref.digest is None:
            message = f"only a digest can be deleted, not `{ref}`"
            raise UsageError(message, code="digest_needed", place=ref.place)
        try:
            with opened_to_change(ref.repository, create=False) as folder:
                self._index(folder)
                with folder.locked(self._lock_wait):
                    self._delete(folder, ref.digest)
        except AbsentError:
            return

    def _delete(self, folder: Folder, digest: Digest) -> None:
        index = self._index(folder)
        known = {found.digest for found in self._walk(folder, index)}
        after = index.without(digest)
        write_index(folder, index, after)
        if digest in known and not self._needed_as_blob(folder, after, digest):
            folder.remove(blob_name(digest))

    def _needed_as_blob(self, folder: Folder, index: LayoutIndex, digest: Digest) -> bool:
        for descriptor in self._walk(folder, index):
            if descriptor.digest == digest:
                continue
            try:
                content = read_content(self._read(folder, descriptor))
            except GateError:
                return True  # what can't be read may need it, and out of the index it is unreadable anyway
            if digest in {blob.digest for blob in (*content.blobs, *content.foreign)}:
                return True
        return False

    @contextlib.contextmanager
    def _changing(self, target: ImageRef) -> Iterator[Folder]:
        with opened_to_change(target.repository, create=True) as folder:
            names = folder.names()
            if MARKER not in names or INDEX not in names:
                self._initialise(folder)
            self._index(folder)
            folder.make("blobs", "sha256")
            folder.sweep()
            yield folder

    def _initialise(self, folder: Folder) -> None:
        strangers = [name for name in folder.names() if name not in {INDEX, "blobs"} and not name.startswith(".gate")]
        if strangers and MARKER not in folder.names():
            message = f"`{folder.path}` holds other things than an OCI layout"
            raise InputError(message, code="layout_invalid", path=folder.path, example=min(strangers))
        with folder.locked(self._lock_wait):
            names = folder.names()
            if MARKER in names:
                return  # by somebody else just now; or without an index, which the next look refuses
            if INDEX not in names:
                write_index(folder, None, LayoutIndex.empty())
            with folder.replacing(MARKER) as written:
                written.write(MARKER_BYTES)

    def _index(self, folder: Folder) -> LayoutIndex:
        names = folder.names()
        # Another writer may be making the layout in this very moment: its lock is there, and perhaps its index.
        begun = MARKER not in names and any(name.startswith(".gate") for name in names)
        if not names or (begun and all(name == INDEX or name.startswith(".gate") for name in names)):
            message = f"`{folder.path}` is empty"
            raise AbsentError(message, path=folder.path)
        if MARKER not in names or INDEX not in names:
            message = f"`{folder.path}` is no OCI layout: it lacks `{MARKER}` or `{INDEX}`"
            raise InputError(message, code="layout_invalid", path=folder.path)
        return LayoutIndex.parse(folder.read(INDEX, self._bounds.manifest_bytes))

    def _manifest(self, folder: Folder, index: LayoutIndex, digest: Digest) -> Manifest:
        for descriptor in self._walk(folder, index):
            if descriptor.digest == digest:
                return self._read(folder, descriptor)
        message = f"`oci:{folder.path}` has no manifest {digest}"
        raise NotFoundError(message, code="manifest_absent", place=f"oci:{folder.path}", digest=digest)

    def _walk(self, folder: Folder, index: LayoutIndex) -> Iterator[Descriptor]:
        """Yield every manifest that the layout names, each digest once; an index that can't be read has no children."""
        waiting = [entry.descriptor for entry in index.entries]
        seen: set[Digest] = set()
        while waiting:
            descriptor = waiting.pop(0)
            if descriptor.digest in seen:
                continue
            if len(seen) >= self._bounds.manifests:
                message = f"`{folder.path}` names more than {self._bounds.manifests} manifests"
                raise BoundError(message, path=folder.path, limit=self._bounds.manifests)
            seen.add(descriptor.digest)
            yield descriptor
            if descriptor.media_type in INDEX_TYPES:
                with contextlib.suppress(BoundError, InputError, IntegrityError, NotFoundError):
                    waiting.extend(read_content(self._read(folder, descriptor)).children)

    def _read(self, folder: Folder, descriptor: Descriptor) -> Manifest:
        digest = descriptor.digest
        try:
            raw = folder.read(blob_name(digest), self._bounds.manifest_bytes)
        except AbsentError as error:
            message = f"`oci:{folder.path}` has no manifest {digest}"
            raise NotFoundError(message, code="manifest_absent", digest=digest) from error
        if sha256_of(raw) != digest or len(raw) != descriptor.size:
            message = f"manifest {digest} of `oci:{folder.path}` has other bytes than its digest and size say"
            raise IntegrityError(message, digest=digest)
        return Manifest(digest=digest, media_type=descriptor.media_type, raw=raw)

    def _bounded(self, manifest: Manifest) -> None:
        if len(manifest.raw) > self._bounds.manifest_bytes:
            message = f"manifest {manifest.digest} is larger than {self._bounds.manifest_bytes} bytes"
            raise BoundError(message, digest=manifest.digest, limit=self._bounds.manifest_bytes)

    def _refuse_incomplete(self, folder: Folder, target: ImageRef, manifest: Manifest) -> None:
        content = read_content(manifest)
        for needed in (*content.blobs, *content.children):
            try:
                with folder.open(blob_name(needed.digest)):
                    continue
            except AbsentError as error:
                message = f"`{target.place}` lacks {needed.digest}, which manifest {manifest.digest} needs"
                raise ConflictError(message, code="manifest_incomplete", digest=needed.digest) from error


def _digest_of(stream: BinaryIO) -> str:
    seen = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        seen.update(chunk)
    return "sha256:" + seen.hexdigest()
