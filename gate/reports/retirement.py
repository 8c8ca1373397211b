"""What stands of retirements, in words and as one JSON object, `gate.retirement/1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gate.exceptions.plain import plain
from gate.model.base import Value, format_instant
from gate.model.retirement import Retirement, RetirementAction, RetirementState
from gate.retirement.plan import RetirementPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.model.principal import Principal

_NEXT = {
    RetirementState.REQUESTED: "a second person agrees: `gate retire {digest} --approve {id}`",
    RetirementState.DENIED: "",
    RetirementState.APPROVED: "carry it out: `gate retire {digest}`",
    RetirementState.ACTING: "carry it on: `gate retire {digest}`",
    RetirementState.HIDDEN: "its bytes are deleted by `gate retire` from that day on",
    RetirementState.RETIRED: "two people may have it decided anew: `gate retire {digest} --reinstate --reason …`",
    RetirementState.LIFTED: "",
    RetirementState.DONE: "evaluate the image again: it is released if it passes",
}


class RetirementReport(Value):
    """What `gate retire … --format json` prints. `plan` is there where only a look was asked for."""

    version: Literal["gate.retirement/1"] = Field(default="gate.retirement/1", alias="schema")
    retirements: tuple[Retirement, ...] = ()
    plan: RetirementPlan | None = None


def as_json(retirements: Sequence[Retirement] = (), plan: RetirementPlan | None = None) -> str:
    """Return the report as JSON text."""
    report = RetirementReport(retirements=tuple(retirements), plan=plan)
    return report.model_dump_json(by_alias=True, indent=2) + "\n"


def as_text(retirements: Sequence[Retirement]) -> str:
    """Return each with what became of it and what to do next."""
    if not retirements:
        return "nothing was ever asked to be taken out of service\n"
    return "\n".join(_one(retirement) for retirement in retirements)


def plan_text(plan: RetirementPlan) -> str:
    """Return what would be done, step by step, and what would be left."""
    verb = "hide" if plan.hidden else "delete"
    lines = [f"WOULD RETIRE  {plan.place.place}@{plan.digest}"]
    lines += [f"  {verb:<9} {one.digest}" for one in plan.manifests]
    lines += [f"  take off  {tag}" for tag in plan.tags]
    lines += [f"  leave     {left.subject} ({left.code})" for left in plan.omitted]
    lines += [f"  in spite  {user.kind.value} {plain(user.name)}" for user in plan.found.users]
    lines += [f"  unasked   {plain(one.source)}: {plain(one.message)}" for one in plan.found.unasked]
    return "\n".join(lines) + "\n"


def _one(retirement: Retirement) -> str:
    what = "" if retirement.action is RetirementAction.RETIRE else "reinstate"
    rows = [
        ("what", what),
        ("digest", retirement.digest),
        ("place", retirement.place),
        ("asked", f"{format_instant(retirement.requested_at)} by {_person(retirement.requester)}"),
        ("reason", plain(retirement.reason)),
        ("forced", "whoever uses it" if retirement.forced else ""),
        ("decided", _decided(retirement)),
        ("comment", plain(retirement.comment)),
        ("kept until", format_instant(retirement.due_at) if retirement.due_at else ""),
        ("failed", retirement.error_code),
        ("next", _NEXT[retirement.state].format(digest=retirement.digest, id=retirement.id)),
    ]
    head = f"{retirement.state.value.upper()}  {retirement.id}\n"
    return head + "".join(f"  {name:<11} {value}\n" for name, value in rows if value)


def _decided(retirement: Retirement) -> str:
    if retirement.decided_by is None or retirement.decided_at is None:
        return ""
    return f"{format_instant(retirement.decided_at)} by {_person(retirement.decided_by)}"


def _person(principal: Principal) -> str:
    return f"{principal.tenant}/{principal.object_id}" + (" (claimed)" if principal.claimed else "")
