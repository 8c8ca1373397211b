"""Conda's package cache (`pkgs/`), where nobody cleaned up: unpacked packages, which hold Python distributions too.

Source: conda's package format (`info/index.json`, `info/paths.json`) and `repodata_record.json` of its cache.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.image.components.conda import CondaError, check_files, facts_of, hashes_of, record_of
from gate.image.jsontext import read_json
from gate.image.scene import Found, is_python_metadata
from gate.image.tree import shown
from gate.model.image import Component
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.image.scene import Scene

_FILES = ("index.json", "repodata_record.json", "paths.json")


def find_conda_cache(scene: Scene) -> list[Found]:
    """Read every package that lies unpacked in a cache; its channel stands in `repodata_record.json`, if anywhere."""
    return [found for folder in scene.survey.conda_caches if (found := _package(scene, folder)) is not None]


def _package(scene: Scene, folder: str) -> Found | None:
    evidence = f"{folder}/info/index.json"
    index = scene.read(evidence)
    if index is None:
        return None
    try:
        document = _document(scene, folder, index.data)
        hashes = hashes_of(document)
    except CondaError as error:
        scene.problem("conda_unparseable", f"can't be read: {error}", folder)
        return None
    name, version = str(document["name"]).lower(), str(document["version"])
    facts = facts_of(document) | {"cached": "true"}
    if folder.rpartition("/")[2] != "-".join((name, version, facts.get("build", ""))):
        scene.problem("metadata_contradiction", f"is the folder of `{shown(name)} {shown(version)}`", folder)
    component = Component(
        kind=Kind.CONDA,
        name=name,
        version=version,
        path=shown(folder),
        layer=index.layer,
        facts=facts,
        record=check_files(scene, f"{folder}/", hashes),
    )
    claims = {f"{folder}/{one}": sha256 for one, sha256 in hashes.items() if is_python_metadata(one)}
    files = partial(_files, folder, tuple(hashes))
    return Found(component=component, path=folder, evidence=evidence, files=files, claims=claims)


def _document(scene: Scene, folder: str, index: bytes) -> dict[str, object]:
    """Put the three files of a package together into what a record of an installed one says."""
    document = record_of(index)
    origin = scene.read(f"{folder}/info/repodata_record.json")
    if origin is not None:
        record = record_of(origin.data)
        if any(record.get(key) != document.get(key) for key in ("name", "version", "build")):
            message = "its `index.json` and `repodata_record.json` speak of different packages"
            raise CondaError(message)
        document = record | document
    paths = scene.read(f"{folder}/info/paths.json")
    return document | {"files": [], "paths_data": _paths(paths.data) if paths is not None else {}}


def _paths(data: bytes) -> object:
    """Parse `paths.json`. In a cache, files are as they were packed: no prefix has been written into them yet."""
    try:
        document = read_json(data, what="paths.json", code="conda_unparseable")
    except InputError as error:
        raise CondaError(error.message) from error
    rows = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        message = "its `paths.json` is no list of paths"
        raise CondaError(message)
    packed = ("_path", "path_type", "sha256")
    return {"paths": [{key: row[key] for key in packed if key in row} for row in rows]}


def _files(folder: str, paths: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{folder}/info/{name}" for name in _FILES)
    yield from (f"{folder}/{path}" for path in paths)
