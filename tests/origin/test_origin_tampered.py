"""A package that was tampered with after it was published is told from the one that the index has."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe
from origin.origin_image import SITE, DiskFiles, at_home, components

from gate.index.project import IndexFile
from gate.model.image import ProofLevel
from gate.model.origin import PYPI, Origin, OriginKind
from gate.origin.compare import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from origin.origin_image import World

DEMO = WheelRecipe(
    files={
        "demo_pkg/__init__.py": b"VALUE = 1\n",
        "demo_pkg/inner/__init__.py": b"",
        "demo_pkg/data.json": b"{}",
        "demo_single.py": b"def main(): ...\n",
    },
    scripts="demo = demo_single:main\n",
)


def refused(world: World, code: str, *examples: str) -> None:
    """Assert that the only component is contradicted with a code, by readers of records and of everything."""
    proof = world.proof()
    assert (proof.level, proof.code) == (ProofLevel.CONTRADICTED, code)
    assert proof.origin is None
    assert set(examples) <= set(proof.evidence["examples"].split("\n"))


def test_what_pip_installs_is_proven(world: World) -> None:
    world.both(DEMO)
    proof = world.proof()
    assert (proof.level, proof.code) == (ProofLevel.PROVEN, "record_equal"), proof.evidence
    assert proof.origin == Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI)
    assert proof.evidence["wheel"] == DEMO.filename
    assert proof.evidence["generated"] == "1"
    assert not proof.transient


def test_what_pip_installs_and_compiles_is_proven_from_the_record_alone(world: World) -> None:
    world.publish(DEMO)
    world.install(DEMO, compiled=True)
    assert (world.site / "demo_pkg/__pycache__").is_dir()
    assert world.proof(files=DiskFiles(world.root)).code == "record_equal"
    assert int(world.proof().evidence["compiled"]) == 3


def test_what_uv_installs_is_proven(world: World) -> None:
    world.publish(DEMO)
    path = DEMO.write(world.folder / "wheels")
    prefix = world.root / "usr/local"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    uv = [sys.executable, "-m", "uv", "--no-config", "--offline", "--quiet", "--no-cache", "pip", "install"]
    subprocess.run([*uv, "--no-deps", "--python", str(prefix / "bin/python"), str(path)], check=True)
    at_home(world.root, prefix / "bin")
    (proof,) = world.prove(*(found.model_copy(update={"direct_url": ""}) for found in components(world.root)))
    assert proof.code == "record_equal"


def test_a_changed_file_is_contradicted(world: World) -> None:
    world.both(DEMO)
    (world.site / "demo_pkg/__init__.py").write_text("VALUE = 2\n")
    refused(world, "record_differs", "demo_pkg/__init__.py")


def test_a_changed_file_whose_record_was_changed_along_is_contradicted(world: World) -> None:
    world.both(DEMO)
    (world.site / "demo_pkg/__init__.py").write_text("VALUE = 2\n")
    world.rerecord("demo_pkg/__init__.py", recipe=DEMO)
    refused(world, "record_differs", "demo_pkg/__init__.py")


def test_a_file_of_equal_length_is_not_equal(world: World) -> None:
    world.both(DEMO)
    (world.site / "demo_pkg/data.json").write_bytes(b"[]")
    refused(world, "record_differs", "demo_pkg/data.json")


def test_a_file_that_is_gone_is_contradicted(world: World) -> None:
    world.both(DEMO)
    (world.site / "demo_single.py").unlink()
    refused(world, "record_differs", "demo_single.py")


def test_a_row_taken_out_of_the_record_hides_nothing(world: World) -> None:
    """The index's RECORD says what must be there, the image's own is only a claim."""
    world.both(DEMO)
    (world.site / "demo_pkg/__init__.py").write_text("VALUE = 2\n")
    record = world.site / DEMO.dist_info / "RECORD"
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(line for line in lines if not line.startswith("demo_pkg/__init__")))
    refused(world, "record_differs", "demo_pkg/__init__.py")
    proof = world.proof(files=DiskFiles(world.root))
    assert proof.code == "record_differs"


def test_a_pth_file_added_to_the_record_is_contradicted(world: World) -> None:
    """Python runs the lines of a `.pth` file at each start."""
    world.both(DEMO)
    (world.site / "demo_pkg.pth").write_text("import demo_pkg\n")
    world.rerecord("demo_pkg.pth", recipe=DEMO)
    refused(world, "extra_files", f"{SITE}/demo_pkg.pth")
    assert world.proof(files=DiskFiles(world.root)).code == "extra_files"


@pytest.mark.parametrize(
    "path",
    [
        "demo_pkg/evil.py",
        "demo_pkg/evil.so",
        "demo_pkg/inner/evil.py",
        "demo_pkg/new/evil.py",
        "demo_pkg/evil.pyc",
        "demo_pkg/__pycache__/evil.cpython-311.pyc",
        "demo_pkg-1.0.dist-info/entry_points.json",
    ],
)
def test_a_file_added_to_the_package_is_contradicted(world: World, path: str) -> None:
    world.both(DEMO)
    (world.site / path).parent.mkdir(exist_ok=True)
    (world.site / path).write_bytes(b"evil")
    refused(world, "extra_files", f"{SITE}/{path}")


def test_a_script_that_no_entry_point_names_is_contradicted(world: World) -> None:
    world.both(DEMO)
    script = world.root / "usr/local/bin/sudo"
    script.write_text("#!/bin/sh\n")
    world.rerecord("../../../bin/sudo", recipe=DEMO)
    refused(world, "extra_files", "usr/local/bin/sudo")


def test_what_installers_note_is_not_an_extra_file(world: World) -> None:
    world.both(DEMO)
    for leaf in ("INSTALLER", "REQUESTED", "uv_cache.json"):
        (world.site / DEMO.dist_info / leaf).write_text("")
    assert world.proof().code == "record_equal"


def test_a_wheel_of_the_same_name_and_version_with_other_bytes_is_contradicted(world: World) -> None:
    world.publish(DEMO)
    world.install(DEMO.but(files=DEMO.files | {"demo_pkg/__init__.py": b"VALUE = 3\n"}))
    refused(world, "record_differs", "demo_pkg/__init__.py")


def test_a_wheel_of_the_same_name_and_version_with_other_metadata_is_contradicted(world: World) -> None:
    world.publish(DEMO)
    world.install(DEMO.but(metadata="Summary: another\n"))
    proof = world.proof()
    assert (proof.level, proof.code) == (ProofLevel.CONTRADICTED, "metadata_differs")
    assert proof.evidence["wheels"] == DEMO.filename


def test_metadata_announced_by_the_index_contradicts_without_a_request(world: World) -> None:
    world.server.behaviour.announce = True
    world.publish(DEMO)
    world.install(DEMO.but(metadata="Summary: another\n"))
    assert world.proof().code == "metadata_differs"
    assert world.server.paths() == ["/simple/demo-pkg/"]


def test_files_of_another_package_in_a_shared_folder_are_not_extra(world: World) -> None:
    one = WheelRecipe(name="space_one", files={"space/__init__.py": b"", "space/one.py": b"1"})
    two = WheelRecipe(name="space_two", files={"space/two.py": b"2"})
    world.publish(one, two)
    world.install(one, two, compiled=True)
    assert [proof.code for proof in world.prove()] == ["record_equal", "record_equal"]
    (world.site / "space/three.py").write_text("3")
    assert [proof.code for proof in world.prove()] == ["extra_files", "extra_files"]


def test_byte_code_of_another_package_in_a_shared_folder_is_not_extra(world: World) -> None:
    """A container that ran once left it there, and no record names it."""
    one = WheelRecipe(name="space_one", files={"space/__init__.py": b"", "space/one.py": b"1"})
    two = WheelRecipe(name="space_two", files={"space/two.py": b"2"})
    world.both(one, two)
    (world.site / "space/__pycache__").mkdir()
    (world.site / "space/__pycache__/two.cpython-311.pyc").write_bytes(b"code")
    assert [proof.code for proof in world.prove()] == ["record_equal", "record_equal"]


def test_a_wheel_that_records_nothing_proves_nothing(world: World) -> None:
    world.both(DEMO)
    nothing = world.index.wheel(IndexFile(filename=DEMO.filename, url=f"{world.server.root}{world.path(DEMO)}"))
    assert not compare(world.component(), DiskFiles(world.root), nothing.model_copy(update={"record": {}})).equal


def test_byte_code_that_a_wheel_carries_may_be_compiled_anew(world: World) -> None:
    """Numpy 2.3 carries one such file, and pip writes its own over it."""
    recipe = DEMO.but(files=DEMO.files | {"demo_pkg/__pycache__/__init__.cpython-311.pyc": b"stale"})
    world.publish(recipe)
    world.install(recipe, compiled=True)
    assert world.proof().code == "record_equal"
    loose = recipe.but(files=DEMO.files | {"demo_pkg/loose.pyc": b"code"})
    world.publish(loose)
    world.install(loose.but(files=DEMO.files | {"demo_pkg/loose.pyc": b"evil"}))
    assert world.proof().code == "record_differs"


def test_files_of_data_folders_are_found_where_installers_put_them(world: World) -> None:
    data = "demo_pkg-1.0.data"
    spread = {
        f"{data}/purelib/pure.py": b"1",
        f"{data}/platlib/plat.py": b"2",
        f"{data}/data/share/demo/text.txt": b"3",
        f"{data}/headers/demo.h": b"4",
        f"{data}/scripts/tool": b"#!/bin/sh\n",
    }
    world.both(DEMO.but(files=DEMO.files | spread))
    assert world.proof().code == "record_equal"
    assert world.proof(files=DiskFiles(world.root)).code == "record_equal"
    (world.root / "usr/local/bin/tool").write_text("#!/bin/sh\nevil\n")
    refused(world, "record_differs", f"{data}/scripts/tool")


def test_a_missing_header_is_contradicted(world: World) -> None:
    world.both(DEMO.but(files=DEMO.files | {"demo_pkg-1.0.data/headers/demo.h": b"4"}))
    next(world.root.rglob("demo.h")).unlink()
    refused(world, "record_differs", "demo_pkg-1.0.data/headers/demo.h")


def test_a_script_with_nothing_but_its_interpreter_rewritten_is_equal(world: World) -> None:
    recipe = DEMO.but(files=DEMO.files | {"demo_pkg-1.0.data/scripts/tool": b"#!python\nprint(1)\n"})
    world.both(recipe)
    script = world.root / "usr/local/bin/tool"
    script.write_bytes(b"#!/usr/local/bin/python3.11\nprint(1)\n")
    assert world.proof().code == "record_equal"
    for text in (b"#!/usr/local/bin/python3.11\nprint(2)\n", b"#!/tmp/evil\nprint(1)\n", b"#!python\nprint(1)"):
        script.write_bytes(text)
        refused(world, "record_differs", "demo_pkg-1.0.data/scripts/tool")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + b"import evil\n",
        lambda text: text.replace(b"demo_single", b"evil_single"),
        lambda text: text.replace(b"/usr/local/bin/", b"/tmp/evil/bin/"),
        lambda _: b"#!/bin/sh\nevil\n",
    ],
)
def test_a_generated_script_that_somebody_changed_is_not_proven(world: World, change: Callable[[bytes], bytes]) -> None:
    """Nobody publishes it, so nothing contradicts it; but it is not what an installer writes either."""
    world.both(DEMO)
    script = world.root / "usr/local/bin/demo"
    script.write_bytes(change(script.read_bytes()))
    world.rerecord("../../../bin/demo", recipe=DEMO)
    proof = world.proof()
    assert (proof.level, proof.code) == (ProofLevel.CONSISTENT, "metadata_equal")
    assert proof.evidence["record"] == "unknown_scripts"
    assert proof.evidence["examples"] == "usr/local/bin/demo"


def test_pip_install_target_is_understood(world: World) -> None:
    recipe = DEMO.but(files=DEMO.files | {"demo_pkg-1.0.data/scripts/tool": b"#!/bin/sh\n"})
    world.publish(recipe)
    path = recipe.write(world.folder / "wheels")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(world.root / "app/libs"), str(path)], check=True)
    assert (world.root / "app/libs/bin/tool").is_file()
    assert world.proof().code == "record_equal"


def test_no_more_than_ten_examples_are_told(world: World) -> None:
    recipe = WheelRecipe(files={f"demo_pkg/m{number}.py": b"1" for number in range(25)})
    world.both(recipe)
    for number in range(25):
        (world.site / f"demo_pkg/m{number}.py").write_bytes(b"2")
    proof = world.proof()
    assert proof.evidence["differing"] == "25"
    assert len(proof.evidence["examples"].split("\n")) == 10


def test_without_a_record_in_the_image_nothing_is_proven(world: World) -> None:
    """Who takes RECORD away must not gain by it where nothing else tells what is installed."""
    world.both(DEMO)
    (world.site / DEMO.dist_info / "RECORD").unlink()
    proof = world.proof(files=DiskFiles(world.root))
    assert (proof.level, proof.code) == (ProofLevel.UNKNOWN, "no_record")
