"""The base image below an image: matched by diff ids alone, and held against what later layers did to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from image.image_world import SITE, Layer, Node, World, component, layer, wheel

from gate.image.base import match_base
from gate.model.base import sha256_of
from gate.model.image import BaseMatch, LayerFact

if TYPE_CHECKING:
    from gate.model.image import Component, Inventory

STATUS = "var/lib/dpkg/status"
INFO = f"{SITE}/demo-1.0.dist-info"


def facts(*diff_ids: str) -> tuple[LayerFact, ...]:
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    return tuple(
        LayerFact(digest=sha256_of(b"x"), diff_id=sha256_of(one.encode()), size=1, media_type=kind) for one in diff_ids
    )


def ids(*diff_ids: str) -> tuple[str, ...]:
    return tuple(sha256_of(one.encode()) for one in diff_ids)


def test_the_longest_base_whose_layers_lead_is_the_base() -> None:
    catalogue = [("short", ids("a")), ("long", ids("a", "b")), ("longer", ids("a", "b", "x")), ("other", ids("b"))]
    assert match_base(facts("a", "b", "c"), catalogue) == BaseMatch(reference="long", layers=2)


def test_the_first_of_two_equal_bases_counts() -> None:
    assert match_base(facts("a"), [("one", ids("a")), ("two", ids("a"))]) == BaseMatch(reference="one", layers=1)


@pytest.mark.parametrize(
    "listed",
    [(), ids("b"), ids("b", "a"), ids("a", "c"), ids("a", "b", "c", "d"), ids("a", "b", "c", "c")],
)
def test_what_does_not_lead_is_no_base(listed: tuple[str, ...]) -> None:
    assert match_base(facts("a", "b", "c"), [("x", listed)]) is None


def test_the_base_alone_is_its_own_base() -> None:
    assert match_base(facts("a"), [("x", ids("a"))]) == BaseMatch(reference="x", layers=1)
    assert match_base((), [("x", ())]) is None


def on_base(base: list[dict[str, Node]], *upper: dict[str, Node] | bytes) -> Inventory:
    """Read an image of these layers over a base that policy lists."""
    world = World()
    below = [layer(one) for one in base]
    above: list[Layer] = [layer(one) for one in upper]
    catalogue = [("mcr.example.org/base:1", tuple(one.diff_id for one in below))]
    found, _ = world.read(world.image(*below, *above), base_catalogue=catalogue)
    assert found.base == BaseMatch(reference="mcr.example.org/base:1", layers=len(base))
    return found


def demo(base: dict[str, Node], *upper: dict[str, Node] | bytes) -> Component:
    return component(on_base([base], *upper), "demo")


def test_what_lies_in_the_base_is_the_bases_and_what_lies_above_is_not() -> None:
    found = on_base([{"etc/x": b""}, wheel()], wheel("model"))
    assert component(found, "demo").in_base
    assert not component(found, "model").in_base
    assert not any(key.startswith("base_") for one in found.components for key in one.facts)


def test_without_a_base_nothing_is_in_it() -> None:
    world = World()
    found, _ = world.read(world.image(layer(wheel())))
    assert found.base is None
    assert not component(found, "demo").in_base


def test_a_base_with_one_other_layer_is_none() -> None:
    world = World()
    below, other = layer(wheel()), layer(wheel() | {"etc/evil": b""})
    found, _ = world.read(world.image(other), base_catalogue=[("base", (below.diff_id,))])
    assert found.base is None
    assert not component(found, "demo").in_base


@pytest.mark.parametrize(
    "upper",
    [
        {f"{SITE}/demo/__init__.py": b"evil"},
        {f"{SITE}/demo/.wh.__init__.py": b""},
        {f"{SITE}/.wh.demo": b""},
        {f"{SITE}/demo/.wh..wh..opq": b""},
        {f"{SITE}/demo/__init__.py": "-> /tmp/evil.py"},
        {f"{SITE}/demo": "-> /opt/evil", "opt/evil/__init__.py": b"# demo 1.0\n"},
        {f"{SITE}/demo": b"a file"},
        {f"{INFO}/RECORD": b""},
        {f"{INFO}/.wh.RECORD": b""},
        {f"{INFO}/INSTALLER": b"other\n"},
        {f"{INFO}/direct_url.json": b'{"url": "https://example.org/x", "archive_info": {}}'},
    ],
)
def test_a_base_package_of_which_a_later_layer_changed_a_file_is_not_the_bases(upper: dict[str, Node]) -> None:
    found = demo(wheel(), upper)
    assert not found.in_base
    assert int(found.facts["base_modified"]) >= 1
    assert found.facts["base_modified_example"]


def test_a_metadata_that_was_replaced_is_of_the_layer_that_replaced_it() -> None:
    found = demo(wheel(), {f"{INFO}/METADATA": b"Name: demo\nVersion: 1.0\nSummary: evil\n"})
    assert (found.layer, found.in_base) == (1, False)


def test_a_file_that_a_record_lists_and_the_base_lacked_may_not_be_added_above() -> None:
    base = wheel()
    del base[f"{SITE}/demo/__init__.py"]
    found = demo(base, {f"{SITE}/demo/__init__.py": b"# demo 1.0\n"})
    assert not found.in_base


@pytest.mark.parametrize(
    "upper",
    [
        {f"{SITE}/demo/__init__.py": b"# demo 1.0\n"},
        {f"{SITE}/.wh.demo": b"", f"{SITE}/demo/__init__.py": b"# demo 1.0\n"},
        {f"{INFO}/copy": f"= {INFO}/METADATA"},
        {f"{SITE}/unrelated.py": b"x"},
        {f"{SITE}/": None, f"{SITE}/demo/": None},
    ],
)
def test_a_base_package_whose_bytes_are_as_they_were_is_the_bases(upper: dict[str, Node]) -> None:
    assert demo(wheel(), upper).in_base


def test_a_change_that_a_later_layer_took_back_is_none() -> None:
    found = demo(wheel(), {f"{SITE}/demo/__init__.py": b"evil"}, {f"{SITE}/demo/__init__.py": b"# demo 1.0\n"})
    assert found.in_base


def test_byte_code_is_counted_apart() -> None:
    cache = f"{SITE}/demo/__pycache__/__init__.cpython-311.pyc"
    files = wheel()
    files[f"{INFO}/RECORD"] = files[f"{INFO}/RECORD"] + b"demo/__pycache__/__init__.cpython-311.pyc,,\n"  # type: ignore[operator] # bytes
    found = demo(files, {cache: b"compiled"})
    assert found.in_base
    assert found.facts["base_bytecode_modified"] == "1"


def test_a_link_to_a_base_package_is_not_the_bases() -> None:
    link: dict[str, Node] = {"app/demo-1.0.dist-info": f"-> /{INFO}", "app/demo.py": b"evil"}
    found = on_base([wheel()], link)
    assert {one.path: one.in_base for one in found.components} == {INFO: True, "app/demo-1.0.dist-info": False}


def test_an_egg_in_the_base_is_not_the_bases_once_its_site_was_changed() -> None:
    base: dict[str, Node] = {
        f"{SITE}/demo.egg-info/PKG-INFO": b"Name: demo\nVersion: 1.0\n",
        f"{SITE}/demo.py": b"good",
    }
    assert demo(base, {f"{SITE}/new.py": b""}).in_base
    assert not demo(base, {f"{SITE}/demo.py": b"evil"}).in_base
    root: dict[str, Node] = {"demo.egg-info": b"Name: demo\nVersion: 1.0\n", "demo.py": b"good"}
    assert not demo(root, {"demo.py": b"evil"}).in_base


def deb(*names: str, conffiles: str = "") -> dict[str, Node]:
    text = "\n".join(f"Package: {name}\nVersion: 1\nStatus: install ok installed\n{conffiles}" for name in names)
    return {STATUS: text.encode()}


def debian() -> dict[str, Node]:
    listed = b"/.\n/lib\n/lib/demo.so\n/usr/bin/demo\n/etc/demo.conf\n/usr/share/doc/demo\n"
    return {
        "lib": "-> usr/lib",
        "usr/lib/demo.so": b"good",
        "usr/bin/demo": b"good",
        "etc/demo.conf": b"a = 1",
        "var/lib/dpkg/info/demo.list": listed,
        **deb("demo", conffiles="Conffiles:\n /etc/demo.conf 0cc175b9c0f1b6a831c399e269772661\n"),
    }


def test_a_debian_package_of_the_base_stays_the_bases_when_others_are_installed() -> None:
    found = on_base([debian()], deb("demo", "new") | {"var/lib/dpkg/info/new.list": b"", "usr/bin/new": b""})
    assert component(found, "demo").in_base
    assert (component(found, "new").in_base, component(found, "new").layer) == (False, 1)


@pytest.mark.parametrize(
    "upper",
    [
        {"usr/lib/demo.so": b"evil"},
        {"usr/lib/.wh.demo.so": b""},
        {"usr/bin/demo": "-> /opt/evil"},
        {"lib": "-> opt/evil", "opt/evil/demo.so": b"good"},
        {"usr/share/doc/demo": b"a file where none was"},
        {"var/lib/dpkg/info/demo.list": b""},
        {"var/lib/dpkg/info/.wh.demo.list": b""},
    ],
)
def test_a_debian_package_of_which_a_later_layer_changed_a_file_is_not_the_bases(upper: dict[str, Node]) -> None:
    found = demo(debian(), upper)
    assert not found.in_base
    assert "base_modified" in found.facts


def test_configuration_may_be_changed_and_is_told() -> None:
    found = demo(debian(), {"etc/demo.conf": b"a = 2"})
    assert (found.in_base, found.facts["base_config_modified"]) == (True, "1")


def test_a_later_status_cannot_call_a_library_configuration() -> None:
    status = deb("demo", conffiles="Conffiles:\n /usr/lib/demo.so 0\n /lib/demo.so 0\n")
    assert not demo(debian(), status | {"usr/lib/demo.so": b"evil"}).in_base


def test_a_package_whose_list_the_base_lacks_is_not_the_bases_once_programs_were_changed() -> None:
    base = debian()
    del base["var/lib/dpkg/info/demo.list"]
    assert demo(base, {"etc/passwd": b"", "usr/bin/new": b""}).in_base
    assert not demo(base, {"usr/bin/demo": b"evil"}).in_base


def test_a_distroless_package_is_held_against_its_checksums() -> None:
    folder = "var/lib/dpkg/status.d"
    base: dict[str, Node] = {
        f"{folder}/demo": b"Package: demo\nVersion: 1\n",
        f"{folder}/demo.md5sums": b"0  usr/lib/demo.so\n",
        "usr/lib/demo.so": b"good",
        "usr/lib/other.so": b"good",
    }
    assert demo(base, {"usr/lib/other.so": b"changed"}).in_base
    assert not demo(base, {"usr/lib/demo.so": b"evil"}).in_base
    assert not demo(base, {f"{folder}/.wh.demo.md5sums": b""}).in_base
    del base[f"{folder}/demo.md5sums"]
    assert not demo(base, {"usr/lib/other.so": b"changed"}).in_base


def test_a_conda_package_of_the_base_is_held_against_its_record() -> None:
    record: dict[str, Any] = {"files": ["lib/demo.so"]}
    text = str({"name": "demo", "version": "1", "build": "0", **record}).replace("'", '"').encode()
    base: dict[str, Node] = {"opt/conda/conda-meta/demo-1-0.json": text, "opt/conda/lib/demo.so": b"good"}
    assert demo(base, {"opt/conda/conda-meta/history": b"", "opt/conda/lib/new.so": b""}).in_base
    assert not demo(base, {"opt/conda/lib/demo.so": b"evil"}).in_base
