"""What a store may do by itself: bring an image from another registry without sending its bytes through here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from gate.model.image import ImageRef


@runtime_checkable
class ImportingStore(Protocol):
    """A store some of whose registries import from others. What one says of an import is no proof of anything."""

    def imports(self, source: ImageRef, target: ImageRef) -> bool:
        """Say whether the target's registry is set up to import from the source's."""
        ...

    def import_image(self, source: ImageRef, target: ImageRef) -> None:
        """Have the source's digest brought into the target's repository, under no tag, and wait for the end of that.

        Raises:
            GateError: it was refused, failed or came to no end; nobody knows then what is there.
        """
        ...


def importer_of(store: object, source: ImageRef, target: ImageRef) -> ImportingStore | None:
    """Return the store as one that imports, if it does so between these places."""
    return store if isinstance(store, ImportingStore) and store.imports(source, target) else None
