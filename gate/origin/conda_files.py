"""Hold what a conda package lists against what an image has: every path, what the prefix was written into, and extras.

Sources: `info/paths.json`; conda's and rattler's rules for noarch Python packages (`site-packages/`,
`python-scripts/`), entry points and prefixes.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.image.tree import shown
from gate.index.conda import PathType
from gate.origin.place import is_compiled
from gate.origin.scripts import is_known_script

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gate.index.conda import CondaFacts, CondaPath
    from gate.origin.interface import LinkedFiles

_EXAMPLES = 10
_SHOWN = 300
_EMPTY = hashlib.sha256().hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a package's paths lie: the prefix in the image (`opt/conda`), and the folder of Python packages below it.

    `cached` is an unpacked package in a cache: nothing is moved there and no prefix was written.
    """

    prefix: str
    site: str = ""
    cached: bool = False

    @property
    def written(self) -> str:
        """The prefix as it is written into files."""
        return f"/{self.prefix}" if self.prefix else "/"

    def of(self, path: str, facts: CondaFacts) -> str:
        """Return where a path of the package lies in the image."""
        if facts.python and not self.cached:
            folder, _, rest = path.partition("/")
            path = {"site-packages": f"{self.site}/{rest}", "python-scripts": f"bin/{rest}"}.get(folder, path)
        return posixpath.join(self.prefix, path)

    def interpreters(self) -> tuple[str, ...]:
        """Return the interpreters that an installer writes into the first line of a script."""
        version = self.site.removeprefix("lib/").partition("/")[0]
        names = dict.fromkeys(("python", "python3", version))
        return tuple(posixpath.join(self.written, "bin", name) for name in names if name.startswith("python"))


@dataclass(slots=True, kw_only=True)
class CondaComparison:
    """One package against what is installed; paths are those of the package, extras those of the image.

    `replaced` files have the prefix written into them and are what that comes to; `unreplaced` could not be computed.
    `links` lead to the package's own files, or to files of the same bytes; `strays` are links that lead elsewhere.
    """

    rows: int = 0
    equal: int = 0
    missing: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    unhashed: list[str] = field(default_factory=list)
    unreplaced: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    unknown_scripts: list[str] = field(default_factory=list)
    replaced: int = 0
    links: int = 0
    compiled: int = 0
    generated: int = 0

    @property
    def wrong(self) -> bool:
        """Say whether a file is another one or gone."""
        return bool(self.missing or self.differing)

    @property
    def whole(self) -> bool:
        """Say whether every path was compared and is equal, and nothing was added."""
        open_ones = (self.unhashed, self.unreplaced, self.strays, self.extras, self.unknown_scripts)
        return not self.wrong and not any(open_ones) and self.rows > 0

    def evidence(self) -> dict[str, str]:
        """Return the counts and up to ten examples, as text."""
        lists = ("differing", "missing", "extras", "strays", "unreplaced", "unhashed", "unknown_scripts")
        counts = {name: getattr(self, name) for name in ("rows", "equal", "replaced", "links", "compiled", "generated")}
        counts |= {name: len(getattr(self, name)) for name in lists}
        found = {name: str(count) for name, count in counts.items() if count}
        examples = [path for name in lists for path in getattr(self, name)][:_EXAMPLES]
        return found | ({"examples": "\n".join(shown(path)[:_SHOWN] for path in examples)} if examples else {})


def compare_conda(
    facts: CondaFacts,
    files: LinkedFiles,
    placement: Placement,
    *,
    written: Mapping[str, str],
    listed: Iterable[str],
) -> CondaComparison:
    """Compare a package with an image.

    Args:
        facts: of the package.
        files: of the image.
        placement: where it is installed.
        written: sha256 of the files into which the prefix was written, by path in the package.
        listed: paths in the image that the installed record names; what the package does not explain is extra.
    """
    found = CondaComparison(rows=len(facts.paths))
    places = {placement.of(path, facts): path for path in facts.paths}
    links = []
    for place, path in places.items():
        known = facts.paths[path]
        if known.type is PathType.FILE:
            _hold(found, files, place, path, known, None if placement.cached else written)
        elif known.type is PathType.LINK:
            links.append((place, path, known))
    for place, path, known in links:
        _hold_link(found, files, place, path, known, places)
    _hold_extras(found, facts, files, placement, [place for place in listed if place not in places], places)
    return found


def _hold(  # noqa: PLR0913, PLR0917 - one path and all that is known of it
    found: CondaComparison,
    files: LinkedFiles,
    place: str,
    path: str,
    known: CondaPath,
    written: Mapping[str, str] | None,
) -> None:
    fact = files.file(place)
    is_link = files.leads_to(place) is not None
    prefixed = bool(known.placeholder) and written is not None
    wanted = (written or {}).get(path, "") if prefixed else known.sha256
    if fact is None:
        found.missing.append(path)
    elif is_link:
        # A link where the package has a file: it leads to bytes that can be others tomorrow.
        found.differing.append(path)
    elif not wanted:
        (found.unreplaced if prefixed else found.unhashed).append(path)
    elif fact[1].removeprefix("sha256:") != wanted:
        found.differing.append(path)
    elif prefixed:
        found.replaced += 1
    else:
        found.equal += 1


def _hold_link(  # noqa: PLR0913, PLR0917 - as above
    found: CondaComparison,
    files: LinkedFiles,
    place: str,
    path: str,
    known: CondaPath,
    places: Mapping[str, str],
) -> None:
    """A package does not say where its links lead, only what their targets' bytes were."""
    aim = files.leads_to(place)
    if aim is None:
        (found.differing if files.file(place) is not None else found.missing).append(path)
        return
    real, fact = aim
    same = fact is not None and fact[1].removeprefix("sha256:") == known.sha256
    if same or real in places or (fact is None and known.sha256 in {"", _EMPTY}):
        found.links += 1
    else:
        found.strays.append(path)


def _hold_extras(  # noqa: PLR0913, PLR0917 - as above
    found: CondaComparison,
    facts: CondaFacts,
    files: LinkedFiles,
    placement: Placement,
    left: Iterable[str],
    places: Mapping[str, str],
) -> None:
    scripts = {posixpath.join(placement.prefix, "bin", name): target for name, target in facts.scripts.items()}
    for place in sorted({*left, *scripts}):
        fact = files.file(place)
        if fact is None:
            continue
        if is_compiled(place, places) and not files.oddity(place):
            found.compiled += 1
        elif place in scripts:
            found.generated += 1
            if not is_known_script(fact[1].removeprefix("sha256:"), scripts[place], placement.interpreters()):
                found.unknown_scripts.append(place)
        else:
            found.extras.append(place)
