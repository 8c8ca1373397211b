"""A whole image: what comes together, what is counted, and what must never look clean."""

from __future__ import annotations

import hashlib
import random
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from image.image_world import SITE, Node, World, codes, component, go_program, inventory, layer, names, ref_to, wheel

from gate.bounds import ImageBounds
from gate.errors import BoundError, InputError, IntegrityError, NotFoundError
from gate.image.inventory import read_inventory
from gate.image.reporter import InspectReporter
from gate.model.image import Inventory
from gate.origin.interface import ListedFiles

if TYPE_CHECKING:
    from gate.model.image import ImageFacts, LayerFact

INFO = f"{SITE}/demo-1.0.dist-info"
BOUNDS = ImageBounds()


def test_the_same_image_has_the_same_inventory_byte_for_byte() -> None:
    world = World()
    digest = world.image(layer(wheel() | wheel("b") | {"var/lib/dpkg/status": b"Package: x1\nVersion: 1\n"}))
    first, second = world.read(digest)[0], world.read(digest)[0]
    assert first.canonical() == second.canonical()
    assert Inventory.parse(first.canonical()) == first


def test_an_image_of_nothing_is_not_clean() -> None:
    for found in (inventory(), inventory({}), inventory({"etc/passwd": b"", "bin/sh": b""})):
        assert codes(found) == ["nothing_found"]


def test_what_has_no_reader_is_counted() -> None:
    files: dict[str, Node] = {
        "app/node_modules/left/package.json": b"{}",
        "app/node_modules/@scope/right/package.json": b"{}",
        "app/package.json": b"{}",
        "opt/app.jar": b"",
        "opt/app.war": b"",
        "opt/x.egg": b"",
        "opt/x.whl": b"",
        "lib/apk/db/installed": b"C:Q1\nP:musl\nV:1\n\nP:busybox\nV:1\n",
        "var/lib/rpm/Packages": b"",
        "usr/lib/sysimage/rpm/Packages.db": b"",
        "opt/program": go_program(),
        "usr/lib/R/library/base/DESCRIPTION": b"",
        "usr/lib/R/library/empty/": None,
    }
    assert inventory(files).other == {
        "apk": 2, "go_program": 1, "jar": 2, "npm": 2, "r": 1, "rpm_database": 2, "wheel_file": 1, "zipped_egg": 1,
    }  # fmt: skip


def test_an_apk_database_that_cannot_be_read_is_a_problem() -> None:
    assert "metadata_unreadable" in codes(inventory({"lib/apk/db/installed": "-> nowhere"}))


def test_files_are_counted_in_the_final_file_system() -> None:
    assert inventory({"a": b"", "b": b"", "d/c": "-> a"}, {".wh.a": b"", "e": b""}).files == 3


@pytest.mark.parametrize("packing", ["gzip", "zstd", "none"])
def test_every_packing_gives_the_same_components(packing: str) -> None:
    assert names(inventory(layer(wheel(), packing=packing))) == ["pypi/demo@1.0"]


def test_an_index_is_read_by_its_child_and_named() -> None:
    world = World()
    child = world.image(layer(wheel()))
    index = world.index(child)
    found, _ = world.read(index)
    assert (found.image.digest, found.image.index_digest) == (child, index)
    assert names(found) == ["pypi/demo@1.0"]


def test_a_layer_with_other_bytes_than_its_digest_is_refused() -> None:
    world = World()
    digest = world.image(one := layer(wheel()), layer(wheel("b")))
    world.blobs[one.descriptor.digest] = layer(wheel("evil")).packed.ljust(one.descriptor.size, b"\0")[
        : one.descriptor.size
    ]
    with pytest.raises((IntegrityError, InputError)):
        world.read(digest)


def test_a_layer_whose_last_byte_differs_is_refused() -> None:
    world = World()
    one = layer(wheel(), packing="none")
    digest = world.image(one)
    world.blobs[one.descriptor.digest] = one.packed[:-1] + b"\1"
    with pytest.raises(IntegrityError) as caught:
        world.read(digest)
    assert caught.value.error_code == "digest_mismatch"


def test_a_layer_with_another_diff_id_than_the_config_says_is_refused() -> None:
    world = World()
    digest = world.image(replace(layer(wheel()), diff_id="sha256:" + "0" * 64))
    with pytest.raises(IntegrityError) as caught:
        world.read(digest)
    assert caught.value.error_code == "diff_id_mismatch"


