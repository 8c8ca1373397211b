"""From the layers of an image to proofs: what a later layer does to a package is seen in the image alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from image.image_world import World as Registry
from image.image_world import layer
from index.wheel_maker import WheelRecipe, urlsafe
from origin.origin_image import SITE

from gate.bounds import ImageBounds
from gate.model.image import ProofLevel
from gate.origin.interface import ListedFiles
from gate.origin.prove import prove_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from image.image_world import Node
    from origin.origin_image import World

    from gate.model.image import Inventory

DEMO = WheelRecipe(
    files={"demo_pkg/__init__.py": b"VALUE = 1\n", "demo_pkg/data.json": b"{}"}, scripts="demo = demo_pkg:main\n"
)
EVIL = b"import os\n"


def built(world: World) -> dict[str, Node]:
    """Return the files of what is installed, as a layer has them, without what only this machine put there."""
    paths = [path for path in world.root.rglob("*") if path.is_file()]
    nodes: dict[str, Node] = {str(path.relative_to(world.root)): path.read_bytes() for path in sorted(paths)}
    record = f"{SITE}/{DEMO.dist_info}/RECORD"
    text = nodes[record]
    assert isinstance(text, bytes)
    nodes[record] = b"".join(line for line in text.splitlines(keepends=True) if b"direct_url.json" not in line)
    del nodes[f"{SITE}/{DEMO.dist_info}/direct_url.json"]
    return nodes


def proved(world: World, *layers: Mapping[str, Node]) -> Inventory:
    registry = Registry()
    inventory, files = registry.read(registry.image(*map(layer, layers)), bounds=ImageBounds())
    assert isinstance(files, ListedFiles)
    return prove_inventory(inventory, files, index=world.index)


def verdict(found: Inventory) -> tuple[ProofLevel, str]:
    (component,) = found.components
    assert component.proof is not None
    return component.proof.level, component.proof.code


def test_a_package_that_pip_installed_is_proven_from_its_layer(world: World) -> None:
    world.both(DEMO)
    assert verdict(proved(world, built(world))) == (ProofLevel.PROVEN, "record_equal")


@pytest.mark.parametrize(
    ("above", "code"),
    [
        pytest.param({f"{SITE}/demo_pkg/__init__.py": EVIL}, "record_differs", id="changed"),
        pytest.param({f"{SITE}/demo_pkg/.wh.data.json": b""}, "record_differs", id="hidden"),
        pytest.param({f"{SITE}/demo_pkg/.wh..wh..opq": b""}, "record_differs", id="folder-emptied"),
        pytest.param({f"{SITE}/demo_pkg/evil.py": EVIL}, "extra_files", id="added"),
        pytest.param({"opt/evil.py": EVIL, f"{SITE}/demo_pkg/evil.py": "-> /opt/evil.py"}, "extra_files", id="link"),
        pytest.param({"opt/evil/x.py": EVIL, f"{SITE}/demo_pkg/sub": "-> /opt/evil"}, "extra_files", id="folder-link"),
        pytest.param(
            {"opt/evil.py": EVIL, f"{SITE}/demo_pkg/__init__.py": "-> /opt/evil.py"}, "record_differs", id="relinked"
        ),
        pytest.param({f"{SITE}/{DEMO.dist_info}/.wh.RECORD": b""}, "record_equal", id="record-hidden"),
    ],
)
def test_what_a_later_layer_does_is_seen(world: World, above: dict[str, Node], code: str) -> None:
    world.both(DEMO)
    assert verdict(proved(world, built(world), above))[1] == code


def test_a_later_layer_that_rewrites_the_record_as_well_gains_nothing(world: World) -> None:
    world.both(DEMO)
    below = built(world)
    path = f"{SITE}/{DEMO.dist_info}/RECORD"
    record = below[path]
    assert isinstance(record, bytes)
    forged = record.replace(urlsafe(b"VALUE = 1\n").encode() + b",10", urlsafe(EVIL).encode() + b",10")
    assert forged != record
    found = proved(world, below, {f"{SITE}/demo_pkg/__init__.py": EVIL, path: forged})
    assert found.components[0].record is not None
    assert "demo_pkg/__init__.py" not in found.components[0].record.examples
    assert verdict(found) == (ProofLevel.CONTRADICTED, "record_differs")
