"""Definitions written to a folder and read from it, as a user would hand them in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gate.bounds import DefinitionBounds
from gate.environment.check import CheckReport, check_declared
from gate.environment.reader import read_definition
from gate.model.reference import Declared, Severity
from gate.policy.source import load_policy

_ANACONDA = "anaconda"
CONDA_HOST = f"conda.{_ANACONDA}.org"
DEFAULTS_HOST = f"repo.{_ANACONDA}.com"
"""Where conda's channels live: named here in parts, for no file of the project carries a registry's host name."""

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    """Write files below a folder; text as UTF-8 without changing its line ends."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def declare(
    folder: Path, files: dict[str, str | bytes], entry: str = "", bounds: DefinitionBounds | None = None
) -> Declared:
    """Write the files and read the entry (the first file if none is named)."""
    write(folder, files)
    return read_definition(folder / (entry or next(iter(files))), folder, bounds or DefinitionBounds())


def brief(declared: Declared) -> list[tuple[str, str, str, str]]:
    """Return (kind, name, spec, origins or what is in doubt) of each reference."""
    return [
        (
            one.kind.value,
            one.name,
            one.spec,
            f"?{one.undetermined}" if one.undetermined else "+".join(origin.location for origin in one.origins),
        )
        for one in declared.references
    ]


def names(declared: Declared) -> list[str]:
    """Return `kind:name` of each reference."""
    return [f"{one.kind.value}:{one.name}" for one in declared.references]


def lines(declared: Declared) -> list[tuple[str, int]]:
    """Return (name, line) of each reference."""
    return [(one.name, one.line) for one in declared.references]


def errors(declared: Declared) -> list[str]:
    """Return the codes of all errors."""
    return [one.code for one in declared.problems if one.severity is Severity.ERROR]


def verdict(declared: Declared) -> CheckReport:
    """Check against the policy that the package embeds."""
    return check_declared(declared, load_policy(), (), NOW)


def run_line(folder: Path, command: str, files: dict[str, str | bytes] | None = None) -> Declared:
    """Read a Dockerfile on a safelisted base with one `RUN`; the base itself is left out of the result."""
    head = "FROM mcr.microsoft.com/base:1\nCOPY . /src\nWORKDIR /src\n"
    declared = declare(folder, {"Dockerfile": f"{head}RUN {command}\n", **(files or {})})
    return declared.model_copy(update={"references": declared.references[1:]})
