"""A registry in memory that keeps the contract of every store, and a wrapper that makes any store fail at will."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from gate.errors import ConflictError, IntegrityError, NotFoundError, UpstreamError, UsageError
from gate.model.base import sha256_of
from gate.registry.content import read_content
from gate.registry.locks import Locks, locks_of
from gate.registry.verified import verified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import Descriptor, ImageWriter, Manifest


@dataclass
class Repository:
    """What one repository holds."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)


@dataclass
class MemoryStore:
    """All repositories by place; a plain implementation of `ImageWriter`, checked by the contract suite."""

    repositories: dict[str, Repository] = field(default_factory=dict)

    def snapshot(self) -> dict[str, Repository]:
        """Return a copy of all that is held, to compare with later."""
        return copy.deepcopy(self.repositories)

    def resolve(self, ref: ImageRef) -> Digest:
        """Return what the ref names."""
        repository = self.repositories.get(ref.place, Repository())
        digest = ref.digest or repository.tags.get(ref.tag, "")
        if digest not in repository.manifests:
            message = f"no {ref}"
            raise NotFoundError(message)
        return digest

    def manifest(self, ref: ImageRef) -> Manifest:
        """Return the manifest."""
        if ref.digest is None:
            message = "by digest only"
            raise UsageError(message)
        digest = self.resolve(ref)
        return self.repositories[ref.place].manifests[digest]

    @contextlib.contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Stream a blob."""
        data = self.repositories.get(ref.place, Repository()).blobs.get(descriptor.digest)
        if data is None:
            message = f"no blob {descriptor.digest}"
            raise NotFoundError(message)
        yield verified(BytesIO(data), descriptor, place=ref.place)

    def has_blob(self, place: ImageRef, digest: Digest) -> bool:
        """Say whether it is there."""
        return digest in self.repositories.get(place.place, Repository()).blobs

    def copy_blob(self, source: ImageRef, target: ImageRef, descriptor: Descriptor) -> None:
        """Mount a blob."""
        with self.blob(source, descriptor) as stream:
            self.upload_blob(target, descriptor, stream)

    def upload_blob(self, target: ImageRef, descriptor: Descriptor, stream: BinaryIO) -> None:
        """Keep a blob if it is what it claims to be."""
        data = verified(stream, descriptor, place=target.place).read()
        self._of(target).blobs[descriptor.digest] = data

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Keep a manifest whose parts are there."""
        if sha256_of(manifest.raw) != manifest.digest or target.digest not in {None, manifest.digest}:
            message = "other bytes"
            raise IntegrityError(message)
        repository = self._of(target)
        content = read_content(manifest)
        if not {blob.digest for blob in content.blobs} <= repository.blobs.keys():
            message = "a blob is missing"
            raise ConflictError(message)
        if not {child.digest for child in content.children} <= repository.manifests.keys():
            message = "a child is missing"
            raise ConflictError(message)
        repository.manifests[manifest.digest] = manifest
        if target.tag:
            repository.tags[target.tag] = manifest.digest

    def tags(self, place: ImageRef) -> tuple[str, ...]:
        """List the tags."""
        return tuple(sorted(self.repositories.get(place.place, Repository()).tags))

    def delete_manifest(self, ref: ImageRef) -> None:
        """Delete a manifest and its tags."""
        if ref.digest is None:
            message = "by digest only"
            raise UsageError(message)
        repository = self.repositories.get(ref.place, Repository())
        repository.manifests.pop(ref.digest, None)
        repository.tags = {tag: digest for tag, digest in repository.tags.items() if digest != ref.digest}

    def _of(self, ref: ImageRef) -> Repository:
        return self.repositories.setdefault(ref.place, Repository())


@dataclass(frozen=True)
class Fault:
    """What goes wrong at one call: an error before it, or after it (a lost answer), or something done by others."""

    error: BaseException | None = None
    lost: bool = False
    empty: bool = False
    """The answer is a lie: no tags, no blob."""
    act: Callable[[], object] | None = None


