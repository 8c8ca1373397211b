"""Read an environment definition: one file, or a folder as a whole, into `Declared`."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, cast

from gate.environment.detect import detect
from gate.environment.reading import Reading
from gate.environment.text import Text
from gate.model.reference import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from gate.bounds import DefinitionBounds
    from gate.environment.interface import Reader
    from gate.model.reference import Declared

READERS = (
    "requirements",
    "conda",
    "aml",
    "dockerfile",
    "conda_explicit",
    "conda_lock",
    "pixi_lock",
    "mlflow",
    "pipfile",
    "pyproject",
    "lock",
    "script",
    "config",
)
"""Every format has a module of its name in this package, imported when a text of that format is met."""

_PASSED_BY = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox", ".nox"})


def read_definition(path: Path, root: Path, bounds: DefinitionBounds) -> Declared:
    """Read a file, or every definition in a folder, and all that they include inside the root.

    Args:
        path: the file or folder; must lie inside `root`.
        root: the folder that no read leaves.
        bounds: what reading may cost.

    Returns:
        What was declared. Never raises for what the files say: that is a problem in the result.
    """
    reading = Reading(root, bounds)
    # Not resolved: a link is judged by `Reading`, under the name that it has here.
    relative = os.path.relpath(os.path.abspath(path), os.path.abspath(root))  # noqa: PTH100 - must not follow links
    if path.is_dir():
        _folder(path, relative, reading)
    else:
        _file(relative.replace(os.sep, "/"), reading)
    failed = any(one.severity is Severity.ERROR for one in reading.problems)
    if not (reading.references or reading.sources or failed):
        reading.problem("nothing_declared", "nothing is declared here, which proves nothing", relative)
    return reading.declared()


def _file(relative: str, reading: Reading) -> None:
    text = reading.load(relative)
    if text is None:
        return
    name = detect(text)
    if name not in READERS:
        reading.problem("unknown_format", "no format of environment definitions that is known", text)
        return
    read_as(name, text, reading)


def read_as(name: str, text: Text, reading: Reading) -> None:
    """Read the text with the reader of one format. A reader that fails has not read: that is an error, not a pass."""
    try:
        cast("Reader", reader(name)).read(text, reading)
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody foresaw it, and nothing may pass because of it
        reading.problem("reader_failed", f"the reader of {name} failed: {type(error).__name__}", text)


def reader(name: str) -> ModuleType:
    """Import the reader of one format; the others stay unloaded."""
    return importlib.import_module(f"gate.environment.{name}")


def _folder(path: Path, relative: str, reading: Reading) -> None:
    if not reading.is_folder(relative):
        reading.problem("outside_root", f"`{relative}` leads outside the folder that was handed in", relative)
        return
    texts: list[tuple[int, str, Text]] = []
    for seen, name in enumerate(_walk(path, "" if relative == "." else relative.replace(os.sep, "/"))):
        if seen >= _LOOKED_AT * reading.bounds.files:
            reading.problem("too_many_files", f"more than {_LOOKED_AT * reading.bounds.files} files to look at", name)
            break
        found = _definition(name, reading)
        if found is not None:
            texts.append((_ORDER.get(found[0], 5), *found))
    reading.files.clear()
    for _, format_name, text in sorted(texts, key=lambda one: (one[0], one[2].path)):
        if text.path not in reading.files:
            reading.files.append(text.path)
            read_as(format_name, text, reading)
    if not texts and not reading.problems:
        reading.problem("nothing_found", "no environment definition in this folder", relative)


def _definition(name: str, reading: Reading) -> tuple[str, Text] | None:
    """Return a file's format and text if it is a definition; what fails to load counts if its name says it is one."""
    problems = len(reading.problems)
    text = reading.load(name)
    if text is None:
        if not detect(Text(path=name, content="")):
            del reading.problems[problems:]
        return None
    format_name = detect(text)
    if format_name in READERS:
        return format_name, text
    reading.files.remove(text.path)
    return None


_LOOKED_AT = 100
"""How many files of a folder are looked at for each one that the bounds let in."""

_ORDER = {"aml": 0, "dockerfile": 1, "mlflow": 2, "pyproject": 3, "conda": 4, "requirements": 6}
"""Formats that include others come first, so that what they include is not read a second time."""


def _walk(path: Path, relative: str) -> Iterator[str]:
    for folder, names, files in os.walk(path, followlinks=False):
        names[:] = sorted(one for one in names if one not in _PASSED_BY)
        inside = os.path.relpath(folder, path).replace(os.sep, "/")
        for one in sorted(files):
            yield "/".join(part for part in (relative, "" if inside == "." else inside, one) if part)
