"""What travels with an image into the release: nothing that was not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from image.image_manifests import FILES, child, index, read
from image.image_world import OCI_INDEX, Layer, World, layer, ref_to

from gate.bounds import ImageBounds
from gate.image.index import STATEMENT, read_index
from gate.model.base import sha256_of
from gate.model.image import ChildRole

if TYPE_CHECKING:
    from collections.abc import Callable

MARKS = {"vnd.docker.reference.type": "attestation-manifest"}


def statement() -> Layer:
    """Return a layer as BuildKit's attestations have it."""
    return Layer(packed=b"{}", diff_id=sha256_of(b"{}"), media_type=STATEMENT)


@pytest.mark.parametrize(
    "disguised",
    [
        pytest.param(lambda world: world.image(layer({"evil.py": b""})), id="an-image"),
        pytest.param(lambda world: world.image(statement(), layer({"evil.py": b""})), id="an-image-among-statements"),
        pytest.param(lambda world: world.image(), id="an-image-without-layers"),
        pytest.param(lambda world: world.index(world.image(layer({"evil.py": b""}))), id="an-index"),
    ],
)
def test_an_image_in_the_disguise_of_an_attestation_is_seen_through(disguised: Callable[[World], str]) -> None:
    """It would be released by its digest without ever having been read; `index-children` discards what has one."""
    world = World()
    hidden = child(world, disguised(world), "unknown/unknown", annotations=MARKS)
    outer = index(world, child(world, world.image(layer(FILES))), hidden)
    found = read_index(world, ref_to(outer), bounds=ImageBounds())
    assert found is not None
    assert [one.role for one in found.children] == [ChildRole.IMAGE, ChildRole.DISGUISED]


def test_statements_beside_an_image_are_let_through() -> None:
    world = World()
    digest = world.image(layer(FILES))
    attested = child(world, world.image(statement()), "unknown/unknown", annotations=MARKS)
    assert read(world, index(world, child(world, digest), attested, media_type=OCI_INDEX)).digest == digest
