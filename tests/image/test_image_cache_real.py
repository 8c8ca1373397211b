"""What a real registry is asked for when every layer is known: manifest and config, and not one layer."""

from __future__ import annotations

import io
import re
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from image.image_world import World, codes, layer, names, wheel
from servers.images import descriptor_of

from gate.bounds import ImageBounds
from gate.http.client import HttpClient
from gate.image.inventory import read_inventory
from gate.registry.auth import NoCredentials
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry
from gate.store.engine import make_engine
from gate.store.layers import StoredLayers
from gate.store.layers_local import local_layers
from gate.store.schema import upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from servers.registry import RegistryServer

    from gate.image.cache import LayerCache
    from gate.model.image import ImageRef, Inventory

BOUNDS = ImageBounds()
REPOSITORY = "gate-tests/image-cache"
_ASKED = re.compile(r'http\.request\.method=GET.*http\.request\.uri="?/v2/gate-tests/image-cache/(\w+)/(sha256:\w+)')


def now() -> datetime:
    return datetime.now(UTC)


def pushed(registry: RegistryServer, world: World, digest: str) -> ImageRef:
    """Bring an image of the world into a real registry."""
    target = parse_image_ref(f"{registry.host}/{REPOSITORY}:latest")
    manifest = world.manifests[digest]
    with closing(HttpClient()) as client:
        writer = RemoteRegistry(client, NoCredentials())
        for data in world.blobs.values():
            writer.upload_blob(target, descriptor_of(data, "application/octet-stream"), io.BytesIO(data))
        writer.put_manifest(target, manifest)
    return target.at(digest)


def asked(registry: RegistryServer, ref: ImageRef, cache: LayerCache) -> tuple[Inventory, list[tuple[str, str]]]:
    """Read an image; return its inventory and what the registry says that it was asked for."""
    before = len(registry.log.read_text(errors="replace"))
    with closing(HttpClient()) as client:
        found, _ = read_inventory(RemoteRegistry(client, NoCredentials()), ref, bounds=BOUNDS, cache=cache)
    lines = registry.log.read_text(errors="replace")[before:].splitlines()
    return found, [(match[1], match[2]) for line in lines if (match := _ASKED.search(line)) is not None]


def test_a_registry_is_asked_for_manifest_and_config_alone_when_every_layer_is_known(
    registry: RegistryServer, tmp_path: Path
) -> None:
    world = World()
    layers = [layer(wheel()), layer(wheel("other", files={"other/data": bytes(range(256)) * 4096}))]
    ref = pushed(registry, world, world.image(*layers))
    url = f"sqlite:///{tmp_path}/gate.sqlite"
    engine = make_engine(url)
    upgrade(engine)
    first, cold = asked(registry, ref, StoredLayers(engine, BOUNDS, now))
    engine.dispose()
    assert (names(first), codes(first)) == (["pypi/demo@1.0", "pypi/other@1.0"], [])
    assert {digest for what, digest in cold if what == "blobs"} == {
        first.image.config_digest,
        *(one.descriptor.digest for one in layers),
    }
    with local_layers(url, BOUNDS, clock=now, busy_seconds=1) as cache:
        second, warm = asked(registry, ref, cache)
    assert second == first
    assert set(warm) == {("manifests", ref.digest), ("blobs", first.image.config_digest)}
