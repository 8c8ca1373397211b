"""A waiver that could be asked for is asked for by the words that the workflow takes."""

from __future__ import annotations

from gate.account import Account
from gate.model.failure import Failure
from gate.reports.asking import commands

FAILED = Failure(code="x", message="it failed", exit_code=12)


def test_the_request_for_a_waiver_says_that_it_needs_a_justification() -> None:
    reasons = [
        {"rule": "findings", "status": "fail", "code": "vulnerable", "reason": "r", "request": "EXR-waiver"},
        {"rule": "component-origin", "status": "fail", "code": "absent", "reason": "r", "request": "EXR-wheel"},
    ]
    account = Account.model_validate(
        {
            "state": "failed",
            "repository": "r",
            "exit_code": 12,
            "failure": FAILED,
            "reasons": reasons,
            "requests": ["EXR-waiver", "EXR-wheel"],
        }
    )
    assert commands(account) == [
        "gate exception request --for EXR-waiver --reason … --justification …",
        "gate exception request --for EXR-wheel --reason …",
    ]
