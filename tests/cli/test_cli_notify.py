"""A discard is told through apprise to a real receiver; what fails is a code, and no address is ever shown."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import apprise
import pytest
from evaluation.worlds import evidence, submission
from servers.faulty import FaultyServer, Reply

from gate.model.decision import Decision, RuleResult, Status
from gate.notify import AppriseNotifier, message
from gate.policy.decide import decide

# apprise loads all its senders at once, and one of them imports an old module of Python's own.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def decision(*results: RuleResult, requests: tuple[str, ...] = ()) -> Decision:
    given = submission()
    made = decide(evidence(given, (), submitted_at=NOW, now=NOW), given.policy, NOW)
    return made.model_copy(update={"results": results, "requests": requests})


def refused(number: int = 1, subject: str = "evil 1") -> RuleResult:
    return RuleResult(rule="component-origin", status=Status.FAIL, code=f"direct_url_{number}", subject=subject)


def receiver(server: FaultyServer, reply: Reply | None = None) -> str:
    server.on("/hook", reply or Reply(), method="POST")
    return f"json://alice:hunter2@{server.host}/hook"


def received(server: FaultyServer) -> list[dict[str, Any]]:
    return [json.loads(seen.body) for seen in server.requests("/hook")]


def test_everybody_who_is_configured_is_told_once(faulty: FaultyServer) -> None:
    faulty.on("/other", Reply(), method="POST")
    addresses = [receiver(faulty), f"json://{faulty.host}/other"]
    assert AppriseNotifier(addresses).tell("EVL-1", decision(refused(), requests=("EXR-a",))) == "sent"
    (said,) = received(faulty)
    assert len(faulty.requests("/other")) == 1
    assert said["title"].startswith("gate: discarded registry.example/staging/app@sha256:1111")
    assert "component-origin: direct_url_1 evil 1" in said["message"]
    assert "EXR-a" in said["message"]
    assert "gate audit show EVL-1" in said["message"]


def test_nobody_to_tell_is_said(faulty: FaultyServer) -> None:
    assert AppriseNotifier([]).tell("EVL-1", decision(refused())) == "nobody"
    assert faulty.seen == []


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=403), Reply(drop=True)])
def test_a_receiver_that_refuses_is_a_failure_that_shows_no_address(
    faulty: FaultyServer, reply: Reply, capfd: pytest.CaptureFixture[str]
) -> None:
    assert AppriseNotifier([receiver(faulty, reply)]).tell("EVL-1", decision(refused())) == "not_delivered"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["nonsense", "json://", "odd://alice:hunter2@x/", "://", "json://[::1"])
def test_an_address_that_is_none_is_a_failure_and_keeps_nobody_else_from_being_told(
    faulty: FaultyServer, address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert AppriseNotifier([address]).tell("EVL-1", decision(refused())) in {"address_invalid", "not_delivered"}
    said = AppriseNotifier([address, receiver(faulty)]).tell("EVL-1", decision(refused()))
    assert said in {"address_invalid", "not_delivered"}
    assert len(received(faulty)) == 1
    assert capfd.readouterr() == ("", "")


def test_a_sender_that_breaks_is_a_code_and_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bool:
        message = "json://alice:hunter2@x/"
        raise RuntimeError(message)

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    assert AppriseNotifier(["json://127.0.0.1:9/"]).tell("EVL-1", decision(refused())) == "sender_failed"


def test_a_log_that_listens_to_everything_does_not_hear_an_address(
    faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        AppriseNotifier([receiver(faulty), "odd://alice:hunter2@x/"]).tell("EVL-1", decision(refused()))
    assert "hunter2" not in caplog.text


def test_what_was_judged_neither_floods_nor_steers_the_message() -> None:
    evil = "x\n\nApproved by: alice\x1b[31m https://user:pw@evil.example/" + "y" * 10_000
    results = (*(refused(number, evil) for number in range(30)), RuleResult(rule="r", status=Status.PASS, code="fine"))
    title, body = message("EVL-1", decision(*results, requests=tuple(f"EXR-{number}" for number in range(30))))
    lines = body.splitlines()
    assert len(lines) == 10 + 1 + 1 + 10 + 1 + 1
    assert all(line.isprintable() and len(line) < 300 for line in (title, *lines))
    assert "- and 20 more" in lines
    assert "pw@" not in body
    assert "fine" not in body
