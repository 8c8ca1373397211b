"""Layers that were made to cost more than they weigh: each ends in a named result, within little memory.

They go the whole way that an image goes, through all the threads. What unpacks to gigabytes is a gzip member, repeated.
"""

from __future__ import annotations

import dataclasses
import gzip
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from image.image_cache import Memory
from image.image_tars import END, header, padded, pax
from image.image_world import SITE, Layer, World, codes, layer, names, ref_to, wheel

from gate.bounds import MIB, ImageBounds
from gate.errors import BoundError, GateError, InputError, IntegrityError
from gate.image.inventory import read_inventory
from gate.image.layers import INLINE_BYTES

if TYPE_CHECKING:
    from image.image_world import Node

    from gate.model.image import Inventory

BOUNDS = ImageBounds()
LITTLE = 64 * MIB
"""More than any of these may take at its peak, and far less than they unpack to."""


def repeated(content: bytes, times: int) -> Layer:
    """Return a layer of so many gzip members; its diff id is never reached."""
    return Layer(packed=gzip.compress(content, 9, mtime=0) * times, diff_id="sha256:" + "0" * 64)


def refusal(*layers: Layer, bounds: ImageBounds = BOUNDS) -> GateError:
    """Read an image that must be refused, and hold the peak of memory and that nothing stays behind."""
    world, memory, before = World(), Memory(), threading.active_count()
    digest = world.image(*layers)
    tracemalloc.start()
    try:
        with pytest.raises(GateError) as caught:
            read_inventory(world, ref_to(digest), bounds=bounds, cache=memory)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < LITTLE
    assert world.closed == len(world.opened)
    assert threading.active_count() <= before
    assert memory.written == 0
    return caught.value


def inventory(*layers: Layer) -> Inventory:
    world = World()
    return read_inventory(world, ref_to(world.image(*layers)), bounds=BOUNDS)[0]


def test_a_bomb_is_stopped_long_before_it_has_unpacked() -> None:
    bomb = repeated(header(b"zeros", size=b"77777777777") + bytes(64 * MIB), 32)
    assert len(bomb.packed) > INLINE_BYTES
    assert isinstance(error := refusal(bomb, bounds=dataclasses.replace(BOUNDS, ratio=100)), BoundError)
    assert error.facts["bound"] == "ratio"
    assert refusal(bomb, bounds=dataclasses.replace(BOUNDS, layer_bytes=32 * MIB)).facts["bound"] == "layer_bytes"


def test_a_bomb_of_metadata_is_not_kept() -> None:
    size = b"%011o" % (2 << 30)
    bomb = repeated(header(b"demo-1.0.dist-info/METADATA", size=size) + bytes(64 * MIB), 16)
    assert refusal(bomb).facts["bound"] in {"ratio", "metadata_bytes"}


@pytest.mark.parametrize(
    "block",
    [
        header(b"same"),
        header(b"folder/", kind=b"5"),
        header(b".wh.gone"),
        header(b"link", kind=b"2", link=b"link"),
        header(b"link", kind=b"1", link=b"nowhere"),
        pax(("path", "a")),
        pax(("comment", "nothing"), kind=b"g"),
        header(b"long", kind=b"L", size=b"00000000001") + padded(b"x"),
    ],
)
def test_headers_without_end_are_counted(block: bytes) -> None:
    endless = repeated(block * (MIB // len(block)), 200)
    bounds = dataclasses.replace(BOUNDS, files=5000, ratio=10**9)
    assert refusal(endless, bounds=bounds).facts["bound"] == "files"


def test_folders_that_names_ask_for_are_counted() -> None:
    deep = b"".join(pax(("path", f"{number}/" + "d/" * 200 + "f")) + header() for number in range(100))
    bounds = dataclasses.replace(BOUNDS, files=5000, ratio=10**9)
    assert refusal(repeated(deep, 100), bounds=bounds).facts["bound"] == "files"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (header(kind=b"S"), "tar_type"),
        (pax(("GNU.sparse.major", "1")) + header(), "tar_type"),
        (header(size=b"-0000000001"), "tar_header"),
        (header(size=b"\xff" * 12), "tar_header"),
        (pax(("size", "-1")) + header(), "tar_header"),
        (header(size=b"%011o" % (1 << 32)), "layer_truncated"),
        (header(size=b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7), "layer_truncated"),
    ],
)
def test_sizes_that_lie_are_refused(raw: bytes, code: str) -> None:
    error = refusal(layer(raw + END))
    assert isinstance(error, InputError)
    assert error.error_code == code


def test_links_in_circles_and_names_that_are_no_utf8_end_in_a_whole_inventory() -> None:
    circles: dict[str, Node] = {
        "a": "-> b",
        "b": "-> a",
        "c": "-> c/c",
        "\udcff\udcfe": b"x",
        "e\udc80.dist-info": "-> e\udc80.dist-info",
    }
    found = inventory(layer(circles), layer(wheel()), layer({"a/x": b"behind a circle", "c/.wh.x": b""}))
    assert names(found) == ["pypi/demo@1.0"]
    assert "path_through_link" in codes(found)
    assert all(problem.message.isprintable() for problem in found.problems)


@pytest.mark.parametrize("size", [0, INLINE_BYTES * 3])
def test_a_layer_that_is_cut_or_another_is_refused_wherever_it_breaks(size: int) -> None:
    noise = bytes(range(256)) * (size // 256)
    whole = layer({f"{SITE}/x": noise, "random": gzip.compress(noise) * 400}, packing="gzip")
    for cut in (1, len(whole.packed) // 2, len(whole.packed) - 1):
        world = World()
        digest = world.image(whole)
        world.blobs[whole.descriptor.digest] = whole.packed[:cut]
        with pytest.raises((InputError, IntegrityError)):
            read_inventory(world, ref_to(digest), bounds=BOUNDS)
    other = dataclasses.replace(whole, diff_id="sha256:" + "1" * 64)
    assert refusal(other).error_code == "diff_id_mismatch"
