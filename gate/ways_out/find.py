"""Find the way out of each refused reference: a change of the definition if one is known, else a request.

Nothing is guessed of PyPI: a name that is not known to be there could be anybody's tomorrow.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from gate.model.origin import Disposition, Kind, OriginKind
from gate.ways_out.edits import Lines, only_conda_forge, other_channel, released, without_indexes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gate.environment.check import CheckedReference, CheckReport
    from gate.model.fix import Fix
    from gate.model.reference import Reference

_REFUSED = frozenset({Disposition.BLOCKED, Disposition.UNDETERMINED})
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+(?:(?:a|b|rc|\.post)\d+)?)")
_WHEEL = re.compile(r"/[^/-]+-(\d[^/-]*)(?:-[^/]+)?\.(?:whl|tar\.gz|zip)$")
_DIRECT = re.compile(r"(?:[\w.-]+(?:\[[^\]]*\])?\s*@\s*)?(?:git\+|https?://|git://|ssh://)[^\s;\"']+")


def unknown(name: str) -> bool:
    """Know no name: what is asked without reference data."""
    del name
    return False


def with_fixes(
    report: CheckReport, contents: Mapping[str, str], on_pypi: Callable[[str], bool] = unknown
) -> CheckReport:
    """Return the report with a fix at each refused reference that one is known for.

    Args:
        report: of a check.
        contents: the text of files by the name that references have; what is not there is not changed.
        on_pypi: says whether a PEP 503 name is known to be a project of PyPI.
    """
    references = tuple(
        one.model_copy(update={"fix": fix_of(one, report, contents, on_pypi)})
        if one.disposed.disposition in _REFUSED
        else one
        for one in report.references
    )
    return report.model_copy(update={"references": references})


def fix_of(
    checked: CheckedReference, report: CheckReport, contents: Mapping[str, str], on_pypi: Callable[[str], bool]
) -> Fix | None:
    """Return the change that would let one reference pass, None where only a request or a person helps."""
    reference = checked.reference
    lines = Lines(file=reference.file, content=contents.get(reference.file, ""))
    if reference.undetermined or not _there(lines, reference):
        return None
    match reference.kind:
        case Kind.CONDA:
            named = "::" in reference.text
            return other_channel(lines, reference.line) if named else only_conda_forge(lines)
        case Kind.PYPI:
            return _without_indexes(lines, report)
        case Kind.VCS | Kind.URL:
            return _released(lines, reference, on_pypi)
        case _:
            return None


def _there(lines: Lines, reference: Reference) -> bool:
    """Say whether the line is the one that was read: several folders may hold a file of the same name."""
    shown = lines.at(reference.line).strip()
    return bool(shown) and shown[:40] == reference.text[:40]


def _without_indexes(lines: Lines, report: CheckReport) -> Fix | None:
    places = {OriginKind.PYTHON_INDEX, OriginKind.URL, OriginKind.PATH}
    refused = [one.source for one in report.sources if not one.safelisted and one.source.origin.kind in places]
    if any(one.file != lines.file for one in refused):
        return None
    return without_indexes(lines, [one.line for one in refused])


def _released(lines: Lines, reference: Reference, on_pypi: Callable[[str], bool]) -> Fix | None:
    version = _VERSION.fullmatch(reference.spec) or _WHEEL.search(reference.name)
    match = _DIRECT.search(lines.at(reference.line))
    if not (reference.distribution and version and match and on_pypi(reference.distribution)):
        return None
    extras = f"[{','.join(reference.extras)}]" if reference.extras else ""
    return released(lines, reference.line, match[0], f"{reference.distribution}{extras}=={version[1]}")


def request_of(checked: CheckedReference) -> str:
    """Return the command that asks for an exception, filled in as far as the reference tells."""
    reference = checked.reference
    version = reference.spec.removeprefix("===").removeprefix("==").strip()
    name = reference.distribution or reference.name
    words = ["gate", "exception", "request", "--kind", reference.kind.value, "--name", name]
    if version:
        words += ["--version", version]
    return " ".join(map(shlex.quote, words)) + " --repository REPOSITORY --reason …"
