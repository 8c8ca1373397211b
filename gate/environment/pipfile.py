"""Pipenv: `Pipfile` (TOML) and `Pipfile.lock` (JSON): sources, packages bound to them or not."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from gate.environment.found import Found
from gate.environment.lines import Finder
from gate.environment.locked import locked_address
from gate.environment.pip_scope import direct_origins
from gate.environment.places import PYPI_INDEX, python_index
from gate.environment.requirement import normalise
from gate.model.origin import Kind, Origin

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text

_VCS = ("git", "hg", "svn", "bzr")
_VARIABLES = ("os_name", "sys_platform", "platform_machine", "platform_system", "python_version", "python_full_version")


def read(text: Text, reading: Reading) -> None:
    """Read either file."""
    lock = text.content.lstrip().startswith("{")
    try:
        data = json.loads(text.content) if lock else tomllib.loads(text.content)
    except (ValueError, RecursionError) as error:
        reading.problem("pipfile_invalid", str(error), text, getattr(error, "lineno", 0))
        return
    if not isinstance(data, dict):
        reading.problem("pipfile_invalid", "no object at the top of the file", text, 1)
        return
    meta = data.get("_meta") if lock else data
    places = _places(meta.get("sources" if lock else "source") if isinstance(meta, dict) else None, text, reading)
    skipped = {"_meta", "source", "requires", "scripts", "pipenv", "pipfile"}
    sections = {key: value for key, value in data.items() if key not in skipped}
    for name, section in sections.items():
        finder = Finder(text)
        finder.after(rf'"{name}"\s*:' if lock else rf"^\[{name}\]")
        if isinstance(section, dict):
            for package, value in section.items():
                _package(package, value, finder, places, reading)
        else:
            reading.problem("pipfile_invalid", f"`{name}` is no table", text, 1)


def _places(sources: Any, text: Text, reading: Reading) -> dict[str, Origin]:  # noqa: ANN401 - parsed JSON
    places: dict[str, Origin] = {}
    finder = Finder(text)
    for one in sources if isinstance(sources, list) else []:
        if isinstance(one, dict) and isinstance(one.get("url"), str):
            origin = python_index(one["url"])
            places[str(one.get("name", len(places)))] = origin
            reading.source(origin, text, finder.next(one["url"]))
    return places or {"pypi": PYPI_INDEX}


def _package(name: str, value: Any, finder: Finder, places: dict[str, Origin], reading: Reading) -> None:  # noqa: ANN401 - parsed JSON
    line = finder.key(name)
    entry = value if isinstance(value, dict) else {"version": value}
    if address := _address(entry):
        locked_address(name, "", address, line).keep(finder.text, reading)
        return
    spec = str(entry.get("version", ""))
    hashes = tuple(one for one in entry.get("hashes", ()) if isinstance(one, str) and one.startswith("sha256:"))
    found = Found(
        kind=Kind.PYPI,
        name=normalise(name),
        spec="" if spec == "*" else spec,
        line=line,
        hashes=hashes,
        extras=tuple(str(one) for one in entry["extras"]) if isinstance(entry.get("extras"), list) else (),
        marker=_marker(entry),
    )
    index = entry.get("index")
    origins = tuple(dict.fromkeys(places.values()))
    if isinstance(index, str):
        # pipenv binds the name to that source and asks no other.
        origins = (places[index],) if index in places else ()
    reading.add(found, origins or direct_origins(found), finder.text)


def _address(entry: dict[str, Any]) -> str:
    for tool in _VCS:
        if address := entry.get(tool):
            prefixed = f"{tool}+{address}" if "://" in str(address) else str(address)
            return f"{prefixed}@{entry['ref']}" if entry.get("ref") else prefixed
    if path := entry.get("path"):
        return str(path) if str(path).startswith((".", "/", "~")) else f"./{path}"
    return str(entry.get("file") or entry.get("url") or "")


def _marker(entry: dict[str, Any]) -> str:
    """Return the conditions as one marker: pipenv takes each variable of PEP 508 as a key of its own too."""
    parts = [str(entry["markers"])] if entry.get("markers") else []
    parts += [f"{name} {entry[name]}" for name in _VARIABLES if isinstance(entry.get(name), str)]
    return parts[0] if len(parts) == 1 else " and ".join(f"({one})" for one in parts)
