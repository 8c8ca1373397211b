"""Named Python indexes, and packages that are bound to one of them (uv, poetry, pdm, PEP 621 tools)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gate.environment.found import Found
from gate.environment.locked import locked_address
from gate.environment.pip_scope import PipScope
from gate.environment.places import PYPI_INDEX, python_index
from gate.environment.requirement import InvalidRequirementError, normalise, parse_requirement
from gate.model.origin import Kind, Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.lines import Finder
    from gate.environment.reading import Reading

Bindings = dict[str, list[dict[str, Any]]]
"""Where a project takes a name from: by PEP 503 name, the tables that tools write (`git`, `path`, `url`, `index`)."""


@dataclass(slots=True)
class Indexes:
    """The indexes of a project. `shared` serve every name, `named` are there to be bound to."""

    reading: Reading
    finder: Finder
    shared: list[Origin] = field(default_factory=list)
    named: dict[str, Origin] = field(default_factory=dict)
    default: Origin = PYPI_INDEX
    bindings: Bindings = field(default_factory=dict)

    def declare(self, name: str, address: str, *, default: bool = False, explicit: bool = False) -> None:
        """Take an index into scope, as the default, beside it, or only for the names that are bound to it."""
        origin = python_index(address)
        self.reading.source(origin, self.finder.text, self.finder.next(address))
        if name:
            self.named[name] = origin
        if default:
            self.default = origin
        elif not explicit:
            self.shared.append(origin)

    def origins(self) -> tuple[Origin, ...]:
        """Return every place that could deliver a name that is bound to none."""
        return tuple(dict.fromkeys((*self.shared, self.default)))

    def requirement(self, text: str) -> None:
        """Read one PEP 508 requirement, then look where the project binds its name."""
        line = self.finder.next(text.split(";", maxsplit=1)[0].strip()[:80])
        try:
            found = parse_requirement(text, line)
        except InvalidRequirementError as error:
            self.reading.problem("invalid_requirement", str(error), self.finder.text, line)
            return
        bound = self.bindings.get(found.name, []) if found.kind is Kind.PYPI else []
        for entry in bound:
            self.bound(found, entry)
        if bound:
            return
        if found.kind is Kind.PYPI:
            self.reading.add(found, self.origins(), self.finder.text)
        else:
            scope = PipScope(self.reading)
            scope.hold(found, self.finder.text)
            scope.close()

    def bound(self, found: Found, entry: dict[str, Any]) -> None:
        """Keep a reference that a table binds to a place."""
        address = address_of(entry)
        if address:
            locked_address(found.name, found.spec, address, found.line).keep(self.finder.text, self.reading)
            return
        index = entry.get("index", entry.get("source"))
        if entry.get("workspace"):
            member = Found(kind=Kind.LOCAL, name=found.name, line=found.line, distribution=found.name)
            self.reading.add(member, (Origin(kind=OriginKind.PATH, location=found.name),), self.finder.text)
        elif isinstance(index, str):
            origin = self.named.get(index)
            self.reading.add(
                found if origin else found.doubted("no_origin"), (origin,) if origin else (), self.finder.text
            )
        else:
            self.reading.add(found, self.origins(), self.finder.text)


def address_of(entry: dict[str, Any]) -> str:
    """Return the address that a table names: a repository with its ref, a file, a folder; empty if none."""
    git = entry.get("git")
    if isinstance(git, str):
        ref = next((str(entry[key]) for key in ("rev", "tag", "branch", "ref") if entry.get(key)), "")
        address = git if git.startswith(("git+", "git@")) or "://" not in git else f"git+{git}"
        return f"{address}@{ref}" if ref else address
    for key in ("url", "file"):
        if isinstance(entry.get(key), str):
            return str(entry[key])
    for key in ("path", "directory", "editable", "virtual"):
        if isinstance(entry.get(key), str):
            path = str(entry[key])
            return path if path.startswith((".", "/", "~")) else f"./{path}"
    return ""


def bindings_of(table: object) -> Bindings:
    """Return a sources table by PEP 503 names; a lone table counts as a list of one."""
    out: Bindings = {}
    for name, value in table.items() if isinstance(table, dict) else ():
        entries = value if isinstance(value, list) else [value]
        out[normalise(str(name))] = [one for one in entries if isinstance(one, dict)]
    return out
