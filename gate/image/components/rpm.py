"""Packages of rpm: its database in SQLite, and the manifests that distroless images of Azure Linux have instead.

Sources: rpm's `lib/header.c` (header blobs), `rpmtag.h`, `lib/backend/sqlite.c`; Azure Linux's `container-manifest-2`
(what `rpm -qa` prints, separated by tabulators). Databases in Berkeley DB and ndb are not read, and that is a problem.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gate.image.components.dpkg import PROGRAMS, distribution_of
from gate.image.components.rpm_header import HeaderError, parse_header
from gate.image.scene import Found, is_python_metadata
from gate.image.tree import find_file
from gate.model.image import Component
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gate.image.components.rpm_header import Header
    from gate.image.scene import Scene

DATABASE = "rpmdb.sqlite"
MANIFESTS = ("container-manifest-2", "container-manifest-1")
UNREAD = ("Packages", "Packages.db")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~^:-]{0,199}")
_NEVRA = re.compile(r"(.+)-([^-]+)-([^-]+)\.([a-z0-9_]+)")
_COLUMNS = 10
_KEYS = ("gpg-pubkey",)
_OPERATIONS = 200_000_000
"""Steps of SQLite's machine over one database; a real one takes some hundred thousand."""

_STEP = 1_000_000
_HEADERS = 100_000


