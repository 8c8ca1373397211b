"""An image that was just read is remembered, only as what it was read as, and only up to a bound."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from image.image_world import SITE, World, layer, ref_to, wheel

from gate.bounds import ImageBounds
from gate.errors import BoundError, NotFoundError
from gate.image.inventory import read_inventory
from gate.image.memory import ImageMemory

if TYPE_CHECKING:
    from gate.model.image import Inventory

BOUNDS = ImageBounds()


def opened(world: World, memory: ImageMemory, digest: str, **options: object) -> tuple[Inventory, int]:
    """Read an image; return its inventory and how many blobs beside the config were asked for."""
    world.opened.clear()
    found, table = read_inventory(world, ref_to(digest), memory=memory, **{"bounds": BOUNDS, **options})  # type: ignore[arg-type] # each test gives the right ones
    assert table.file(f"{SITE}/demo/__init__.py") is not None
    return found, len(world.opened) - 1


def test_a_remembered_image_is_the_same_and_costs_manifest_and_config() -> None:
    world, memory = World(), ImageMemory(1000)
    digest = world.image(layer(wheel()), layer({"a": b"x"}))
    first, asked = opened(world, memory, digest)
    assert asked == 2
    assert opened(world, memory, digest) == (first, 0)


def test_an_image_that_is_gone_is_gone_however_well_it_is_remembered() -> None:
    world, memory = World(), ImageMemory(1000)
    digest = world.image(layer(wheel()))
    opened(world, memory, digest)
    world.manifests.clear()
    with pytest.raises(NotFoundError):
        opened(world, memory, digest)


def test_another_base_or_bound_is_another_reading() -> None:
    world, memory, one = World(), ImageMemory(1000), layer(wheel())
    digest = world.image(one)
    plain, _ = opened(world, memory, digest)
    based, asked = opened(world, memory, digest, base_catalogue=[("base", (one.diff_id,))])
    assert asked == 1
    assert (plain.base, based.base is not None) == (None, True)
    with pytest.raises(BoundError):
        opened(world, memory, digest, bounds=replace(BOUNDS, files=1))


def test_the_image_used_longest_ago_makes_room() -> None:
    world = World()
    digests = [world.image(layer(wheel(more={"n": bytes([number])}))) for number in range(3)]
    files = opened(world, ImageMemory(0), digests[0])[0].files
    memory = ImageMemory(2 * files + 3)
    for number in (0, 1, 0, 2):
        opened(world, memory, digests[number])
    assert [opened(world, memory, digests[number])[1] for number in (0, 2, 1)] == [0, 0, 1]


def test_what_is_too_large_by_itself_is_not_remembered_and_drives_nothing_out() -> None:
    world = World()
    small, large = (
        world.image(layer(wheel())),
        world.image(layer(wheel(files={f"demo/{n}": b"" for n in range(50)} | {"demo/__init__.py": b""}))),
    )
    memory = ImageMemory(20)
    for digest in (small, large):
        opened(world, memory, digest)
    assert [opened(world, memory, digest)[1] for digest in (small, large)] == [0, 1]


def test_metadata_that_is_kept_whole_counts_too() -> None:
    world, memory = World(), ImageMemory(200)
    digest = world.image(layer(wheel(more={"METADATA.more/PKG-INFO": b"x" * 200 * 512})))
    assert [opened(world, memory, digest)[1] for _ in range(2)] == [1, 1]
    assert [opened(world, ImageMemory(300), digest)[1] for _ in range(2)] == [1, 1]
    roomy = ImageMemory(300)
    assert [opened(world, roomy, digest)[1] for _ in range(2)] == [1, 0]