def test_a_layer_that_goes_on_past_its_size_is_refused() -> None:
    world = World()
    one = layer(wheel())
    digest = world.image(one)
    world.blobs[one.descriptor.digest] = one.packed + one.packed
    with pytest.raises(IntegrityError):
        world.read(digest)


def test_an_image_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        World().read("sha256:" + "0" * 64)


def test_bounds_run_over_all_layers() -> None:
    world = World()
    digest = world.image(layer({"a": b"", "b": b""}), layer({"c": b"", "d": b""}))
    with pytest.raises(BoundError) as caught:
        world.read(digest, bounds=replace(BOUNDS, files=3))
    assert (caught.value.facts["bound"], caught.value.facts["layer"]) == ("files", "1")
    assert world.read(digest, bounds=replace(BOUNDS, files=4))[0].files == 4


def test_metadata_of_all_layers_is_bounded() -> None:
    world = World()
    digest = world.image(layer({"a.dist-info/RECORD": b"x" * 60}), layer({"b.dist-info/RECORD": b"y" * 60}))
    with pytest.raises(BoundError) as caught:
        world.read(digest, bounds=replace(BOUNDS, kept_bytes=100))
    assert caught.value.facts["bound"] == "kept_bytes"


def test_more_components_than_the_bound_are_refused() -> None:
    world = World()
    digest = world.image(layer(wheel() | wheel("b")))
    with pytest.raises(BoundError) as caught:
        world.read(digest, bounds=replace(BOUNDS, components=1))
    assert caught.value.facts["bound"] == "components"


def test_a_thousand_problems_are_counted_and_not_listed() -> None:
    found = inventory({f"x/p{number}-1.dist-info/": None for number in range(1100)})
    assert len(found.problems) == 1001
    assert (found.problems[-1].code, found.problems[-1].severity.value) == ("more_problems", "error")


def test_a_reporter_hears_of_every_layer_and_every_byte() -> None:
    class Heard(InspectReporter):
        def __init__(self) -> None:
            self.bytes = [0, 0]
            self.words: list[str] = []

        def image(self, facts: ImageFacts) -> None:
            self.words.append(f"image {len(facts.layers)}")

        def layer_started(self, index: int, layer: LayerFact) -> None:
            self.words.append(f"started {index} {layer.size > 0}")

        def layer_read(self, index: int, compressed: int) -> None:
            self.bytes[index] += compressed

        def layer_done(self, index: int, entries: int) -> None:
            self.words.append(f"done {index} {entries}")

    world = World()
    one, two = layer({"a": b"1"}), layer({"b": b"2", "c": b"3"})
    heard = Heard()
    read_inventory(world, ref_to(world.image(one, two)), bounds=BOUNDS, reporter=heard)
    assert heard.words == ["image 2", "started 0 True", "done 0 1", "started 1 True", "done 1 2"]
    assert heard.bytes == [len(one.packed), len(two.packed)]


def test_the_table_gives_the_files_of_a_record_by_their_place_in_the_image() -> None:
    world = World()
    files = wheel(files={"demo.py": b"code", "../../../bin/demo": b"#!"})
    found, table = world.read(world.image(layer(files)))
    demo = component(found, "demo")
    rows = table.rows(demo)
    assert set(rows) == set(files)
    assert rows["usr/local/bin/demo"] == (2, hashlib.sha256(b"#!").hexdigest())
    assert table.metadata(demo) == files[f"{INFO}/METADATA"]
    assert table.record(demo) == files[f"{INFO}/RECORD"]
    assert isinstance(table, ListedFiles)


def test_the_table_leaves_out_what_the_image_lacks_and_has_what_no_record_names() -> None:
    world = World()
    files = wheel()
    del files[f"{SITE}/demo/__init__.py"]
    extra: dict[str, Node] = {
        f"{SITE}/demo/extra.py": b"x",
        f"{SITE}/demo/d/more.py": b"y",
        f"{SITE}/demo/l": "-> extra.py",
    }
    found, table = world.read(world.image(layer(files | extra)))
    assert f"{SITE}/demo/__init__.py" not in table.rows(component(found, "demo"))
    assert set(table.below(f"{SITE}/demo")) == {
        f"{SITE}/demo/extra.py",
        f"{SITE}/demo/d/more.py",
        f"{SITE}/demo/l",  # a link that leads to a file counts as that file
    }
    assert len(table.below("")) == len(files) + 3
    assert table.below("nowhere") == {}
    assert table.below(f"{SITE}/demo/extra.py") == {}
    found_file = table.file(f"{SITE}/demo/l")
    assert found_file is not None
    assert found_file.size == 1
    assert table.file("nowhere") is None


