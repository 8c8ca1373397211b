"""Manifests, indexes and configs as documents: fetched by digest and parsed so that they can be read in one way only.

Sources: OCI image-spec 1.1 (manifest, image index, config), Docker Image Manifest v2 schema 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gate.errors import BoundError, InputError, IntegrityError
from gate.image.jsontext import read_json, refuse_case_twins
from gate.model.digest import Digest

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.model.image import ImageRef
    from gate.registry.interface import ImageReader, Manifest

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
INDEXES = frozenset({DOCKER_LIST, OCI_INDEX})
IMAGES = frozenset({DOCKER_MANIFEST, OCI_MANIFEST})

REBUILD = "Build and push the image again with a current tool (`docker buildx build --push`)."


class Document(BaseModel):
    """What is read of a document; keys that mean nothing here are passed over."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Platform(Document):
    """`os/architecture[/variant]`."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Entry(Document):
    """A descriptor: of a config or layer in a manifest, of a child in an index."""

    media_type: str = Field(alias="mediaType")
    digest: Digest
    size: int = Field(ge=0)
    urls: list[str] | None = None
    platform: Platform | None = None
    annotations: dict[str, str] | None = None


class ManifestDocument(Document):
    """An image manifest."""

    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")
    config: Entry
    layers: list[Entry]


class IndexDocument(Document):
    """An image index."""

    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")
    manifests: list[Entry]


_Parsed = TypeVar("_Parsed", bound=Document)

_MANIFEST_KEYS = frozenset({"schemaVersion", "mediaType", "config", "layers", "manifests"})
_ENTRY_KEYS = frozenset({"mediaType", "digest", "size", "urls", "platform", "annotations"})
_PLATFORM_KEYS = frozenset({"os", "architecture", "variant"})


def fetch(reader: ImageReader, ref: ImageRef, digest: Digest, bounds: ImageBounds) -> Manifest:
    """Fetch a manifest.

    Raises:
        IntegrityError: another one was given.
        BoundError: it is larger than `manifest_bytes`.
        NotFoundError, UpstreamError: as the reader raises them.
    """
    manifest = reader.manifest(ref)
    if manifest.digest != digest:
        message = f"asked for {digest}, was given {manifest.digest}"
        raise IntegrityError(message)
    if len(manifest.raw) > bounds.manifest_bytes:
        message = f"the manifest {digest} is larger than {bounds.manifest_bytes} bytes"
        raise BoundError(message, bound="manifest_bytes")
    return manifest


def document_of(manifest: Manifest) -> object:
    """Parse a manifest or index; what it calls itself must be what the store calls it (CVE-2021-41190).

    Raises:
        InputError: `manifest_schema_1`, `manifest_media_type`, `manifest_unreadable` or `manifest_ambiguous`.
    """
    if manifest.media_type.startswith(SCHEMA_1):
        message = "the manifest is of Docker's schema 1, which binds no config"
        raise InputError(message, code="manifest_schema_1", hint=REBUILD)
    if manifest.media_type not in INDEXES | IMAGES:
        message = f"`{manifest.media_type[:100]}` is no image manifest"
        raise InputError(message, code="manifest_media_type", hint=REBUILD)
    document = read_json(manifest.raw, what="the manifest", code="manifest_unreadable")
    if not isinstance(document, dict):
        message = "the manifest is no JSON object"
        raise InputError(message, code="manifest_unreadable", hint=REBUILD)
    refuse_case_twins(document, _MANIFEST_KEYS, what="the manifest", code="manifest_ambiguous")
    said = document.get("mediaType", manifest.media_type)
    if said != manifest.media_type or ("manifests" in document and "layers" in document):
        message = f"the registry serves `{manifest.media_type}`, the bytes say otherwise"
        raise InputError(message, code="manifest_ambiguous", hint=REBUILD)
    listed = [document.get("config"), *_items(document.get("layers")), *_items(document.get("manifests"))]
    for descriptor in listed:
        refuse_case_twins(descriptor, _ENTRY_KEYS, what="a descriptor", code="manifest_ambiguous")
        platform = descriptor.get("platform") if isinstance(descriptor, dict) else None
        refuse_case_twins(platform, _PLATFORM_KEYS, what="a platform", code="manifest_ambiguous")
    return document


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def parse(model: type[_Parsed], document: object, what: str) -> _Parsed:
    """Read a parsed document as one of the types above; InputError (`manifest_unreadable`) names the place."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{what} can't be read: `{where}`: {first['msg'][:200]}"
        raise InputError(message, code="manifest_unreadable", hint=REBUILD) from error
