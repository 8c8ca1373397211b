"""Two images that show how reading grows: several gigabytes of real packages, and a million small files.

The first repeats the layers of the science image, byte for byte real but for a folder put before every path, so that
no layer is another's; the second is made up. Neither has to be downloaded.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO, NamedTuple, cast

from bench_world.images import kept_folder, science_image
from isal import igzip
from servers.cache import locked
from servers.images import OCI_CONFIG, descriptor_of
from servers.registry import RegistryServer, registry_server

from gate.bounds import ImageBounds
from gate.http.client import HttpClient
from gate.model.base import sha256_of
from gate.model.image import ImageRef
from gate.registry.auth import NoCredentials
from gate.registry.content import OCI_MANIFEST
from gate.registry.interface import Descriptor, Manifest
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry

COPIES = 8
FILES = 1_000_000
_FOLDERS = 2_000
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CHUNK = 1024 * 1024

Make = Callable[[RemoteRegistry, ImageRef], str]


class _Packed(NamedTuple):
    descriptor: Descriptor
    diff_id: str


@contextmanager
def grown_image(name: str, make: Make, recipe: str) -> Iterator[str]:
    """Run a registry that holds an image made once a machine; give `host/path@digest`."""
    folder = kept_folder(recipe)
    told = folder / "digest"
    with registry_server(folder) as registry:
        with locked(folder.name):
            if not told.exists():
                told.write_text(_made(registry, name, make))
        yield f"{registry.host}/bench/{name}@{told.read_text()}"


def _made(registry: RegistryServer, name: str, make: Make) -> str:
    with closing(HttpClient()) as client:
        writer = RemoteRegistry(client, NoCredentials(), ImageBounds())
        return make(writer, parse_image_ref(f"{registry.host}/bench/{name}:latest"))


@contextmanager
def several_gigabytes() -> Iterator[str]:
    """Give an image of the science image's layers, `COPIES` times, each time below a folder of its own."""

    def make(writer: RemoteRegistry, target: ImageRef) -> str:
        with science_image() as (_, reference):
            source = parse_image_ref(reference)
            manifest = json.loads(writer.manifest(source).raw)
            layers = [_descriptor(one) for one in manifest["layers"]]
            largest = sorted(layers, key=lambda one: one.size)[-2:]
            packed = [
                _upload(writer, target, lambda out, one=one, copy=copy: _moved(writer, source, one, f"copy{copy}", out))  # type: ignore[misc] # mypy takes no defaults in lambdas
                for copy in range(COPIES)
                for one in largest
            ]
        return _push(writer, target, packed)

    with grown_image("gigabytes", make, f"gigabytes 1 {COPIES}") as reference:
        yield reference


@contextmanager
def million_files() -> Iterator[str]:
    """Give an image of one layer with `FILES` files of a few bytes, and one package: nothing found is no answer."""

    def make(writer: RemoteRegistry, target: ImageRef) -> str:
        return _push(writer, target, [_upload(writer, target, _small_files)])

    with grown_image("files", make, f"files 2 {FILES} {_FOLDERS}") as reference:
        yield reference


def _small_files(out: BinaryIO) -> None:
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
        metadata = "usr/lib/python3/dist-packages/demo-1.0.dist-info/METADATA"
        _add(archive, metadata, b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        for number in range(FILES):
            _add(archive, f"srv/data/{number % _FOLDERS:04}/file-{number:07}.json", b'{"number": %d}\n' % number)


def _add(archive: tarfile.TarFile, path: str, data: bytes) -> None:
    info = tarfile.TarInfo(path)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def _moved(writer: RemoteRegistry, source: ImageRef, layer: Descriptor, prefix: str, out: BinaryIO) -> None:
    """Write a layer again, every path of it below a folder."""
    with (
        writer.blob(source, layer) as stream,
        igzip.open(stream) as unpacked,  # type: ignore[no-untyped-call]
        tarfile.open(fileobj=cast("BinaryIO", unpacked), mode="r|") as old,
        tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as new,
    ):
        for info in old:
            info.name = f"{prefix}/{info.name}"
            info.pax_headers = {}
            if info.islnk():
                info.linkname = f"{prefix}/{info.linkname}"
            new.addfile(info, old.extractfile(info) if info.isfile() else None)


class _Hashing(io.RawIOBase):
    """Hashes what is written on its way to a gzip file."""

    def __init__(self, target: BinaryIO) -> None:
        self.total = hashlib.sha256()
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        piece = bytes(data)  # type: ignore[call-overload] # a tar writes bytes
        self.total.update(piece)
        return self._target.write(piece)


def _upload(writer: RemoteRegistry, target: ImageRef, write: Callable[[BinaryIO], None]) -> _Packed:
    with tempfile.TemporaryFile() as file:
        with igzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:  # type: ignore[no-untyped-call]
            hashing = _Hashing(cast("BinaryIO", packed))
            write(cast("BinaryIO", hashing))
        size = file.tell()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        descriptor = Descriptor(digest=f"sha256:{digest}", size=size, media_type=_LAYER)
        writer.upload_blob(target, descriptor, file)
    return _Packed(descriptor, f"sha256:{hashing.total.hexdigest()}")


def _push(writer: RemoteRegistry, target: ImageRef, layers: list[_Packed]) -> str:
    rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    kept = descriptor_of(config, OCI_CONFIG)
    writer.upload_blob(target, kept, io.BytesIO(config))
    listed = [_said(kept), *(_said(layer.descriptor) for layer in layers)]
    body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": listed[0], "layers": listed[1:]}
    raw = json.dumps(body).encode()
    manifest = Manifest(digest=sha256_of(raw), media_type=OCI_MANIFEST, raw=raw)
    writer.put_manifest(target, manifest)
    return manifest.digest


def _said(descriptor: Descriptor) -> dict[str, object]:
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}


def _descriptor(said: dict[str, object]) -> Descriptor:
    return Descriptor.model_validate({"digest": said["digest"], "size": said["size"], "media_type": said["mediaType"]})
