"""Named Python indexes, and packages that are bound to one of them (uv, poetry, pdm, PEP 621 tools)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
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


_CLAUSE = re.compile(r"(<=|>=|<|>|==|!=)\s*(\d+(?:\.\d+)*)")


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
        self.enter(origin, name, default=default, explicit=explicit)

    def enter(self, origin: Origin, name: str, *, default: bool = False, explicit: bool = False) -> None:
        """Take an index into scope that stands in no line of its own, or whose line is kept already."""
        if name:
            self.named[name] = origin
        if default and self.default == PYPI_INDEX:
            self.default = origin
        elif not explicit:
            self.shared.append(origin)

    def origins(self) -> tuple[Origin, ...]:
        """Return every place that could deliver a name that is bound to none."""
        return tuple(dict.fromkeys((*self.shared, self.default)))

    def requirement(self, text: str) -> None:
        """Read one PEP 508 requirement, then look where the project binds its name."""
        line = self.finder.string(text)
        option, _, rest = text.strip().partition(" ")
        editable = option in {"-e", "--editable"}
        try:
            found = parse_requirement(rest if editable else text, line, editable=editable)
        except InvalidRequirementError as error:
            self.reading.problem("invalid_requirement", str(error), self.finder.text, line)
            return
        bound = self.bindings.get(found.name, []) if found.kind is Kind.PYPI else []
        if bound:
            with self.reading.merged():
                for entry in bound:
                    self.bound(found, entry)
            return
        if found.kind is Kind.PYPI:
            self.reading.add(found, self.origins(), self.finder.text)
        else:
            scope = PipScope(self.reading)
            scope.hold(found, self.finder.text)
            scope.close()

    def entry(self, name: str, value: object) -> None:
        """Read one `name = …` of a table as Poetry and pixi write it: a version, or a table with its place."""
        entry = value if isinstance(value, dict) else {"version": value}
        listed = entry.get("extras")
        version = str(entry.get("version", ""))
        found = Found(
            kind=Kind.PYPI,
            name=normalise(name),
            spec="" if version == "*" else version,
            line=self.finder.key(name),
            extras=tuple(str(one) for one in listed) if isinstance(listed, list) else (),
            marker=marker_of(entry),
        )
        self.bound(found, entry)

    def bound(self, found: Found, entry: dict[str, Any]) -> None:
        """Keep a reference that a table binds to a place."""
        address = address_of(entry)
        if address:
            locked = locked_address(found.name, found.spec, address, found.line)
            named = replace(locked.found, marker=found.marker, extras=found.extras)
            self.reading.add(named, locked.origins, self.finder.text)
            return
        index = entry.get("index", entry.get("source"))
        if entry.get("workspace"):
            member = Found(kind=Kind.LOCAL, name=found.name, line=found.line, distribution=found.name)
            self.reading.add(member, (Origin(kind=OriginKind.PATH, location=found.name),), self.finder.text)
        elif isinstance(index, str):
            # Poetry knows PyPI by its name, without a table that says so.
            origin = self.named.get(index) or (PYPI_INDEX if index.lower() == "pypi" else None)
            # Bound under a marker: everywhere else the name comes from where all names do.
            others = self.origins() if entry.get("marker") else ()
            origins = tuple(dict.fromkeys((origin, *others))) if origin else ()
            self.reading.add(found if origin else found.doubted("no_origin"), origins, self.finder.text)
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


def marker_of(entry: dict[str, Any]) -> str:
    """Return the conditions of an entry as one marker (PEP 508); a Python range that no marker can say is left out."""
    parts = [str(entry["markers"])] if entry.get("markers") else []
    if isinstance(entry.get("platform"), str):
        parts.append(f"sys_platform == '{entry['platform']}'")
    clauses = [_CLAUSE.fullmatch(one.strip()) for one in str(entry.get("python", "")).split(",")]
    matches = [one for one in clauses if one]
    if len(matches) == len(clauses):
        parts += [f"{_variable(one[2])} {one[1]} '{one[2]}'" for one in matches]
    return parts[0] if len(parts) == 1 else " and ".join(f"({one})" for one in parts)


def _variable(version: str) -> str:
    return "python_version" if version.count(".") < 2 else "python_full_version"  # noqa: PLR2004 - 3.9 against 3.9.7


def bindings_of(table: object) -> Bindings:
    """Return a sources table by PEP 503 names; a lone table counts as a list of one."""
    out: Bindings = {}
    for name, value in table.items() if isinstance(table, dict) else ():
        entries = value if isinstance(value, list) else [value]
        out[normalise(str(name))] = [one for one in entries if isinstance(one, dict)]
    return out
