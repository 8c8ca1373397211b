"""What was read of a layer once takes the place of reading it: the same result, and never a bad layer made good."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import inspect
from typing import TYPE_CHECKING, NamedTuple

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from image.image_cache import BOUNDS, Memory, layers_opened, merged
from image.image_layers import listing, problems
from image.image_world import SITE, World, layer, ref_to, wheel

from gate.errors import BoundError, GateError, IntegrityError
from gate.image import cache as cache_module
from gate.image.cache import READING, key_of, reader_version
from gate.image.inventory import read_inventory
from gate.image.layers import INLINE_BYTES
from gate.image.tree import FileEntry, Folder, walk
from gate.model.image import LayerFact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from image.image_world import Node

    from gate.image.files import FileSystem
    from gate.model.image import ImageRef
    from gate.registry.interface import Descriptor

STATUS = b"Package: bash\nVersion: 5.2\nArchitecture: amd64\nStatus: install ok installed\n\n"
NAMES = ("a", "b", "a/x", "a/y", "b/x", "a/b/x", "lib", "usr/lib/x", "\udcff", "a\nb")
LINKS = ("-> ../b", "-> /usr/lib", "-> a", "= a/x", "= b/x", "= gone")
NODES: tuple[Node, ...] = (b"one", b"", b"two" * 400, None, *LINKS)
MARKS = (".wh.a", "a/.wh.x", ".wh.b", "a/.wh..wh..opq", ".wh..wh..opq", "lib/.wh.dpkg", ".wh..wh.aufs", ".wh..wh.x")
METADATA = {
    "lib/dpkg/status": STATUS,
    "d-1.dist-info/METADATA": b"Name: d\nVersion: 1\n",
    "a/d-1.dist-info/RECORD": b"d.py,,\n",
}


def trees() -> st.SearchStrategy[dict[str, Node]]:
    """Any layer of a small world: files, folders, links of both kinds, whiteouts, metadata, in any order."""
    nodes = st.tuples(st.sampled_from(NAMES), st.sampled_from(NODES))
    marks = st.tuples(st.sampled_from(MARKS), st.just(b""))
    told = st.sampled_from(sorted(METADATA.items()))
    return st.lists(st.one_of(nodes, nodes, marks, told), max_size=12).map(dict)


class Seen(NamedTuple):
    """All that merging leaves, or the error that it ended with."""

    error: str = ""
    files: object = None
    order: object = None
    said: object = None
    rest: object = None


def seen(world: World, digest: str, memory: Memory, base_layers: int) -> Seen:
    try:
        system = merged(world, digest, memory, base_layers=base_layers)
    except GateError as error:
        return Seen(error=f"{error.error_code}: {error.message}")
    return Seen(
        files=listing(system),
        order=[(path, folder.layer, folder.explicit, list(folder.entries)) for path, folder in walk(system.root)],
        said=system.problems,
        rest=(system.kept, list(system.kept), system.covered.keys(), system.removed, system.history),
    )


@settings(max_examples=120, deadline=None)
@given(stack=st.lists(trees(), min_size=1, max_size=4), base_layers=st.integers(0, 2))
def test_any_stack_of_layers_comes_out_of_the_cache_as_it_was_read(
    stack: list[dict[str, Node]], base_layers: int
) -> None:
    world, memory = World(), Memory()
    layers = [layer(tree) for tree in stack]
    digest = world.image(*layers)
    read = seen(world, digest, memory, base_layers)
    layers_opened(world, *layers)
    assert seen(world, digest, memory, base_layers) == read
    assert read.error or layers_opened(world, *layers) == []


@settings(max_examples=60, deadline=None)
@given(lower=trees(), shared=trees())
def test_a_layer_of_one_image_is_the_same_in_another_place_of_another(
    lower: dict[str, Node], shared: dict[str, Node]
) -> None:
    world, memory = World(), Memory()
    merged(world, world.image(layer(shared)), memory)
    digest = world.image(layer(lower), layer(shared))
    assert seen(world, digest, memory, 0) == seen(world, digest, Memory(), 0)


def test_with_every_layer_known_the_store_is_asked_for_manifest_and_config_alone() -> None:
    world, memory = World(), Memory()
    digest = world.image(layer(wheel()), layer(wheel("other")))
    first, _ = read_inventory(world, ref_to(digest), bounds=BOUNDS, cache=memory)
    world.opened.clear()
    second, table = read_inventory(world, ref_to(digest), bounds=BOUNDS, cache=memory)
    assert second == first
    assert world.opened == [first.image.config_digest]
    assert table.file(f"{SITE}/demo/__init__.py") is not None


def test_an_empty_cache_is_still_a_cache() -> None:
    class Falsy(Memory):
        def __len__(self) -> int:
            return 0

    world, memory = World(), Falsy()
    read_inventory(world, ref_to(world.image(layer(wheel()))), bounds=BOUNDS, cache=memory)
    assert memory.written == 1


def test_without_a_cache_nothing_is_remembered() -> None:
    world, one = World(), layer(wheel())
    digest = world.image(one)
    for _ in range(2):
        read_inventory(world, ref_to(digest), bounds=BOUNDS)
        assert layers_opened(world, one) == [one.descriptor.digest]


@pytest.mark.parametrize("packing", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("size", [0, INLINE_BYTES * 4])
def test_a_layer_of_other_bytes_is_refused_and_leaves_nothing_behind(packing: str, size: int) -> None:
    noise = b"".join(hashlib.sha256(bytes([at % 256, at // 256])).digest() for at in range(size // 32))
    good = layer({"a/x": b"good", "noise": noise}, packing=packing)
    for bad in (good.packed[:-1], good.packed + b"x", good.packed[:-40] + b"\xff" * 40, b""):
        world, memory = World(), Memory()
        digest = world.image(good)
        world.blobs[good.descriptor.digest] = bad
        with pytest.raises(GateError):
            merged(world, digest, memory)
        assert memory.written == 0


def test_another_diff_id_for_a_layer_that_is_known_is_refused() -> None:
    world, memory = World(), Memory()
    one = layer({"a": b"x"})
    merged(world, world.image(one), memory)
    liar = dataclasses.replace(one, diff_id="sha256:" + "0" * 64)
    with pytest.raises(IntegrityError) as caught:
        merged(world, world.image(liar), memory)
    assert caught.value.error_code == "diff_id_mismatch"
    assert memory.written == 1


@pytest.mark.parametrize("media_type", ["application/vnd.oci.image.layer.v1.tar", None])
def test_another_media_type_or_size_for_a_layer_that_is_known_is_refused(media_type: str | None) -> None:
    world, memory = World(), Memory()
    one = layer({"a": b"x"})
    merged(world, world.image(one), memory)
    extra = {"mediaType": media_type} if media_type else {"size": len(one.packed) + 1}
    with pytest.raises(GateError):
        merged(world, world.image(dataclasses.replace(one, extra=extra)), memory)
    assert memory.written == 1


@pytest.mark.parametrize("cut", [0, 1, 31, 32, 40, -1])
def test_an_entry_that_was_cut_is_none(cut: int) -> None:
    world, memory = World(), Memory()
    one = layer(wheel())
    digest = world.image(one)
    good = listing(merged(world, digest, memory))
    layers_opened(world, one)
    ((key, entry),) = memory.entries.items()
    memory.entries[key] = entry[:cut]
    assert listing(merged(world, digest, memory)) == good
    assert layers_opened(world, one) == [one.descriptor.digest]
    assert memory.entries[key] == entry, "the next one finds it whole again"


def test_no_altered_byte_of_an_entry_goes_unnoticed() -> None:
    world, memory = World(), Memory()
    one = layer({"a": b"x"})
    digest = world.image(one)
    merged(world, digest, memory)
    ((key, entry),) = memory.entries.items()
    for at in range(len(entry)):
        memory.entries[key] = entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :]
        layers_opened(world, one)
        merged(world, digest, memory)
        assert layers_opened(world, one) == [one.descriptor.digest]


@pytest.mark.parametrize("packed", [b"", b"noise", zstandard.compress(b"noise"), zstandard.compress(b"noise")[:-1]])
def test_an_entry_that_is_sealed_and_yet_no_result_is_none(packed: bytes) -> None:
    world, memory = World(), Memory()
    one = layer({"a": b"x"})
    digest = world.image(one)
    merged(world, digest, memory)
    ((key, entry),) = memory.entries.items()
    layers_opened(world, one)
    memory.entries[key] = hashlib.sha256(key.encode() + packed).digest() + packed
    merged(world, digest, memory)
    assert layers_opened(world, one) == [one.descriptor.digest]
    assert memory.entries[key] == entry


def test_the_entry_of_a_harmless_layer_under_the_key_of_another_is_none() -> None:
    world, memory = World(), Memory()
    harmless, evil = layer({"a": b"x"}), layer(wheel("evil"))
    merged(world, world.image(harmless), memory)
    ((_, entry),) = memory.entries.items()
    fact = LayerFact(
        digest=evil.descriptor.digest,
        diff_id=evil.diff_id,
        size=len(evil.packed),
        media_type=evil.descriptor.media_type,
    )
    memory.entries[key_of(fact, BOUNDS)] = entry
    digest = world.image(evil)
    assert f"{SITE}/evil/__init__.py" in listing(merged(world, digest, memory))


def test_what_goes_past_a_bound_does_so_with_the_cache_as_without() -> None:
    world = World()
    layers = [layer({f"{name}/d/{at}": b"x" for at in range(5)}) for name in "abc"]
    digest = world.image(*layers)
    memory = Memory()
    merged(world, digest, memory)
    for bounds in (
        dataclasses.replace(BOUNDS, files=12),
        dataclasses.replace(BOUNDS, depth=1),
        dataclasses.replace(BOUNDS, name_bytes=2),
        dataclasses.replace(BOUNDS, layer_bytes=600),
    ):
        with pytest.raises(BoundError) as cold:
            merged(world, digest, Memory(), bounds)
        with pytest.raises(BoundError) as warm:
            merged(world, digest, memory, bounds)
        assert (warm.value.message, warm.value.facts) == (cold.value.message, cold.value.facts)


def test_a_file_that_found_no_room_is_no_fact_about_its_layer() -> None:
    bounds = dataclasses.replace(BOUNDS, kept_bytes=50)
    world, memory = World(), Memory()
    full, odd = layer({"d-1.dist-info/METADATA": b"x" * 40}), layer({"some/METADATA": b"y" * 20})
    both = kept(merged(world, world.image(full, odd), memory, bounds))
    assert both == {b"x" * 40}
    alone = kept(merged(world, world.image(odd), memory, bounds))
    assert alone == {b"y" * 20}, "what was left out beside another layer is there by itself"
    again = kept(merged(world, world.image(full, odd), memory, bounds))
    assert again == both


def kept(system: FileSystem) -> set[bytes]:
    return set(system.kept.values())


def test_a_result_larger_than_its_bound_is_not_kept() -> None:
    world, one = World(), layer({f"file-{at}": b"x" for at in range(50)})
    digest = world.image(one)
    for most in (100, 2500):
        memory = Memory()
        merged(world, digest, memory, dataclasses.replace(BOUNDS, cached_bytes=most))
        assert memory.written == 0


def test_an_entry_that_would_unpack_past_its_bound_is_none() -> None:
    world, memory = World(), Memory()
    one = layer({f"file-{at}": b"x" for at in range(50)})
    digest = world.image(one)
    merged(world, digest, memory)
    layers_opened(world, one)
    small = dataclasses.replace(BOUNDS, cached_bytes=1000)
    merged(world, digest, memory, small)
    assert layers_opened(world, one) == [one.descriptor.digest]


def test_the_problems_of_a_layer_name_its_place_in_each_image() -> None:
    world, memory = World(), Memory()
    odd = layer({"../climbs": b"x"})
    assert problems(merged(world, world.image(odd), memory)) == ["path_climbs"]
    system = merged(world, world.image(layer({"a": b"x"}), odd), memory)
    assert system.problems[0].message.startswith("layer 1: ")
    assert memory.written == 2


def test_every_module_that_layers_are_read_with_is_in_the_version() -> None:
    met, todo = set[str](), ["layers", "codec"]
    while todo:
        name = todo.pop()
        met.add(name)
        source = inspect.getsource(importlib.import_module(f"gate.image.{name}"))
        lines = (line for line in source.splitlines() if line.startswith("from gate.image."))
        used = {line.split()[1].rpartition(".")[2] for line in lines}
        todo.extend(used - met - {"manifest"})  # of which the media types are used, and they are part of the key
    assert met == set(READING)


def test_the_version_is_of_the_code_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    fact = LayerFact(digest="sha256:" + "1" * 64, diff_id="sha256:" + "2" * 64, size=3, media_type="x")
    before = key_of(fact, BOUNDS)
    assert len(reader_version()) == 64
    monkeypatch.setattr(cache_module, "reader_version", lambda: "other")
    assert key_of(fact, BOUNDS) != before


def test_without_the_sources_of_the_reader_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    world, memory = World(), Memory()
    digest = world.image(layer({"a": b"x"}))
    merged(world, digest, memory)
    monkeypatch.setattr(cache_module, "READING", ("layers", "not_installed"))
    reader_version.cache_clear()
    try:
        assert reader_version() == ""
        merged(world, digest, memory)
    finally:
        reader_version.cache_clear()
    assert (memory.asked, memory.written) == (1, 1)


class Dripping(World):
    """A store whose blobs come right and are found wrong only when they are closed."""

    @contextlib.contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        with super().blob(ref, descriptor) as stream:
            yield stream
        if descriptor.media_type.endswith("gzip"):
            message = "the connection broke"
            raise IntegrityError(message)


def test_an_error_after_the_last_byte_keeps_the_layer_out_as_well() -> None:
    world, memory = Dripping(), Memory()
    with pytest.raises(IntegrityError):
        merged(world, world.image(layer({"a": b"x"})), memory)
    assert memory.written == 0


def test_a_folder_and_a_file_keep_their_own_layers() -> None:
    world, memory = World(), Memory()
    digest = world.image(layer({"a": None, "a/x": b"1"}), layer({"a/y": b"2"}))
    merged(world, digest, memory)
    system = merged(world, digest, memory)
    folder = system.root.entries["a"]
    assert isinstance(folder, Folder)
    assert {name: entry.layer for name, entry in folder.entries.items()} == {"x": 0, "y": 1}
    assert all(isinstance(entry, FileEntry) for entry in folder.entries.values())
