"""What is demanded of a closed set: one rule a file, pure functions over the resolution, the policy and one instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.policy.sets.cooling_off import CoolingOff
from gate.policy.sets.pinned import Pinned
from gate.policy.sets.project_status import ProjectStatusRule
from gate.policy.sets.reserved_name import ReservedName
from gate.policy.sets.set_closed import SetClosed
from gate.policy.sets.wheels_only import WheelsOnly
from gate.policy.sets.yanked import Yanked

if TYPE_CHECKING:
    from gate.model.decision import RuleResult
    from gate.policy.sets.rule import ClosedSet, SetRule

ALL: tuple[SetRule, ...] = (
    SetClosed(),
    ReservedName(),
    ProjectStatusRule(),
    Yanked(),
    CoolingOff(),
    WheelsOnly(),
    Pinned(),
)
"""Every rule, in the order in which people should read their results."""


EXCEPTABLE = frozenset(
    {
        (CoolingOff.id, "too_young"),
        (CoolingOff.id, "upload_time_unknown"),
        (Yanked.id, "yanked"),
        (ProjectStatusRule.id, "archived"),
        (ProjectStatusRule.id, "deprecated"),
        (WheelsOnly.id, "source_distribution"),
    }
)
"""Rule and code of every refusal for which an exception can be asked: a grant for the bytes, or for a wheel of it."""


def judge(case: ClosedSet) -> tuple[RuleResult, ...]:
    """Return every rule's results; each rule has at least one, for silence is no pass."""
    return tuple(result for rule in ALL for result in rule.check(case))
