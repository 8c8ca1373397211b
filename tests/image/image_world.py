"""Images made up for tests: tar layers from a few words, wheels as an installer leaves them, a reader in memory."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import struct
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import zstandard

from gate.bounds import ImageBounds
from gate.errors import NotFoundError
from gate.image.inventory import read_inventory
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.registry.interface import Descriptor, Manifest
from gate.registry.verified import verified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gate.image.table import FileTable
    from gate.model.image import Component, Inventory

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
SITE = "usr/local/lib/python3.11/site-packages"

Node = bytes | str | None
"""What lies at a path: content, `"-> target"` (a link), `"= target"` (a hard link), None (a folder)."""


def tar(nodes: Mapping[str, Node], *, style: int = tarfile.PAX_FORMAT) -> bytes:
    """Write a tar; entries in the order of the mapping, and no parents that it does not name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=style, errors="surrogateescape") as archive:
        for path, node in nodes.items():
            info = tarfile.TarInfo(path)
            if node is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(node, str):
                sign, _, info.linkname = node.partition(" ")
                info.type = {"->": tarfile.SYMTYPE, "=": tarfile.LNKTYPE}[sign]
            else:
                info.size = len(node)
                archive.addfile(info, io.BytesIO(node))
                continue
            archive.addfile(info)
    return buffer.getvalue()


@dataclass(kw_only=True)
class Layer:
    """A layer as it is pushed: its packed bytes, the diff id and media type that image and config will give."""

    packed: bytes
    diff_id: str
    media_type: str = LAYER + "+gzip"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def descriptor(self) -> Descriptor:
        """What a manifest says of it."""
        return Descriptor(digest=sha256_of(self.packed), size=len(self.packed), media_type=self.media_type)


def layer(content: Mapping[str, Node] | bytes, *, packing: str = "gzip") -> Layer:
    """Pack a layer: `gzip`, `zstd` or `none`."""
    raw = content if isinstance(content, bytes) else tar(content)
    packed = {
        "gzip": lambda: gzip.compress(raw, 1, mtime=0),
        "zstd": lambda: zstandard.compress(raw),
        "none": lambda: raw,
    }
    media_type = LAYER + ("" if packing == "none" else f"+{packing}")
    return Layer(packed=packed[packing](), diff_id=sha256_of(raw), media_type=media_type)


