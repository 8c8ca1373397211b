"""Declared, resolved and observed: every difference is typed, and what only looks like one is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from image.image_world import Node, World, layer, wheel
from packaging.markers import Marker

from gate.model.drift import Difference, Drift, DriftAgainst, DriftKind
from gate.model.image import Proof, ProofLevel
from gate.model.origin import PYPI, Kind, Origin, OriginKind
from gate.model.reference import Declared, Problem, Reference
from gate.model.resolution import FileKind, Resolution, ResolvedFile, ResolvedPackage
from gate.origin.drift import find_drift
from gate.origin.requires import Needs, holds, marker_environment
from gate.origin.versions import allows
from gate.policy.versions import same_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gate.model.image import Component
    from gate.origin.interface import InstalledFiles

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
INDEX = Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI)
FORGE = Origin(kind=OriginKind.CONDA_CHANNEL, location="conda-forge")
URL = Origin(kind=OriginKind.URL, location="https://example.org/demo.whl")


def ref(
    name: str, spec: str = "", *, kind: Kind = Kind.PYPI, origins: tuple[Origin, ...] = (INDEX,), **more: Any
) -> Reference:
    return Reference(kind=kind, name=name, spec=spec, origins=origins, file="r.txt", line=1, **more)


def installed(name: str, version: str = "1.0", *requires: str) -> dict[str, Node]:
    lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}".encode()
    return wheel(name, version, more={"METADATA": metadata})


def conda(name: str, version: str = "1.0", *depends: str, owns: Mapping[str, Node] | None = None) -> dict[str, Node]:
    files = {path.removeprefix("usr/local/"): data for path, data in (owns or {}).items()}
    record = {
        "name": name,
        "version": version,
        "build": "0",
        "channel": "conda-forge",
        "depends": list(depends),
        "files": list(files),
    }
    return {f"usr/local/conda-meta/{name}-{version}-0.json": json.dumps(record).encode(), **dict(owns or {})}


def drift(
    references: Sequence[Reference],
    nodes: Mapping[str, Node],
    *,
    base: Mapping[str, Node] | None = None,
    resolution: Resolution | None = None,
    origins: Mapping[str, Origin] | None = None,
    **config: Any,
) -> Drift:
    """Compare an image of these files, on top of a base, with what was declared; `origins` are proven, by name."""
    world = World()
    below = layer(base or {"etc/os-release": b"ID=x\n"})
    digest = world.image(below, layer(nodes), config=config)
    inventory, files = world.read(digest, base_catalogue=[("base:1", (below.diff_id,))])
    proofs = {
        name: Proof(level=ProofLevel.PROVEN, code="record_equal", origin=origin)
        for name, origin in (origins or {}).items()
    }
    components = tuple(one.model_copy(update={"proof": proofs.get(one.name)}) for one in inventory.components)
    return find_drift(
        Declared(references=tuple(references)),
        inventory.model_copy(update={"components": components}),
        files,
        resolution=resolution,
        channel_name=lambda place: "conda-forge" if "forge" in place else "",
    )


def told(found: Drift) -> list[tuple[str, str, str]]:
    assert found.total == len(found.differences)
    return [(one.kind.value, f"{one.component.value}/{one.name}", one.against.value) for one in found.differences]


def closed(*packages: tuple[str, str], platform: str = "linux-x86_64") -> Resolution:
    file = ResolvedFile(filename="x", url="https://example.org/x", kind=FileKind.WHEEL)
    found = (
        ResolvedPackage(kind=Kind.PYPI, name=name, version=version, origin=INDEX, files=(file,))
        for name, version in packages
    )
    return Resolution(platform=platform, python="3.11", packages=tuple(found), resolved_at=NOW)


def test_what_was_declared_and_is_there_is_no_drift() -> None:
    found = drift([ref("demo", "==1.0")], installed("demo"))
    assert found == Drift(declared=1, observed=1)


def test_what_nobody_declared_is_undeclared() -> None:
    found = drift([ref("demo")], installed("demo") | installed("evil"))
    assert told(found) == [("undeclared", "pypi/evil", "declared")]
    assert found.differences[0].found == "1.0"


def test_what_was_declared_and_is_not_there_is_missing() -> None:
    found = drift([ref("demo"), ref("gone", ">=2")], installed("demo"))
    assert found.differences == (
        Difference(
            kind=DriftKind.MISSING,
            against=DriftAgainst.DECLARED,
            component=Kind.PYPI,
            name="gone",
            wanted=">=2",
            where="r.txt:1",
        ),
    )


def test_an_image_without_packages_lacks_all_that_was_declared() -> None:
    assert told(drift([ref("demo")], {"app/x": b""})) == [("missing", "pypi/demo", "declared")]


def test_another_version_is_told() -> None:
    found = drift([ref("demo", "==2.0")], installed("demo"))
    assert told(found) == [("other_version", "pypi/demo", "declared")]
    assert (found.differences[0].wanted, found.differences[0].found) == ("==2.0", "1.0")


@pytest.mark.parametrize("origin", [URL, FORGE])
def test_another_origin_is_told(origin: Origin) -> None:
    found = drift([ref("demo")], installed("demo"), origins={"demo": origin})
    assert told(found) == [("other_origin", "pypi/demo", "declared")]
    assert (found.differences[0].wanted, found.differences[0].found) == (PYPI, origin.location)


def test_an_address_that_was_declared_is_where_it_is_from() -> None:
    declared = ref("https://example.org/demo.whl", kind=Kind.URL, origins=(URL,), distribution="demo")
    assert told(drift([declared], installed("demo"), origins={"demo": URL})) == []
    assert told(drift([declared], installed("demo"), origins={"demo": INDEX})) == [
        ("other_origin", "pypi/demo", "declared")
    ]


def test_names_and_addresses_of_one_channel_are_one_place() -> None:
    address = Origin(kind=OriginKind.CONDA_CHANNEL, location="https://conda.example.org/forge")
    declared = [ref("demo", kind=Kind.CONDA, origins=(address,))]
    assert told(drift(declared, conda("demo"), origins={"demo": FORGE})) == []


def test_what_a_declared_package_needs_is_not_undeclared() -> None:
    nodes = installed("demo", "1.0", "Dep_One>=1", 'absent; python_version < "3.0"') | installed(
        "dep-one", "1.0", "two"
    )
    assert told(drift([ref("demo")], nodes | installed("two"))) == []


def test_an_extra_explains_what_it_asks_for_and_only_if_it_was_declared() -> None:
    nodes = installed("demo", "1.0", 'dep; extra == "more"') | installed("dep")
    assert told(drift([ref("demo", extras=("more",))], nodes)) == []
    assert told(drift([ref("demo")], nodes)) == [("undeclared", "pypi/dep", "declared")]


def test_a_package_that_needs_itself_ends() -> None:
    assert told(drift([ref("a")], installed("a", "1.0", "b") | installed("b", "1.0", "a"))) == []


def test_a_requirement_that_cannot_be_read_explains_nothing() -> None:
    found = drift([ref("demo")], installed("demo", "1.0", "not a requirement !") | installed("not"))
    assert told(found) == [("undeclared", "pypi/not", "declared")]


def test_a_marker_that_does_not_hold_in_the_image_wants_nothing() -> None:
    references = [
        ref("demo"),
        ref("windows", marker='sys_platform == "win32"'),
        ref("old", marker="python_version<'3.5'"),
    ]
    assert told(drift(references, installed("demo"))) == []
    here = [ref("demo"), ref("here", marker="python_version=='3.11' and platform_machine == 'x86_64'")]
    assert told(drift(here, installed("demo"))) == [("missing", "pypi/here", "declared")]


@pytest.mark.parametrize("marker", ["no marker", 'python_version >= "3"'])
def test_a_marker_that_cannot_be_told_is_unjudged(marker: str) -> None:
    nodes = installed("demo") if marker == "no marker" else {"app/x": b""}
    found = drift([ref("maybe", marker=marker)], nodes)
    assert (found.unjudged, [one.name for one in found.differences if one.kind is DriftKind.MISSING]) == (1, [])


def test_what_cannot_be_told_of_a_reference_is_unjudged_and_still_explains() -> None:
    found = drift([ref("demo", undetermined="template"), ref("https://x", kind=Kind.URL)], installed("demo"))
    assert (told(found), found.unjudged, found.declared) == ([], 2, 0)


def test_images_and_os_packages_are_asked_for_elsewhere() -> None:
    found = drift([ref("ubuntu", kind=Kind.IMAGE), ref("curl", kind=Kind.OS), ref("demo")], installed("demo"))
    assert (told(found), found.declared) == ([], 1)


def test_what_the_base_brought_is_neither_undeclared_nor_missing() -> None:
    found = drift([ref("demo", ">=1")], installed("other"), base=installed("demo") | installed("based"))
    assert told(found) == [("undeclared", "pypi/other", "declared")]
    assert found.observed == 1
    newer = drift([ref("demo", "==1.0")], {}, base=installed("demo", "2.0"))
    assert told(newer) == [("other_version", "pypi/demo", "declared")]


def test_what_makes_environments_is_not_undeclared() -> None:
    assert told(drift([ref("demo")], installed("demo") | installed("pip") | installed("setuptools"))) == []


def test_conda_packages_and_what_they_need_are_compared() -> None:
    nodes = conda("demo", "1.2.3", "lib >=1", "python") | conda("lib") | conda("python", "3.11.7") | conda("evil")
    found = drift([ref("demo", "=1.2", kind=Kind.CONDA, origins=(FORGE,)), ref("gone", kind=Kind.CONDA)], nodes)
    assert told(found) == [("missing", "conda/gone", "declared"), ("undeclared", "conda/evil", "declared")]


def test_a_distribution_that_conda_brought_is_counted_once() -> None:
    nodes = conda("pytorch", owns=installed("torch"))
    assert drift([ref("pytorch", kind=Kind.CONDA)], nodes) == Drift(declared=1, observed=1)


def test_a_package_that_the_other_manager_brought_has_another_origin() -> None:
    nodes = conda("pytorch", owns=installed("torch"))
    found = drift([ref("torch")], nodes, origins={"pytorch": FORGE})
    assert told(found) == [("other_origin", "pypi/torch", "declared")]
    other = drift([ref("demo", kind=Kind.CONDA, origins=(FORGE,))], installed("demo"), origins={"demo": INDEX})
    assert told(other) == [("other_origin", "conda/demo", "declared")]


def test_the_closed_set_is_held_against_the_image() -> None:
    nodes = installed("demo") | installed("dep", "3.0") | installed("evil")
    resolution = closed(("demo", "1.0"), ("Dep", "2.0"), ("gone", "1.0"))
    found = drift([ref("demo")], nodes, resolution=resolution)
    assert sorted(told(found)) == [
        ("missing", "pypi/gone", "resolved"),
        ("other_version", "pypi/dep", "resolved"),
        ("undeclared", "pypi/evil", "declared"),
    ]
    assert found.resolved == 3


def test_a_set_that_is_not_whole_is_not_compared() -> None:
    whole = closed(("demo", "2.0"), ("gone", "1.0"))
    problem = Problem(code="not_resolvable", message="x", file="r.txt", line=2)
    found = drift([ref("demo")], installed("demo"), resolution=whole.model_copy(update={"problems": (problem,)}))
    assert (told(found), found.resolved) == ([], 0)


def test_what_the_declaration_tells_already_the_closed_set_does_not_tell_again() -> None:
    resolution = closed(("demo", "2.0"), ("gone", "1.0"))
    found = drift([ref("demo", "==2.0"), ref("gone")], installed("demo"), resolution=resolution)
    assert sorted(told(found)) == [("missing", "pypi/gone", "declared"), ("other_version", "pypi/demo", "declared")]


@pytest.mark.parametrize("origin", [URL, FORGE])
def test_a_dependency_from_another_place_than_it_resolves_to_is_told(origin: Origin) -> None:
    nodes = installed("demo", "1.0", "dep") | installed("dep")
    package = closed(("demo", "1.0"), ("dep", "1.0"))
    second = package.packages[1].model_copy(update={"required_by": ("demo",)})
    resolution = package.model_copy(update={"packages": (package.packages[0], second)})
    found = drift([ref("demo")], nodes, resolution=resolution, origins={"demo": INDEX, "dep": origin})
    assert told(found) == [("other_origin", "pypi/dep", "resolved")]
    assert (found.differences[0].found, found.differences[0].where) == (origin.location, "for demo")


def test_a_closed_set_for_another_platform_says_nothing() -> None:
    for platform in ("linux-aarch64", "macos-x86_64", "windows-x86_64"):
        found = drift([ref("demo")], installed("demo"), resolution=closed(("gone", "1.0"), platform=platform))
        assert (told(found), found.resolved) == ([], 0)
    glibc = closed(("gone", "1.0"), platform="linux-x86_64-glibc2.35")
    assert drift([ref("demo")], installed("demo"), resolution=glibc).resolved == 1


@pytest.mark.parametrize(
    ("spec", "version", "kind", "allowed"),
    [
        ("", "1.0", Kind.PYPI, True),
        (">=1,<2", "1.5", Kind.PYPI, True),
        (">=1,<2", "2.0", Kind.PYPI, False),
        ("==1.0", "1.0rc1", Kind.PYPI, False),
        (">=1.0", "2.0rc1", Kind.PYPI, True),
        ("^1.2", "1.9", Kind.PYPI, True),
        ("^1.2", "2.0", Kind.PYPI, False),
        ("~1.2", "1.3", Kind.PYPI, False),
        ("1.2", "1.2.0", Kind.PYPI, True),
        ("^x", "1.2", Kind.PYPI, None),
        ("==1.0+cpu", "1.0+cpu", Kind.PYPI, True),
        ("nonsense", "1.0", Kind.PYPI, None),
        ("==1", "no version", Kind.PYPI, None),
        ("*", "1.0", Kind.CONDA, True),
        ("=1.2", "1.2.3", Kind.CONDA, True),
        ("1.2", "1.2.3", Kind.CONDA, True),
        ("=1.2", "1.20", Kind.CONDA, False),
        ("1.2.*", "1.2.9", Kind.CONDA, True),
        ("=1.2=py311_0", "1.2", Kind.CONDA, True),
        ("==1.2", "1.2.3", Kind.CONDA, False),
        ("==1.2.3=h0_0", "1.2.3", Kind.CONDA, True),
        (">=1.2,<2", "1.5", Kind.CONDA, True),
        (">=1.2,<2", "2.5", Kind.CONDA, False),
        ("1.2|1.3", "1.2", Kind.CONDA, None),
    ],
)
def test_whether_a_version_is_allowed(spec: str, version: str, kind: Kind, *, allowed: bool | None) -> None:
    assert allows(spec, version, kind) is allowed


def test_versions_are_the_same_however_they_are_spelled() -> None:
    assert same_version("1.0", "1.0.0")
    assert same_version("2024A", "2024a")
    assert not same_version("1.0", "1.1")


def test_a_declared_specifier_that_nobody_can_read_is_unjudged() -> None:
    found = drift([ref("demo", "^one")], installed("demo"))
    assert (told(found), found.unjudged, found.declared) == ([], 1, 1)


@pytest.mark.parametrize("kind", ["pypi", "conda"])
def test_metadata_that_cannot_be_read_explains_nothing(kind: str) -> None:
    """Who breaks the metadata of a package explains no other one by it."""
    whole = installed("demo", "1.0", "evil") if kind == "pypi" else conda("demo", "1.0", "evil")
    evil = installed("evil") if kind == "pypi" else conda("evil")
    world = World()
    below = layer({"etc/os-release": b"ID=x\n"})
    inventory, files = world.read(
        world.image(below, layer(whole | evil)), base_catalogue=[("base:1", (below.diff_id,))]
    )
    wanted = [(Kind(kind), "demo", ())]
    environment = marker_environment(inventory)
    assert (Kind(kind), "evil") in Needs(inventory.components, files, environment).explained(wanted)
    broken = Broken(files)
    assert Needs(inventory.components, broken, environment).explained(wanted) == {(Kind(kind), "demo")}


class Broken:
    """The files of an image whose metadata turned out to be something else."""

    def __init__(self, files: InstalledFiles) -> None:
        self._files = files

    def rows(self, component: Component) -> Mapping[str, tuple[int, str]]:
        return self._files.rows(component)

    def record(self, component: Component) -> bytes:
        return self._files.record(component)

    def metadata(self, component: Component) -> bytes:
        del component
        return b"\xff\0{not metadata"


@pytest.mark.parametrize("marker", ['python_version >= "x.y"', 'os_name ~= "posix"', 'platform_release > "1"'])
def test_a_marker_without_a_meaning_is_not_guessed(marker: str) -> None:
    world = World()
    inventory, _ = world.read(world.image(layer(installed("demo"))))
    environment = marker_environment(inventory)
    assert environment is not None
    assert holds(Marker(marker), environment) in {None, False}
    assert holds(Marker(marker), None) is None
