"""Wheels out of the public index, taken by pip's own downloader: the images of the tests install them for real."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from pypi_simple import PYPI_SIMPLE_ENDPOINT
from servers.processes import run

PYTHON = "3.11"
"""The version of Python that the Debian base has."""


def download_wheels(folder: Path, *requirements: str, dependencies: bool = False) -> list[Path]:
    """Download wheels for the base's Python into the folder and return all that are there, sorted.

    Neither pip's configuration nor local folders of wheels of this machine have a say: the bytes are the index's own.

    Raises:
        ServerError: pip failed; the message holds what it said.
    """
    machine = platform.machine()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--index-url", PYPI_SIMPLE_ENDPOINT, "--only-binary=:all:", "--dest", str(folder)]
    command += [
        "--python-version",
        PYTHON,
        "--implementation",
        "cp",
        "--abi",
        "cp311",
        "--abi",
        "abi3",
        "--abi",
        "none",
    ]
    for level in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"):
        command += ["--platform", f"{level}_{machine}"]
    environ = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_NO_INDEX": "0"}
    run([*command, *([] if dependencies else ["--no-deps"]), *requirements], environ=environ)
    return sorted(folder.glob("*.whl"))
