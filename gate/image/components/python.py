"""Python distributions: every `*.dist-info` at any prefix, `egg-info`, and what a develop install leaves.

Sources: PyPA "Recording installed projects", PEP 610, PEP 660; setuptools' formats for eggs.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from gate.image.metadata import (
    DirectUrl,
    MetadataError,
    agrees_with_folder,
    direct_url_of,
    headers_of,
    name_and_version,
    wheel_tags,
)
from gate.image.record import RecordError, RecordFolder, RecordTally, rows_of
from gate.image.scene import TELLING, Found
from gate.image.tree import Folder, find, shown
from gate.model.image import Component
from gate.model.origin import Kind
from gate.model.reference import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.image.scene import Read, Scene
    from gate.model.image import RecordCheck

_INSTALLER_TEXT = 100
_LICENSE_TEXT = 200
_SITES = ("site-packages", "dist-packages")
_EGG = re.compile(r"([A-Za-z0-9][\w.]*)-([A-Za-z0-9][\w.!+]*)(?:-py\d[\w.]*)?(?:-[\w.-]+)?\.egg")


def find_python(scene: Scene) -> list[Found]:
    """Read every distribution; what can't be read is a problem and, where its name is known, a component too."""
    found = [_dist_info(scene, path) for path in scene.survey.dist_infos]
    found += [_egg_info(scene, path) for path in scene.survey.egg_infos]
    found += [_egg_link(scene, path) for path in scene.survey.egg_links]
    found += [_zipped_egg(scene, path) for path in scene.survey.eggs]
    components = [entry for entry in found if entry is not None]
    if not components and scene.survey.pythons:
        what = "is there, but no Python distribution was found in the whole image"
        scene.problem("python_without_components", what, scene.survey.pythons[0])
    return components


def _identity(scene: Scene, path: str, metadata: Read) -> tuple[str, str] | None:
    try:
        return name_and_version(headers_of(metadata.data))
    except MetadataError as error:
        scene.problem("metadata_unparseable", f"can't be read: {error}", path)
        return None


def _dist_info(scene: Scene, path: str) -> Found | None:
    """Read one `.dist-info`: METADATA says who it is, the others where it is from and what it installed."""
    metadata = scene.read(f"{path}/METADATA")
    if metadata is None:
        scene.problem("metadata_missing", "has no METADATA that can be read", path)
        return None
    identity = _identity(scene, f"{path}/METADATA", metadata)
    if identity is None:
        return None
    name, version = identity
    site, _, folder = path.rpartition("/")
    if not agrees_with_folder(name, version, folder):
        scene.problem("metadata_contradiction", f"is the folder of `{name} {version}` by its METADATA", path)
    facts = {"format": "dist-info", "metadata_sha256": metadata.sha256} | _spelling(name)
    facts |= _installer(scene, path) | _tags(scene, path) | _license(metadata)
    direct = _direct_url(scene, path)
    check = _record(scene, path, site, facts)
    component = Component(
        kind=direct.kind if direct else Kind.PYPI,
        name=canonicalize_name(name),
        version=version,
        path=shown(path),
        layer=metadata.layer,
        direct_url=shown(direct.url) if direct else "",
        facts=facts | ({key: shown(value) for key, value in direct.facts.items()} if direct else {}),
        record=check,
    )
    return Found(
        component=component,
        path=path,
        evidence=f"{path}/METADATA",
        files=partial(_files, scene, path, site),
        below=() if check else _all_of(site),
    )


def _files(scene: Scene, path: str, site: str) -> Iterator[str]:
    """Yield the files of a distribution: those that tell of it, and those that its RECORD lists."""
    yield from (f"{path}/{name}" for name in TELLING)
    known = scene.listed.get(path)
    if known is not None:
        yield from known
        return
    record = scene.read(f"{path}/RECORD")
    folder = RecordFolder(scene.system.root, site)
    with suppress(RecordError):  # a problem since it was first read
        for row in rows_of(record.data if record else b""):
            found = folder.find(row.path)
            yield found[0] if found is not None else f"{site}/{row.path}"


def _license(metadata: Read) -> dict[str, str]:
    """Keep what the distribution says of its licence: PEP 639's expression, else the old field if it is one line."""
    headers = headers_of(metadata.data)
    values = headers.get("license-expression", []) or headers.get("license", [])
    short = len(values) == 1 and values[0] and len(values[0]) <= _LICENSE_TEXT and "\n" not in values[0]
    return {"license": shown(values[0])} if short else {}


def _spelling(name: str) -> dict[str, str]:
    """Keep the name as written where it is another than the one that indexes compare."""
    return {"name": name} if canonicalize_name(name) != name else {}


