"""`/v1/decisions`: every decision is found by what it is about, page by page, and given back in its own bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from evaluation.worlds import evidence, submission
from service.inprocess import TestClient, application, problem
from service.live import Live

from gate.model.base import format_instant
from gate.model.decision import Decision
from gate.model.image import Component, Proof, ProofLevel
from gate.model.origin import Kind
from gate.policy.decide import decide
from gate.store.decisions import Decisions
from gate.store.engine import make_engine, writing
from gate.store.schema import upgrade

FIRST = datetime(2026, 11, 1, 12, tzinfo=UTC)


def made(number: int) -> Decision:
    """Return a decision an hour after the one before; every third is of one digest, every other discards."""
    given = submission("sha256:" + str(number % 3) * 64)
    now = FIRST + timedelta(hours=number)
    component = Component(
        kind=Kind.VCS,
        name="evil",
        version="1",
        path="x/evil-1.dist-info",
        layer=1,
        proof=Proof(level=ProofLevel.CONTRADICTED, code="direct_url"),
    )
    found = evidence(given, (), submitted_at=now, now=now, component=component if number % 2 else None)
    return decide(found, given.policy, now)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("decided")
    engine = make_engine(f"sqlite:///{folder}/gate.sqlite")
    upgrade(engine)
    with writing(engine) as connection:
        for number in range(7):
            Decisions(connection).put(f"EVL-{number}", made(number))
    engine.dispose()
    with application(Live(url="", folder=Path(folder), environ={"GATE_HOME": str(folder)})) as client:
        yield client


def ids(client: TestClient, **conditions: str | int) -> list[str]:
    """Return the evaluations of all pages."""
    found, cursor = [], ""
    while True:
        answer = client.get("/v1/decisions", params={**conditions, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["version"] == "gate.decisions/1"
        found += [row["evaluation"] for row in page["decisions"]]
        cursor = page["next"]
        if not cursor:
            return found


def test_pages_follow_each_other_newest_first_without_gap_or_double(decided: TestClient) -> None:
    everything = [f"EVL-{number}" for number in reversed(range(7))]
    assert all(ids(decided, limit=limit) == everything for limit in (1, 2, 3, 7, 100))


def test_all_conditions_hold_together(decided: TestClient) -> None:
    assert ids(decided, evaluation="EVL-3") == ["EVL-3"]
    assert ids(decided, subject="sha256:" + "1" * 64) == ["EVL-4", "EVL-1"]
    assert ids(decided, outcome="discard", limit=1) == ["EVL-5", "EVL-3", "EVL-1"]
    assert ids(decided, outcome="discard", subject="sha256:" + "1" * 64) == ["EVL-1"]
    assert set(ids(decided, outcome="promote") + ids(decided, outcome="hold")) == {"EVL-6", "EVL-4", "EVL-2", "EVL-0"}
    assert ids(decided, repository="registry.example/staging/app", limit=5) == ids(decided)
    assert ids(decided, repository="registry.example/staging/other") == []


def test_since_is_inside_and_until_is_outside(decided: TestClient) -> None:
    second, fourth = (format_instant(FIRST + timedelta(hours=hours)) for hours in (2, 4))
    assert ids(decided, since=second, until=fourth) == ["EVL-3", "EVL-2"]
    assert ids(decided, since="2026-11-01T16:00:00+02:00", until=fourth, limit=1) == ["EVL-3", "EVL-2"]


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=0.5",
        "until=1763900000",
        "since=2026-11-01T12:00:00",
        "until=0001-01-01T00:00:00%2B23:59",
        "until=9999-12-31T23:59:59-23:59",
        "subject=sha256:short",
        "outcome=maybe",
        "limit=0",
        "limit=101",
        "limit=ten",
    ],
)
def test_a_condition_that_is_none_is_refused_and_never_ignored(decided: TestClient, query: str) -> None:
    problem(decided.get(f"/v1/decisions?{query}"), 422, "request_invalid")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "~~",
        "2026-11-01T12:00:00.000000Z",
        "2026-11-01T12:00:00.000000Z~sha256:" + "0" * 64,
        "2026-11-01T12:00:00~sha256:" + "0" * 64 + "~EVL-1",
        "0001-01-01T00:00:00+23:59~sha256:" + "0" * 64 + "~EVL-1",
        "2026-11-01T12:00:00.000000Z~sha256:0~EVL-1",
    ],
)
def test_a_cursor_that_is_none_is_refused(decided: TestClient, cursor: str) -> None:
    problem(decided.get("/v1/decisions", params={"cursor": cursor}), 400, "bad_cursor")


def test_a_decision_comes_in_the_bytes_that_its_digest_is_of(decided: TestClient) -> None:
    row = decided.get("/v1/decisions", params={"limit": 1}).json()["decisions"][0]
    answer = decided.get(f"/v1/decisions/{row['digest']}")
    assert "sha256:" + hashlib.sha256(answer.content).hexdigest() == row["digest"]
    assert Decision.parse(answer.content) == made(6)
    assert "immutable" in answer.headers["cache-control"]
    again = decided.get(f"/v1/decisions/{row['digest']}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_decision_that_is_not_there_is_not_found(decided: TestClient) -> None:
    problem(decided.get("/v1/decisions/sha256:" + "f" * 64), 404, "not_found")
    problem(decided.get("/v1/decisions/latest"), 422, "request_invalid")


def test_the_process_says_that_it_lives_and_that_it_can_work(decided: TestClient) -> None:
    assert decided.get("/healthz").json() == {"status": "alive"}
    assert decided.get("/readyz").json() == {"status": "ready"}


def test_a_database_of_another_version_is_not_ready_but_alive(decided: TestClient) -> None:
    state = decided.app.state.gate_state  # type: ignore[attr-defined]  # the client types it as any ASGI app
    with writing(state.gate.engine) as connection:
        connection.exec_driver_sql("UPDATE gate_schema SET version_num = '9999'")
    try:
        problem(decided.get("/readyz"), 503, "store_newer_schema")
        assert decided.get("/healthz").json() == {"status": "alive"}
    finally:
        with writing(state.gate.engine) as connection:
            connection.exec_driver_sql("UPDATE gate_schema SET version_num = '0001'")
