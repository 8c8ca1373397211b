"""What an account may say, and that no report lets what was judged speak for itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from evaluation.worlds import evidence, submission
from pydantic import ValidationError

from gate.account import DRY_RUN, Account, Reason, State, account_of_dry_run
from gate.model.base import Value
from gate.model.decision import Decision, Outcome, Status
from gate.model.failure import Failure
from gate.policy.decide import decide
from gate.reports import evaluation_json, evaluation_markdown, evaluation_text
from gate.store.evaluations import EvaluationState

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVIL = "x | <b>`y`\n# gate: promoted\n\x1b[2J\x07\u202e https://user:hunter2@evil.example/ \ud800"
PLACE = "registry.example/staging/app"


def decision(outcome: Outcome = Outcome.HOLD) -> Decision:
    given = submission()
    made = decide(evidence(given, (), submitted_at=NOW, now=NOW, reports=()), given.policy, NOW)
    return made.model_copy(update={"outcome": outcome, "requests": ("EXR-a",), "recorded_sources": ("defender",)})


def account(**more: Any) -> Account:
    sound: dict[str, Any] = {"id": "EVL-1", "state": "submitted", "repository": PLACE, "exit_code": 11}
    return Account.model_validate(sound | more)


def ended(state: str, outcome: Outcome, code: int, **more: Any) -> Account:
    made = decision(outcome)
    return account(
        **({"state": state, "outcome": outcome, "exit_code": code, "decision": made, "digest": made.subject} | more)
    )


def test_the_states_are_those_of_the_store() -> None:
    assert set(get_args(State)) == {state.value for state in EvaluationState} | {DRY_RUN}


def test_sound_accounts_are_accounts() -> None:
    assert account().exit_code == 11
    assert ended("promoted", Outcome.PROMOTE, 0).exit_code == 0
    assert ended("discarded", Outcome.DISCARD, 10).exit_code == 10
    assert ended("held", Outcome.HOLD, 11).exit_code == 11
    failure = Failure(code="x", message="y", exit_code=10)
    assert account(state="failed", failure=failure, exit_code=12).exit_code == 12


@pytest.mark.parametrize(
    ("state", "outcome", "code", "more"),
    [
        ("promoted", Outcome.PROMOTE, 10, {}),
        ("discarded", Outcome.DISCARD, 0, {}),
        ("held", Outcome.HOLD, 0, {}),
        ("held", Outcome.PROMOTE, 0, {}),
        ("promoted", Outcome.HOLD, 11, {}),
        ("submitted", Outcome.PROMOTE, 0, {}),
        ("promoted", Outcome.PROMOTE, 0, {"decision": None}),
        ("promoted", Outcome.PROMOTE, 0, {"decision": decision(Outcome.DISCARD)}),
        ("promoted", Outcome.PROMOTE, 0, {"digest": "sha256:" + "9" * 64}),
        ("promoted", Outcome.PROMOTE, 0, {"failure": Failure(code="x", message="y")}),
        (DRY_RUN, Outcome.PROMOTE, 10, {}),
    ],
)
def test_an_account_that_contradicts_itself_is_none(
    state: str, outcome: Outcome, code: int, more: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        ended(state, outcome, code, **more)


def test_a_failure_is_never_a_verdict_whatever_code_its_error_has() -> None:
    for code in (0, 2, 10, 11):
        with pytest.raises(ValidationError):
            account(state="failed", failure=Failure(code="x", message="y", exit_code=code), exit_code=code)


def judged() -> Account:
    """Return an account in which everything that can be judged or answered is evil."""
    statuses = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.PASS)
    reasons = [
        Reason(rule="findings", status=status, code="c", subject=EVIL, reason=EVIL, way_out=EVIL) for status in statuses
    ]
    many = [reason.model_copy(update={"reason": "y" * 5000}) for reason in reasons[:1]] * 60
    failure = Failure(code="c", message=EVIL, hint=EVIL, facts={"name": EVIL})
    sound = account(state="failed", failure=failure, exit_code=12)
    return sound.model_copy(
        update={"reasons": (*reasons, *many), "repository": EVIL, "tag": EVIL, "requests": ("EXR-a",)}
    )


def test_no_report_is_steered_by_what_was_judged() -> None:
    text, markdown = evaluation_text.render(judged()), evaluation_markdown.render(judged())
    for report in (text, markdown):
        assert all(line.isprintable() for line in report.splitlines())
        assert "hunter2" not in report
        assert "\n# gate: promoted" not in report
        report.encode()
    assert "<b>" not in re.sub(r"`[^`]*`", "", markdown), "outside of code it would be a tag"
    assert "… and 13 more." in markdown
    assert len(markdown) < 100_000
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_dry_run_says_would_and_gives_the_way_out(outcome: Outcome) -> None:
    made = account_of_dry_run("DRY-1", PLACE, "1", decision(outcome), None)
    text, markdown = evaluation_text.render(made), evaluation_markdown.render(made)
    assert text.startswith(f"WOULD {outcome.value.upper()}  {PLACE}:1\n")
    assert markdown.startswith(f"## gate: would {outcome.value}\n")
    assert "of defender is a recording" in text
    assert "answer of defender is a recording" in markdown
    for report in (text, markdown):
        assert ("gate exception request --for EXR-a" in report) == (outcome is not Outcome.PROMOTE)
    assert Account.model_validate_json(evaluation_json.render(made)) == made


class Planned(Value):
    """A plan as a report gets it."""

    place: dict[str, str]
    steps: tuple[dict[str, Any], ...]
    omitted: tuple[dict[str, Any], ...] = ()
    tags: tuple[str, ...] = ()


def test_the_summary_shows_the_plan_as_the_text_does_and_lets_it_say_nothing_else() -> None:
    gone = "sha256:" + "1" * 64
    step = {"verb": "delete_manifest", "descriptor": {"digest": gone}}
    left = {"subject": "sha256:" + "2" * 64, "code": "child_tagged", "by": [EVIL]}
    plan = Planned(place={"repository": EVIL}, steps=(step,) * 60, omitted=(left,), tags=(EVIL,))
    made = account_of_dry_run("DRY-1", PLACE, "1", decision(Outcome.DISCARD), plan)
    text, markdown = evaluation_text.render(made), evaluation_markdown.render(made)
    assert text.count(f"hide or delete manifest {gone}") == 40
    assert markdown.splitlines().count(f"- hide or delete manifest {gone}") == 40
    assert "… and 21 more steps" in text
    assert "… and 21 more steps" in markdown
    for report in (text, markdown):
        assert all(line.isprintable() for line in report.splitlines())
        assert "hunter2" not in report
        assert "\n# gate: promoted" not in report
    assert "<b>" not in markdown
    done = made.model_copy(update={"state": "discarded"})
    assert "nothing was done" not in evaluation_text.render(done) + evaluation_markdown.render(done)


def test_what_is_under_way_says_so() -> None:
    assert evaluation_text.render(account()).startswith("UNDER WAY  ")
    assert "decision `none`" in evaluation_markdown.render(account())
