"""Conda packages that a project file declares: the tables of conda-lock and pixi in TOML, and `pixi.toml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gate.environment.indexes import address_of
from gate.environment.locked import locked_address
from gate.environment.matchspec import InvalidMatchSpecError, parse_matchspec
from gate.environment.places import IMPLICIT_DEFAULTS, conda_channel
from gate.model.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.environment.indexes import Indexes

Table = dict[str, Any]
_CONDA = ("dependencies", "host-dependencies", "build-dependencies", "run-dependencies")


def read_conda_lock(table: Table, indexes: Indexes) -> None:
    """Read `[tool.conda-lock]`: its channels serve the whole project, and `defaults` does where it names none."""
    if not table:
        return
    indexes.finder.after(r"^\s*\[tool\.conda-lock\b")
    channels = _channels([table], indexes)
    if not channels:
        indexes.reading.source(IMPLICIT_DEFAULTS, indexes.finder.text, indexes.finder.at + 1)
    for address in _texts(table.get("pip-repositories")):
        indexes.declare("", address)
    for name, value in _items(table, "dependencies"):
        if isinstance(value, dict) and value.get("source") == "pypi":
            indexes.entry(name, {key: one for key, one in value.items() if key != "source"})
        else:
            _package(name, value, channels or (IMPLICIT_DEFAULTS,), indexes)


def read_pixi(table: Table, indexes: Indexes) -> None:
    """Read pixi's tables: every feature and platform counts, and any channel may serve any of them."""
    if not table:
        return
    parts = list(_parts(table))
    channels = _channels([one for part in parts for one in (part, *_named(part, "workspace", "project"))], indexes)
    for part in parts:
        for options in _named(part, "pypi-options"):
            _pypi_options(options, indexes)
    for part in parts:
        for key in _CONDA:
            for name, value in _items(part, key):
                _package(name, value, channels, indexes)
        for name, value in _items(part, "pypi-dependencies"):
            _pypi(name, value if isinstance(value, dict) else {"version": value}, indexes)


def _pypi_options(options: Table, indexes: Indexes) -> None:
    if isinstance(options.get("index-url"), str):
        indexes.declare("", options["index-url"], default=True)
    links = options.get("find-links")
    found = (
        [one.get("url", one.get("path")) for one in links if isinstance(one, dict)] if isinstance(links, list) else []
    )
    for address in (*_texts(options.get("extra-index-urls")), *_texts(found)):
        indexes.declare("", address)


def _pypi(name: str, entry: Table, indexes: Indexes) -> None:
    if isinstance(entry.get("index"), str):
        # pixi binds a name to an address, not to an index that has a name.
        indexes.declare(entry["index"], entry["index"], explicit=True)
    indexes.entry(name, entry)


def _parts(table: Table) -> Iterator[Table]:
    yield table
    for key in ("feature", "target"):
        for _, value in _items(table, key):
            if isinstance(value, dict):
                yield from _parts(value)
    yield from _named(table, "package")


def _named(table: Table, *keys: str) -> list[Table]:
    return [table[key] for key in keys if isinstance(table.get(key), dict)]


def _items(table: Table, key: str) -> list[tuple[str, Any]]:
    value = table.get(key)
    return list(value.items()) if isinstance(value, dict) else []


def _texts(value: object) -> list[str]:
    return [str(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _channels(tables: list[Table], indexes: Indexes) -> tuple[Origin, ...]:
    origins: list[Origin] = []
    for table in tables:
        listed = table.get("channels")
        for one in listed if isinstance(listed, list) else ():
            name = one.get("channel", "") if isinstance(one, dict) else one
            if name != "nodefaults":
                origins.append(conda_channel(str(name)))
                indexes.reading.source(origins[-1], indexes.finder.text, indexes.finder.next(str(name)))
    return tuple(dict.fromkeys(origins))


def _package(name: str, value: object, channels: tuple[Origin, ...], indexes: Indexes) -> None:
    entry = value if isinstance(value, dict) else {"version": value}
    reading, text, line = indexes.reading, indexes.finder.text, indexes.finder.key(name)
    if address := address_of(entry):
        locked_address(name, "", address, line).keep(text, reading)
        return
    version = str(entry.get("version", ""))
    try:
        conda = parse_matchspec(f"{name} {'' if version == '*' else version}".strip(), line)
    except InvalidMatchSpecError as error:
        reading.problem("invalid_matchspec", str(error), text, line)
        return
    own = entry.get("channel")
    channel = conda_channel(own) if isinstance(own, str) else conda.channel
    reading.add(conda.found, (channel,) if channel else channels, text)
