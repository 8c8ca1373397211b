"""From a digest to the facts of one image: index, manifest and config, parsed and held against each other.

Sources: OCI image-spec 1.1 (manifest, image index, config), Docker Image Manifest v2 schema 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gate.errors import BoundError, InputError, IntegrityError
from gate.image.documents import IMAGES, REBUILD, Document, Entry, ManifestDocument, Platform, document_of, fetch, parse
from gate.image.index import read_index
from gate.image.jsontext import read_json, refuse_case_twins
from gate.image.run import RUN_KEYS, run_config
from gate.model.digest import Digest
from gate.model.image import ImageFacts, LayerFact
from gate.registry.interface import Descriptor

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.model.image import ImageRef, IndexChild, IndexFacts
    from gate.registry.interface import ImageReader, Manifest

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


PLATFORM_UNSUPPORTED = "platform_unsupported"
"""The code of an image for another system than Linux; the fact `platform` says for which."""

_ANOTHER = "build it for linux; of an index, leave out what is for another system"


class _Rootfs(Document):
    type: Literal["layers"]
    diff_ids: list[Digest]


class _Config(Document):
    os: str
    architecture: str
    variant: str = ""
    created: str | None = None
    rootfs: _Rootfs
    config: dict[str, object] | None = None


_CONFIG_KEYS = frozenset({"os", "architecture", "variant", "created", "rootfs", "config"})
_ROOTFS_KEYS = frozenset({"type", "diff_ids"})


def read_image(reader: ImageReader, ref: ImageRef, *, bounds: ImageBounds) -> ImageFacts:
    """Read the image that a pinned ref leads to; an index with one image leads to that, one with several to none.

    What is wrong with an index beside its image is for the rule `index-children` to say.

    Raises:
        UsageError: the ref has no digest.
        InputError: not one image that can be read; the code says why.
        IntegrityError: bytes differ from their digest or declared size.
        BoundError: larger than `bounds` grants.
        NotFoundError, UpstreamError: as the reader raises them.
    """
    index = read_index(reader, ref, bounds=bounds)
    digest = _only_image(index).digest if index else str(ref.digest)
    pinned = ref.at(digest)
    facts = _image(reader, pinned, fetch(reader, pinned, digest, bounds), bounds)
    return facts if index is None else facts.model_copy(update={"index_digest": index.digest})


def compression_of(layer: LayerFact) -> Literal["none", "gzip", "zstd"]:
    """Say how a layer's bytes are packed, by its media type, which `read_image` has let through."""
    return COMPRESSION[layer.media_type]


def _only_image(index: IndexFacts) -> IndexChild:
    if len(index.images) > 1:
        names = ", ".join(f"{child.platform} {child.digest}" for child in index.images[:10])
        message = f"the index holds {len(index.images)} images: {names}"
        raise InputError(message, code="index_has_several_platforms", hint="Name one of the images by its own digest.")
    return index.images[0]


def _image(reader: ImageReader, ref: ImageRef, manifest: Manifest, bounds: ImageBounds) -> ImageFacts:
    document = document_of(manifest)
    if manifest.media_type not in IMAGES:
        message = "an index inside an index is not read"
        raise InputError(message, code="index_nested", hint=REBUILD)
    parsed = parse(ManifestDocument, document, "the manifest")
    if parsed.config.media_type not in CONFIGS:
        message = f"the config is a `{parsed.config.media_type[:100]}`: an artifact, no image"
        raise InputError(message, code="not_an_image")
    if len(parsed.layers) > bounds.layers:
        message = f"the image has {len(parsed.layers)} layers, more than {bounds.layers}"
        raise BoundError(message, bound="layers")
    config = _config(reader, ref, parsed.config, bounds)
    platform = str(Platform(os=config.os, architecture=config.architecture, variant=config.variant))
    if config.os != "linux":
        message = f"the image is for `{platform[:40]}`; only linux is read"
        raise InputError(message, code=PLATFORM_UNSUPPORTED, hint=_ANOTHER, platform=platform[:100])
    for layer in parsed.layers:
        _check_layer(layer)
    if len(config.rootfs.diff_ids) != len(parsed.layers):
        message = f"the manifest has {len(parsed.layers)} layers, the config {len(config.rootfs.diff_ids)} diff ids"
        raise InputError(message, code="layer_count_differs", hint=REBUILD)
    return ImageFacts(
        repository=ref.place,
        digest=manifest.digest,
        media_type=manifest.media_type,
        config_digest=parsed.config.digest,
        platform=platform,
        created=config.created or "",
        run=run_config(config.config or {}),
        layers=tuple(
            LayerFact(digest=layer.digest, diff_id=diff_id, size=layer.size, media_type=layer.media_type)
            for layer, diff_id in zip(parsed.layers, config.rootfs.diff_ids, strict=True)
        ),
    )


def _check_layer(layer: Entry) -> None:
    if layer.urls or "foreign" in layer.media_type or "nondistributable" in layer.media_type:
        message = f"layer {layer.digest} is kept elsewhere (`{layer.media_type[:100]}`), so nobody can vouch for it"
        raise InputError(message, code="layer_foreign", hint="Rebuild on a base whose layers the registry holds.")
    if layer.media_type not in COMPRESSION:
        message = f"layer {layer.digest} is a `{layer.media_type[:100]}`, which is not read"
        raise InputError(message, code="layer_media_type", hint=REBUILD)


def _config(reader: ImageReader, ref: ImageRef, config: Entry, bounds: ImageBounds) -> _Config:
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
    run = document.get("config") if isinstance(document, dict) else None
    refuse_case_twins(run, RUN_KEYS, what="what the config says of running", code="manifest_ambiguous")
    return parse(_Config, document, "the config")