class RpmError(ValueError):
    """A database or manifest that can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    name: str
    version: str
    architecture: str
    source: str = ""
    vendor: str = ""
    header: Header | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.name, self.version, self.architecture


def find_rpm(scene: Scene) -> list[Found]:
    """Read every database and manifest; one in a format that is not read is a problem, for it may hold anything."""
    found: list[Found] = []
    for folder in scene.survey.rpms:
        for name in UNREAD:
            if scene.file(f"{folder}/{name}") is not None:
                what = "is a database of rpm in a format that is not read, so its packages are not known"
                scene.problem("rpm_unread", what, f"{folder}/{name}")
        if scene.file(f"{folder}/{DATABASE}") is not None:
            if _has_bytes(scene, f"{folder}/{DATABASE}-wal"):
                scene.problem(
                    "rpm_unread", "holds changes to the database that are not read", f"{folder}/{DATABASE}-wal"
                )
            found.extend(_read(scene, f"{folder}/{DATABASE}", packages_of_database))
            continue
        manifest = next((f"{folder}/{name}" for name in MANIFESTS if scene.file(f"{folder}/{name}") is not None), "")
        if manifest:
            found.extend(_read(scene, manifest, packages_of_manifest))
    return found


def _has_bytes(scene: Scene, path: str) -> bool:
    entry = scene.file(path)
    return entry is not None and entry.size > 0


def _read(scene: Scene, path: str, parse: Callable[[bytes], list[_Package]]) -> Iterator[Found]:
    place, read = find_file(scene.system.root, path), scene.read(path)
    if place is None or read is None:
        return
    try:
        packages = parse(read.data)
        if not packages:
            message = "it names no package, though it is there"
            raise RpmError(message)  # noqa: TRY301 - nothing found is a problem like any other
    except RpmError as error:
        scene.problem("rpm_unparseable", f"can't be read: {error}", path)
        return
    layers = _first_seen(scene, place[0], parse)
    system = distribution_of(scene)
    for package in packages:
        yield _found(scene, path, package, layers.get(package.key, read.layer), system)


def _first_seen(scene: Scene, path: str, parse: Callable[[bytes], list[_Package]]) -> dict[tuple[str, str, str], int]:
    """Tell since which layer each package is there in its version, without a break: every layer rewrites it whole."""
    seen: dict[tuple[str, str, str], int] = {}
    for layer, digest in scene.system.history.get(path, []):
        present: set[tuple[str, str, str]] = set()
        if digest is not None and (data := scene.system.kept.get(digest)) is not None:
            try:
                present = {package.key for package in parse(data)}
            except RpmError as error:
                scene.problem("rpm_unparseable", f"can't be read as layer {layer} has it: {error}", path)
        seen = {key: seen.get(key, layer) for key in present}
    return seen


def _found(scene: Scene, path: str, package: _Package, layer: int, system: dict[str, str]) -> Found:
    facts = {"manager": "rpm", "architecture": package.architecture, "source": package.source, "vendor": package.vendor}
    component = Component(
        kind=Kind.OS,
        name=package.name,
        version=package.version,
        path=path,
        layer=layer,
        facts={key: value for key, value in facts.items() if value} | system,
    )
    files = package.header.files if package.header is not None else ()
    for _ in files:
        scene.spend_row()
    return Found(
        component=component,
        path=path,
        evidence=path,
        files=partial(tuple, files),
        claims={one: "" for one in files if is_python_metadata(one)},
        config=package.header.config if package.header is not None else frozenset(),
        below=() if files else PROGRAMS,
    )


def packages_of_manifest(data: bytes) -> list[_Package]:
    """Parse a `container-manifest-1` or `-2`.

    Raises:
        RpmError: a line is neither, or names no package.
    """
    lines = data.decode("utf-8", "surrogateescape").splitlines()
    return [_line(line) for line in lines if line.strip()]


def _line(line: str) -> _Package:
    columns = line.split("\t")
    if len(columns) == _COLUMNS:
        name, version, _, _, vendor, _, _, architecture, epoch, source = columns
        epoch = "" if epoch in {"0", "(none)"} else f"{epoch}:"
        return _package(name, f"{epoch}{version}", architecture, _text(source), _text(vendor))
    match = _NEVRA.fullmatch(line.strip())
    if match is None:
        message = f"a line is no package: {line[:60]!r}"
        raise RpmError(message)
    return _package(match[1], f"{match[2]}-{match[3]}", match[4])


def _text(value: str) -> str:
    return "" if value == "(none)" else value[:200]


def _package(name: str, version: str, architecture: str, source: str = "", vendor: str = "") -> _Package:
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        message = f"a package has no name or version that is one: {name[:60]!r} {version[:60]!r}"
        raise RpmError(message)
    return _Package(name=name, version=version, architecture=architecture[:40], source=source, vendor=vendor)


def packages_of_database(data: bytes) -> list[_Package]:
    """Parse a `rpmdb.sqlite` in memory: nothing of it is written anywhere, and its own schema runs nothing.

    Raises:
        RpmError: no database, none of rpm's, or one that takes too long to read.
    """
    # A database in write-ahead mode can't be opened from memory; its pages are the same.
    plain = data[:18] + b"\1\1" + data[20:]
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(plain)
            blobs = _blobs(connection)
    except (sqlite3.Error, OverflowError) as error:
        message = f"it is no database that can be read: {error}"
        raise RpmError(message) from error
    try:
        headers = [parse_header(blob) for blob in blobs]
    except HeaderError as error:
        message = f"a header in it can't be read: {error}"
        raise RpmError(message) from error
    return [_of_header(header) for header in headers if header.name not in _KEYS]


def _blobs(connection: sqlite3.Connection) -> list[bytes]:
    steps = iter(range(_OPERATIONS // _STEP))
    connection.set_progress_handler(lambda: next(steps, None) is None, _STEP)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    kinds = connection.execute("SELECT type FROM sqlite_master WHERE name = 'Packages'").fetchall()
    if kinds != [("table",)]:
        message = "it has no table `Packages`"
        raise RpmError(message)
    rows = connection.execute("SELECT blob FROM Packages ORDER BY hnum").fetchmany(_HEADERS + 1)
    if len(rows) > _HEADERS or not all(isinstance(row[0], bytes) for row in rows):
        message = "its table holds no headers, or too many"
        raise RpmError(message)
    return [row[0] for row in rows]


def _of_header(header: Header) -> _Package:
    epoch = f"{header.epoch}:" if header.epoch else ""
    package = _package(
        header.name, f"{epoch}{header.version}-{header.release}", header.architecture, header.source, header.vendor
    )
    return _Package(
        name=package.name,
        version=package.version,
        architecture=package.architecture,
        source=package.source,
        vendor=package.vendor,
        header=header,
    )