def test_the_table_knows_only_its_own_components() -> None:
    world = World()
    found, table = world.read(world.image(layer(wheel() | {f"{SITE}/old.egg-info": b"Name: old\nVersion: 1\n"})))
    old = component(found, "old")
    assert table.metadata(old) == b"Name: old\nVersion: 1\n"
    assert (table.record(old), table.rows(old)) == (b"", {})
    with pytest.raises(NotFoundError):
        table.metadata(old.model_copy(update={"path": "else/where"}))


def test_the_table_has_nothing_to_say_of_a_record_that_cannot_be_read() -> None:
    world = World()
    found, table = world.read(world.image(layer(wheel() | {f"{INFO}/RECORD": b"nothing\n"})))
    with pytest.raises(InputError) as caught:
        table.rows(component(found, "demo"))
    assert caught.value.error_code == "record_unparseable"


def test_the_table_gives_rows_through_links_and_of_absolute_paths() -> None:
    world = World()
    files = wheel() | {"opt/x.py": b"1", f"{SITE}/l": "-> /opt", f"{INFO}/RECORD": b"/opt/x.py,,\nl/x.py,,\n"}
    found, table = world.read(world.image(layer(files)))
    assert set(table.rows(component(found, "demo"))) == {"opt/x.py", f"{SITE}/l/x.py"}


def test_a_component_whose_metadata_is_gone_from_the_table_has_none() -> None:
    world = World()
    found, table = world.read(world.image(layer({"var/lib/dpkg/status": b"Package: x1\nVersion: 1\n"})))
    assert table.metadata(component(found, "x1")).startswith(b"Package")


@pytest.mark.parametrize(
    "files",
    [
        wheel(),
        {"opt/conda/conda-meta/c-1-0.json": b'{"name": "c", "version": "1", "build": "0", "files": ["a", "b", "c"]}'},
        {"var/lib/dpkg/status": b"Package: x1\nVersion: 1\n", "var/lib/dpkg/info/x1.list": b"/a.egg-info\n/b\n/c\n"},
    ],
)
def test_rows_of_all_lists_of_files_are_bounded(files: dict[str, Node]) -> None:
    world = World()
    digest = world.image(layer(files))
    with pytest.raises(BoundError) as caught:
        world.read(digest, bounds=replace(BOUNDS, rows=2))
    assert caught.value.facts["bound"] == "rows"


def test_rows_of_hidden_lists_are_bounded() -> None:
    world = World()
    digest = world.image(layer(wheel()), layer({f"{SITE}/.wh.demo-1.0.dist-info": b""}))
    with pytest.raises(BoundError):
        world.read(digest, bounds=replace(BOUNDS, rows=2))


@pytest.mark.parametrize("bound", ["ratio", "layer_bytes"])
def test_a_bomb_in_an_image_is_stopped_and_leaves_no_thread_and_no_open_blob(bound: str) -> None:
    world = World()
    bomb = layer(bytes(300 << 20))
    assert bomb.descriptor.size > 256 * 1024  # large enough for the second thread
    digest = world.image(layer(wheel()), bomb)
    before = threading.active_count()
    limits = {"ratio": replace(BOUNDS, ratio=50), "layer_bytes": replace(BOUNDS, layer_bytes=50 << 20)}
    with pytest.raises(BoundError) as caught:
        world.read(digest, bounds=limits[bound])
    assert caught.value.facts == {"bound": bound, "layer": bomb.descriptor.digest}
    assert threading.active_count() <= before
    assert world.closed == len(world.opened) == 3


def test_garbage_in_a_large_layer_is_refused_and_leaves_no_thread() -> None:
    world = World()
    noise = random.Random(3).randbytes(600_000)  # noqa: S311 - bytes that do not pack
    before = threading.active_count()
    with pytest.raises(InputError) as caught:
        world.read(world.image(layer(noise)))
    assert caught.value.error_code == "tar_header"
    assert threading.active_count() <= before
    assert world.closed == len(world.opened)
