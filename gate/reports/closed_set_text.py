"""A closed set for a person at a terminal: how many packages, what refuses it, and what to do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from gate.model.decision import Status
from gate.model.quiet import quiet
from gate.policy.sets import ALL, EXCEPTABLE

if TYPE_CHECKING:
    from gate.model.decision import RuleResult
    from gate.resolve.judged import JudgedSet

_ORDER = {Status.FAIL: 0, Status.UNKNOWN: 1, Status.WARN: 2}


def render(judged: JudgedSet) -> str:
    """Return the text; what judged files and indexes say to a terminal or a pipeline is shown, not obeyed."""
    return quiet("\n".join(map(_visible, lines_of(judged))) + "\n")


def lines_of(judged: JudgedSet) -> list[str]:
    """Return the lines as they are; who shows them makes them visible."""
    found = judged.resolution
    target = f"{found.platform}, Python {found.python}"
    lines = [f"closed set of {judged.definition}: {judged.verdict}: {len(found.packages)} packages for {target}"]
    if judged.failure is not None:
        lines.append(f"\nunresolved[{judged.failure.code}]: {judged.failure.message}")
        if judged.failure.hint:
            lines.append(f"  next: {judged.failure.hint}")
    for one in sorted((one for one in judged.results if one.status in _ORDER), key=lambda one: _ORDER[one.status]):
        if one.code == "nothing_resolved" and one.rule != "set-closed":
            continue  # each rule says it, and once is enough for people
        reason, way_out = explained(one)
        lines.append(f"\n{one.status.value}[{one.rule}]: {reason}")
        where = one.params.get("declared") or one.params.get("required_by")
        if where:
            lines.append(f"  from: {where}")
        lines.append(f"  next: {way_out}")
        if lifts(one):
            lines.append(f"  exception: {lifts(one)}")
    return lines


def explained(result: RuleResult) -> tuple[str, str]:
    """Return a result's reason and way out, filled in."""
    explanation = next(rule.codes[result.code] for rule in ALL if rule.id == result.rule)
    return explanation.reason.format(**result.params), explanation.way_out.format(**result.params)


def lifts(result: RuleResult) -> str:
    """Return the command that asks for an exception for the file, where one lifts the result; else nothing."""
    asked = excepted(result)
    if asked is None:
        return ""
    words = ["gate", "exception", "request"]
    for name, value in asked.items():
        words += [f"--{name}", value]
    return " ".join(map(shlex.quote, words)) + " --repository REPOSITORY --reason …"


def excepted(result: RuleResult) -> dict[str, str] | None:
    """Return kind, name and version of what an exception would be for; None where none lifts the result."""
    if (result.rule, result.code) not in EXCEPTABLE or result.status not in {Status.FAIL, Status.UNKNOWN}:
        return None
    return {
        "kind": result.subject.partition(":")[0],
        "name": result.params["name"],
        "version": result.params["version"],
    }


def _visible(line: str) -> str:
    gap = "\n" if line.startswith("\n") else ""
    return gap + "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line.removeprefix(gap))
