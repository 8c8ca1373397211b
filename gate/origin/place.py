"""Where an installer puts the files of a wheel, and which files it adds by itself.

Sources: the binary distribution format ("spread" of `.data` folders), PEP 376, PEP 610, PEP 627, and the `sysconfig`
schemes; `pip install --target` puts scripts and data beside the packages.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from gate.index.facts import WheelFacts

_SITE = re.compile(r"(?P<prefix>.*?)/?(?:lib|lib64)/python\d+(?:\.\d+)?/(?:site|dist)-packages")
_ADDED = frozenset({"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json"})
_CACHED = re.compile(r"(?P<folder>(?:.*/)?)__pycache__/(?P<stem>[^/]+?)\.[a-z]+-\d+(?:\.opt-[12])?\.pyc")
_USUAL = ("usr/local", "usr", "opt/venv", "venv", "opt/conda")
_VERSIONED = re.compile(r"(?:-?\d+(?:\.\d+)*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The folder into which a package was installed, `.dist-info` and all, and the prefixes that may belong to it."""

    folder: str
    prefixes: tuple[str, ...]

    def places(self, path: str, facts: WheelFacts) -> Iterator[str]:
        """Yield where a file of the wheel may lie in the image, the likeliest first."""
        data, _, rest = path.partition("/")
        if not data.endswith(".data") or data != facts.dist_info.removesuffix(".dist-info") + ".data":
            yield self.inside(path)
            return
        scheme, _, leaf = rest.partition("/")
        if scheme in {"purelib", "platlib"}:
            yield self.inside(leaf)
            yield self.twin(leaf)
        for prefix in self.prefixes if scheme in {"scripts", "data"} else ():
            yield posixpath.join(prefix, "bin" if scheme == "scripts" else "", leaf)

    def interpreters(self) -> Iterator[str]:
        """Yield the interpreters that an installer may have written into the first line of a script."""
        version = re.search(r"/python(\d+)\.(\d+)/", f"/{self.folder}/")
        names = ["python", "python3", f"python{version[1]}.{version[2]}" if version else ""]
        minors = [] if version else [f"python3.{minor}" for minor in range(8, 16)]
        for prefix in dict.fromkeys((*self.prefixes, *_USUAL)):
            yield from (f"/{posixpath.join(prefix, 'bin', name)}" for name in (*names, *minors) if name)

    def inside(self, path: str) -> str:
        """Return the path of something in the folder."""
        return posixpath.join(self.folder, path)

    def twin(self, path: str) -> str:
        """Return the path in the folder for the other of pure and compiled packages (`lib`, `lib64`)."""
        folder = re.sub(r"(^|/)lib(64)?/python", lambda m: f"{m[1]}lib{'' if m[2] else '64'}/python", self.folder)
        return posixpath.join(folder, path)

    def scripts(self) -> tuple[str, ...]:
        """Return the folders in which an installer writes scripts."""
        return tuple(posixpath.join(prefix, "bin") for prefix in self.prefixes)


def site_of(dist_info: str) -> Site:
    """Return the site of an installed `.dist-info` folder, by its path in the image."""
    folder = posixpath.dirname(dist_info)
    match = _SITE.fullmatch(folder)
    return Site(folder=folder, prefixes=(match["prefix"], folder) if match else (folder,))


def header_of(path: str, facts: WheelFacts) -> str:
    """Return what follows `.data/headers/` in a path of the wheel, or nothing."""
    start = facts.dist_info.removesuffix(".dist-info") + ".data/headers/"
    return path.removeprefix(start) if path.startswith(start) else ""


def is_added(path: str, dist_info: str) -> bool:
    """Say whether an installer writes this file into `.dist-info` by itself; none of them is code."""
    folder, _, leaf = path.rpartition("/")
    return folder == dist_info and leaf in _ADDED


def is_compiled(path: str, sources: Container[str]) -> bool:
    """Say whether it is a byte code cache of one of the sources; without its source Python does not read it."""
    match = _CACHED.fullmatch(path)
    return match is not None and f"{match['folder']}{match['stem']}.py" in sources


def script_of(path: str, site: Site, facts: WheelFacts) -> str | None:
    """Return the entry point that a script stands for, if an installer writes one there (pip adds versions to its own).

    None if no entry point of the wheel has that name, or no script belongs there.
    """
    folder, _, leaf = path.rpartition("/")
    if folder not in site.scripts():
        return None
    if leaf in facts.scripts:
        return facts.scripts[leaf]
    named = (name for name in facts.scripts if leaf.startswith(name) and _VERSIONED.fullmatch(leaf[len(name) :]))
    return next((facts.scripts[name] for name in named), None)
