"""Debian packages: `lib/dpkg/status` with its history over the layers, and `status.d` of distroless images.

Sources: `deb-control(5)`, `dpkg-query(1)` on states, the layout of distroless images.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from gate.image.scene import Found, is_python_metadata
from gate.image.tree import FileEntry, Folder, find, find_file, shown
from gate.model.image import Component
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.image.scene import Scene

Paragraph = dict[str, str]

_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~:-]{0,199}")
_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)")
PROGRAMS = ("bin/", "lib", "opt/", "sbin/", "usr/")
"""Where the files of a package lie whose list is not there: any of them may be its."""

_ABSENT = frozenset({"not-installed", "config-files"})
"""States in which none of a package's files is on disk; in every other some or all are."""


class StatusError(ValueError):
    """A status file that can't be read."""


def paragraphs_of(data: bytes) -> list[Paragraph]:
    """Parse a status file, field names in lower case, continuation lines kept with their line breaks.

    Raises:
        StatusError: a line is neither a field nor a continuation, or a field stands twice.
    """
    found: list[Paragraph] = []
    current: Paragraph = {}
    last = ""
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        if not line.strip():
            if current:
                found.append(current)
            current, last = {}, ""
        elif line[0] in " \t":
            if not last:
                message = "it has a continuation of nothing"
                raise StatusError(message)
            current[last] += f"\n{line}"
        else:
            match = _FIELD.fullmatch(line)
            if match is None or match[1].lower() in current:
                message = f"a line is no field, or stands twice: {line[:60]!r}"
                raise StatusError(message)
            last = match[1].lower()
            current[last] = match[2]
    return [*found, current] if current else found


def is_present(paragraph: Paragraph) -> bool:
    """Say whether files of the package are on disk; a status that says nothing known counts as present."""
    return paragraph.get("status", "").split(" ")[-1] not in _ABSENT


def find_dpkg(scene: Scene) -> list[Found]:
    """Read every dpkg database of the image."""
    system = distribution_of(scene)
    found: list[Found] = []
    for folder in scene.survey.dpkgs:
        if scene.file(f"{folder}/status") is not None:
            found.extend(_status(scene, folder, system))
        elif find(scene.system.root, f"{folder}/status", follow_last=False) is not None:
            scene.read(f"{folder}/status")
        found.extend(_status_d(scene, folder, system))
    return found


def distribution_of(scene: Scene) -> dict[str, str]:
    """Return which distribution the image says it is: advisories for its packages depend on it."""
    release = scene.read("etc/os-release") or scene.read("usr/lib/os-release")
    if release is None:
        return {}
    pairs = (line.partition("=") for line in release.data.decode("utf-8", "replace").split("\n"))
    values = {key: shown(value.strip().strip("\"'"))[:100] for key, _, value in pairs}
    named = {"distribution": values.get("ID", ""), "distribution_version": values.get("VERSION_ID", "")}
    return {key: value for key, value in named.items() if value}


def _status(scene: Scene, folder: str, system: dict[str, str]) -> Iterator[Found]:
    path = f"{folder}/status"
    found = find_file(scene.system.root, path)
    if found is None:
        return
    layers = _first_seen(scene, found[0])
    for paragraph in _parsed(scene, path):
        if is_present(paragraph):
            layer = layers.get(_key(paragraph), found[1].layer)
            entry = _component(scene, path, paragraph, layer, system)
            if entry is not None:
                lists = _lists(folder, paragraph)
                listed = next((data for one in lists if (data := _content(scene, one)) is not None), None)
                entry.files = partial(_listed, lists, listed)
                entry.claims = _claims(scene, listed or b"")
                entry.below = PROGRAMS if listed is None else ()
                entry.config = frozenset(_conffiles(paragraph))
                yield entry


def _lists(folder: str, paragraph: Paragraph) -> tuple[str, str]:
    package = paragraph["package"]
    return f"{folder}/info/{package}:{paragraph.get('architecture', '')}.list", f"{folder}/info/{package}.list"


def _claims(scene: Scene, data: bytes) -> dict[str, str]:
    """Return the Python metadata that a list names; most lists name none, and are only searched."""
    if not is_python_metadata(data.decode("latin-1")):
        return {}
    claims = {}
    for line in lines_of(data):
        scene.spend_row()
        if is_python_metadata(line):
            claims[line] = ""
    return claims


