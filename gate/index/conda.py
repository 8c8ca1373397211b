"""What a conda package says of itself, as a value that can be kept and compared, read out of its archive as data.

Sources: conda's package formats (CEP 35: `.conda`, a zip of two tars, and `.tar.bz2`), `info/paths.json`,
`info/index.json`, `info/link.json`. Nothing is unpacked to a disk and nothing is run.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gate.errors import BoundError
from gate.index.archive import demand, refused
from gate.index.conda_archive import OLD, entries, open_part, stem_of
from gate.model.base import Value

if TYPE_CHECKING:
    from gate.bounds import CondaBounds, WheelBounds
    from gate.index.archive import ByteSource

_ODD = re.compile(r"[\x00-\x1f\x7f\\]|^/|(?:^|/)\.{1,2}(?:/|$)|//|/$")
_HEX = re.compile(r"[0-9a-f]{64}")
_INFO = ("info/index.json", "info/paths.json", "info/link.json")
_ENTRY = re.compile(r"\s*([^\s=/]+)\s*=\s*([\w.]+)\s*:\s*([\w.]+)\s*")


class PathType(StrEnum):
    """What a path of a package is in the prefix."""

    FILE = "hardlink"
    LINK = "softlink"
    FOLDER = "directory"


class CondaPath(Value):
    """One path: its sha256 in hexadecimal as packed, and what stands in it for the prefix, if anything does."""

    type: PathType = PathType.FILE
    sha256: str = ""
    placeholder: str = ""
    binary: bool = False


class CondaFile(Value):
    """One file of a channel as its repodata has it.

    `sha256` and `md5` are hexadecimal and empty if the channel does not say; `url` is where it lies.
    """

    filename: str
    url: str
    subdir: str
    sha256: str = ""
    md5: str = ""
    size: int | None = None

    @property
    def stem(self) -> str:
        """Name, version and build, as a record in an image has them."""
        return stem_of(self.filename)


class CondaFacts(Value):
    """The facts of one package.

    Attributes:
        filename: as its channel has it.
        verified: the whole file was read and its digest is the channel's.
        name, version, build: as `info/index.json` says; they are those of the file name.
        python: it is a noarch Python package, whose paths depend on the Python of the environment.
        scripts: entry points for which an installer writes scripts: `module:function` by name.
        paths: every path of `info/paths.json`.
    """

    filename: str
    verified: bool
    name: str
    version: str
    build: str
    python: bool = False
    scripts: dict[str, str] = Field(default_factory=dict)
    paths: dict[str, CondaPath] = Field(default_factory=dict)


def read_facts(
    source: ByteSource, filename: str, *, verified: bool, bounds: CondaBounds, zips: WheelBounds
) -> CondaFacts:
    """Read what a package says of itself.

    Raises:
        InputError: `conda_…` or `zip_…`: it can't be read, or says two things.
        BoundError: it is larger than the bounds allow.
        UpstreamError: as the source raises.
    """
    found: dict[str, bytes] = {}
    with open_part(source, filename, "info", bounds=bounds, zips=zips) as archive:
        for name, size, body in entries(archive, bounds):
            if name not in _INFO:
                continue
            demand(name not in found, "conda_duplicate", f"`{filename}` has two of `{name}`")
            if size > bounds.info_bytes:
                message = f"`{name}` of `{filename}` has {size} bytes"
                raise BoundError(message, code="conda_info_too_large", hint="raise the bounds for conda packages")
            found[name] = body()
            if not filename.endswith(OLD) and len(found) == len(_INFO):
                break
    return _facts(filename, verified, {name: _json(name, data) for name, data in found.items()}, bounds)


def _facts(filename: str, verified: bool, found: dict[str, Any], bounds: CondaBounds) -> CondaFacts:  # noqa: FBT001 - handed on
    index, paths, link = (found.get(name, {}) for name in _INFO)
    demand(isinstance(index, dict) and bool(index), "conda_no_index", f"`{filename}` has no `info/index.json`")
    demand(isinstance(paths, dict) and bool(paths), "conda_no_paths", f"`{filename}` does not say which files it has")
    name, version, build = (str(index.get(key, "")) for key in ("name", "version", "build"))
    demand(f"{name}-{version}-{build}" == stem_of(filename), "conda_other_name", f"`{filename}` says another name")
    python = index.get("noarch") == "python"
    return CondaFacts(
        filename=filename,
        verified=verified,
        name=name,
        version=version,
        build=build,
        python=python,
        scripts=_scripts(link) if python else {},
        paths=_paths(paths.get("paths"), bounds),
    )


def _paths(rows: object, bounds: CondaBounds) -> dict[str, CondaPath]:
    demand(isinstance(rows, list), "conda_paths", "`info/paths.json` is no list of paths")
    found: dict[str, CondaPath] = {}
    for row in rows if isinstance(rows, list) else ():
        path = row.get("_path") if isinstance(row, dict) else None
        demand(isinstance(path, str) and not _ODD.search(path), "conda_paths", f"a path is none: {str(path)[:80]!r}")
        demand(path not in found, "conda_duplicate", f"`info/paths.json` names `{str(path)[:80]}` twice")
        if len(found) >= bounds.paths:
            message = f"a package has more than {bounds.paths} paths"
            raise BoundError(message, code="conda_too_many_paths", hint="raise the bounds for conda packages")
        found[str(path)] = _path(row)
    return found


def _path(row: dict[str, Any]) -> CondaPath:
    kind, sha256, placeholder = row.get("path_type", "hardlink"), row.get("sha256") or "", row.get("prefix_placeholder")
    known = kind in set(PathType) and isinstance(sha256, str) and isinstance(placeholder or "", str)
    demand(known and (not sha256 or _HEX.fullmatch(sha256)) is not None, "conda_paths", "a row of paths is off")
    mode = row.get("file_mode", "text")
    demand(mode in {"text", "binary", None}, "conda_paths", f"the mode of a path is {str(mode)[:40]!r}")
    return CondaPath(
        type=PathType(kind), sha256=sha256, placeholder=placeholder or "", binary=bool(placeholder) and mode == "binary"
    )


def _scripts(link: object) -> dict[str, str]:
    noarch = link.get("noarch") if isinstance(link, dict) else None
    points = noarch.get("entry_points") if isinstance(noarch, dict) else None
    found = (_ENTRY.fullmatch(one) for one in points or () if isinstance(one, str)) if isinstance(points, list) else ()
    return {match[1]: f"{match[2]}:{match[3]}" for match in found if match is not None}


def _json(name: str, data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise refused(code="conda_unreadable", message=f"`{name}` is not JSON") from error
