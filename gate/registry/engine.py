"""Images of a local container engine, through the docker SDK: read whole once, then at random by digest.

The digest of an image read here is not its registry's. An engine keeps layers unpacked and forgets the manifest it
pulled; Engine 20.10 has none to give, so one is written here over what it has. It names these bytes and stays the same
as long as they do, which is what `inspect` needs; nothing is promoted or discarded by it.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

from gate.bounds import HttpBounds, ImageBounds
from gate.errors import (
    BoundError,
    IntegrityError,
    NotFoundError,
    StoreError,
    TimeoutUpstreamError,
    UpstreamError,
    UsageError,
)
from gate.model.digest import Digest, is_digest
from gate.model.image import ImageRef, Transport
from gate.model.redact import redact
from gate.registry.engine_archive import EngineImage, RegionStream, read_archive
from gate.registry.interface import Descriptor, Manifest
from gate.registry.verified import verified

if TYPE_CHECKING:
    from types import TracebackType

    import docker

_CHUNK = 1024 * 1024
_HINT = "start the engine, or set `DOCKER_HOST`; or push the image and name it in its registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Saved:
    file: BinaryIO
    image: EngineImage


class DockerEngine:
    """Reads images of one engine; implements `ImageReader`. Close it to free the disk that the last image takes.

    Args:
        address: of the engine (`unix:///…`, `tcp://…`); else as the docker command takes it from the environment.
        bounds: largest archive, most layers, largest manifest.
        http: longest silence and longest transfer, in seconds.
        folder: where the archive is kept while it is read; else the system's folder for temporary files.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        bounds: ImageBounds | None = None,
        http: HttpBounds | None = None,
        folder: str | None = None,
    ) -> None:
        """Keep the arguments; the engine is not called yet."""
        self._address = address
        self._bounds = bounds or ImageBounds()
        self._http = http or HttpBounds()
        self._folder = folder
        self._saved: _Saved | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the last image."""
        if self._saved is not None:
            self._saved.file.close()
            self._saved = None

    def resolve(self, ref: ImageRef) -> Digest:
        """Return the digest of the image as this engine has it; it is fetched whole.

        Raises:
            NotFoundError: no such image, or the name now means another one than the ref's digest.
            UpstreamError: `engine_absent` if no engine answers; else what it failed at.
            BoundError: the image is larger than the bounds allow.
        """
        if ref.digest is not None:
            return self._image_of(ref).manifest.digest if not self._has(ref.digest) else ref.digest
        return self._fetch(ref).manifest.digest

    def manifest(self, ref: ImageRef) -> Manifest:
        """Return the manifest of a ref that has a digest; errors as `resolve`."""
        if ref.digest is None:
            message = f"`{ref}` has no digest"
            raise UsageError(message, hint="resolve the name first", code="digest_needed")
        image = self._image_of(ref)
        return image.children.get(ref.digest, image.manifest)

    @contextlib.contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Stream a config or a layer; its size and digest are checked with its last byte."""
        image = self._image_of(ref)
        region = image.blobs.get(descriptor.digest)
        if region is None or self._saved is None:
            message = f"`{ref}` has no blob {descriptor.digest} in the engine"
            raise NotFoundError(message, code="blob_absent", digest=descriptor.digest)
        own = os.dup(self._saved.file.fileno())
        with io.BufferedReader(RegionStream(own, region), _CHUNK) as stream:
            yield verified(stream, descriptor, place=ref.place)

    def _has(self, digest: Digest) -> bool:
        return self._saved is not None and digest in {
            self._saved.image.manifest.digest,
            *self._saved.image.children,
        }

    def _image_of(self, ref: ImageRef) -> EngineImage:
        if self._saved is not None and ref.digest is not None and self._has(ref.digest):
            return self._saved.image
        image = self._fetch(ref)
        if ref.digest is not None and not self._has(ref.digest):
            message = f"`{ref.place}` is {image.manifest.digest} in the engine now, not {ref.digest}"
            hint = "an engine gives an image a digest of its own, which is not its registry's; name it by its tag"
            raise NotFoundError(message, hint=hint, code="image_moved", digest=ref.digest)
        return image

    def _fetch(self, ref: ImageRef) -> EngineImage:
        if ref.transport is not Transport.DOCKER_ENGINE:
            message = f"`{ref}` is not in a local engine"
            raise UsageError(message, code="wrong_transport")
        name = f"{ref.repository}:{ref.tag or 'latest'}"
        with _translated(name), contextlib.ExitStack() as undo:
            file = undo.enter_context(tempfile.TemporaryFile(dir=self._folder, prefix="gate-image-"))
            with self._connected() as client:
                identity = _identity(client, name)
                self._save(client, identity, file)
            image = read_archive(file, self._bounds)
            if identity not in {image.config, image.manifest.digest}:
                message = f"the engine calls `{name}` {identity} and handed over {image.config}"
                raise IntegrityError(message, hint="try again", asked=identity)
            self.close()
            self._saved = _Saved(file=file, image=image)
            undo.pop_all()
        return image

    @contextlib.contextmanager
    def _connected(self) -> Iterator[docker.DockerClient]:
        import docker  # noqa: PLC0415 - heavy, and needed for this transport alone

        client = (
            docker.DockerClient(base_url=self._address, version="auto", timeout=int(self._http.read))
            if self._address
            else docker.from_env(version="auto", timeout=int(self._http.read))
        )
        try:
            yield client
        finally:
            client.close()

    def _save(self, client: docker.DockerClient, identity: str, file: BinaryIO) -> None:
        # Not the SDK's own `get_image`: it switches the timeout of the connection off.
        api = client.api
        url = f"{api.base_url}/v{api.api_version}/images/{identity}/get"
        deadline = time.monotonic() + self._http.stream
        with api.get(url, stream=True, timeout=(self._http.connect, self._http.read)) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_content(_CHUNK):
                if file.tell() + len(chunk) > self._bounds.archive_bytes:
                    message = f"the engine's archive is larger than {self._bounds.archive_bytes} bytes"
                    raise BoundError(message, limit=self._bounds.archive_bytes)
                if time.monotonic() > deadline:
                    message = f"the engine took longer than {self._http.stream:g} seconds for the image"
                    raise TimeoutUpstreamError(message)
                file.write(chunk)
        file.flush()