def _content(scene: Scene, path: str) -> bytes | None:
    read = scene.read(path) if scene.file(path) is not None else None
    return read.data if read is not None else None


def _listed(lists: tuple[str, str], data: bytes | None) -> list[str]:
    """Return the files of a package; the lists themselves are among them, for one that is gone was hidden."""
    return [*lists, *lines_of(data or b"")]


def _parsed(scene: Scene, path: str) -> list[Paragraph]:
    status = scene.read(path)
    if status is None:
        return []
    try:
        return paragraphs_of(status.data)
    except StatusError as error:
        scene.problem("dpkg_unparseable", f"can't be read: {error}", path)
        return []


def _key(paragraph: Paragraph) -> tuple[str, str, str]:
    return paragraph.get("package", ""), paragraph.get("version", ""), paragraph.get("architecture", "")


def _first_seen(scene: Scene, path: str) -> dict[tuple[str, str, str], int]:
    """Tell since which layer each package is there in its version, without a break."""
    seen: dict[tuple[str, str, str], int] = {}
    for layer, digest in scene.system.history.get(path, []):
        present: set[tuple[str, str, str]] = set()
        if digest is not None and (data := scene.system.kept.get(digest)) is not None:
            try:
                present = {_key(paragraph) for paragraph in paragraphs_of(data) if is_present(paragraph)}
            except StatusError as error:
                scene.problem("dpkg_unparseable", f"can't be read as layer {layer} has it: {error}", path)
        seen = {key: seen.get(key, layer) for key in present}
    return seen


def _component(scene: Scene, path: str, paragraph: Paragraph, layer: int, system: dict[str, str]) -> Found | None:
    name, version, architecture = _key(paragraph)
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        what = f"has a package without a name or version that is one: {name[:60]!r} {version[:60]!r}"
        scene.problem("dpkg_unparseable", what, path)
        return None
    facts = {"architecture": architecture} if architecture else {}
    if "status" in paragraph:
        facts["status"] = paragraph["status"]
    if "source" in paragraph:
        source, _, source_version = paragraph["source"].partition(" ")
        facts["source"] = source
        facts |= {"source_version": source_version.strip("()")} if source_version else {}
    component = Component(kind=Kind.OS, name=name, version=version, path=path, layer=layer, facts={**facts, **system})
    return Found(component=component, path=path, evidence=path)


def owner_of_list(path: str) -> str:
    """Return the package whose list of files this is: `NAME.list` or `NAME:ARCHITECTURE.list`."""
    return path.rpartition("/")[2].removesuffix(".list").partition(":")[0]


def lines_of(data: bytes) -> list[str]:
    """Return the paths of a list of files, without their leading slashes."""
    text = data.decode("utf-8", "surrogateescape")
    return [line.removeprefix("/") for line in text.split("\n") if line not in ("", "/.")]


def _conffiles(paragraph: Paragraph) -> Iterator[str]:
    for line in paragraph.get("conffiles", "").split("\n"):
        if name := line.strip().partition(" ")[0]:
            yield name.removeprefix("/")


def _status_d(scene: Scene, folder: str, system: dict[str, str]) -> Iterator[Found]:
    """Read what distroless images have: a file of one paragraph for each package, and its checksums beside it."""
    place = find(scene.system.root, f"{folder}/status.d")
    if place is None or not isinstance(place[1], Folder):
        return
    for name in sorted(place[1].entries):
        path = f"{folder}/status.d/{name}"
        if name.endswith(".md5sums"):
            continue
        entry = scene.file(path)
        paragraphs = _parsed(scene, path)
        if not paragraphs:
            scene.problem("dpkg_unparseable", "holds no package", path)
        for paragraph in paragraphs:
            layer = entry.layer if isinstance(entry, FileEntry) else 0
            found = _component(scene, path, paragraph, layer, system)
            if found is not None:
                sums = _content(scene, f"{path}.md5sums")
                found.files = partial(tuple, [path, f"{path}.md5sums", *_summed(sums or b"")])
                found.below = PROGRAMS if sums is None else ()
                yield found


def _summed(data: bytes) -> list[str]:
    """Return the paths of an md5sums file: a sum, two spaces, a path from the root."""
    lines = (line.partition("  ")[2] for line in data.decode("utf-8", "surrogateescape").split("\n"))
    return [line for line in lines if line]
