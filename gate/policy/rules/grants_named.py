"""Grants that name something in the image or the definition and do not hold are named, so that nobody wonders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.origin import Disposition
from gate.policy.dispose import Bounds, GrantState, grant_state
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.exception import Grant


class GrantsNamed:
    """Never refuses: what a grant does not cover is refused by the rules on origins."""

    id = "grants"
    title = "Every grant that concerns this image is in force and covers its bytes."
    codes = {  # noqa: RUF012 - read-only by protocol
        "expired": Explanation(
            reason="grant {grant} for {name} {version} ended at {expires}",
            way_out="file a new request: nothing renews itself",
        ),
        "not_yet": Explanation(
            reason="grant {grant} for {name} {version} begins at {not_before}",
            way_out="evaluate again when it has begun",
        ),
        "other_scope": Explanation(
            reason="grant {grant} for {name} {version} does not cover this repository",
            way_out="file a request for this repository",
        ),
        "other_bytes": Explanation(
            reason="grant {grant} for {name} {version} is for other bytes than those in the image",
            way_out="install the file that was approved (sha256 {sha256}), or file a request for yours",
        ),
        "in_force": Explanation(reason="{grants} grant(s) used", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a warning for each grant that concerns the image and does not hold, and one pass with the used."""
        used = {disposed.grant for disposed in case.components if disposed.grant}
        for grant in case.evidence.exceptions.grants:
            if grant.waives is not None:  # named by the rule on waivers
                continue
            state = self._state(grant, case)
            if grant.id not in used and state is not GrantState.IN_FORCE:
                yield result(
                    self.id,
                    Status.WARN,
                    state.value,
                    grant.id,
                    grant=grant.id,
                    name=grant.name,
                    version=grant.version,
                    expires=grant.expires.isoformat(),
                    not_before=grant.not_before.isoformat(),
                    sha256=" ".join(file.sha256 for file in grant.files),
                )
        yield passed(self.id, "in_force", grants=len(used))

    def _state(self, grant: Grant, case: Case) -> GrantState:
        """Say what is wrong with a grant that names a refused thing; a grant for something else is in force here."""
        refused = {Disposition.BLOCKED, Disposition.UNDETERMINED}
        concerned = [
            component
            for component, disposed in zip(case.evidence.image.components, case.components, strict=False)
            if disposed.disposition in refused and component.name == grant.name and component.version == grant.version
        ]
        if not concerned:
            return GrantState.IN_FORCE
        state = grant_state(grant, Bounds(now=case.now, repository=case.evidence.repository))
        matched = any(component.proof and grant.id in component.proof.grants for component in concerned)
        return GrantState.OTHER_BYTES if state is GrantState.IN_FORCE and not matched else state
