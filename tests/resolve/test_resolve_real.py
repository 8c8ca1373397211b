"""Against the real index: the same pins as uv finds alone, and facts for each of them."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from resolve.resolve_world import declared, pins, policy, python_reference

from gate.index.client import pypi_address
from gate.resolve import closed_set
from gate.resolve.child import clean_environment
from gate.resolve.settings import ResolveConfig
from gate.resolve.target import parse_target
from gate.resolve.uv import parse_pins, uv_program

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("fastapi==0.115.6", "requests[socks]==2.32.3", "jinja2")


def alone(folder: Path) -> dict[str, str]:
    """Return the pins of `uv pip compile` alone."""
    (folder / "requirements.in").write_text("\n".join(NAMES))
    (folder / "home").mkdir()
    program = str(uv_program(ResolveConfig()))
    words = ["pip", "compile", "requirements.in", "--no-config", "--no-build", "--quiet", "--no-header"]
    words += ["--no-annotate", "--cache-dir", "cache", "--default-index", pypi_address(), "--python-version", "3.11"]
    words += ["--python-platform", parse_target("linux-x86_64", "3.11").uv_platform]
    environment = clean_environment(folder / "home", {})
    done = subprocess.run([program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return {pin.name: pin.version for pin in parse_pins(done.stdout)}


def test_the_pins_are_those_of_uv_alone_and_every_file_is_known(tmp_path: Path) -> None:
    references = [
        python_reference("fastapi", "==0.115.6"),
        python_reference("requests", "==2.32.3", extras=("socks",)),
        python_reference("jinja2"),
    ]
    found = closed_set(declared(*references), policy(), platform="linux-x86_64", python="3.11", now=datetime.now(UTC))
    assert found.closed
    assert pins(found) == alone(tmp_path)
    assert "pysocks" in pins(found)
    for package in found.packages:
        (file,) = package.files
        assert file.sha256
        assert file.size
        assert file.upload_time
