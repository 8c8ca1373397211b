"""Read a registry's images from a mirror of it: the organisation's own copy, which policy knows to be one."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from gate.errors import NotFoundError, PolicyError, UpstreamError
from gate.model.image import ImageRef, Transport
from gate.registry.reference import split_repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from gate.model.digest import Digest
    from gate.policy.schema import Promotion, Safelist
    from gate.registry.interface import Descriptor, ImageReader, Manifest


class MirroredReader:
    """A reader that asks mirrors instead of the registries that they stand for; every other host is asked itself."""

    def __init__(self, reader: ImageReader, mirrors: Mapping[str, str]) -> None:
        """Keep what stands for what: a registry's host, and the mirror's host with the prefix of its path."""
        self._reader = reader
        self._mirrors = dict(mirrors)

    def resolve(self, ref: ImageRef) -> Digest:
        """See the interface."""
        return self._reader.resolve(self._at(ref))

    def manifest(self, ref: ImageRef) -> Manifest:
        """See the interface."""
        return self._reader.manifest(self._at(ref))

    def blob(self, ref: ImageRef, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """See the interface."""
        return self._reader.blob(self._at(ref), descriptor)

    def _at(self, ref: ImageRef) -> ImageRef:
        host, path = split_repository(ref.repository)
        mirror = self._mirrors.get(host) if ref.transport is Transport.REGISTRY else None
        return ref.model_copy(update={"repository": f"{mirror}/{path}"}) if mirror else ref


class MirrorFirst:
    """A reader that asks a mirror for what has a digest, and the registry itself for whatever the mirror does not give.

    What a tag leads to is the registry's own to say. Whoever answers, the bytes are held against their digest.
    """

    def __init__(self, mirrored: ImageReader, itself: ImageReader) -> None:
        """Take both; each verifies what it reads."""
        self._mirrored = mirrored
        self._itself = itself
        self._failed = False

    def resolve(self, ref: ImageRef) -> Digest:
        """See the interface."""
        return self._itself.resolve(ref)

    def manifest(self, ref: ImageRef) -> Manifest:
        """See the interface."""
        if ref.digest is not None and not self._failed:
            with self._tried():
                return self._mirrored.manifest(ref)
        return self._itself.manifest(ref)

    @contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """See the interface. A mirror that fails once the stream has begun fails the reading, as any store does."""
        with ExitStack() as stack:
            stream: BinaryIO | None = None
            if not self._failed:
                with self._tried():
                    stream = stack.enter_context(self._mirrored.blob(ref, descriptor))
            yield stream or stack.enter_context(self._itself.blob(ref, descriptor))

    @contextmanager
    def _tried(self) -> Iterator[None]:
        """Pass over a mirror that does not have it; one that fails is not asked again."""
        try:
            yield
        except NotFoundError:
            return
        except UpstreamError:
            self._failed = True


def mirrors_for(
    ref: ImageRef, configured: Mapping[str, str], safelist: Safelist, promotion: Iterable[Promotion] = ()
) -> Mapping[str, str]:
    """Return the mirror that configuration names for the ref's registry, if policy says that it is one.

    Raises:
        PolicyError: `mirror_not_listed`: whoever sets the environment does not decide what counts as a registry.
    """
    host, _ = split_repository(ref.repository)
    mirror = configured.get(host) if ref.transport is Transport.REGISTRY else None
    if mirror is None:
        return {}
    listed = {one for entry in safelist.image_registries if entry.host == host for one in entry.mirrors}
    listed |= {one for place in promotion if place.staging.partition("/")[0] == host for one in place.mirrors}
    if mirror not in listed:
        message = f"`{mirror}` is configured as a mirror of `{host}`, and policy does not list it as one"
        hint = f"list it under `mirrors` of `{host}` in `allowlist/`, or unset GATE_REGISTRY_MIRRORS"
        raise PolicyError(message, code="mirror_not_listed", hint=hint, registry=host, mirror=mirror)
    return {host: mirror}
