"""OS packages on top of the base that no line of the definition asks for, and what those that it names bring along.

Sources: `deb-control(5)`, `deb-version(7)` on relationships; `apt-get(8)`, which installs what is recommended too. Of
rpm's packages it is not known here what they need.
"""

from __future__ import annotations

import re
from collections import defaultdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gate.errors import GateError
from gate.image.components.dpkg import StatusError, paragraphs_of
from gate.model.drift import Difference, DriftAgainst, DriftKind
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gate.image.components.dpkg import Paragraph
    from gate.model.image import Component, Inventory
    from gate.model.reference import Declared, Reference
    from gate.origin.interface import InstalledFiles

UPGRADE_ALL = "<upgrade-all>"
"""How readers of definitions call a line that upgrades whatever is installed."""

_RELATIONS = ("depends", "pre-depends", "recommends")
_NAME = re.compile(r"\s*([a-z0-9][a-z0-9.+-]*)")


class OsDrift:
    """The OS packages of one image, held against the definition's lines.

    What the base brought is apart; without a known base nothing is concluded, for all of it would be undeclared. A
    declared package that is not there is no difference: what is needed to build is taken away again.

    Attributes:
        observed: packages that were compared.
        unjudged: packages of which it can't be told whether a line asks for them.
        differences: what was found.
    """

    def __init__(self, declared: Declared, inventory: Inventory, files: InstalledFiles) -> None:
        """Compare."""
        known = inventory.base is not None
        self._asked = [one for one in inventory.components if known and one.kind is Kind.OS and not one.in_base]
        self._files = files
        self._wanted = [one for one in declared.references if one.kind is Kind.OS]
        self.observed, self.unjudged = len(self._asked), 0
        self.differences = list(self._compared()) if self._asked else []

    def _compared(self) -> Iterator[Difference]:
        needs = self._needs()
        patterns = [_bare(one.name) for one in self._wanted]
        explained = _closure([*patterns, *(one.name for one in self._asked if _matches(one.name, patterns))], needs)
        # An upgrade changes what is there, and which of it was there before is not known; nor is what rpm brings along.
        vague = UPGRADE_ALL in patterns
        for component in self._asked:
            if _matches(component.name, patterns):
                yield from self._other_version(component)
            elif component.name not in explained:
                if vague or (self._wanted and component.path not in self._read):
                    self.unjudged += 1
                else:
                    yield _difference(DriftKind.UNDECLARED, component, where=f"layer {component.layer}")

    def _other_version(self, component: Component) -> Iterator[Difference]:
        lines = [one for one in self._wanted if _matches(component.name, [_bare(one.name)]) and _is_version(one)]
        for line in lines:
            if not fnmatchcase(component.version, line.spec.lstrip("=")):
                where = f"{line.file}:{line.line}"
                yield _difference(DriftKind.OTHER_VERSION, component, wanted=line.spec, where=where)

    def _needs(self) -> dict[str, set[str]]:
        """Return by name what each Debian package of the image asks for, with what provides it."""
        needs: dict[str, set[str]] = defaultdict(set)
        provided: dict[str, set[str]] = defaultdict(set)
        self._read: set[str] = set()
        for path, component in {one.path: one for one in self._asked}.items():
            for paragraph in self._paragraphs(path, component):
                name = paragraph.get("package", "")
                for relation in _RELATIONS:
                    needs[name].update(_names(paragraph.get(relation, "")))
                for virtual in _names(paragraph.get("provides", "")):
                    provided[virtual].add(name)
        for names in needs.values():
            names.update(*(provided[name] for name in list(names) if name in provided))
        return needs

    def _paragraphs(self, path: str, component: Component) -> list[Paragraph]:
        try:
            found = paragraphs_of(self._files.metadata(component))
        except (StatusError, GateError):
            return []  # a problem since it was first read, or a database of another kind
        if any("package" in one for one in found):
            self._read.add(path)
        return found


def _closure(names: Iterable[str], needs: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(needs.get(name, ()))
    return seen


def _names(relations: str) -> Iterator[str]:
    """Yield the names of a field of relations; of alternatives all, for any of them may have been taken."""
    for alternative in re.split(r"[,|]", relations.replace("\n", " ")):
        if (match := _NAME.match(alternative)) is not None:
            yield match[1]


def _bare(name: str) -> str:
    """Return a name without the architecture that a line may write behind it."""
    return name.partition(":")[0]


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_version(reference: Reference) -> bool:
    """Say whether a line names a version, and not the release of a distribution."""
    return reference.spec.lstrip("=")[:1].isdigit()


def _difference(kind: DriftKind, component: Component, *, wanted: str = "", where: str) -> Difference:
    return Difference(
        kind=kind,
        against=DriftAgainst.DECLARED,
        component=Kind.OS,
        name=component.name,
        wanted=wanted[:300],
        found=component.version,
        where=where[:300],
    )
