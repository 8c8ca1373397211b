"""The proof against the real index: pip takes real wheels from it, and they are proven; changed, they are not.

These run wherever pip itself reaches PyPI, which setting this project up needs as well: they are never skipped.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from origin.origin_image import SITE, AllDiskFiles, at_home, components, inventory

from gate.http.client import HttpClient
from gate.index.client import PythonIndex
from gate.index.project import NoSuchProject
from gate.model.image import ProofLevel
from gate.model.origin import PYPI, Origin, OriginKind
from gate.origin.prove import prove_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gate.model.image import Proof

# One that is read whole, one that is read by ranges, one with a script that gets another first line, one with an
# entry point.
PINS = ("six==1.17.0", "setuptools==80.9.0", "jmespath==1.0.1", "flask==3.1.2")


@pytest.fixture(scope="module")
def index() -> Iterator[PythonIndex]:
    http = HttpClient()
    yield PythonIndex(http)
    http.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    arguments = ["--quiet", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    arguments += ["--no-warn-script-location", "--prefix", str(tmp_path / "usr/local")]
    subprocess.run([sys.executable, "-m", "pip", "install", *arguments, *PINS], check=True)
    at_home(tmp_path, tmp_path / "usr/local/bin")
    return tmp_path


def prove(root: Path, index: PythonIndex) -> dict[str, Proof]:
    proved = prove_inventory(inventory(*components(root)), AllDiskFiles(root), index=index)
    return {found.name: found.proof for found in proved.components if found.proof is not None}


def test_what_pip_takes_from_pypi_is_proven_and_a_change_is_not(root: Path, index: PythonIndex) -> None:
    before = prove(root, index)
    # setuptools brings parts of its own along, each with a `.dist-info`; they are all accounted for.
    assert {(proof.level, proof.code) for proof in before.values()} <= {
        (ProofLevel.PROVEN, "record_equal"),
        (ProofLevel.PROVEN, "vendored"),
    }
    assert {before[name].code for name in ("six", "setuptools", "jmespath", "Flask")} == {"record_equal"}
    assert before["six"].origin == Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI)
    assert before["six"].evidence["whole"] == "yes"
    assert "whole" not in before["setuptools"].evidence

    (root / SITE / "six.py").write_bytes((root / SITE / "six.py").read_bytes() + b"\n")
    after = prove(root, index)
    assert (after["six"].level, after["six"].code) == (ProofLevel.CONTRADICTED, "record_differs")
    assert after["six"].evidence["examples"] == "six.py"
    assert after["setuptools"] == before["setuptools"]


def test_pypi_says_what_it_does_not_have(index: PythonIndex) -> None:
    name = "gate-tests-of-a-project-that-does-not-exist"
    assert index.project(name) == NoSuchProject(name=name)
