"""Where the image's config leads what is run: what is loaded first, what is looked for first, what is installed anew.

A package can be proven to its last byte and never be run, because a folder that is searched before it has a module of
the same name, or because a variable loads other code into every program.
"""

from __future__ import annotations

import posixpath
import re
from operator import methodcaller
from typing import TYPE_CHECKING

from gate.image.loose import owned_paths
from gate.image.run import PRELOADS, SEARCHES
from gate.image.survey import INTERPRETER
from gate.image.toolconfig import find_tools
from gate.image.tree import FileEntry, Folder, LinkEntry, RealPaths, find, shown
from gate.model.steering import PlaceState, Steer, Steering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gate.image.scene import Found, Scene
    from gate.image.tree import Entry
    from gate.model.steering import RunConfig

_INSTALLS = re.compile(
    r"\b(?:pip[\d.]*|conda|mamba|micromamba|uv|poetry|pipenv|pixi|apt|apt-get|npm)\b.{0,60}?\b(?:install|add|sync|update)\b"
)
_SPLIT = re.compile(r"[:\s]+")
_LIBRARIES = ("lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib", "lib/{}", "usr/lib/{}")
_TRIPLETS = ("x86_64-linux-gnu", "aarch64-linux-gnu")
_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MODULE = re.compile(r"([A-Za-z_]\w*)(?:\.(?:cpython|abi3|pypy)[\w.-]*)?\.(?:py|pyc|so)")
_SHARED = re.compile(r"lib[^/]+\.so(?:\.[0-9.]+)?")
_LIBRARY = re.compile(r"(?:.*/)?lib(?:32|64)?/python3(?:\.\d+)?t?")
_NOBODYS = frozenset({"test", "tests", "conftest", "setup", "docs", "examples", "scripts", "__init__", "__main__"})
"""Names that Python and packages have, which an application has for its own and nobody imports at run time."""

_SHOWN = 300
_EXAMPLES = 10
_PLACES = 100


def find_steering(scene: Scene, found: Sequence[Found], run: RunConfig) -> Steering:
    """Say what the config steers, and what installers would find.

    Args:
        scene: the merged file system.
        found: every component.
        run: what the config says of how a container starts.
    """
    look = _Look(scene, found, run)
    steers = [*look.preloads(), *look.searches(), *look.command()]
    said = " ".join(run.command)
    return Steering(
        steers=tuple(steers[:_PLACES]),
        installs=(said[:_SHOWN],) if _INSTALLS.search(said) else (),
        tools=find_tools(scene, run),
    )


