"""From a digest to the facts of one image: index, manifest and config, parsed and held against each other.

Sources: OCI image-spec 1.1 (manifest, image index, config), Docker Image Manifest v2 schema 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gate.errors import BoundError, InputError, IntegrityError, UsageError
from gate.image.jsontext import read_json, refuse_case_twins
from gate.model.digest import Digest
from gate.model.image import ImageFacts, LayerFact
from gate.registry.interface import Descriptor, Manifest

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.model.image import ImageRef
    from gate.registry.interface import ImageReader

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"

STATEMENT = "application/vnd.in-toto+json"
"""The media type of what BuildKit's attestations hold; no engine runs it."""

CONFIGS = frozenset({"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"})

COMPRESSION: dict[str, Literal["none", "gzip", "zstd"]] = {
    "application/vnd.docker.image.rootfs.diff.tar": "none",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
    "application/vnd.oci.image.layer.v1.tar": "none",
    "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
}
"""Every media type of a layer that is read, and how its bytes are packed."""

_REBUILD = "Build and push the image again with a current tool (`docker buildx build --push`)."


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _Platform(_Read):
    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class _Descriptor(_Read):
    media_type: str = Field(alias="mediaType")
    digest: Digest
    size: int = Field(ge=0)
    urls: list[str] | None = None
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None


class _Manifest(_Read):
    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")
    config: _Descriptor
    layers: list[_Descriptor]


class _Index(_Read):
    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")
    manifests: list[_Descriptor]


class _Rootfs(_Read):
    type: Literal["layers"]
    diff_ids: list[Digest]


class _Config(_Read):
    os: str
    architecture: str
    variant: str = ""
    created: str | None = None
    rootfs: _Rootfs


_Parsed = TypeVar("_Parsed", bound=_Read)

_MANIFEST_KEYS = frozenset({"schemaVersion", "mediaType", "config", "layers", "manifests"})
_DESCRIPTOR_KEYS = frozenset({"mediaType", "digest", "size", "urls", "platform"})
_CONFIG_KEYS = frozenset({"os", "architecture", "variant", "created", "rootfs"})
_ROOTFS_KEYS = frozenset({"type", "diff_ids"})


def read_image(reader: ImageReader, ref: ImageRef, *, bounds: ImageBounds) -> ImageFacts:
    """Read what a pinned ref leads to; an index with one runnable child leads to that child.

    Raises:
        UsageError: the ref has no digest.
        InputError: not one image that can be read; the code says why.
        IntegrityError: bytes differ from their digest or declared size.
        BoundError: larger than `bounds` grants.
        NotFoundError, UpstreamError: as the reader raises them.
    """
    if ref.digest is None:
        message = f"`{ref}` names no digest; resolve the tag first"
        raise UsageError(message)
    manifest = _fetch(reader, ref, ref.digest, bounds)
    if manifest.media_type not in {DOCKER_LIST, OCI_INDEX}:
        return _image(reader, ref, manifest, bounds)
    index = _parse(_Index, _document(manifest), "the image index")
    child = _only_child(index)
    for other in index.manifests:
        if other is not child:
            _refuse_disguised(reader, ref.at(other.digest), other, bounds)
    pinned = ref.at(child.digest)
    inner = _fetch(reader, pinned, child.digest, bounds)
    if len(inner.raw) != child.size:
        message = f"the index gives {child.size} bytes for {child.digest}, it has {len(inner.raw)}"
        raise IntegrityError(message)
    facts = _image(reader, pinned, inner, bounds)
    if child.platform is not None and facts.platform.split("/")[:2] != [
        child.platform.os,
        child.platform.architecture,
    ]:
        message = f"the index says `{child.platform}`, the image's config `{facts.platform}`"
        raise InputError(message, code="platform_contradiction", hint=_REBUILD)
    return facts.model_copy(update={"index_digest": manifest.digest})


def compression_of(layer: LayerFact) -> Literal["none", "gzip", "zstd"]:
    """Say how a layer's bytes are packed, by its media type, which `read_image` has let through."""
    return COMPRESSION[layer.media_type]


def _fetch(reader: ImageReader, ref: ImageRef, digest: Digest, bounds: ImageBounds) -> Manifest:
    manifest = reader.manifest(ref)
    if manifest.digest != digest:
        message = f"asked for {digest}, was given {manifest.digest}"
        raise IntegrityError(message)
    if len(manifest.raw) > bounds.manifest_bytes:
        message = f"the manifest {digest} is larger than {bounds.manifest_bytes} bytes"
        raise BoundError(message, bound="manifest_bytes")
    return manifest


def _document(manifest: Manifest) -> object:
    """Parse a manifest or index; what it calls itself must be what the store calls it (CVE-2021-41190)."""
    if manifest.media_type.startswith(SCHEMA_1):
        message = "the manifest is of Docker's schema 1, which binds no config"
        raise InputError(message, code="manifest_schema_1", hint=_REBUILD)
    if manifest.media_type not in {DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX}:
        message = f"`{manifest.media_type[:100]}` is no image manifest"
        raise InputError(message, code="manifest_media_type", hint=_REBUILD)
    document = read_json(manifest.raw, what="the manifest", code="manifest_unreadable")
    if not isinstance(document, dict):
        message = "the manifest is no JSON object"
        raise InputError(message, code="manifest_unreadable", hint=_REBUILD)
    refuse_case_twins(document, _MANIFEST_KEYS, what="the manifest", code="manifest_ambiguous")
    said = document.get("mediaType", manifest.media_type)
    if said != manifest.media_type or ("manifests" in document and "layers" in document):
        message = f"the registry serves `{manifest.media_type}`, the bytes say otherwise"
        raise InputError(message, code="manifest_ambiguous", hint=_REBUILD)
    listed = [document.get("config"), *_items(document.get("layers")), *_items(document.get("manifests"))]
    for descriptor in listed:
        refuse_case_twins(descriptor, _DESCRIPTOR_KEYS, what="a descriptor", code="manifest_ambiguous")
    return document


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _parse(model: type[_Parsed], document: object, what: str) -> _Parsed:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{what} can't be read: `{where}`: {first['msg'][:200]}"
        raise InputError(message, code="manifest_unreadable", hint=_REBUILD) from error


