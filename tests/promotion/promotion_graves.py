"""Stores that can keep an image that nobody can pull: one in memory, with locks, and a wrapper that makes it fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from promotion.promotion_memory import FREE, FaultyStore, KeepingStore

from gate.errors import NotFoundError, UpstreamError
from gate.registry.graves import Grave, graves_of

if TYPE_CHECKING:
    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import Descriptor
    from gate.registry.locks import Locks

HIDDEN = FREE.model_copy(update={"read": False, "write": False, "delete": False})


def refused(ref: ImageRef) -> UpstreamError:
    """Return what a registry answers to whoever may not read."""
    error = UpstreamError(f"{ref} is disallowed")
    error.facts["status"] = "405"
    return error


@dataclass
class BuryingMemory(KeepingStore):
    """A registry in memory that hides manifests by their locks, as Azure does."""

    boastful: bool = False
    """Says yes to all of it and hides nothing."""

    def _hidden(self, place: ImageRef, digest: str) -> bool:
        return not self.kept.get((place.place, digest), FREE).read

    def resolve(self, ref: ImageRef) -> Digest:
        """As a pull: what is hidden is refused under every name."""
        digest = super().resolve(ref)
        if self._hidden(ref, digest):
            raise refused(ref)
        return digest

    def locks(self, ref: ImageRef) -> Locks:
        """Return the locks, of what is hidden too."""
        self._known(ref)
        return self.kept.get((ref.place, ref.digest or ref.tag), FREE)

    def has_graves(self, place: ImageRef) -> bool:
        """Every place here has."""
        del place
        return True

    def grave(self, ref: ImageRef) -> Grave:
        """Say what is there."""
        held = self.repositories.get(ref.place)
        if held is None or ref.digest not in held.manifests:
            return Grave.ABSENT
        return Grave.BURIED if self._hidden(ref, str(ref.digest)) else Grave.OPEN

    def bury(self, ref: ImageRef) -> None:
        """Hide."""
        if not self.boastful and self.grave(ref) is not Grave.ABSENT:
            self.kept[ref.place, str(ref.digest)] = HIDDEN

    def unbury(self, ref: ImageRef, descriptor: Descriptor) -> None:
        """Show again."""
        del descriptor
        if not self.boastful:
            self.kept.pop((ref.place, str(ref.digest)), None)

    def untag(self, ref: ImageRef) -> None:
        """Take a tag off, if no lock forbids it."""
        if not self.kept.get((ref.place, ref.tag), FREE).deletable:
            raise refused(ref)
        if not self.boastful and ref.place in self.repositories:
            self.repositories[ref.place].tags.pop(ref.tag, None)

    def tagged(self, ref: ImageRef) -> Digest:
        """Say what the tag is on."""
        return self._known(ref.model_copy(update={"digest": None}))

    def erase(self, ref: ImageRef) -> None:
        """Delete, whatever hides it."""
        if self.boastful:
            return
        self.kept.pop((ref.place, str(ref.digest)), None)
        super().delete_manifest(ref)

    def _known(self, ref: ImageRef) -> Digest:
        held = self.repositories.get(ref.place)
        digest = ref.digest or (held.tags.get(ref.tag, "") if held else "")
        if held is None or digest not in held.manifests:
            message = f"no {ref}"
            raise NotFoundError(message)
        return digest


@dataclass
class FaultyGraves(FaultyStore):
    """A store that buries and fails at will."""

    def has_graves(self, place: ImageRef) -> bool:
        """As the other store; asking configuration fails never."""
        return graves_of(self.inner, place) is not None

    def grave(self, ref: ImageRef) -> Grave:
        """As the other store."""
        with self._call("grave"):
            return self._graves(ref).grave(ref)

    def bury(self, ref: ImageRef) -> None:
        """As the other store."""
        with self._call("bury"):
            self._graves(ref).bury(ref)

    def unbury(self, ref: ImageRef, descriptor: Descriptor) -> None:
        """As the other store."""
        with self._call("unbury"):
            self._graves(ref).unbury(ref, descriptor)

    def untag(self, ref: ImageRef) -> None:
        """As the other store."""
        with self._call("untag"):
            self._graves(ref).untag(ref)

    def tagged(self, ref: ImageRef) -> Digest:
        """As the other store."""
        with self._call("tagged"):
            return self._graves(ref).tagged(ref)

    def erase(self, ref: ImageRef) -> None:
        """As the other store."""
        with self._call("erase"):
            self._graves(ref).erase(ref)

    def _graves(self, ref: ImageRef) -> BuryingMemory:
        graves = graves_of(self.inner, ref)
        assert isinstance(graves, BuryingMemory)
        return graves
