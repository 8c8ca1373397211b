"""Tombstones in an OCI layout: `index.json` names the manifest no more, and its bytes stay until they are erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gate.errors import UsageError
from gate.registry.graves import Grave
from gate.registry.layout_files import AbsentError, blob_name, opened, opened_to_change, write_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import Descriptor
    from gate.registry.layout_files import Folder
    from gate.registry.layout_index import LayoutIndex


class _Layout(Protocol):
    """What these methods need of the layout."""

    _lock_wait: float

    def _index(self, folder: Folder) -> LayoutIndex: ...

    def _walk(self, folder: Folder, index: LayoutIndex) -> Iterator[Descriptor]: ...

    def _needed_as_blob(self, folder: Folder, index: LayoutIndex, digest: Digest) -> bool: ...

    def _delete(self, folder: Folder, digest: Digest) -> None: ...

    def _changed(self, ref: ImageRef, change: Callable[[LayoutIndex], LayoutIndex]) -> None: ...

    def resolve(self, ref: ImageRef) -> Digest: ...


class LayoutGraves:
    """Implements `BuryingStore` for layouts."""

    def has_graves(self, place: ImageRef) -> bool:
        """Say that every layout has."""
        del place
        return True

    def grave(self: _Layout, ref: ImageRef) -> Grave:
        """Say what is under the digest; bytes that are another manifest's blob are no grave."""
        digest = _digest_of(ref)
        with opened(ref.repository) as folder:
            index = self._index(folder)
            if any(found.digest == digest for found in self._walk(folder, index)):
                return Grave.OPEN
            try:
                with folder.open(blob_name(digest)):
                    pass
            except AbsentError:
                return Grave.ABSENT
            return Grave.ABSENT if self._needed_as_blob(folder, index, digest) else Grave.BURIED

    def bury(self: _Layout, ref: ImageRef) -> None:
        """See the interface; its tags go with it, in the same write."""
        digest = _digest_of(ref)
        self._changed(ref, lambda index: index.without(digest))

    def unbury(self: _Layout, ref: ImageRef, descriptor: Descriptor) -> None:
        """See the interface; what nobody read before is not named, for the index says what each manifest is."""
        if descriptor.media_type:
            self._changed(ref, lambda index: index.with_manifest(descriptor, ""))

    def untag(self: _Layout, ref: ImageRef) -> None:
        """See the interface."""
        self._changed(ref, lambda index: index.without_tag(ref.tag))

    def tagged(self: _Layout, ref: ImageRef) -> Digest:
        """See the interface."""
        return self.resolve(ref.model_copy(update={"digest": None}))

    def erase(self: _Layout, ref: ImageRef) -> None:
        """See the interface; the bytes go unless they are another manifest's blob."""
        digest = _digest_of(ref)
        try:
            with opened_to_change(ref.repository, create=False) as folder, folder.locked(self._lock_wait):
                self._delete(folder, digest)
                index = self._index(folder)
                named = any(found.digest == digest for found in self._walk(folder, index))
                if not named and not self._needed_as_blob(folder, index, digest):
                    folder.remove(blob_name(digest))
        except AbsentError:
            return

    def _changed(self: _Layout, ref: ImageRef, change: Callable[[LayoutIndex], LayoutIndex]) -> None:
        try:
            with opened_to_change(ref.repository, create=False) as folder, folder.locked(self._lock_wait):
                index = self._index(folder)
                write_index(folder, index, change(index))
        except AbsentError:
            return


def _digest_of(ref: ImageRef) -> Digest:
    if ref.digest is None:
        message = f"only a digest can be buried, not `{ref}`"
        raise UsageError(message, code="digest_needed", place=ref.place)
    return ref.digest
