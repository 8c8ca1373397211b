"""Tombstones in an Azure registry: tags come off by `/acr/v1`, and attributes let nobody read the manifest.

Never by `DELETE /v2/…/manifests/<tag>`: Azure deletes with it the manifest and every other tag on it. Sources: ACR's
REST reference (2021-07-01), "Lock a container image in an Azure container registry", "Delete container images".
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from gate.errors import IntegrityError, NotFoundError, UpstreamError
from gate.registry.graves import Grave
from gate.registry.reference import split_repository

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from azure.containerregistry import ContainerRegistryClient

    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import Descriptor, ImageWriter
    from gate.registry.locks import Locks

_HIDDEN = {"can_read": False, "can_write": False, "can_delete": False}
"""Unreadable, and kept from whoever deletes by age: Azure deletes nothing that lacks either of the other two."""
_FREE = {"can_read": True, "can_write": True, "can_delete": True}
_REFUSED = frozenset({"401", "403", "405"})
"""Azure answers 405 (`REGISTRY_DISALLOWED_OPERATION`) for what may not be read; 404 is an absence."""


class _Azure(Protocol):
    """What these methods need of the registry's client."""

    _remote: ImageWriter

    def _is_azure(self, ref: ImageRef) -> bool: ...

    def _locks(self, ref: ImageRef, change: dict[str, bool]) -> Locks: ...

    def _client(self, ref: ImageRef) -> AbstractContextManager[ContainerRegistryClient]: ...

    def grave(self, ref: ImageRef) -> Grave: ...


class AcrGraves:
    """Implements `BuryingStore` for registries that configuration names as Azure's."""

    def has_graves(self: _Azure, place: ImageRef) -> bool:
        """See the interface."""
        return self._is_azure(place)

    def grave(self: _Azure, ref: ImageRef) -> Grave:
        """Ask for the attributes and for the manifest: neither a lock nor one "not found" is believed alone."""
        try:
            readable = self._locks(ref, {}).read
        except NotFoundError:
            readable = None
        served = _served(self._remote, ref)
        if served is not None:
            return Grave.OPEN if served else Grave.ABSENT if readable is None else Grave.BURIED
        if readable is False:
            return Grave.BURIED
        message = f"`{ref}` is refused to the gate, and not because it was buried"
        hint = "give the gate's identity the right to pull; see `gate doctor`"
        raise UpstreamError(message, hint=hint, code="grave_unclear", place=ref.place)

    def bury(self: _Azure, ref: ImageRef) -> None:
        """See the interface."""
        try:
            self._locks(ref, _HIDDEN)
        except NotFoundError:
            return  # whoever reads back asks in another way

    def unbury(self: _Azure, ref: ImageRef, descriptor: Descriptor) -> None:
        """See the interface."""
        del descriptor
        with contextlib.suppress(NotFoundError):  # whoever reads back asks in another way
            self._locks(ref, _FREE)

    def untag(self: _Azure, ref: ImageRef) -> None:
        """Take the tag off. The library takes every 404 for a success: whoever believes it reads back."""
        _, path = split_repository(ref.repository)
        with self._client(ref) as client:
            client.delete_tag(path, ref.tag)

    def tagged(self: _Azure, ref: ImageRef) -> Digest:
        """See the interface."""
        _, path = split_repository(ref.repository)
        with self._client(ref) as client:
            found: Digest = client.get_tag_properties(path, ref.tag).digest
            return found

    def erase(self: _Azure, ref: ImageRef) -> None:
        """Open the grave's own locks, unreadable all the while, and delete by digest."""
        with contextlib.suppress(NotFoundError):  # one wrong answer must not leave it there
            self._locks(ref, _HIDDEN | {"can_write": True, "can_delete": True})
        self._remote.delete_manifest(ref.model_copy(update={"tag": ""}))


def _served(remote: ImageWriter, ref: ImageRef) -> bool | None:
    """Say whether a pull gets the manifest; None if it is refused to the gate."""
    try:
        remote.manifest(ref)
    except NotFoundError:
        return False
    except IntegrityError:
        return True
    except UpstreamError as error:
        if error.facts.get("status") in _REFUSED:
            return None
        raise
    return True
