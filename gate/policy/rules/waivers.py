"""Waivers that hide nothing are named, with the reason: they never refuse, and nobody need wonder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.rules.findings import FindingsBelowBar
from gate.policy.vulnerabilities import vulnerabilities
from gate.policy.waiving import WaiverState, concerns, waived_by, waiver_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.model.exception import Grant
    from gate.policy.vulnerabilities import Vulnerability

_FAULTS = frozenset({WaiverState.SELF_APPROVED, WaiverState.TOO_WIDE, WaiverState.TOO_LONG, WaiverState.NEVER})
"""What is wrong with a waiver wherever it is asked."""

_WAIVER = "waiver {waiver} of {id} on {name}"


class WaiversNamed:
    """What a waiver hides stands in the findings; here stand those that hide nothing."""

    id = "waivers"
    title = "Every waiver that concerns this image is in force and used."
    codes = {  # noqa: RUF012 - read-only by protocol
        "expired": Explanation(
            reason=f"{_WAIVER} ended at {{expires}}", way_out="mend the finding, or file a new request: nothing renews"
        ),
        "not_yet": Explanation(
            reason=f"{_WAIVER} begins at {{not_before}}", way_out="evaluate again when it has begun"
        ),
        "other_scope": Explanation(
            reason=f"{_WAIVER} does not cover this repository", way_out="file a request for this repository"
        ),
        "too_wide": Explanation(
            reason=f"{_WAIVER} is for more than a place below a registry and hides nothing",
            way_out="name repositories, or a prefix below a registry, in a new one",
        ),
        "too_long": Explanation(
            reason=f"{_WAIVER} lasts longer than policy allows and hides nothing",
            way_out="have it approved anew for at most the time that policy says",
        ),
        "self_approved": Explanation(
            reason=f"{_WAIVER} was approved by its owner and hides nothing", way_out="have somebody else approve it"
        ),
        "never": Explanation(
            reason=f"{_WAIVER}: policy never excepts {{name}}", way_out="mend the finding; take the waiver away"
        ),
        "malicious": Explanation(
            reason=f"{_WAIVER}: a malicious package can't be waived", way_out="remove the package"
        ),
        "exploited": Explanation(
            reason=f"{_WAIVER}: it is known to be exploited, and policy waives none that is",
            way_out="raise it to a fixed version, now",
        ),
        "unused": Explanation(
            reason=f"{_WAIVER} hides nothing here: no such finding blocks", way_out="take it away if it is done with"
        ),
        "in_force": Explanation(reason="{waivers} waiver(s) used", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a warning for each waiver that hides nothing here and concerns this place, and one pass."""
        hidden = {one.params["waiver"] for one in FindingsBelowBar().check(case) if one.code == "waived"}
        found = vulnerabilities(case)
        for waiver in case.evidence.exceptions.grants:
            if waiver.waives is None or waiver.id in hidden:
                continue
            code = _code(waiver, [one for one in found if concerns(waiver, one)], case)
            if code:
                yield self._named(waiver, code)
        yield passed(self.id, "in_force", waivers=len(hidden))

    def _named(self, waiver: Grant, code: str) -> RuleResult:
        return result(
            self.id,
            Status.WARN,
            code,
            waiver.id,
            waiver=waiver.id,
            id=waiver.waives.vulnerability if waiver.waives else "",
            name=f"{waiver.name} {waiver.version}".strip(),
            expires=waiver.expires.isoformat(),
            not_before=waiver.not_before.isoformat(),
        )


def _code(waiver: Grant, concerned: Sequence[Vulnerability], case: Case) -> str:
    """Say why a waiver hides nothing; nothing if it is about something that is not here, and sound."""
    for one in concerned:
        refused = {refused.id: why for refused, why in waived_by(one, case)[1]}
        if waiver.id in refused:
            return refused[waiver.id].value
    state = waiver_state(waiver, case)
    if state is WaiverState.IN_FORCE:
        return "unused"
    return state.value if state in _FAULTS else ""
