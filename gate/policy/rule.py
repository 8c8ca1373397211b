"""What a rule is, and the case that every rule looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gate.model.decision import Disposed, RuleResult, Status
from gate.model.evidence import Evidence
from gate.policy.schema import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Evidence, policy and the one instant, with what `dispose` made of each reference and component."""

    evidence: Evidence
    policy: Policy
    now: datetime
    references: tuple[Disposed, ...]
    components: tuple[Disposed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a code means and what to do about it; `{name}` stands for a parameter of the result."""

    reason: str
    way_out: str


class Rule(Protocol):
    """One named check. It reads the case and nothing else, and yields at least one result: silence is no pass."""

    @property
    def id(self) -> str:
        """Name the rule, in kebab case; stable."""
        ...

    @property
    def title(self) -> str:
        """Say in one sentence what holds when the rule passes."""
        ...

    @property
    def codes(self) -> Mapping[str, Explanation]:
        """Explain every code that the rule's own results can have."""
        ...

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield the results."""
        ...


def passed(rule: str, code: str, **params: object) -> RuleResult:
    """Return a pass with the figures that show what was looked at."""
    return RuleResult(rule=rule, status=Status.PASS, code=code, params=_text(params))


def result(rule: str, status: Status, code: str, subject: str = "", request: str = "", **params: object) -> RuleResult:
    """Return a result about one subject."""
    return RuleResult(rule=rule, status=status, code=code, subject=subject, request=request, params=_text(params))


def missing(*, required: bool) -> Status:
    """Return what missing evidence comes to: it holds where policy requires it, and is a warning where not."""
    return Status.UNKNOWN if required else Status.WARN


def _text(params: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in params.items()}
