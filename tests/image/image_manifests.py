"""Manifests made up for tests, and what is refused of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from image.image_world import OCI_INDEX, OCI_MANIFEST, World, layer, ref_to

from gate.bounds import ImageBounds
from gate.errors import GateError, InputError
from gate.image.manifest import read_image
from gate.model.image import ImageFacts

BOUNDS = ImageBounds()


DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"


FILES = {"etc/os-release": b"ID=debian\n"}


def read(world: World, digest: str, bounds: ImageBounds = BOUNDS) -> ImageFacts:
    return read_image(world, ref_to(digest), bounds=bounds)


def child(world: World, digest: str, platform: str | None = "linux/amd64", **more: object) -> dict[str, Any]:
    manifest = world.manifests[digest]
    entry: dict[str, Any] = {"mediaType": manifest.media_type, "digest": digest, "size": len(manifest.raw), **more}
    if platform is not None:
        system, architecture = platform.split("/")
        entry["platform"] = {"os": system, "architecture": architecture}
    return entry


def index(world: World, *children: dict[str, Any], media_type: str = OCI_INDEX) -> str:
    return world.keep({"schemaVersion": 2, "mediaType": media_type, "manifests": list(children)}, media_type)


def refused(world: World, digest: str, code: str, kind: type[GateError] = InputError) -> GateError:
    with pytest.raises(kind) as caught:
        read(world, digest)
    assert caught.value.error_code == code
    assert not opened_layers(world)
    return caught.value


def opened_layers(world: World) -> list[Any]:
    """A refused manifest must not have led to a layer being read."""
    return [one for one in map(world.blobs.get, world.opened) if one is not None and one[:2] == b"\x1f\x8b"]


def with_config(world: World, config: dict[str, Any]) -> str:
    body = json.loads(world.manifests[world.image(layer(FILES))].raw) | {"config": config}
    return world.keep(body, OCI_MANIFEST)
