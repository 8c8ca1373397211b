"""Files on top of the base that a program would load and that no package's record names: code that nobody vouches for.

What Python and the loader pick up by themselves is looked for where they look: their own folders, start-up files,
interpreters. A file of the application, wherever else it lies, is the application's and no package's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gate.image.heads import GO, NATIVE, oddity_of
from gate.image.scene import TELLING
from gate.image.survey import INTERPRETER, other_kind
from gate.image.tree import FileEntry, Folder, LinkEntry, RealPaths, find, shown, walk
from gate.model.image import Above, Loose, LooseKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gate.image.scene import Found, Scene
    from gate.image.tree import Entry, Leaf

EXAMPLES = 10
_SHOWN = 300
_LIBRARY = re.compile(r"(?:.*/)?lib(?:32|64)?/(?:python|pypy)\d(?:\.\d+)?t?(?:/.*)?")
_SITES = ("site-packages", "dist-packages")
_ZIPPED = re.compile(r"(?:.*/)?lib(?:64)?/python\d+t?\.zip")
_IMPORTED = (".py", ".pyc", ".pth", ".so", ".egg", ".zip", ".whl")
_CUSTOM = frozenset({"sitecustomize.py", "usercustomize.py", "sitecustomize.pyc", "usercustomize.pyc"})
_LOADER = re.compile(r"etc/ld\.so\.(?:preload|cache|conf|conf\.d/.*)")
_HOMES = re.compile(r"root|home/[^/]+|etc|etc/(?:profile\.d|zsh|fish)")
_SHELLS = frozenset(
    {"profile", "bash.bashrc", "bashrc", "environment", "zshenv", "zprofile", "zshrc", "zlogin", "config.fish"}
    | {".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc", ".zlogin"}
)
"""What a shell reads when it starts, in the folders above."""

_SHARED = re.compile(r"[^/]+\.so(?:\.[0-9.]+)?")
_SYSTEM = re.compile(r"(?:usr/)?(?:local/)?lib(?:32|64|x32)?(?:/(?!python)[^/]+)*")
_DATA = re.compile(
    r"(?:dev|etc|home|proc|root|run|sys|tmp|usr/(?:local/)?share|usr/lib/locale|var/(?:backups|cache|lib|log|mail|spool|tmp))"
    r"/.*|.*/conda-meta/history"
)
"""Where configuration and data of the base lie, which later layers may change; start-up files are looked for apart."""


@dataclass(slots=True)
class _Tally:
    """Paths by why they matter."""

    paths: dict[LooseKind, list[str]] = field(default_factory=lambda: defaultdict(list))
    other: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def find_loose(scene: Scene, found: Iterable[Found]) -> Above:
    """Look through everything that lies on top of the base.

    Args:
        scene: the merged file system; without a base everything lies on top.
        found: every component; what their records name has an owner, and the owner's origin is proved elsewhere.

    Returns:
        What nobody owns, one entry a kind, with counts and a few examples; and by kind how much there is that has no
        reader (`npm`, `jar`, `r` …) and that no package brought.
    """
    tally, own = _Tally(), scene.system.base_layers
    interpreters, go, native = _base_interpreters(scene), _told(scene, GO), _told(scene, NATIVE)
    for path, folder in walk(scene.system.root):
        start = f"{path}/" if path else ""
        place = _Place.of(scene, path, below_base=folder.layer < own)
        for name, entry in folder.entries.items():
            if isinstance(entry, Folder) or entry.layer < own:
                continue
            kind = other_kind(path, name)
            if not kind and go and type(entry) is FileEntry and entry.sha256 in go:
                kind = "go_program"
            if kind:
                tally.other[kind].append(start + name)
            if (why := _why(scene, place, name, entry, interpreters)) is not None:
                tally.paths[why].append(start + name)
            elif native and type(entry) is FileEntry and entry.sha256 in native:
                tally.paths[LooseKind.PROGRAM].append(start + name)
    for path in scene.system.modified():
        if _is_changed_program(scene, path):
            tally.paths[LooseKind.BASE_CHANGED].append(path)
    return _unowned(scene, tally, found)


def _told(scene: Scene, kind: bytes) -> frozenset[bytes]:
    """Return what files are by their first bytes, as `gate.image.heads` calls it."""
    return frozenset(sha256 for sha256, told in scene.system.heads.items() if told == kind)


class _Place(NamedTuple):
    """What the path of a folder says of the files directly in it."""

    path: str
    library: bool
    loader: bool
    cache: bool
    binaries: bool
    shell: bool
    told_by_base: bool
    sources: Mapping[str, Entry]
    """Of a folder of byte code: what lies beside it."""

    @classmethod
    def of(cls, scene: Scene, path: str, *, below_base: bool) -> _Place:
        parent, _, name = path.rpartition("/")
        cache = name == "__pycache__"
        beside = find(scene.system.root, parent) if cache else None
        return cls(
            path=path,
            library=_is_library(path),
            loader=path == "etc" or path.startswith("etc/ld.so.conf.d"),
            cache=cache,
            binaries=name == "bin",
            shell=_HOMES.fullmatch(path) is not None,
            told_by_base=below_base and name.endswith((".dist-info", ".egg-info", "EGG-INFO", "conda-meta")),
            sources=beside[1].entries if beside is not None and isinstance(beside[1], Folder) else {},
        )


def _is_library(path: str) -> bool:
    """Say whether Python imports from a folder of that path, or from one above it."""
    if "-packages" in path and any(part in _SITES for part in path.split("/")):
        return True
    return ("/python" in path or "/pypy" in path) and _LIBRARY.fullmatch(path) is not None


def _why(scene: Scene, place: _Place, name: str, entry: Leaf, interpreters: frozenset[bytes]) -> LooseKind | None:
    """Say why one file on top of the base matters, if it does."""
    if _is_start(scene, place, name) or (place.library and name.endswith(".pth")):
        return LooseKind.STARTUP
    if place.binaries and INTERPRETER.fullmatch(name):
        path = f"{place.path}/{name}"
        return None if _is_interpreter_of_base(scene, path, entry, interpreters) else LooseKind.INTERPRETER
    if place.library and place.cache and name.endswith(".pyc"):
        return _bytecode(scene, place, name, entry)
    if (place.library and _is_imported(name, entry)) or (place.told_by_base and name not in TELLING):
        return LooseKind.IMPORTABLE
    if _SHARED.fullmatch(name) and _SYSTEM.fullmatch(place.path):
        return LooseKind.LIBRARY
    return LooseKind.SHELL if place.shell and (name in _SHELLS or place.path == "etc/profile.d") else None


def _bytecode(scene: Scene, place: _Place, name: str, entry: Leaf) -> LooseKind:
    """Say what a cache is by its own header; one that is no file, or has no source, is like any other."""
    module = f"{name.partition('.')[0]}.py"
    source = place.sources.get(module)
    if type(source) is LinkEntry:
        source = scene.file(place.path.removesuffix("__pycache__") + module)
    if type(source) is not FileEntry or type(entry) is not FileEntry:
        return LooseKind.BYTECODE
    odd = oddity_of(scene.system.heads.get(entry.sha256, b""), source.size)
    return LooseKind(odd) if odd else LooseKind.BYTECODE


def _is_imported(name: str, entry: Leaf) -> bool:
    """Say whether Python would import it from a folder on its path; a link may lead to a package."""
    return name.endswith(_IMPORTED) or isinstance(entry, LinkEntry)


def _is_start(scene: Scene, place: _Place, name: str) -> bool:
    """Say whether it is read at every start of Python, or of any program."""
    if name in _CUSTOM and (place.library or place.path.startswith("etc/")):
        return True
    if place.loader and _LOADER.fullmatch(f"{place.path}/{name}"):
        return True
    if name.endswith(".zip") and _ZIPPED.fullmatch(f"{place.path}/{name}"):
        return True
    if name != "pyvenv.cfg":
        return False
    # It moves an interpreter that lies in the same folder or in `bin` below; one of a new environment is a link there.
    folders = (place.path, f"{place.path}/bin" if place.path else "bin")
    return any(_has_base_interpreter(scene, folder) for folder in folders)


def _has_base_interpreter(scene: Scene, path: str) -> bool:
    found = find(scene.system.root, path)
    if found is None or not isinstance(found[1], Folder):
        return False
    return any(
        INTERPRETER.fullmatch(name) and not isinstance(entry, Folder) and entry.layer < scene.system.base_layers
        for name, entry in found[1].entries.items()
    )


def _base_interpreters(scene: Scene) -> frozenset[bytes]:
    """Return the sha256 of every interpreter that the base brought, for an environment may hold a copy."""
    own = scene.system.base_layers
    found = (find(scene.system.root, path) for path in scene.survey.pythons)
    entries = (place[1] for place in found if place is not None)
    return frozenset(one.sha256 for one in entries if isinstance(one, FileEntry) and one.layer < own)


def _is_interpreter_of_base(scene: Scene, path: str, entry: Leaf, known: frozenset[bytes]) -> bool:
    if isinstance(entry, LinkEntry):
        found = find(scene.system.root, path)
        return found is None or (isinstance(found[1], FileEntry) and found[1].layer < scene.system.base_layers)
    return isinstance(entry, FileEntry) and entry.sha256 in known


def _is_changed_program(scene: Scene, path: str) -> bool:
    """Say whether a file of the base is another one now, unless it is data; what is only gone brings nothing in."""
    if _DATA.fullmatch(path):
        return False
    return find(scene.system.root, path, follow_last=False) is not None


def _unowned(scene: Scene, tally: _Tally, found: Iterable[Found]) -> Above:
    """Take away what a record of a package on top of the base names."""
    if not tally.paths and not tally.other:
        return Above()
    owned = owned_paths(scene, found)
    # Nobody publishes byte code: a record that names it is the image's own word.
    published = {kind: frozenset[str]() if kind is LooseKind.BYTECODE else owned for kind in tally.paths}
    left = {kind: [path for path in paths if path not in published[kind]] for kind, paths in tally.paths.items()}
    other = {kind: sum(path not in owned for path in paths) for kind, paths in tally.other.items()}
    loose = (
        Loose(kind=kind, count=len(paths), examples=tuple(shown(path)[:_SHOWN] for path in sorted(paths)[:EXAMPLES]))
        for kind, paths in sorted(left.items())
        if paths
    )
    return Above(loose=tuple(loose), other={kind: count for kind, count in sorted(other.items()) if count})


def owned_paths(scene: Scene, found: Iterable[Found]) -> frozenset[str]:
    """Return the real path of every file of a package that lies on top of the base; worked out once for an image."""
    if scene.owned is None:
        scene.owned = frozenset(_owned(scene, found))
    return scene.owned


def _owned(scene: Scene, found: Iterable[Found]) -> Iterator[str]:
    """Yield the paths.

    A package of the base owns nothing above it: what a later layer puts among its files is not the base's.
    """
    real = RealPaths(scene.system.root)
    for entry in found:
        if entry.component.layer >= scene.system.base_layers:
            yield from real.all_of(entry.files())
