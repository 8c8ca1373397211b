"""What `gate policy` shows, as values: the policy in force with where it is from, and the rules with their codes."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.policy.decide import OWN, OWN_CODES
from gate.policy.rules import ALL
from gate.policy.sets import ALL as SET_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gate.policy.rule import Explanation
    from gate.policy.schema import Policy

OPTION = "`--policy`"
ENVIRONMENT = "`GATE_POLICY`"
EMBEDDED = "the defaults that travel with the package"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPolicy:
    """A policy, the folder that it was read from, and who named that folder (one of the three above)."""

    policy: Policy
    folder: Path
    named_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    """One rule in words: what holds when it passes, why it asks, and each code with reason and way out."""

    id: str
    title: str
    why: str
    codes: Mapping[str, Explanation]


def rule_pages() -> tuple[RulePage, ...]:
    """Return every rule in the order of a report, the decision's own codes, and last the rules of closed sets."""
    pages = [
        RulePage(id=rule.id, title=rule.title, why=inspect.getdoc(type(rule)) or "", codes=rule.codes) for rule in ALL
    ]
    own = RulePage(
        id=OWN,
        title="Every rule spoke, and in time.",
        why="What the decision says for itself: a rule that raises or says nothing is no pass, and waiting has an end.",
        codes=OWN_CODES,
    )
    sets = (
        RulePage(id=rule.id, title=rule.title, why=inspect.getdoc(type(rule)) or "", codes=rule.codes)
        for rule in SET_RULES
    )
    return (*pages, own, *sets)
