"""Hold what a wheel records against what an image has: every row, and every file that nobody published."""

from __future__ import annotations

import base64
import hashlib
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.image.tree import shown
from gate.origin.interface import CompiledFiles, ListedFiles
from gate.origin.place import header_of, is_added, is_compiled, script_of, site_of
from gate.origin.scripts import is_known_script

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterator, Mapping

    from gate.index.facts import RecordRow, WheelFacts
    from gate.model.image import Component
    from gate.origin.interface import FileFact, InstalledFiles
    from gate.origin.place import Site

_EXAMPLES = 10
_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One wheel against one installed component.

    `missing` and `differing` are paths in the wheel, `extras` paths in the image; `compiled` and `generated` count
    what installers write and nobody publishes, `unknown_scripts` are generated ones that no known installer writes so;
    `unhashed` rows of the wheel say nothing that can be compared.
    """

    rows: int
    missing: tuple[str, ...]
    differing: tuple[str, ...]
    unhashed: int
    extras: tuple[str, ...]
    compiled: int
    generated: int
    unknown_scripts: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Say whether every row was compared and is equal, and nothing was added."""
        return not (self.missing or self.differing or self.extras or self.unhashed) and self.rows > 0

    @property
    def wrong(self) -> int:
        """How far the two are apart: what sorts candidates."""
        return len(self.missing) + len(self.differing)

    def evidence(self) -> dict[str, str]:
        """Return the counts and up to ten examples, as text."""
        counts = {
            "rows": self.rows,
            "missing": len(self.missing),
            "differing": len(self.differing),
            "unhashed": self.unhashed,
            "extra": len(self.extras),
            "compiled": self.compiled,
            "generated": self.generated,
            "unknown_scripts": len(self.unknown_scripts),
        }
        found = {key: str(count) for key, count in counts.items() if count}
        examples = (*self.differing, *self.missing, *self.extras, *self.unknown_scripts)[:_EXAMPLES]
        return found | ({"examples": "\n".join(shown(path)[:_SHOWN] for path in examples)} if examples else {})


def compare(component: Component, files: InstalledFiles, facts: WheelFacts, claimed: Container[str] = ()) -> Comparison:
    """Compare a wheel's RECORD with the image's files.

    Args:
        component: installed, with the path of its `.dist-info`.
        files: of the image.
        facts: of the wheel.
        claimed: paths in the image that records of components name: those are not extras of this one's folders.
    """
    site = site_of(component.path)
    rows = files.rows(component)
    look = _looker(rows, files)
    held = _hold_rows(facts, site, look, rows)
    beside = {*_beside(site, held.taken, files, claimed), *_scripts(site, facts, look, claimed)}
    left = [path for path in sorted({*rows, *beside}) if path not in held.taken]
    compiled = [
        path
        for path in left
        if (is_compiled(path, held.taken) or is_compiled(path, claimed)) and not _is_odd(path, files)
    ]
    generated = {path: target for path in left if (target := script_of(path, site, facts)) is not None}
    known = {*compiled, *generated}
    return Comparison(
        rows=len(facts.record),
        missing=tuple(held.missing),
        differing=tuple(held.differing),
        unhashed=held.unhashed,
        extras=tuple(path for path in left if path not in known and not is_added(path, component.path)),
        compiled=len(compiled) + held.recompiled,
        generated=len(generated),
        unknown_scripts=tuple(path for path, target in generated.items() if not _is_known(look(path), target, site)),
    )


def _is_odd(path: str, files: InstalledFiles) -> bool:
    """Say whether a byte code cache is run without a look at its source, or is another source's."""
    return isinstance(files, CompiledFiles) and bool(files.oddity(path))


@dataclass(slots=True)
class _Held:
    """What became of the wheel's rows; `taken` are the paths in the image at which they lie or should."""

    taken: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    unhashed: int = 0
    recompiled: int = 0


def _hold_rows(
    facts: WheelFacts, site: Site, look: Callable[[str], FileFact | None], rows: Mapping[str, FileFact]
) -> _Held:
    held = _Held()
    for path, row in facts.record.items():
        place, fact = _find(path, facts, site, look, rows)
        held.taken.add(place)
        if fact is not None and row.sha256 and (_same(row, fact) or _is_rewritten(path, facts, site, fact)):
            continue
        if is_compiled(path, facts.record):
            # Some wheels carry byte code caches; an installer writes its own over them.
            held.recompiled += 1
        elif not row.sha256:
            held.unhashed += 1
        else:
            (held.missing if fact is None else held.differing).append(path)
    return held


def _looker(rows: Mapping[str, FileFact], files: InstalledFiles) -> Callable[[str], FileFact | None]:
    if not isinstance(files, ListedFiles):
        return rows.get
    everything = files
    return lambda path: rows.get(path) or everything.file(path)


def _find(
    path: str,
    facts: WheelFacts,
    site: Site,
    look: Callable[[str], FileFact | None],
    rows: Mapping[str, FileFact],
) -> tuple[str, FileFact | None]:
    header = header_of(path, facts)
    if header:
        return next(
            ((place, fact) for place, fact in rows.items() if "include/" in place and place.endswith("/" + header)),
            (path, None),
        )
    first = ""
    for place in site.places(path, facts):
        first = first or place
        fact = look(place)
        if fact is not None:
            return place, fact
    return first, None


def _same(row: RecordRow, fact: FileFact) -> bool:
    return fact[1].removeprefix("sha256:") == row.sha256


def _is_rewritten(path: str, facts: WheelFacts, site: Site, fact: FileFact) -> bool:
    """Say whether it is the wheel's script with nothing but an interpreter put into its first line."""
    if path not in facts.rewritten:
        return False
    first, newline, rest = base64.b64decode(facts.rewritten[path]).partition(b"\n")
    ends = {newline, b"\r\n"} if first.endswith(b"\r") else {newline}
    wanted = fact[1].removeprefix("sha256:")
    texts = (b"#!" + python.encode() + end + rest for python in site.interpreters() for end in ends)
    return any(hashlib.sha256(text).hexdigest() == wanted for text in texts)


def _is_known(fact: FileFact | None, target: str, site: Site) -> bool:
    return fact is not None and is_known_script(fact[1].removeprefix("sha256:"), target, site.interpreters())


def _beside(site: Site, taken: Collection[str], files: InstalledFiles, claimed: Container[str]) -> Iterator[str]:
    """Yield files in the package's own folders that no component's record names."""
    if not isinstance(files, ListedFiles):
        return
    owned = {posixpath.dirname(path) for path in taken} - {site.folder, *site.scripts(), *site.prefixes}
    inside = site.folder + "/" if site.folder else ""
    for folder in sorted(folder for folder in owned if folder.startswith(inside)):
        if any(parent in owned for parent in _parents(folder)):
            continue
        yield from (path for path in files.below(folder) if path not in claimed)


def _scripts(
    site: Site, facts: WheelFacts, look: Callable[[str], FileFact | None], claimed: Container[str]
) -> Iterator[str]:
    """Yield the scripts of the wheel's entry points that are there, though the image's own record may not name them."""
    prefixes = [prefix for prefix in site.prefixes if prefix != site.folder]
    paths = (posixpath.join(prefix, "bin", name) for prefix in prefixes for name in facts.scripts)
    yield from (path for path in paths if path not in claimed and look(path) is not None)


def _parents(folder: str) -> Iterator[str]:
    while folder := posixpath.dirname(folder):
        yield folder
