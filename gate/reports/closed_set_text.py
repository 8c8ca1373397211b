"""A closed set for a person at a terminal: how many packages, what refuses it, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import Status
from gate.model.quiet import quiet
from gate.resolve.rules import ALL

if TYPE_CHECKING:
    from gate.model.decision import RuleResult
    from gate.resolve.judged import JudgedSet

_ORDER = {Status.FAIL: 0, Status.UNKNOWN: 1, Status.WARN: 2}


def render(judged: JudgedSet) -> str:
    """Return the text; what judged files and indexes say to a terminal or a pipeline is shown, not obeyed."""
    found = judged.resolution
    target = f"{found.platform}, Python {found.python}"
    lines = [f"closed set of {judged.definition}: {judged.verdict}: {len(found.packages)} packages for {target}"]
    for one in sorted((one for one in judged.results if one.status in _ORDER), key=lambda one: _ORDER[one.status]):
        reason, way_out = explained(one)
        lines.append(f"\n{one.status.value}[{one.rule}]: {reason}")
        where = one.params.get("declared") or one.params.get("required_by")
        if where:
            lines.append(f"  from: {where}")
        lines.append(f"  next: {way_out}")
    return quiet("\n".join(map(_visible, lines)) + "\n")


def explained(result: RuleResult) -> tuple[str, str]:
    """Return a result's reason and way out, filled in."""
    explanation = next(rule.codes[result.code] for rule in ALL if rule.id == result.rule)
    return explanation.reason.format(**result.params), explanation.way_out.format(**result.params)


def _visible(line: str) -> str:
    gap = "\n" if line.startswith("\n") else ""
    return gap + "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line.removeprefix(gap))
