"""The policy in force for a person at a terminal: where it is from, its digest, and every setting under its own key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gate.model.base import Value
from gate.policy.ruleset import RULESET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.reports.policy_shown import ShownPolicy

_HOUR = 3600
_DAY_HOURS = 24
_LOUD = {"findings.defender.allow_recorded: true": "for demonstrations and tests alone"}


def render(shown: ShownPolicy) -> str:
    """Return the text. Nothing is left out: an empty list is said to be empty, and lets nothing in."""
    return "".join(f"{line}\n" for line in _lines(shown))


def _lines(shown: ShownPolicy) -> Iterator[str]:
    policy = shown.policy
    yield f"policy    {policy.fingerprint()}"
    yield f"rule set  {RULESET}"
    yield f"from      {shown.folder} ({shown.named_by})"
    files = {
        "allowlist/safelist.yaml": policy.safelist,
        "allowlist/policy.yaml": policy.decision,
        "exceptions/workflow.yaml": policy.workflow,
    }
    for name, part in files.items():
        yield f"\n{name}"
        for line in _settings(part, ""):
            yield f"  {line}" + (f"  ({_LOUD[line]})" if line in _LOUD else "")
    yield "\nexceptions/grants"
    for grant in policy.grants:
        yield f"  {grant.id}: {grant.kind.value} {grant.name} {grant.version} until {grant.expires:%Y-%m-%d}"
    if not policy.grants:
        yield "  (none)"


def _settings(part: Value, prefix: str) -> Iterator[str]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Value):
            yield from _settings(value, f"{prefix}{name}.")
        elif isinstance(value, tuple):
            yield f"{prefix}{name}: {', '.join(map(_entry, value)) or '(none)'}"
        else:
            yield f"{prefix}{name}: {_entry(value)}"


def _entry(value: object) -> str:
    """Return one value in words; of a value with several fields all that are said."""
    if isinstance(value, timedelta):
        return _length(value)
    if isinstance(value, Value):
        fields = [(name, getattr(value, name)) for name in type(value).model_fields]
        return " ".join(name if field is True else _entry(field) for name, field in fields if field)
    if isinstance(value, tuple):
        return " ".join(map(_entry, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_entry(field)}" for key, field in value.items()) or "(none)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _length(duration: timedelta) -> str:
    hours, rest = divmod(int(duration.total_seconds()), _HOUR)
    if rest:
        return f"{hours} h {rest} s"
    return f"{hours} h" if hours % _DAY_HOURS or hours <= _DAY_HOURS else f"{hours // _DAY_HOURS} days"