class _Look:
    """Looks places up in one image; what packages own is worked out once, and only if it is asked for."""

    def __init__(self, scene: Scene, found: Sequence[Found], run: RunConfig) -> None:
        self._scene = scene
        self._found = found
        self._run = run
        self._base = scene.system.base_layers
        self._real = RealPaths(scene.system.root)
        self._owned: frozenset[str] | None = None

    def preloads(self) -> Iterator[Steer]:
        """Yield each file or folder from which a variable loads code at every start."""
        for name in sorted(PRELOADS & self._run.variables.keys()):
            for place in filter(None, _SPLIT.split(self._run.variables[name])):
                if "/" not in place and name in {"LD_PRELOAD", "LD_AUDIT"}:
                    yield self._library(name, place)
                elif not place.startswith("/"):
                    yield _steer(name, place, PlaceState.RELATIVE)
                else:
                    yield _steer(name, place, self._state(place))

    def searches(self) -> Iterator[Steer]:
        """Yield each folder in which something is looked for before it is looked for elsewhere."""
        folders: dict[tuple[str, str], None] = {}
        for name in sorted(SEARCHES & self._run.variables.keys()):
            folders |= {(name, place): None for place in self._run.variables[name].split(":")}
        folders |= {("WorkingDir", self._run.folder or "/"): None}
        folders |= {("script", posixpath.dirname(self._absolute(word))): None for word in self._scripts()}
        for name, place in folders:
            if not place.startswith("/"):
                yield _steer(name, place, PlaceState.RELATIVE)
                continue
            folder = self._folder(place)
            if folder is None:
                yield _steer(name, place, PlaceState.ABSENT)
                continue
            hidden = sorted(self._hidden(name, place, *folder))
            if hidden:
                yield _steer(name, place, PlaceState.SHADOWS, hidden)
            elif name in SEARCHES:
                yield _steer(name, place, self._state(place))

    def command(self) -> Iterator[Steer]:
        """Yield the program that the config starts."""
        for word in self._run.command[:1]:
            path = word if "/" in word else self._on_path(word)
            yield _steer("command", word, self._state(self._absolute(path)) if path else PlaceState.ABSENT)

    def _scripts(self) -> Iterator[str]:
        yield from (word for word in self._run.command if word.endswith(".py") and " " not in word)

    def _absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join("/", self._run.folder, path))

    def _folders_of_path(self) -> list[str]:
        return [one for one in self._run.variables.get("PATH", _USUAL_PATH).split(":") if one.startswith("/")]

    def _on_path(self, name: str) -> str:
        places = (posixpath.join(folder, name) for folder in self._folders_of_path())
        return next((place for place in places if find(self._scene.system.root, place) is not None), "")

    def _library(self, name: str, place: str) -> Steer:
        for folder in _standard():
            if find(self._scene.system.root, f"{folder}/{place}") is not None:
                return _steer(name, place, self._state(f"/{folder}/{place}"))
        return _steer(name, place, PlaceState.ABSENT)

    def _folder(self, place: str) -> tuple[str, Folder] | None:
        found = find(self._scene.system.root, place)
        return (found[0], found[1]) if found is not None and isinstance(found[1], Folder) else None

    def _state(self, place: str) -> PlaceState:
        found = find(self._scene.system.root, place)
        if found is None:
            return PlaceState.ABSENT
        return PlaceState.OWN if self._is_own(*found) else self._not_own(found[1])

    def _not_own(self, entry: Entry) -> PlaceState:
        return PlaceState.BASE if entry.layer < self._base else PlaceState.OWNED

    def _is_own(self, real: str, entry: Entry) -> bool:
        """Say whether it lies on top of the base and no package's record names it, or anything below it."""
        if entry.layer < self._base:
            return False
        if self._owned is None:
            self._owned = owned_paths(self._scene, self._found)
        if isinstance(entry, Folder):
            return not any(map(methodcaller("startswith", f"{real}/"), self._owned)) if real else True
        return real not in self._owned

    def _hidden(self, name: str, place: str, real: str, folder: Folder) -> Iterator[str]:
        """Yield what the folder has that packages, Python or the base have too, and that is nobody's."""
        named, others = self._names(name, place, real)
        for entry_name, entry in folder.entries.items():
            what = named(entry_name, entry)
            if what in others and self._is_own(f"{real}/{entry_name}".lstrip("/"), entry):
                yield what

    def _names(self, name: str, place: str, real: str) -> tuple[Callable[[str, Entry], str], frozenset[str]]:
        """Return what tells the name by which an entry is looked for, and the names that others have too."""
        if name == "LD_LIBRARY_PATH":
            known = frozenset(one for folder in _standard() for one in self._entries(folder, real))
            return _library_of, known - {""}
        if name == "PATH":
            return _program_of, self._later(place, real) - {""}
        return _module_of, self._modules(real)

    def _later(self, place: str, real: str) -> frozenset[str]:
        """Return the programs of the folders that are searched after this one, which may be named again there."""
        folders = self._folders_of_path()
        after = folders[folders.index(place) + 1 :]
        return frozenset(one for folder in after for one in self._entries(folder, real))

    def _entries(self, path: str, but: str) -> Iterator[str]:
        folder = self._folder(path)
        yield from folder[1].entries if folder is not None and folder[0] != but else ()

    def _modules(self, real: str) -> frozenset[str]:
        """Return the top-level modules of Python and of all folders of packages but this one."""
        names = set[str]()
        for path in self._scene.survey.pythons:
            found = self._folder(path)
            if found is None or found[0] == real:
                continue
            folders = [found[1]]
            parent = posixpath.dirname(found[0])
            if _LIBRARY.fullmatch(parent) and parent != real and (library := self._folder(parent)) is not None:
                folders.append(library[1])
            names.update(_module_of(name, entry) for folder in folders for name, entry in folder.entries.items())
        return frozenset(names - {""} - _NOBODYS)


def _steer(name: str, place: str, state: PlaceState, names: Sequence[str] = ()) -> Steer:
    return Steer(name=name, place=shown(place)[:_SHOWN], state=state, names=tuple(map(shown, names[:_EXAMPLES])))


def _standard() -> Iterator[str]:
    for folder in _LIBRARIES:
        yield from (folder.format(triplet) for triplet in _TRIPLETS) if "{}" in folder else (folder,)


def _module_of(name: str, entry: Entry) -> str:
    """Return the module that Python would import under an entry; a folder without `__init__` hides none."""
    if isinstance(entry, Folder):
        return name if {"__init__.py", "__init__.pyc"} & entry.entries.keys() else ""
    match = _MODULE.fullmatch(name)
    return match[1] if match is not None and match[1] not in _NOBODYS else ""


def _library_of(name: str, entry: Entry) -> str:
    return name if isinstance(entry, FileEntry | LinkEntry) and _SHARED.fullmatch(name) else ""


def _program_of(name: str, entry: Entry) -> str:
    if isinstance(entry, Folder):
        return ""
    # An environment of its own brings these, and they are asked for where interpreters are.
    return "" if INTERPRETER.fullmatch(name) or name.startswith(("pip", "activate")) else name
