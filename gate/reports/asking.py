"""The commands that ask for the exceptions that would lift a refusal, as they are typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.policy.rules.findings import FindingsBelowBar

if TYPE_CHECKING:
    from gate.account import Account


def commands(account: Account) -> list[str]:
    """Return one line for each request that the account names; one for a waiver has to say why nothing is affected."""
    waivers = {reason.request for reason in account.reasons if reason.rule == FindingsBelowBar.id}
    return [
        f"gate exception request --for {request} --reason …{' --justification …' if request in waivers else ''}"
        for request in account.requests
    ]
