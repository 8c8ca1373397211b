"""Conda packages: every `conda-meta/*.json` at any prefix, and their files held against what the record says.

Source: conda's `PrefixRecord`, as conda, mamba, micromamba and rattler write it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.image.jsontext import read_json
from gate.image.record import RecordTally
from gate.image.scene import Found, is_python_metadata
from gate.image.tree import Folder, find, shown
from gate.model.image import Component
from gate.model.origin import Kind
from gate.model.redact import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.image.scene import Read, Scene
    from gate.model.image import RecordCheck

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9_.!+~-]{1,200}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"/t/[^/]+")
_FACTS = ("build", "channel", "url", "sha256", "md5", "subdir", "fn", "requested_spec", "license")
_TEXT = 2000


class CondaError(ValueError):
    """A record that can't be read."""


def find_conda(scene: Scene) -> list[Found]:
    """Read every record of every prefix; a prefix that has a history and no record is a problem."""
    found: list[Found] = []
    for folder in scene.survey.conda_metas:
        place = find(scene.system.root, folder)
        if place is None or not isinstance(place[1], Folder):
            scene.problem("metadata_unreadable", "is no folder that can be read", folder)
            continue
        names = sorted(name for name in place[1].entries if name.endswith(".json"))
        if not names and "history" in place[1].entries:
            scene.problem("conda_prefix_empty", "has a history but no package", folder)
        found.extend(entry for name in names if (entry := _package(scene, folder, name)) is not None)
    return found


def record_of(data: bytes) -> dict[str, object]:
    """Parse a record; it has a name, a version, and lists of files where it has any.

    Raises:
        CondaError: it is none.
    """
    try:
        document = read_json(data, what="the record", code="conda_unparseable")
    except InputError as error:
        raise CondaError(error.message) from error
    if not isinstance(document, dict):
        message = "it is no object"
        raise CondaError(message)
    for key, pattern in (("name", _NAME), ("version", _VERSION)):
        value = document.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value.lower() if key == "name" else value):
            message = f"its `{key}` is none"
            raise CondaError(message)
    _files_of(document)
    return document


def hashes_of(document: Mapping[str, object]) -> dict[str, str]:
    """Return the files that a record lists, by path below the prefix, with the sha256 they must have (or nothing).

    `paths_data` gives hashes (of the file in the prefix, or of the one in the package if nothing is put into it);
    `files` gives names alone.
    """
    files, rows = _files_of(document)
    return dict.fromkeys(files, "") | {str(row["_path"]): _hash_of(row) for row in rows}


def _files_of(document: Mapping[str, object]) -> tuple[list[str], list[dict[str, object]]]:
    files = document.get("files", [])
    data = document.get("paths_data", {})
    rows = data.get("paths", []) if isinstance(data, dict) else None
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        message = "its `files` are no list of names"
        raise CondaError(message)
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and isinstance(row.get("_path"), str) for row in rows
    ):
        message = "its `paths_data` is no list of paths"
        raise CondaError(message)
    return files, rows


def _hash_of(row: Mapping[str, object]) -> str:
    inside, packed = row.get("sha256_in_prefix"), row.get("sha256")
    value = inside if inside is not None or row.get("prefix_placeholder") else packed
    if row.get("path_type", "hardlink") != "hardlink" or not isinstance(value, str):
        return ""
    return value if _SHA256.fullmatch(value) else "malformed"


def check_files(scene: Scene, prefix: str, hashes: Mapping[str, str]) -> RecordCheck:
    """Hold every file of a record against the image."""
    tally = RecordTally()
    for path, sha256 in hashes.items():
        scene.spend_row()
        entry = scene.file(prefix + path) if sha256 else None
        if not sha256:
            tally.count(path, "unhashed")
        elif entry is None:
            tally.count(path, "missing")
        else:
            tally.count(path, "equal" if entry.sha256.hex() == sha256 else "differing")
    return tally.check()


def _package(scene: Scene, folder: str, file: str) -> Found | None:
    path = f"{folder}/{file}"
    record = scene.read(path)
    if record is None:
        return None
    try:
        document = record_of(record.data)
    except CondaError as error:
        scene.problem("conda_unparseable", f"can't be read: {error}", path)
        return None
    return _found(scene, path, record, document)


def _found(scene: Scene, path: str, record: Read, document: dict[str, object]) -> Found:
    facts = facts_of(document)
    name, version = str(document["name"]).lower(), str(document["version"])
    folder, _, file = path.rpartition("/")
    stem = "-".join((name, version, facts.get("build", "")))
    if file.lower() != f"{stem.lower()}.json":
        scene.problem("metadata_contradiction", f"is the record of `{shown(stem)}`", path)
    prefix = folder.removesuffix("conda-meta")
    hashes = hashes_of(document)
    component = Component(
        kind=Kind.CONDA,
        name=name,
        version=version,
        path=shown(path),
        layer=record.layer,
        facts=facts | {"record_sha256": record.sha256},
        record=check_files(scene, prefix, hashes),
    )
    claims = {prefix + one: sha256 for one, sha256 in hashes.items() if is_python_metadata(one)}
    return Found(
        component=component,
        path=path,
        evidence=path,
        files=partial(_files, record.data, path, prefix),
        claims=claims,
    )


def _files(data: bytes, path: str, prefix: str) -> Iterator[str]:
    """Yield the record and the files that it lists, read again: all lists of an environment are too much to keep."""
    yield path
    yield from (prefix + one for one in hashes_of(record_of(data)))


def facts_of(document: Mapping[str, object]) -> dict[str, str]:
    """Return what the record says of the package's origin, without credentials."""
    facts = {}
    for key in _FACTS:
        value = document.get(key)
        if isinstance(value, str) and value:
            text = _TOKEN.sub("/t/***", redact_url(value)) if "/" in value else value
            facts[key] = shown(text)[:_TEXT]
    return facts
