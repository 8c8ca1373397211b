"""What a plan would do to a registry, in words: every step in its order, what goes along, and why there is no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHOWN = 40
_VERBS = {
    "copy_blob": "copy blob",
    "put_manifest": "write manifest",
    "attach": "attach",
    "set_tag": "set tag",
    "lock_manifest": "lock manifest",
    "lock_tag": "lock tag",
    "delete_manifest": "hide or delete manifest",
}


def planned(plan: Mapping[str, Any]) -> list[str]:
    """Return the lines; none for what is no plan."""
    if not plan.get("steps"):
        return []
    lines = [*_steps(plan)]
    more = [f"    … and {len(lines) - _SHOWN} more steps"] if len(lines) > _SHOWN else []
    return [f"  plan, of which nothing was done: {_where(plan)}", *lines[:_SHOWN], *more, *_left(plan)]


def _where(plan: Mapping[str, Any]) -> str:
    source, target = plan.get("source"), plan.get("target")
    if source and target:
        return f"from {source['repository']} to {target['repository']}"
    return f"in {plan['place']['repository']}"


def _steps(plan: Mapping[str, Any]) -> Iterator[str]:
    bills = [f"    attach bill of materials {bill['digest']} to {bill['subject']}" for bill in plan.get("bills", [])]
    for step in plan["steps"]:
        if step["verb"] == "set_tag":
            yield from bills
            bills = []
        to = f" to {step['subject']}" if step.get("subject") else ""
        tag = f" `{step['tag']}` on" if step.get("tag") else ""
        yield f"    {_VERBS.get(step['verb'], step['verb'])}{tag} {step['descriptor']['digest']}{to}"
    yield from bills
    if plan.get("tags"):
        yield f"    with it go the tags {', '.join(plan['tags'])}"


def _left(plan: Mapping[str, Any]) -> Iterator[str]:
    for one in plan.get("omitted", []):
        by = f" ({', '.join(one['by'])})" if one.get("by") else ""
        yield f"    not: {one['subject']}: {one['code']}{by}"
