"""The archive that a container engine hands over for one image (`docker save`), read at random by digest.

Two shapes are known: an OCI layout in a tar (Engine 25 and later), whose manifest is taken as it is, and the older one
with `manifest.json`, for which a Docker schema 2 manifest is written here over its config and its unpacked layers.
"""

from __future__ import annotations

import io
import json
import os
import posixpath
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from gate.errors import BoundError, InputError, IntegrityError
from gate.model.base import canonical_json, sha256_of
from gate.model.digest import Digest, is_digest
from gate.registry.content import DOCKER_MANIFEST, INDEX_TYPES, read_content
from gate.registry.interface import Descriptor, Manifest
from gate.registry.layout_index import INDEX, MARKER, LayoutIndex

if TYPE_CHECKING:
    from gate.bounds import ImageBounds

CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar"
_LISTING = "manifest.json"
_ENTRIES_A_LAYER = 8
_OTHER_ENTRIES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where a file of the archive lies in it, in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineImage:
    """One image of an archive: its manifest, those below it, and where each blob lies."""

    manifest: Manifest
    children: dict[Digest, Manifest] = field(default_factory=dict)
    blobs: dict[Digest, Region]
    config: Digest | None


def read_archive(file: BinaryIO, bounds: ImageBounds) -> EngineImage:
    """Find the one image of a whole archive on disk.

    Raises:
        InputError: it is no such archive, or holds no image or several.
        IntegrityError: its config or manifest does not have the digest that it is filed under.
        BoundError: too many entries, or metadata that is too large.
    """
    members = _members(file, bounds)
    if MARKER in members and INDEX in members:
        return _read_layout(file, members, bounds)
    if _LISTING in members:
        return _read_listing(file, members, bounds)
    message = f"the engine's archive has neither `{INDEX}` nor `{_LISTING}`"
    raise InputError(message, code="archive_unknown")


class RegionStream(io.RawIOBase):
    """Reads one region through a descriptor of its own, whatever else is read from the file."""

    def __init__(self, descriptor: int, region: Region) -> None:
        """Own the descriptor: closing the stream closes it."""
        self._descriptor = descriptor
        self._at = region.offset
        self._end = region.offset + region.size

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - a buffer has no type before Python 3.12
        """Fill the buffer from where the last read ended."""
        view = memoryview(buffer)
        data = os.pread(self._descriptor, min(len(view), self._end - self._at), self._at)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Close the descriptor, once."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _members(file: BinaryIO, bounds: ImageBounds) -> dict[str, Region]:
    regions: dict[str, Region] = {}
    links: dict[str, str] = {}
    limit = bounds.layers * _ENTRIES_A_LAYER + _OTHER_ENTRIES
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for number, entry in enumerate(archive):
                if number >= limit:
                    message = f"the engine's archive has more than {limit} entries"
                    raise BoundError(message, limit=limit)
                _note(entry, size, regions, links)
    except tarfile.TarError as error:
        message = f"the engine's archive can't be read: {error}"
        raise InputError(message, code="archive_unreadable", hint="save the image again") from error
    # Older engines write a layer that occurs twice as a symlink to the first.
    return regions | {name: regions[target] for name, target in links.items() if target in regions}


def _note(entry: tarfile.TarInfo, size: int, regions: dict[str, Region], links: dict[str, str]) -> None:
    name = posixpath.normpath(entry.name)
    if entry.isdir():
        return
    if name in regions or name in links:
        message = f"the engine's archive has two files `{name[:200]}`"
        raise InputError(message, code="archive_ambiguous")
    if entry.issym():
        links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), entry.linkname))
    elif entry.isreg() and not entry.issparse() and entry.offset_data + entry.size <= size:
        regions[name] = Region(offset=entry.offset_data, size=entry.size)
    else:
        message = f"the engine's archive has an entry that is no whole file: `{name[:200]}`"
        raise InputError(message, code="archive_unreadable", hint="save the image again")


