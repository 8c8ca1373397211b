"""Python lock files in TOML: pylock.toml (PEP 751), uv.lock, poetry.lock, pdm.lock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gate.environment.found import Found
from gate.environment.indexes import address_of
from gate.environment.locked import locked_address, locked_file
from gate.environment.places import PYPI_INDEX, host_of, pypi_file, python_index
from gate.environment.pyproject import load_toml
from gate.environment.requirement import normalise
from gate.model.origin import PYPI, Kind, Origin, OriginKind
from gate.model.redact import redact_url

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text

Table = dict[str, Any]
_HEADER = re.compile(r"^\s*\[\[packages?\]\]\s*$")


def read(text: Text, reading: Reading) -> None:
    """Read a lock; one reference for each package."""
    data = load_toml(text, reading)
    if data is None:
        return
    packages = data.get("packages", data.get("package"))
    if not isinstance(packages, list):
        reading.problem("not_a_lock", "no list of packages", text, 1)
        return
    lines = [number for number, line in enumerate(text.lines, 1) if _HEADER.match(line)]
    pylock = "packages" in data
    if pylock and str(data.get("lock-version", "")).partition(".")[0] != "1":
        reading.problem("unknown_version", "a `lock-version` that is not known", text, 1)
    for number, package in enumerate(packages):
        line = _name_line(text, lines[number] if number < len(lines) else 1)
        if not isinstance(package, dict) or not isinstance(package.get("name"), str):
            reading.problem("not_a_lock", "a package without a name", text, line)
        elif pylock:
            _pylock(package, line, text, reading)
        else:
            _tool(package, line, text, reading)


def _name_line(text: Text, line: int) -> int:
    for number in range(line, min(line + 20, len(text.lines))):
        if re.match(r"\s*name\s*=", text.lines[number]):
            return number + 1
    return line


def _found(package: Table, line: int, hashes: tuple[str, ...] = ()) -> Found:
    version = package.get("version")
    spec = f"=={version}" if isinstance(version, str) else ""
    marker = package.get("marker")
    return Found(
        kind=Kind.PYPI,
        name=normalise(package["name"]),
        spec=spec,
        line=line,
        hashes=hashes,
        marker=marker if isinstance(marker, str) else "",
    )


def _pylock(package: Table, line: int, text: Text, reading: Reading) -> None:
    for key in ("vcs", "directory", "archive"):
        entry = package.get(key)
        if isinstance(entry, dict):
            address = address_of(entry)
            if key == "vcs":
                kind = str(entry.get("type", "git"))
                place = str(entry.get("url") or entry.get("path") or "")
                address = f"{kind}+{place}@{entry.get('commit-id', '')}" if "://" in place else place
            locked_address(package["name"], "", address or "./", line).keep(text, reading)
            return
    index = package.get("index")
    if isinstance(index, str):
        reading.add(_found(package, line, _hashes(package)), _with_files(package, (python_index(index),)), text)
        return
    _by_files(package, line, text, reading)


def _by_files(package: Table, line: int, text: Text, reading: Reading) -> None:
    """Without an index the files' own addresses tell; all of them must be the same kind of place."""
    files = [one for one in (*_list(package, "wheels"), package.get("sdist")) if isinstance(one, dict)]
    version = str(package.get("version", ""))
    places = [locked_file(package["name"], version, address_of(one), line, _hashes(package)) for one in files]
    origins = tuple(dict.fromkeys(origin for place in places for origin in place.origins))
    found = _found(package, line, _hashes(package))
    reading.add(found if origins else found.doubted("no_origin"), origins, text)


def _list(data: Table, key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _hashes(package: Table) -> tuple[str, ...]:
    out: list[str] = []
    for one in (*_list(package, "wheels"), *_list(package, "files"), package.get("sdist")):
        if not isinstance(one, dict):
            continue
        table = one.get("hashes")
        value = table.get("sha256") if isinstance(table, dict) else str(one.get("hash", "")).removeprefix("sha256:")
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
            out.append(f"sha256:{value}")
    return tuple(dict.fromkeys(out))


def _tool(package: Table, line: int, text: Text, reading: Reading) -> None:
    """Read a package of uv, poetry or pdm: `source` says where it is from; none is PyPI for poetry and pdm."""
    source = package.get("source")
    entry = source if isinstance(source, dict) else package
    kind = str(entry.get("type", ""))
    origins: tuple[Origin, ...] = (PYPI_INDEX,)
    if isinstance(entry.get("registry"), str):
        origins = (python_index(entry["registry"]),)
    elif kind in {"legacy", "default", "explicit", "primary", "supplemental"}:
        origins = (python_index(str(entry.get("url", ""))),)
    elif kind in {"git", "url", "file", "directory"}:
        ref = str(entry.get("resolved_reference") or entry.get("reference") or "")
        table = {"git": entry.get("url"), "rev": ref} if kind == "git" else {"path": entry.get("url")}
        address = str(entry.get("url")) if kind == "url" else address_of(table)
        locked_address(package["name"], "", address, line).keep(text, reading)
        return
    elif address := address_of(entry):
        if isinstance(entry.get("git"), str):
            place, _, commit = entry["git"].partition("#")
            address = f"git+{place.partition('?')[0]}" + (f"@{commit}" if commit else "")
        locked_address(package["name"], "", address, line).keep(text, reading)
        return
    reading.add(_found(package, line, _hashes(package)), _with_files(package, origins), text)


def _with_files(package: Table, origins: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """Return the origins and every place that a file's own address adds: installers fetch from there."""
    files = (*_list(package, "wheels"), *_list(package, "files"), package.get("sdist"))
    addresses = [str(one["url"]) for one in files if isinstance(one, dict) and isinstance(one.get("url"), str)]
    named = {origin.location for origin in origins}
    places = [
        Origin(kind=OriginKind.URL, location=host_of(one) or redact_url(one))
        for one in addresses
        if not (pypi_file(one) and PYPI in named) and not any(one.startswith(location) for location in named)
    ]
    known = {host_of(location) for location in named}
    return tuple(dict.fromkeys((*origins, *(one for one in places if one.location not in known))))
