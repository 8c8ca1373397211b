"""OS packages, copies inside other packages and bare code take part in drift, and base layers stay apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from image.image_world import Node, World, layer, wheel
from image.rpm_world import database, header

from gate.model.drift import Drift, DriftKind
from gate.model.image import Above, Loose, LooseKind, Proof, ProofLevel
from gate.model.origin import PYPI, Kind, Origin, OriginKind
from gate.model.reference import Declared, Reference
from gate.origin.drift import find_drift
from gate.origin.os_drift import UPGRADE_ALL
from gate.origin.prove import prove_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.model.image import Inventory

SITE = "usr/local/lib/python3.11/site-packages"
STATUS = "var/lib/dpkg/status"
INDEX = Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI)


def package(name: str, version: str = "1.0-1", **fields: str) -> str:
    more = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items())
    return f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n{more}\n"


BASE = package("libc6", "2.36-9") + package("bash")


def line(name: str, spec: str = "") -> Reference:
    origin = Origin(kind=OriginKind.OS_ARCHIVE, location="apt:default", implicit=True)
    return Reference(kind=Kind.OS, name=name, spec=spec, origins=(origin,), file="Dockerfile", line=3)


def compared(
    above: str,
    *references: Reference,
    nodes: Mapping[str, Node] | None = None,
    base: Mapping[str, Node] | None = None,
    listed: bool = True,
) -> Drift:
    """Compare an image whose layers add these OS packages to a base of two."""
    world = World()
    below = layer({STATUS: BASE.encode(), "etc/os-release": b"ID=debian\n", **(base or {})})
    digest = world.image(below, layer({STATUS: (BASE + above).encode(), **(nodes or {})}))
    catalogue = [("base:1", (below.diff_id,))] if listed else []
    inventory, files = world.read(digest, base_catalogue=catalogue)
    proved = prove_inventory(inventory, files, index=None, declared=Declared(references=references))
    assert proved.drift is not None
    return proved.drift


def told(found: Drift) -> list[tuple[str, str]]:
    assert found.total == len(found.differences)
    return [(one.kind.value, f"{one.component.value}/{one.name}") for one in found.differences]


def test_an_os_package_that_no_line_asks_for_is_undeclared() -> None:
    found = compared(package("netcat", "1.2-3"))
    assert told(found) == [("undeclared", "os/netcat")]
    assert (found.differences[0].found, found.differences[0].where) == ("1.2-3", "layer 1")
    assert found.observed == 1


def test_what_the_base_brought_is_not_asked_for_and_no_image_is_noisy_for_it() -> None:
    assert compared("") == Drift(declared=0, observed=0)


def test_what_a_line_asks_for_and_what_that_needs_is_declared() -> None:
    above = (
        package("curl", Depends="libcurl4 (= 7.88), libc6 (>= 2.34)", Recommends="ca-certificates | ca-other")
        + package("libcurl4", Pre_Depends="libz")
        + package("libz-ng", Provides="libz (= 1)")
        + package("ca-other")
        + package("evil")
    )
    assert told(compared(above, line("curl"))) == [("undeclared", "os/evil")]
    assert len(told(compared(above))) == 5


def test_a_declaration_of_one_package_declares_no_other() -> None:
    assert told(compared(package("netcat"), line("net"), line("netcat-openbsd"))) == [("undeclared", "os/netcat")]


@pytest.mark.parametrize(
    ("written", "spec", "other"),
    [
        ("curl", "", False),
        ("curl:amd64", "7.88-1", False),
        ("curl", "7.88*", False),
        ("curl", "bookworm-backports", False),
        ("cur*", "", False),
        ("curl", "7.99-1", True),
        ("curl", "8*", True),
    ],
)
def test_the_version_that_a_line_names_is_held_against_the_image(written: str, spec: str, *, other: bool) -> None:
    found = compared(package("curl", "7.88-1"), line(written, spec))
    assert told(found) == ([("other_version", "os/curl")] if other else [])
    if other:
        (one,) = found.differences
        assert (one.wanted, one.found, one.where) == (spec, "7.88-1", "Dockerfile:3")


def test_a_declared_package_that_was_taken_away_again_is_no_difference() -> None:
    assert told(compared("", line("build-essential"))) == []


def test_an_upgrade_of_everything_leaves_what_it_brought_unjudged() -> None:
    found = compared(package("evil"), line(UPGRADE_ALL))
    assert (told(found), found.unjudged, found.observed) == ([], 1, 1)


def test_without_a_known_base_nothing_is_concluded_of_os_packages() -> None:
    found = compared(package("evil"), listed=False)
    assert (told(found), found.observed) == ([], 0)


def test_of_rpm_what_a_line_brought_along_cannot_be_told_and_what_no_line_explains_can() -> None:
    def image(*references: Reference) -> Drift:
        world = World()
        path = "usr/lib/sysimage/rpm/rpmdb.sqlite"
        bash = header("bash", files={"/usr/bin/bash": 0})
        below = layer({path: database(bash), "usr/bin/bash": b"bash", "etc/os-release": b"ID=azurelinux\n"})
        above = layer({path: database(bash, header("curl"), header("evil"))})
        inventory, files = world.read(world.image(below, above), base_catalogue=[("base:1", (below.diff_id,))])
        return find_drift(Declared(references=references), inventory, files)

    assert told(image()) == [("undeclared", "os/curl"), ("undeclared", "os/evil")]
    found = image(line("curl"))
    assert (told(found), found.unjudged, found.observed) == ([], 1, 2)


def test_a_package_that_carries_others_has_each_named_with_its_holder() -> None:
    carrying = wheel(
        "holder",
        "1.0",
        files={
            "holder/__init__.py": b"",
            "holder/_vendor/__init__.py": b"",
            "holder/_vendor/requests/__init__.py": b"",
            "holder/_vendor/requests/_vendor/deep/__init__.py": b"",
            "holder/_vendor/six.py": b"",
            "holder/_vendor/data/readme.txt": b"",
            "holder/_vendor/vendor.txt": b"",
            "holder/vendors.py": b"",
        },
    )
    found = compared("", Reference(kind=Kind.PYPI, name="holder", file="r.txt", line=1), nodes=carrying)
    vendored = [one for one in found.differences if one.kind is DriftKind.VENDORED]
    assert [(one.name, one.wanted) for one in vendored] == [("requests", "holder"), ("six", "holder")]
    assert {one.where for one in vendored} == {f"{SITE}/holder/_vendor/{name}" for name in ("requests", "six")}


def test_what_the_base_carries_is_the_base_s() -> None:
    carrying = wheel("holder", "1.0", files={"holder/_vendor/six.py": b""})
    assert told(compared("", base=carrying)) == []


def loose(inventory: Inventory, *found: Loose) -> Inventory:
    return inventory.model_copy(update={"above": Above(loose=found)})


def drift_of(*found: Loose) -> Drift:
    world = World()
    below = layer({"etc/os-release": b"ID=x\n"})
    digest = world.image(below, layer(wheel("demo", "1.0")))
    inventory, files = world.read(digest, base_catalogue=[("base:1", (below.diff_id,))])
    declared = Declared(references=(Reference(kind=Kind.PYPI, name="demo", file="r.txt", line=1),))
    return find_drift(declared, loose(inventory, *found), files)


def test_code_that_no_package_names_is_undeclared_and_named_by_its_module() -> None:
    paths = (f"{SITE}/evil/__init__.py", f"{SITE}/bare.py", "usr/local/lib/python3.11/added.py")
    found = drift_of(Loose(kind=LooseKind.IMPORTABLE, count=3, examples=paths))
    assert sorted(told(found)) == [
        ("undeclared", "local/added"),
        ("undeclared", "local/bare"),
        ("undeclared", "local/evil"),
    ]
    assert {one.found for one in found.differences} == {"without metadata"}
    assert told(drift_of(Loose(kind=LooseKind.BYTECODE, count=1, examples=(f"{SITE}/x.pyc",)))) == []


def test_a_package_inside_another_that_has_its_own_metadata_is_told_once() -> None:
    world = World()
    below = layer({"etc/os-release": b"ID=x\n"})
    outer = wheel("holder", "1.0", files={"holder/_vendor/inner.py": b""})
    inner = {path.replace(SITE, f"{SITE}/holder/_vendor"): data for path, data in wheel("inner", "2.0").items()}
    digest = world.image(below, layer(outer | inner))
    inventory, files = world.read(digest, base_catalogue=[("base:1", (below.diff_id,))])
    proof = Proof(level=ProofLevel.PROVEN, code="vendored", origin=INDEX, evidence={"inside": "holder"})
    components = tuple(
        one.model_copy(update={"proof": proof}) if one.name == "inner" else one for one in inventory.components
    )
    rows = {number: frozenset(files.rows(one)) for number, one in enumerate(components)}
    declared = Declared(references=(Reference(kind=Kind.PYPI, name="holder", file="r.txt", line=1),))
    found = find_drift(declared, inventory.model_copy(update={"components": components}), files, rows=rows)
    assert [(one.kind.value, one.name, one.wanted, one.found) for one in found.differences] == [
        ("vendored", "inner", "holder", "2.0")
    ]
