"""What a manifest says: which blobs it needs, which manifests it lists, which one it is about.

Two readers must not understand the same bytes differently, or what was inspected is not what is pulled: Go reads keys
without regard to case and takes the last of two, Python does not. A manifest that could be read in two ways is refused.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from gate.errors import InputError
from gate.model.base import Value
from gate.model.digest import is_digest
from gate.registry.interface import Descriptor, Manifest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
IMAGE_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

_KNOWN = frozenset({
    "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations",
    "digest", "size", "urls", "data", "platform",
})  # fmt: skip
_LARGEST = 2**53 - 1
_FOLDED = {key.casefold(): key for key in _KNOWN}


class Content(Value):
    """The descriptors of one manifest, in its own order.

    `blobs` are the config, then the layers; `foreign` are the layers that the manifest says lie elsewhere; `children`
    are the manifests of an index; `subject` is the manifest that this one is about.
    """

    blobs: tuple[Descriptor, ...] = ()
    foreign: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None


def read_content(manifest: Manifest) -> Content:
    """Read the descriptors of an image manifest or an index (OCI 1.1, Docker schema 2).

    Raises:
        InputError: `manifest_unsupported`, `manifest_unparseable`, `manifest_ambiguous` or `media_type_mismatch`.
    """
    if manifest.media_type not in INDEX_TYPES | IMAGE_TYPES:
        message = f"manifest {manifest.digest} has a media type that is not an image's: `{manifest.media_type}`"
        raise InputError(message, code="manifest_unsupported", digest=manifest.digest, media_type=manifest.media_type)
    data = strict_object(manifest.raw, what=f"manifest {manifest.digest}")
    stated = data.get("mediaType", manifest.media_type)
    if stated != manifest.media_type:
        message = f"manifest {manifest.digest} calls itself `{stated}`, its store calls it `{manifest.media_type}`"
        raise InputError(message, code="media_type_mismatch", digest=manifest.digest)
    if data.get("schemaVersion") != 2:  # noqa: PLR2004 - the one version that these media types have
        raise _unparseable(manifest.digest, "`schemaVersion` is not 2")
    if manifest.media_type in INDEX_TYPES:
        return _index(manifest.digest, data)
    return _image(manifest.digest, data)


def strict_object(raw: bytes, *, what: str) -> dict[str, Any]:
    """Parse one JSON object that every reader understands alike.

    Raises:
        InputError: it is no JSON object, it repeats a key, or it spells a known key in other letters.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in items:
            if key in result:
                raise _ambiguous(what, key)
            result[key] = value
        return result

    try:
        data = json.loads(raw.decode(), object_pairs_hook=pairs, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        message = f"{what} is not JSON"
        raise InputError(message, code="manifest_unparseable") from error
    if not isinstance(data, dict):
        message = f"{what} is not a JSON object"
        raise InputError(message, code="manifest_unparseable")
    _refuse_other_letters(data, what)
    return data


def read_descriptor(entry: object, *, what: str) -> Descriptor:
    """Read one descriptor.

    Raises:
        InputError: `manifest_unparseable`, if it lacks a sha256 digest, a size in bytes or a media type.
    """
    match entry:
        case {"digest": str(digest), "size": int(size), "mediaType": str(media_type)} if (
            is_digest(digest) and 0 <= size <= _LARGEST and not isinstance(size, bool) and media_type
        ):
            return Descriptor(digest=digest, size=size, media_type=media_type)
        case _:
            pass
    message = f"{what} has a descriptor without a sha256 digest, a size or a media type"
    raise InputError(message, code="manifest_unparseable")


def _no_constant(name: str) -> NoReturn:
    message = f"`{name}` is no JSON"
    raise ValueError(message)


def _refuse_other_letters(data: object, what: str) -> None:
    # Annotations are a free map, whose keys Go reads as they are written.
    waiting = [data]
    while waiting:
        match waiting.pop():
            case dict(entries):
                for key, value in entries.items():
                    if _FOLDED.get(key.casefold(), key) != key:
                        raise _ambiguous(what, key)
                    if key != "annotations":
                        waiting.append(value)
            case list(items):
                waiting.extend(items)
            case _:
                pass


def _image(digest: str, data: dict[str, Any]) -> Content:
    what = f"manifest {digest}"
    if "manifests" in data:
        raise _ambiguous(what, "manifests")
    layers = data.get("layers")
    if not isinstance(layers, list):
        raise _unparseable(digest, "`layers` is not a list")
    config = read_descriptor(data.get("config"), what=what)
    kept: list[Descriptor] = [config]
    foreign: list[Descriptor] = []
    for entry in layers:
        layer = read_descriptor(entry, what=what)
        elsewhere = bool(entry.get("urls")) or "foreign" in layer.media_type or "nondistributable" in layer.media_type
        (foreign if elsewhere else kept).append(layer)
    return Content(blobs=tuple(kept), foreign=tuple(foreign), subject=_subject(data, what))


def _index(digest: str, data: dict[str, Any]) -> Content:
    what = f"index {digest}"
    if "layers" in data or "config" in data:
        raise _ambiguous(what, "layers")
    entries = data.get("manifests")
    if not isinstance(entries, list):
        raise _unparseable(digest, "`manifests` is not a list")
    children = tuple(read_descriptor(entry, what=what) for entry in entries)
    return Content(children=children, subject=_subject(data, what))


def _subject(data: dict[str, Any], what: str) -> Descriptor | None:
    subject = data.get("subject")
    return None if subject is None else read_descriptor(subject, what=what)


def _ambiguous(what: str, key: str) -> InputError:
    return InputError(f"{what} can be read in two ways: key `{key[:80]}`", code="manifest_ambiguous", key=key[:80])


def _unparseable(digest: str, why: str) -> InputError:
    return InputError(f"manifest {digest} is not what it claims to be: {why}", code="manifest_unparseable")