def _installer(scene: Scene, path: str) -> dict[str, str]:
    facts = {}
    if (installer := scene.read(f"{path}/INSTALLER")) is not None:
        facts["installer"] = shown(installer.data.decode("utf-8", "replace").strip())[:_INSTALLER_TEXT]
    if scene.file(f"{path}/REQUESTED") is not None:
        facts["requested"] = "true"
    return facts


def _tags(scene: Scene, path: str) -> dict[str, str]:
    wheel = scene.read(f"{path}/WHEEL")
    if wheel is None:
        return {}
    try:
        return {"wheel_tags": wheel_tags(wheel.data)}
    except MetadataError as error:
        # It only helps to find the right file in an index; without it, all of them are looked at.
        scene.problem("wheel_unparseable", f"can't be read: {error}", f"{path}/WHEEL", Severity.WARNING)
        return {}


def _direct_url(scene: Scene, path: str) -> DirectUrl | None:
    """Read PEP 610's file. One that can't be read is no reason to take the distribution for PyPI's."""
    data = scene.read(f"{path}/direct_url.json")
    if data is None:
        there = find(scene.system.root, f"{path}/direct_url.json", follow_last=False) is not None
        return DirectUrl(kind=Kind.OTHER, url="") if there else None
    try:
        return direct_url_of(data.data)
    except MetadataError as error:
        scene.problem("direct_url_unparseable", f"can't be read: {error}", f"{path}/direct_url.json")
        return DirectUrl(kind=Kind.OTHER, url="")


def _record(scene: Scene, path: str, site: str, facts: dict[str, str]) -> RecordCheck | None:
    record = scene.read(f"{path}/RECORD")
    if record is None:
        return None
    facts["record_sha256"] = record.sha256
    folder = RecordFolder(scene.system.root, site)
    tally = RecordTally()
    listed = scene.listing(path)
    try:
        for row in rows_of(record.data):
            scene.spend_row()
            found = folder.find(row.path)
            tally.add(row, found[1] if found is not None else None)
            if listed is not None:
                listed.append(found[0] if found is not None else f"{site}/{row.path}")
    except RecordError as error:
        scene.problem("record_unparseable", f"can't be read: {error}", f"{path}/RECORD")
        return None
    bare, example = tally.bare()
    if bare:
        facts |= {"record_unhashed": str(bare), "record_unhashed_example": example}
    return tally.check()


def _all_of(site: str) -> tuple[str, ...]:
    return (f"{site}/" if site else "",)


def _egg_info(scene: Scene, path: str) -> Found | None:
    """Read an `egg-info` folder or file; outside of a site it belongs to sources that were built in place."""
    found = find(scene.system.root, path)
    file = f"{path}/PKG-INFO" if found is not None and isinstance(found[1], Folder) else path
    metadata = scene.read(file)
    if metadata is None:
        scene.problem("metadata_missing", "has no PKG-INFO that can be read", path)
        return None
    identity = _identity(scene, file, metadata)
    if identity is None:
        return None
    name, version = identity
    site = path.rpartition("/")[0]
    installed = any(part in _SITES for part in site.split("/"))
    component = Component(
        kind=Kind.PYPI if installed else Kind.LOCAL,
        name=canonicalize_name(name),
        version=version,
        path=shown(path),
        layer=metadata.layer,
        facts={"format": "egg-info", "metadata_sha256": metadata.sha256} | _spelling(name),
    )
    return Found(component=component, path=path, evidence=file, files=lambda: (file,), below=_all_of(site))


def _zipped_egg(scene: Scene, path: str) -> Found | None:
    """Name a zipped egg by its file's name, which is all that is read of it; Python imports from inside."""
    entry = scene.file(path)
    match = _EGG.fullmatch(path.rpartition("/")[2])
    if entry is None or match is None:
        scene.problem("metadata_missing", "is an egg without a name and version, or no file", path)
        return None
    component = Component(
        kind=Kind.PYPI,
        name=canonicalize_name(match[1]),
        version=match[2].replace("_", "-"),
        path=shown(path),
        layer=entry.layer,
        facts={"format": "zipped-egg"} | _spelling(match[1]),
    )
    return Found(component=component, path=path, evidence=path, files=lambda: (path,))


def _egg_link(scene: Scene, path: str) -> Found | None:
    """Read what `setup.py develop` leaves: a file whose first line is the folder of the sources."""
    link = scene.read(path)
    if link is None:
        return None
    target = link.data.decode("utf-8", "replace").split("\n")[0].strip()
    name = path.rpartition("/")[2].removesuffix(".egg-link")
    component = Component(
        kind=Kind.LOCAL,
        name=canonicalize_name(shown(name)),
        version="",
        path=shown(path),
        layer=link.layer,
        facts={"format": "egg-link", "editable": "true", "target": shown(target)[:1000]},
    )
    return Found(component=component, path=path, evidence=path, files=lambda: (path,))
