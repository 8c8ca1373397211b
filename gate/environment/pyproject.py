"""pyproject.toml: PEP 621, build requirements, dependency groups, and the tables of uv, poetry, pdm and hatch."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from gate.environment.conda_project import read_conda_lock, read_pixi
from gate.environment.found import Found
from gate.environment.indexes import Indexes, bindings_of
from gate.environment.lines import Finder
from gate.environment.places import PYPI_INDEX
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.environment.reading import Reading
    from gate.environment.text import Text

Table = dict[str, Any]
_TOOLS = frozenset({"poetry", "pdm", "uv", "hatch", "flit", "rye", "conda-lock", "pixi", "setuptools"})
"""Tools whose tables are read, or hold no dependencies under that key."""


def read(text: Text, reading: Reading) -> None:
    """Read a project file."""
    data = load_toml(text, reading)
    if data is None:
        return
    tool = {"pixi": data} if text.path.rpartition("/")[2].lower() == "pixi.toml" else _table(data, "tool")
    indexes = Indexes(reading, Finder(text))
    _declare(tool, indexes)
    indexes.finder = Finder(text)
    indexes.bindings = bindings_of(_table(_table(tool, "uv"), "sources"))
    for requirement in _requirements(data, tool):
        if isinstance(requirement, str):
            indexes.requirement(requirement)
        elif not (isinstance(requirement, dict) and "include-group" in requirement):
            reading.problem("invalid_requirement", "a dependency that is no text", text, 1)
    _poetry(_table(tool, "poetry"), indexes)
    read_conda_lock(_table(tool, "conda-lock"), indexes)
    read_pixi(_table(tool, "pixi"), indexes)
    _unknown(tool, indexes)
    _dynamic(data, tool, text, reading)
    if not (reading.references or reading.sources):
        reading.problem("no_dependencies", "this project declares no dependencies", text, 1, error=False)


def load_toml(text: Text, reading: Reading) -> Table | None:
    """Parse TOML; None and an error problem when it can't be."""
    try:
        return tomllib.loads(text.content)
    except (ValueError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        reading.problem("toml_invalid", str(error) or "nested too deep", text, int(line[1]) if line else 0)
        return None


def _table(data: object, key: str) -> Table:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _list(data: object, key: str) -> list[Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []


def _requirements(data: Table, tool: Table) -> Iterator[object]:
    project, uv, hatch = _table(data, "project"), _table(tool, "uv"), _table(tool, "hatch")
    flit = _table(_table(tool, "flit"), "metadata")
    yield from _list(_table(data, "build-system"), "requires")
    yield from _list(project, "dependencies")
    yield from _lists(_table(project, "optional-dependencies"))
    yield from _lists(_table(data, "dependency-groups"))
    yield from _list(uv, "dev-dependencies")
    yield from _list(uv, "override-dependencies")
    yield from _lists(_table(uv, "extra-build-dependencies"))
    yield from _lists(_table(_table(tool, "pdm"), "dev-dependencies"))
    yield from _list(_table(tool, "rye"), "dev-dependencies")
    yield from _list(flit, "requires")
    yield from _list(flit, "dev-requires")
    yield from _lists(_table(flit, "requires-extra"))
    yield from _list(_table(hatch, "env"), "requires")
    build = _table(hatch, "build")
    hooked = (*_table(build, "hooks").values(), *_table(build, "targets").values())
    for part in (*_table(hatch, "envs").values(), build, *hooked):
        yield from _list(part, "dependencies")
        yield from _list(part, "extra-dependencies")


def _lists(groups: Table) -> Iterator[object]:
    for group in groups.values():
        yield from group if isinstance(group, list) else [group]


def _declare(tool: Table, indexes: Indexes) -> None:
    declare_uv(_table(tool, "uv"), indexes)
    for source in _list(_table(tool, "poetry"), "source"):
        if isinstance(source, dict) and isinstance(source.get("url"), str):
            priority = str(source.get("priority", "primary")).lower()
            # Poetry's primary sources replace PyPI, supplemental ones stand beside it, explicit ones wait for names.
            first = (priority in {"primary", "default"} and not source.get("secondary")) or bool(source.get("default"))
            indexes.declare(str(source.get("name", "")), source["url"], default=first, explicit=priority == "explicit")
        elif isinstance(source, dict) and source.get("priority") != "explicit":
            # Only PyPI may stand without an address: brought back beside the sources that replace it.
            indexes.enter(PYPI_INDEX, "")
    for source in (*_list(_table(tool, "pdm"), "source"), *_list(_table(tool, "rye"), "sources")):
        if isinstance(source, dict) and isinstance(source.get("url"), str):
            name = str(source.get("name", ""))
            indexes.declare(name, source["url"], default=name == "pypi")


def declare_uv(uv: Table, indexes: Indexes) -> None:
    """Take the indexes of a uv table (or of `uv.toml`) into scope."""
    for index in _list(uv, "index"):
        if isinstance(index, dict) and isinstance(index.get("url"), str):
            indexes.declare(
                str(index.get("name", "")),
                index["url"],
                default=bool(index.get("default")),
                explicit=bool(index.get("explicit")),
            )
    pip = _table(uv, "pip")
    for table in (uv, pip):
        if isinstance(table.get("index-url"), str):
            indexes.declare("", table["index-url"], default=True)
        for address in (*_list(table, "extra-index-url"), *_list(table, "find-links")):
            indexes.declare("", str(address))


def _poetry(poetry: Table, indexes: Indexes) -> None:
    groups = {"dependencies": _table(poetry, "dependencies"), "dev-dependencies": _table(poetry, "dev-dependencies")}
    groups["requires-plugins"] = _table(poetry, "requires-plugins")
    for key, group in _table(poetry, "group").items():
        groups[f"group.{key}.dependencies"] = _table(group, "dependencies")
    for header, group in groups.items():
        indexes.finder.after(rf"^\s*\[tool\.poetry\.{re.escape(header)}\]")
        for name, value in group.items():
            if name.lower() == "python":
                continue
            for entry in value if isinstance(value, list) else [value]:
                indexes.entry(name, entry)


def _unknown(tool: Table, indexes: Indexes) -> None:
    """Keep what a tool that nobody here knows calls its dependencies: from where it comes can't be told."""
    for name, table in tool.items():
        dependencies = _table(table, "dependencies") if name not in _TOOLS else {}
        for key in dependencies:
            found = Found(kind=Kind.OTHER, name=key, line=indexes.finder.key(key), undetermined="no_origin")
            indexes.reading.add(found, (), indexes.finder.text)


def _dynamic(data: Table, tool: Table, text: Text, reading: Reading) -> None:
    """Follow `dynamic` dependencies of setuptools and hatch into the files that they name."""
    import posixpath  # noqa: PLC0415 - one project in ten has them

    from gate.environment.pip_scope import PipScope  # noqa: PLC0415
    from gate.environment.requirements import read_into  # noqa: PLC0415

    dynamic = _table(_table(tool, "setuptools"), "dynamic")
    wanted = [dynamic.get("dependencies"), *_table(dynamic, "optional-dependencies").values()]
    files = [file for entry in wanted if isinstance(entry, dict) for file in _files(entry.get("file"))]
    hook = _table(_table(_table(_table(tool, "hatch"), "metadata"), "hooks"), "requirements_txt")
    files += [
        file for one in (hook.get("files"), *_table(hook, "optional-dependencies").values()) for file in _files(one)
    ]
    for file in files:
        target = reading.locate(file, posixpath.dirname(text.path))
        line = Finder(text).next(file)
        if target is None:
            reading.add(Found(kind=Kind.OTHER, name=file, line=line, undetermined="missing_file"), (), text)
            continue
        with reading.including(target, text, line) as nested:
            if nested is not None:
                scope = PipScope(reading)
                read_into(nested, scope)
                scope.close()
    elsewhere = files or "dependencies" in _table(tool, "poetry")
    if "dependencies" in _list(_table(data, "project"), "dynamic") and not elsewhere:
        message = "`dependencies` are dynamic: a build would compute them, and nothing is built here"
        reading.problem("dynamic_dependencies", message, text, Finder(text).next("dynamic"))


def _files(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
