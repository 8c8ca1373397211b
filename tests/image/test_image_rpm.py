"""Packages of rpm: the database in SQLite, the manifests of distroless images, and what must not look clean."""

from __future__ import annotations

import sqlite3
import struct

import pytest
from image.image_world import Node, World, codes, component, inventory, layer, names, wheel
from image.rpm_world import ARRAY, INT32, STRING, database, header, pack

from gate.image.components import rpm
from gate.model.image import Inventory

DATABASE = "var/lib/rpm/rpmdb.sqlite"
MANIFEST = "var/lib/rpmmanifest/container-manifest-2"
RELEASE: dict[str, Node] = {"etc/os-release": b"ID=azurelinux\nVERSION_ID=3.0\n"}
LINE = "demo\t1.0-1.azl3\t1700000000\t1700000000\tMicrosoft\t(none)\t1234\tx86_64\t0\tdemo-1.0-1.azl3.src.rpm\n"


def test_packages_of_a_database_are_found() -> None:
    nodes = RELEASE | {DATABASE: database(header(), header("lib", "2.0", epoch=3), header("gpg-pubkey", "a"))}
    found = inventory(nodes)
    assert (names(found), codes(found)) == (["os/demo@1.0-1.azl3", "os/lib@3:2.0-1.azl3"], [])
    facts = component(found, "demo").facts
    assert facts["manager"] == "rpm"
    assert (facts["distribution"], facts["distribution_version"]) == ("azurelinux", "3.0")
    assert facts["source"] == "demo-1.0-1.azl3.src.rpm"
    assert found.other == {}


@pytest.mark.parametrize("folder", ["var/lib/rpm", "usr/lib/sysimage/rpm", "mnt/root/var/lib/rpm"])
def test_a_database_is_found_where_distributions_have_it(folder: str) -> None:
    assert names(inventory({f"{folder}/rpmdb.sqlite": database(header())})) == ["os/demo@1.0-1.azl3"]


def test_packages_of_a_manifest_are_found() -> None:
    found = inventory(
        RELEASE | {MANIFEST: LINE.encode() + LINE.replace("\t0\t", "\t2\t").replace("demo", "b").encode()}
    )
    assert (names(found), codes(found)) == (["os/b@2:1.0-1.azl3", "os/demo@1.0-1.azl3"], [])
    assert component(found, "demo").facts["vendor"] == "Microsoft"


def test_the_short_manifest_is_read_where_the_long_one_is_not_there() -> None:
    found = inventory({"var/lib/rpmmanifest/container-manifest-1": b"demo-lib-1.0-1.azl3.x86_64\n\nb-2-3.noarch\n"})
    assert names(found) == ["os/b@2-3", "os/demo-lib@1.0-1.azl3"]


def test_what_the_base_has_is_the_bases_and_what_a_later_layer_installs_is_not() -> None:
    world = World()
    base = layer({DATABASE: database(header(files={"/usr/bin/demo": 0})), "usr/bin/demo": b"1"})
    later: dict[str, Node] = {
        DATABASE: database(header(files={"/usr/bin/demo": 0}), header("new")),
        "usr/bin/new": b"2",
    }
    found = read(world, base, later)
    assert [(one.name, one.layer, one.in_base) for one in found.components] == [("demo", 0, True), ("new", 1, False)]


def read(world: World, base: object, *above: dict[str, Node]) -> Inventory:
    layers = [base, *map(layer, above)]
    catalogue = [("mcr.example/base:1", (base.diff_id,))]  # type: ignore[attr-defined]
    return world.read(world.image(*layers), base_catalogue=catalogue)[0]  # type: ignore[arg-type]


def test_a_program_of_the_base_that_was_changed_is_told() -> None:
    base = layer({DATABASE: database(header(files={"/usr/bin/demo": 0, "/etc/demo.conf": 1})), "usr/bin/demo": b"1"})
    (demo,) = read(World(), base, {"usr/bin/demo": b"evil"}).components
    assert (demo.in_base, demo.facts["base_modified_example"]) == (False, "usr/bin/demo")
    (demo,) = read(World(), base, {"etc/demo.conf": b"mine"}).components
    assert demo.in_base


def test_files_that_a_package_only_claims_are_not_its() -> None:
    files = {"/usr/bin/demo": 0, "/var/log/demo": 1 << 6}
    packages = rpm.packages_of_database(database(header(files=files)))
    assert [one.header.files for one in packages if one.header is not None] == [("usr/bin/demo",)]