def _identity(client: docker.DockerClient, name: str) -> Digest:
    described: object = client.api.inspect_image(name)  # type: ignore[no-untyped-call]  # the stubs leave it open
    match described:
        case {"Id": str(identity)} if is_digest(identity):
            return identity
        case _:
            message = f"the engine describes `{name}` without an id that is a digest"
            raise UpstreamError(message, code="engine_failed")


@contextlib.contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        import docker  # noqa: F401, PLC0415 - only to say what is missing
        import requests  # noqa: PLC0415 - heavy
        from docker import errors  # noqa: PLC0415 - heavy
        from urllib3.exceptions import TimeoutError as SilenceError  # noqa: PLC0415 - heavy
    except ImportError as error:
        message = "reading from a local engine needs the docker SDK"
        raise UpstreamError(message, hint="install the extra `gate[docker]`", code="engine_absent") from error
    try:
        yield
    except errors.NotFound as error:
        message = f"the engine has no image `{name}`"
        raise NotFoundError(message, hint="build or pull it first", code="image_absent", name=name) from error
    except (errors.APIError, requests.exceptions.RequestException) as error:
        # Silence in the middle of a stream comes as a plain connection error around urllib3's own.
        if isinstance(error, requests.exceptions.Timeout) or any(isinstance(arg, SilenceError) for arg in error.args):
            message = f"the engine did not go on with `{name}` in time"
            raise TimeoutUpstreamError(message, hint="look at the engine's log", name=name) from error
        message = f"the engine failed at `{name}`: {redact(str(error))[:300]}"
        raise UpstreamError(message, hint="look at the engine's log", code="engine_failed", name=name) from error
    except errors.DockerException as error:
        message = f"no container engine answers: {redact(str(error))[:300]}"
        raise UpstreamError(message, hint=_HINT, code="engine_absent") from error
    except OSError as error:
        message = f"the image can't be kept on disk while it is read: {error.strerror}"
        raise StoreError(message, hint="free some space or point `TMPDIR` elsewhere", code="spool_failed") from error
