"""Explicit conda locks (`@EXPLICIT`): one package file's address a line."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.locked import locked_file
from gate.environment.matchspec import InvalidMatchSpecError, package_url
from gate.environment.pip_scope import PipScope
from gate.environment.places import pypi_file
from gate.environment.requirements import read_line
from gate.model.origin import Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text

_PIP = "# pip "
"""How conda-lock writes a Python package into an explicit file: a comment that its installer obeys."""


def read(text: Text, reading: Reading) -> None:
    """Read the file; what stands before the mark counts, for conda reads the whole file once the mark is there."""
    scope = PipScope(reading)
    for number, line in enumerate(text.lines, 1):
        content = line.strip()
        if content.startswith(_PIP):
            _python(content.removeprefix(_PIP), number, text, scope)
        elif content and not content.startswith(("#", "@")):
            _package(content, number, text, reading)
    scope.close()


def _python(content: str, number: int, text: Text, scope: PipScope) -> None:
    """Read a Python package: one bound to a file of PyPI's own is PyPI's, as in every other lock file."""
    name, at, rest = content.partition(" @ ")
    address, _, fragment = rest.partition("#")
    if not (at and pypi_file(address.strip())):
        read_line(content, number, text, scope)
        return
    checksum = fragment.removeprefix("sha256=").removeprefix("sha256:").strip()
    hashes = (f"sha256:{checksum}",) if re.fullmatch(r"[0-9a-f]{64}", checksum) else ()
    locked_file(name.partition("[")[0].strip(), "", address.strip(), number, hashes).keep(text, scope.reading)


def _package(content: str, number: int, text: Text, reading: Reading) -> None:
    try:
        conda = package_url(content, number)
    except InvalidMatchSpecError as error:
        reading.problem("invalid_explicit", str(error), text, number)
        return
    if "://" not in content:
        path = Origin(kind=OriginKind.PATH, location=content.partition("#")[0])
        reading.add(replace(conda.found), (path,), text)
    else:
        reading.add(conda.found, (conda.channel,) if conda.channel else (), text)
