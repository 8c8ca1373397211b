"""Explicit conda locks (`@EXPLICIT`): one package file's address a line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.matchspec import InvalidMatchSpecError, package_url
from gate.environment.pip_scope import PipScope
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
            read_line(content.removeprefix(_PIP), number, text, scope)
        elif content and not content.startswith(("#", "@")):
            _package(content, number, text, reading)
    scope.close()


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