def _only_child(index: _Index) -> _Descriptor:
    runnable = [child for child in index.manifests if not _is_attestation(child)]
    if not runnable:
        message = "the index holds no image that can be run"
        raise InputError(message, code="index_without_image", hint=_REBUILD)
    if len(runnable) > 1:
        names = ", ".join(f"{child.platform} {child.digest}" for child in runnable[:10])
        message = f"the index holds {len(runnable)} images: {names}"
        hint = "Submit each image by its own digest, or build for one platform."
        raise InputError(message, code="index_has_several_platforms", hint=hint)
    return runnable[0]


def _is_attestation(child: _Descriptor) -> bool:
    """Say whether a child is BuildKit's attestation: both of its marks, for one alone could hide an image."""
    unknown = child.platform is not None and (child.platform.os, child.platform.architecture) == ("unknown", "unknown")
    return unknown and (child.annotations or {}).get("vnd.docker.reference.type") == "attestation-manifest"


def _refuse_disguised(reader: ImageReader, ref: ImageRef, child: _Descriptor, bounds: ImageBounds) -> None:
    """Refuse an attestation that holds anything but statements: it is released with the image that it is beside."""
    manifest = _fetch(reader, ref, child.digest, bounds)
    document = _document(manifest)
    single = manifest.media_type in {DOCKER_MANIFEST, OCI_MANIFEST}
    layers = _parse(_Manifest, document, "an attestation").layers if single else []
    if not layers or any(layer.media_type != STATEMENT for layer in layers):
        message = f"{child.digest} is marked as an attestation and holds something else"
        raise InputError(message, code="attestation_disguised", hint=_REBUILD)


def _image(reader: ImageReader, ref: ImageRef, manifest: Manifest, bounds: ImageBounds) -> ImageFacts:
    document = _document(manifest)
    if manifest.media_type not in {DOCKER_MANIFEST, OCI_MANIFEST}:
        message = "an index inside an index is not read"
        raise InputError(message, code="index_nested", hint=_REBUILD)
    parsed = _parse(_Manifest, document, "the manifest")
    if parsed.config.media_type not in CONFIGS:
        message = f"the config is a `{parsed.config.media_type[:100]}`: an artifact, no image"
        raise InputError(message, code="not_an_image")
    if len(parsed.layers) > bounds.layers:
        message = f"the image has {len(parsed.layers)} layers, more than {bounds.layers}"
        raise BoundError(message, bound="layers")
    for layer in parsed.layers:
        _check_layer(layer)
    config = _config(reader, ref, parsed.config, bounds)
    if len(config.rootfs.diff_ids) != len(parsed.layers):
        message = f"the manifest has {len(parsed.layers)} layers, the config {len(config.rootfs.diff_ids)} diff ids"
        raise InputError(message, code="layer_count_differs", hint=_REBUILD)
    if config.os != "linux":
        message = f"the image is for `{config.os[:40]}`; only linux is read"
        raise InputError(message, code="platform_unsupported")
    platform = _Platform(os=config.os, architecture=config.architecture, variant=config.variant)
    return ImageFacts(
        repository=ref.place,
        digest=manifest.digest,
        media_type=manifest.media_type,
        config_digest=parsed.config.digest,
        platform=str(platform),
        created=config.created or "",
        layers=tuple(
            LayerFact(digest=layer.digest, diff_id=diff_id, size=layer.size, media_type=layer.media_type)
            for layer, diff_id in zip(parsed.layers, config.rootfs.diff_ids, strict=True)
        ),
    )


def _check_layer(layer: _Descriptor) -> None:
    if layer.urls or "foreign" in layer.media_type or "nondistributable" in layer.media_type:
        message = f"layer {layer.digest} is kept elsewhere (`{layer.media_type[:100]}`), so nobody can vouch for it"
        raise InputError(message, code="layer_foreign", hint="Rebuild on a base whose layers the registry holds.")
    if layer.media_type not in COMPRESSION:
        message = f"layer {layer.digest} is a `{layer.media_type[:100]}`, which is not read"
        raise InputError(message, code="layer_media_type", hint=_REBUILD)


def _config(reader: ImageReader, ref: ImageRef, config: _Descriptor, bounds: ImageBounds) -> _Config:
    if config.size > bounds.manifest_bytes:
        message = f"the config {config.digest} is larger than {bounds.manifest_bytes} bytes"
        raise BoundError(message, bound="manifest_bytes")
    descriptor = Descriptor(digest=config.digest, size=config.size, media_type=config.media_type)
    with reader.blob(ref, descriptor) as stream:
        raw = bytearray()
        while piece := stream.read(config.size + 1 - len(raw)):
            raw += piece
            if len(raw) > config.size:
                message = f"the config {config.digest} is larger than the {config.size} bytes that the manifest gives"
                raise IntegrityError(message)
    document = read_json(bytes(raw), what="the config", code="config_unreadable")
    refuse_case_twins(document, _CONFIG_KEYS, what="the config", code="manifest_ambiguous")
    rootfs = document.get("rootfs") if isinstance(document, dict) else None
    refuse_case_twins(rootfs, _ROOTFS_KEYS, what="the config's rootfs", code="manifest_ambiguous")
    return _parse(_Config, document, "the config")