def _read_layout(file: BinaryIO, members: dict[str, Region], bounds: ImageBounds) -> EngineImage:
    index = LayoutIndex.parse(_bytes(file, members, INDEX, bounds))
    roots = {entry.descriptor.digest: entry.descriptor for entry in index.entries}
    if len(roots) != 1:
        message = f"the engine's archive holds {len(roots)} images where one was asked for"
        raise InputError(message, code="archive_ambiguous")
    blobs = {
        f"sha256:{posixpath.basename(name)}": region
        for name, region in members.items()
        if posixpath.dirname(name) == "blobs/sha256"
    }
    root = next(iter(roots.values()))
    manifest = _manifest(file, members, root, bounds)
    content = read_content(manifest)
    children: dict[Digest, Manifest] = {}
    if manifest.media_type in INDEX_TYPES:
        # An engine keeps the platforms that were pulled; the others of an index are not there.
        for child in content.children:
            if child.digest in blobs:
                children[child.digest] = _manifest(file, members, child, bounds)
    config = content.blobs[0].digest if content.blobs else None
    return EngineImage(manifest=manifest, children=children, blobs=blobs, config=config)


def _manifest(file: BinaryIO, members: dict[str, Region], descriptor: Descriptor, bounds: ImageBounds) -> Manifest:
    raw = _bytes(file, members, f"blobs/sha256/{descriptor.digest.removeprefix('sha256:')}", bounds)
    if sha256_of(raw) != descriptor.digest:
        message = f"manifest {descriptor.digest} of the engine's archive has other bytes than its digest says"
        raise IntegrityError(message, digest=descriptor.digest)
    return Manifest(digest=descriptor.digest, media_type=descriptor.media_type, raw=raw)


def _read_listing(file: BinaryIO, members: dict[str, Region], bounds: ImageBounds) -> EngineImage:
    config_name, layer_names = _listing(_bytes(file, members, _LISTING, bounds))
    config = _bytes(file, members, config_name, bounds)
    config_digest = sha256_of(config)
    diff_ids = _diff_ids(config)
    if len(diff_ids) != len(layer_names):
        message = f"the engine's archive has {len(layer_names)} layers, its config names {len(diff_ids)}"
        raise IntegrityError(message, code="layer_count_differs")
    blobs = {config_digest: members[config_name]}
    layers: list[Descriptor] = []
    for diff_id, name in zip(diff_ids, layer_names, strict=True):
        region = _region(members, name)
        blobs[diff_id] = region
        layers.append(Descriptor(digest=diff_id, size=region.size, media_type=LAYER_TYPE))
    described = Descriptor(digest=config_digest, size=len(config), media_type=CONFIG_TYPE)
    return EngineImage(manifest=_synthesise(described, layers), blobs=blobs, config=config_digest)


def _synthesise(config: Descriptor, layers: list[Descriptor]) -> Manifest:
    plain = [{"mediaType": part.media_type, "size": part.size, "digest": part.digest} for part in (config, *layers)]
    data = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": plain[0], "layers": plain[1:]}
    raw = canonical_json(data)
    return Manifest(digest=sha256_of(raw), media_type=DOCKER_MANIFEST, raw=raw)


def _listing(raw: bytes) -> tuple[str, tuple[str, ...]]:
    match _json(raw, f"`{_LISTING}`"):
        case [{"Config": str(config), "Layers": [*layers]}] if all(isinstance(layer, str) for layer in layers):
            return posixpath.normpath(config), tuple(posixpath.normpath(layer) for layer in layers)
        case _:
            message = f"`{_LISTING}` of the engine's archive does not describe exactly one image"
            raise InputError(message, code="archive_ambiguous")


def _diff_ids(config: bytes) -> tuple[Digest, ...]:
    match _json(config, "the config"):
        case {"rootfs": {"type": "layers", "diff_ids": [*diff_ids]}} if all(
            isinstance(diff_id, str) and is_digest(diff_id) for diff_id in diff_ids
        ):
            return tuple(diff_ids)
        case _:
            message = "the config in the engine's archive names no layers by sha256"
            raise InputError(message, code="archive_unreadable")


def _json(raw: bytes, what: str) -> object:
    try:
        data: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        message = f"{what} of the engine's archive is not JSON"
        raise InputError(message, code="archive_unreadable") from error
    return data


def _region(members: dict[str, Region], name: str) -> Region:
    if name not in members:
        message = f"the engine's archive lacks `{name[:200]}`"
        raise InputError(message, code="archive_unreadable", hint="save the image again")
    return members[name]


def _bytes(file: BinaryIO, members: dict[str, Region], name: str, bounds: ImageBounds) -> bytes:
    region = _region(members, name)
    if region.size > bounds.manifest_bytes:
        message = f"`{name[:200]}` of the engine's archive is larger than {bounds.manifest_bytes} bytes"
        raise BoundError(message, limit=bounds.manifest_bytes)
    return os.pread(file.fileno(), region.size, region.offset)