@dataclass(kw_only=True)
class World:
    """A repository in memory; implements `ImageReader`. `opened` lists the digests of blobs that were asked for."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    closed: int = 0

    def resolve(self, ref: ImageRef) -> str:
        """Return the digest if there is such a manifest."""
        return self.manifest(ref).digest

    def manifest(self, ref: ImageRef) -> Manifest:
        """Return a manifest by digest."""
        found = self.manifests.get(ref.digest or "")
        if found is None:
            message = "no such manifest"
            raise NotFoundError(message)
        return found

    @contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Stream a blob, vouched for as every store does."""
        self.opened.append(descriptor.digest)
        try:
            yield verified(io.BytesIO(self.blobs[descriptor.digest]), descriptor, place=ref.place)
        finally:
            self.closed += 1

    def blob_of(self, data: bytes, media_type: str) -> dict[str, Any]:
        """Keep a blob and return its descriptor as a manifest has it."""
        digest = sha256_of(data)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def keep(self, document: object, media_type: str) -> str:
        """Keep a manifest and return its digest."""
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        manifest = Manifest(digest=sha256_of(raw), media_type=media_type, raw=raw)
        self.manifests[manifest.digest] = manifest
        return manifest.digest

    def image(self, *layers: Layer, config: Mapping[str, object] | None = None, **manifest: object) -> str:
        """Keep an image and return its digest; `config` and `manifest` overwrite what they name."""
        for one in layers:
            self.blobs[one.descriptor.digest] = one.packed
        document = {
            "os": "linux",
            "architecture": "amd64",
            "created": "2026-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": [one.diff_id for one in layers]},
            **(config or {}),
        }
        descriptors = [
            {
                "mediaType": one.descriptor.media_type,
                "digest": one.descriptor.digest,
                "size": one.descriptor.size,
                **one.extra,
            }
            for one in layers
        ]
        body = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob_of(json.dumps(document).encode(), OCI_CONFIG),
            "layers": descriptors,
            **manifest,
        }
        return self.keep(body, str(body["mediaType"]))

    def index(self, *children: str) -> str:
        """Keep an index of images for this platform and return its digest."""
        entries = [
            {
                "mediaType": self.manifests[digest].media_type,
                "digest": digest,
                "size": len(self.manifests[digest].raw),
                "platform": {"os": "linux", "architecture": "amd64"},
            }
            for digest in children
        ]
        return self.keep({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, OCI_INDEX)

    def read(
        self,
        digest: str,
        *,
        bounds: ImageBounds | None = None,
        **options: Any,
    ) -> tuple[Inventory, FileTable]:
        """Read the inventory of an image that is kept here."""
        return read_inventory(self, ref_to(digest), bounds=bounds or ImageBounds(), **options)


def ref_to(digest: str) -> ImageRef:
    """Name an image of the world."""
    return ImageRef(transport=Transport.REGISTRY, repository="registry.example.org/app", digest=digest)


def inventory(*layers: Mapping[str, Any] | bytes | Layer, **options: Any) -> Inventory:
    """Read an image of these layers."""
    world = World()
    packed = [one if isinstance(one, Layer) else layer(one) for one in layers]
    found, _ = world.read(world.image(*packed), **options)
    return found


def codes(found: Inventory) -> list[str]:
    """Return the codes of all problems."""
    return [problem.code for problem in found.problems]


def names(found: Inventory) -> list[str]:
    """Return `kind/name@version` of all components."""
    return [f"{one.kind.value}/{one.name}@{one.version}" for one in found.components]


def component(found: Inventory, name: str) -> Component:
    """Return the only component of a name."""
    (one,) = [one for one in found.components if one.name == name]
    return one


def record_row(path: str, data: bytes) -> str:
    """Write a row of a RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def wheel(
    name: str = "demo",
    version: str = "1.0",
    *,
    files: Mapping[str, bytes] | None = None,
    site: str = SITE,
    direct_url: object = None,
    more: Mapping[str, bytes] | None = None,
) -> dict[str, Node]:
    """Return what pip leaves of a wheel: its files, and a `.dist-info` with a RECORD that fits."""
    info = f"{name}-{version}.dist-info"
    written = dict(files if files is not None else {f"{name}/__init__.py": f"# {name} {version}\n".encode()})
    written[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: other\n".encode()
    written[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    written[f"{info}/INSTALLER"] = b"pip\n"
    if direct_url is not None:
        raw = direct_url if isinstance(direct_url, bytes) else json.dumps(direct_url).encode()
        written[f"{info}/direct_url.json"] = raw
    written |= {f"{info}/{path}": data for path, data in (more or {}).items()}
    record = "".join(record_row(path, data) for path, data in written.items()) + f"{info}/RECORD,,\n"
    written.setdefault(f"{info}/RECORD", record.encode())
    return {join(site, path): data for path, data in written.items()}


def join(site: str, path: str) -> str:
    """Join a path of a RECORD to its folder, `..` taken away as an installer does."""
    parts = site.split("/")
    while path.startswith("../"):
        path = path.removeprefix("../")
        parts.pop()
    return "/".join([*parts, path])


def write_layout(world: World, folder: Path, **tags: str) -> None:
    """Write the world as an OCI layout folder, with tags on some of its manifests."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for digest, data in world.blobs.items():
        (blobs / digest.removeprefix("sha256:")).write_bytes(data)
    for digest, manifest in world.manifests.items():
        (blobs / digest.removeprefix("sha256:")).write_bytes(manifest.raw)
    entries = [
        {
            "mediaType": world.manifests[digest].media_type,
            "digest": digest,
            "size": len(world.manifests[digest].raw),
            "annotations": {"org.opencontainers.image.ref.name": tag},
        }
        for tag, digest in tags.items()
    ]
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def go_program(size: int = 300_000) -> bytes:
    """Return what Go's linker makes, as far as it is looked at: an ELF file with a note of the owner `Go`."""
    note = struct.pack("<LLL", 4, 4, 4) + b"Go\0\0" + b"id\0\0"
    head = struct.pack("<16sHHLQQQLHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    program = struct.pack("<LLQQQQQQ", 4, 4, 120, 120, 120, len(note), len(note), 4)
    return (head + program + note).ljust(size, b"\0")