@dataclass
class FaultyStore:
    """A store that does what another does, but for the calls that `faults` names by their number from 0."""

    inner: ImageWriter
    faults: dict[int, Fault] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def _call(self, name: str) -> Iterator[Fault]:
        fault = self.faults.get(len(self.trace), Fault())
        self.trace.append(name)
        if fault.act is not None:
            fault.act()
        if fault.error is not None and not fault.lost:
            raise fault.error
        yield fault
        if fault.error is not None:
            raise fault.error

    def resolve(self, ref: ImageRef) -> Digest:
        """As the other store."""
        with self._call("resolve"):
            return self.inner.resolve(ref)

    def manifest(self, ref: ImageRef) -> Manifest:
        """As the other store."""
        with self._call("manifest"):
            return self.inner.manifest(ref)

    @contextlib.contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """As the other store; a lost answer here is a connection that is cut halfway."""
        with self.inner.blob(ref, descriptor) as stream:
            fault = self.faults.get(len(self.trace), Fault())
            self.trace.append("blob")
            if fault.error is None:
                yield stream
            elif fault.lost:
                yield _Cut(stream.read(descriptor.size // 2), fault.error)
            else:
                raise fault.error

    def has_blob(self, place: ImageRef, digest: Digest) -> bool:
        """As the other store."""
        with self._call("has_blob") as fault:
            return self.inner.has_blob(place, digest) and not fault.empty

    def copy_blob(self, source: ImageRef, target: ImageRef, descriptor: Descriptor) -> None:
        """As the other store."""
        with self._call("copy_blob"):
            self.inner.copy_blob(source, target, descriptor)

    def upload_blob(self, target: ImageRef, descriptor: Descriptor, stream: BinaryIO) -> None:
        """As the other store."""
        with self._call("upload_blob"):
            self.inner.upload_blob(target, descriptor, stream)

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """As the other store."""
        with self._call("put_manifest"):
            self.inner.put_manifest(target, manifest)

    def tags(self, place: ImageRef) -> tuple[str, ...]:
        """As the other store."""
        with self._call("tags") as fault:
            return () if fault.empty else self.inner.tags(place)

    def delete_manifest(self, ref: ImageRef) -> None:
        """As the other store."""
        with self._call("delete_manifest"):
            self.inner.delete_manifest(ref)

    def has_locks(self, place: ImageRef) -> bool:
        """As the other store; asking configuration fails never."""
        return locks_of(self.inner, place) is not None

    def locks(self, ref: ImageRef) -> Locks:
        """As the other store."""
        keeper = locks_of(self.inner, ref)
        assert keeper is not None
        with self._call("locks"):
            return keeper.locks(ref)

    def set_locks(self, ref: ImageRef, *, write: bool, delete: bool) -> Locks:
        """As the other store."""
        keeper = locks_of(self.inner, ref)
        assert keeper is not None
        with self._call("set_locks"):
            return keeper.set_locks(ref, write=write, delete=delete)


class _Cut(BytesIO):
    """Half a blob, then an error."""

    def __init__(self, data: bytes, error: BaseException) -> None:
        super().__init__(data)
        self._error = error

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data:
            raise self._error
        return data


class StuckStore(MemoryStore):
    """A registry that says yes to a deletion and deletes nothing."""

    def delete_manifest(self, ref: ImageRef) -> None:
        """Do nothing."""


class LockedStore(MemoryStore):
    """A registry that forbids deletion."""

    def delete_manifest(self, ref: ImageRef) -> None:
        """Refuse."""
        message = f"{ref} is locked"
        raise UpstreamError(message, code="delete_disabled")


FREE = Locks(read=True, write=True, delete=True, list=True)


@dataclass
class KeepingStore(MemoryStore):
    """A registry with locks on manifests and on tags, apart from each other, as Azure keeps them."""

    kept: dict[tuple[str, str], Locks] = field(default_factory=dict)
    forgetful: bool = False
    """Says yes to a lock and keeps none."""

    def has_locks(self, place: ImageRef) -> bool:
        """Every place here has."""
        del place
        return True

    def locks(self, ref: ImageRef) -> Locks:
        """Return the locks."""
        self.resolve(ref)
        return self.kept.get((ref.place, ref.digest or ref.tag), FREE)

    def set_locks(self, ref: ImageRef, *, write: bool, delete: bool) -> Locks:
        """Lock or unlock."""
        self.resolve(ref)
        found = FREE.model_copy(update={"write": write, "delete": delete})
        if not self.forgetful:
            self.kept[ref.place, ref.digest or ref.tag] = found
        return found

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Write unless it is locked; the same bytes once more are no change."""
        held = self.repositories.get(target.place, Repository())
        locked = not self.kept.get((target.place, target.tag), FREE).write
        if target.tag in held.tags and locked:
            message = f"{target} is locked"
            raise UpstreamError(message, code="manifest_locked")
        super().put_manifest(target, manifest)

    def delete_manifest(self, ref: ImageRef) -> None:
        """Delete unless the manifest or a tag on it is locked."""
        tags = self.repositories.get(ref.place, Repository()).tags
        names = {str(ref.digest), *(tag for tag, digest in tags.items() if digest == ref.digest)}
        if any(not self.kept.get((ref.place, name), FREE).deletable for name in names):
            message = f"{ref} is locked"
            raise UpstreamError(message, code="manifest_locked")
        super().delete_manifest(ref)
