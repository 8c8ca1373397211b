"""Whether a place can keep an image that nobody can pull: what a tombstone is made of, where there can be one."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import Descriptor


class Grave(StrEnum):
    """What a place has under a digest: `open` is served, `buried` is kept and served to nobody, `absent` is neither."""

    OPEN = "open"
    BURIED = "buried"
    ABSENT = "absent"


@runtime_checkable
class BuryingStore(Protocol):
    """A store some of whose places can hide a manifest and take tags off. Each call can be made twice."""

    def has_graves(self, place: ImageRef) -> bool:
        """Say whether the place can hide manifests."""
        ...

    def grave(self, ref: ImageRef) -> Grave:
        """Say what is under the ref's digest, by asking for it as whoever pulls would.

        Raises:
            UpstreamError: it can't be told.
        """
        ...

    def bury(self, ref: ImageRef) -> None:
        """Have the ref's digest served to nobody and keep its bytes; absent is no error."""
        ...

    def unbury(self, ref: ImageRef, descriptor: Descriptor) -> None:
        """Have a digest served again that was buried, under no tag; absent is no error.

        Its descriptor is as it was before; without a media type, as of what was never read, only the digest counts.
        """
        ...

    def untag(self, ref: ImageRef) -> None:
        """Take the ref's tag off whatever it is on, and nothing else; gone already is no error."""
        ...

    def tagged(self, ref: ImageRef) -> Digest:
        """Return the digest that the ref's tag is on, be it buried; NotFoundError if there is no such tag."""
        ...

    def erase(self, ref: ImageRef) -> None:
        """Delete the ref's digest for good, be it buried; absent is no error."""
        ...


def graves_of(store: object, place: ImageRef) -> BuryingStore | None:
    """Return the store as one that buries, if the place can."""
    return store if isinstance(store, BuryingStore) and store.has_graves(place) else None