def test_a_distribution_that_rpm_installed_is_its() -> None:
    files = wheel(site="usr/lib/python3.12/site-packages")
    listed = {f"/{path}": 0 for path in files}
    found = inventory(files | {DATABASE: database(header("python3-demo", files=listed))})
    assert component(found, "demo").facts["owner"] == "rpm:python3-demo"


def test_old_lists_of_files_are_read() -> None:
    names_of = {1027: (ARRAY, b"/usr/bin/a\0/usr/bin/b\0", 2)}
    packages = rpm.packages_of_database(database(header(more=names_of)))
    assert [one.header.files for one in packages if one.header is not None] == [("usr/bin/a", "usr/bin/b")]


@pytest.mark.parametrize("name", ["Packages", "Packages.db"])
def test_a_database_of_another_format_is_unread_and_not_clean(name: str) -> None:
    found = inventory(wheel() | {f"var/lib/rpm/{name}": b"something"})
    assert codes(found) == ["rpm_unread"]
    assert found.other == {"rpm_database": 1}


def test_changes_beside_the_database_are_unread_and_not_clean() -> None:
    found = inventory({DATABASE: database(header()), f"{DATABASE}-wal": b"frames"})
    assert codes(found) == ["rpm_unread"]
    assert codes(inventory({DATABASE: database(header()), f"{DATABASE}-wal": b""})) == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"SQLite", id="no-database"),
        pytest.param(database(), id="no-package"),
        pytest.param(database(header())[:-4096], id="cut"),
        pytest.param(database(header("")), id="no-name"),
        pytest.param(database(header(version="no version!")), id="no-version"),
        pytest.param(database(b""), id="no-header"),
        pytest.param(database(struct.pack(">LL", 1 << 20, 4)), id="absurd-count"),
        pytest.param(database(struct.pack(">LL", 1, 1 << 31) + bytes(16)), id="absurd-size"),
        pytest.param(database(pack({1000: (INT32, b"\0\0\0\1", 1)})), id="name-is-a-number"),
        pytest.param(database(header(more={1003: (STRING, b"x\0", 1)})), id="epoch-is-a-text"),
        pytest.param(database(header(more={1003: (INT32, b"\0\0\0\1", 1 << 30)})), id="absurd-numbers"),
        pytest.param(database(header(more={1117: (ARRAY, b"a\0", 1 << 30)})), id="absurd-texts"),
        pytest.param(database(header(more={1117: (ARRAY, b"a\0", 9000)})), id="texts-without-end"),
        pytest.param(database(header(more={1117: (ARRAY, b"a\0", 1)})), id="files-without-folders"),
        pytest.param(database(header(more={1117: (INT32, b"\0\0\0\1", 1)})), id="names-are-numbers"),
        pytest.param(
            database(struct.pack(">LL", 1, 4) + struct.pack(">lLlL", 1000, 6, 400, 1) + b"abc\0"), id="outside"
        ),
        pytest.param(database(header())[:100], id="head-alone"),
    ],
)
def test_a_database_that_cannot_be_read_is_a_problem_and_hides_nothing(data: bytes) -> None:
    found = inventory(wheel() | {DATABASE: data})
    assert codes(found) == ["rpm_unparseable"]
    assert names(found) == ["pypi/demo@1.0"]


def test_a_view_in_place_of_the_table_is_not_asked() -> None:
    """It could run for ever."""
    schema = "CREATE TABLE Other (hnum INTEGER PRIMARY KEY, blob BLOB)"
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x AS hnum, x AS blob FROM n"
    connection = sqlite3.connect(":memory:")
    connection.execute(schema)
    connection.execute(f"CREATE VIEW Packages AS {endless}")
    data = connection.serialize()
    connection.close()
    assert codes(inventory(wheel() | {DATABASE: data})) == ["rpm_unparseable"]


@pytest.mark.parametrize("line", ["no package", "a\tb\n", LINE.replace("demo", "de mo"), LINE.replace("1.0-1", "?")])
def test_a_manifest_that_cannot_be_read_is_a_problem(line: str) -> None:
    assert codes(inventory(wheel() | {MANIFEST: line.encode()})) == ["rpm_unparseable"]


def test_a_version_of_the_database_that_cannot_be_read_is_a_problem() -> None:
    found = inventory({DATABASE: b"no database"}, {DATABASE: database(header())})
    assert codes(found) == ["rpm_unparseable"]
    assert names(found) == ["os/demo@1.0-1.azl3"]
