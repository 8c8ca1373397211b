"""What a registry may keep its images from: the locks of manifests and of tags, where it has any."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from gate.model.base import Value
from gate.model.image import ImageRef


class Locks(Value):
    """What may be done with a manifest or tag, by the registry's own locks; each can be switched by who may."""

    read: bool
    write: bool
    delete: bool
    list: bool

    @property
    def deletable(self) -> bool:
        """Say whether it can be deleted: Azure asks for both."""
        return self.write and self.delete

    @property
    def fixed(self) -> bool:
        """Say whether it can be neither moved nor deleted before somebody unlocks it."""
        return not self.write and not self.delete


@runtime_checkable
class LockingStore(Protocol):
    """A store some of whose places have locks. A ref with a digest names the manifest, else its tag."""

    def has_locks(self, place: ImageRef) -> bool:
        """Say whether the place is in a registry that has locks and is known to have them."""
        ...

    def locks(self, ref: ImageRef) -> Locks:
        """Return the locks; NotFoundError if there is no such manifest or tag."""
        ...

    def set_locks(self, ref: ImageRef, *, write: bool, delete: bool) -> Locks:
        """Lock or unlock, and return the locks that it has then."""
        ...


def locks_of(store: object, place: ImageRef) -> LockingStore | None:
    """Return the store as one that locks, if the place has locks."""
    return store if isinstance(store, LockingStore) and store.has_locks(place) else None
