"""Conda packages: every `conda-meta/*.json` at any prefix.

Source: conda's `PrefixRecord`, as conda, mamba, micromamba and rattler write it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.image.jsontext import read_json
from gate.image.scene import Found
from gate.image.tree import Folder, find, shown
from gate.model.image import Component
from gate.model.origin import Kind
from gate.model.redact import redact_url

if TYPE_CHECKING:
    from gate.image.scene import Scene

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9_.!+~-]{1,200}")
_TEXT = 2000


def find_conda(scene: Scene) -> list[Found]:
    """Read every record of every prefix; a prefix without a record is a problem."""
    found: list[Found] = []
    for folder in scene.survey.conda_metas:
        place = find(scene.system.root, folder)
        if place is None or not isinstance(place[1], Folder):
            scene.problem("metadata_unreadable", "is no folder that can be read", folder)
            continue
        names = sorted(name for name in place[1].entries if name.endswith(".json"))
        if not names and "history" in place[1].entries:
            scene.problem("conda_prefix_empty", "has a history but no package", folder)
        found.extend(entry for name in names if (entry := _package(scene, folder, f"{folder}/{name}")) is not None)
    return found


def _package(scene: Scene, folder: str, path: str) -> Found | None:
    record = scene.read(path)
    if record is None:
        return None
    try:
        document = read_json(record.data, what="the record", code="conda_unparseable")
    except InputError as error:
        scene.problem("conda_unparseable", f"can't be read: {error.message}", path)
        return None
    if not isinstance(document, dict) or not all(isinstance(document.get(key), str) for key in ("name", "version")):
        scene.problem("conda_unparseable", "is no record of a package", path)
        return None
    name, version = document["name"].lower(), document["version"]
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        scene.problem("conda_unparseable", "has a name or version that is none", path)
        return None
    facts = _facts(document)
    stem = "-".join((name, version, facts.get("build", "")))
    if path.rpartition("/")[2].lower() != f"{stem.lower()}.json":
        scene.problem("metadata_contradiction", f"is the record of `{shown(stem)}`", path)
    component = Component(
        kind=Kind.CONDA, name=name, version=version, path=shown(path), layer=record.layer, facts=facts
    )
    prefix = folder.removesuffix("conda-meta")
    files = [path, *_files(scene, document, prefix, path)]
    return Found(component=component, path=path, evidence=path, files=lambda: files)


def _facts(document: dict[str, object]) -> dict[str, str]:
    facts = {}
    for key in ("build", "channel", "url", "sha256", "md5", "subdir", "fn", "requested_spec"):
        value = document.get(key)
        if isinstance(value, str) and value:
            text = redact_url(value) if "://" in value else value
            facts[key] = shown(text)[:_TEXT]
    if "channel" in facts:
        facts["channel"] = _without_token(facts["channel"])
    if "url" in facts:
        facts["url"] = _without_token(facts["url"])
    return facts


def _without_token(url: str) -> str:
    """Take out the token that conda servers carry in the path (`/t/TOKEN/channel`)."""
    return re.sub(r"/t/[^/]+", "/t/***", url)


def _files(scene: Scene, document: dict[str, object], prefix: str, path: str) -> list[str]:
    files = document.get("files", [])
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        scene.problem("conda_unparseable", "has a list of files that is none", path)
        return []
    return [prefix + name for name in files]
