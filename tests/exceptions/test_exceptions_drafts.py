"""A denied evaluation opens one draft for each thing that blocks, once, and names it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from exceptions_world.decisions import VCS, denied
from exceptions_world.ledgers import entries, events
from exceptions_world.parts import ALICE, BOB, NOW, POLICY, REASON, STAGING

from gate.desk import ExceptionDesk
from gate.errors import GateError
from gate.exceptions.interface import Filing, Wanted
from gate.exceptions.storage import FolderStorage
from gate.model.decision import Outcome
from gate.model.exception import RequestState
from gate.model.principal import SYSTEM
from gate.store.engine import writing

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from gate.model.decision import Decision

DAY = timedelta(days=1)


@pytest.fixture
def desk(engine: Engine, storage: FolderStorage) -> ExceptionDesk:
    return ExceptionDesk(engine=engine, storage=storage, policy=POLICY)


def draft(engine: Engine, desk: ExceptionDesk, decision: Decision, evaluation: str = "EVL-1") -> None:
    with writing(engine) as connection:
        desk.open_drafts(connection, decision, evaluation, now=decision.decided_at)


def test_each_thing_that_blocks_gets_one_draft_that_the_decision_names(engine: Engine, desk: ExceptionDesk) -> None:
    decision = denied(count=2)
    assert decision.outcome is Outcome.DISCARD
    draft(engine, desk, decision)
    page = desk.list(Wanted())
    assert sorted(one.id for one in page.requests) == list(decision.requests)
    assert {one.state for one in page.requests} == {RequestState.DRAFT}
    assert {one.requester.key for one in page.requests} == {SYSTEM.key}
    assert {one.evaluation for one in page.requests} == {"EVL-1"}
    assert {one.subject.repository for one in page.requests} == {STAGING}
    by_name = {one.subject.name: one for one in page.requests}
    assert set(by_name) == {VCS, "private-0", "private-1"}
    assert by_name["private-0"].origin == "https://index.example.org/simple"
    assert events(engine) == [("exception_drafted", 1)] * 3
    assert {entry.record.evaluation for entry in entries(engine)} == set(decision.requests)


def test_what_may_pass_at_the_next_look_gets_no_draft(engine: Engine, desk: ExceptionDesk) -> None:
    decision = denied()
    assert any(part.name == "passing" and part.request for part in decision.components)
    draft(engine, desk, decision)
    assert "passing" not in {one.subject.name for one in desk.list(Wanted()).requests}


def test_the_next_evaluation_names_the_same_drafts_and_changes_none(engine: Engine, desk: ExceptionDesk) -> None:
    first, second = denied(), denied(now=NOW + DAY)
    assert first.requests == second.requests
    draft(engine, desk, first)
    before, recorded = desk.list(Wanted()), entries(engine)
    draft(engine, desk, second, "EVL-2")
    draft(engine, desk, first)
    assert desk.list(Wanted()) == before
    assert entries(engine) == recorded


@pytest.mark.parametrize("decided", [False, True])
def test_a_filed_or_decided_request_is_not_made_a_draft_again(
    engine: Engine, desk: ExceptionDesk, *, decided: bool
) -> None:
    decision = denied()
    draft(engine, desk, decision)
    filed = desk.request(Filing(request=decision.requests[0], reason=REASON), ALICE, now=NOW)
    assert filed.request.requester == ALICE
    if decided:
        desk.deny(decision.requests[0], BOB, "not needed", now=NOW)
    before = desk.list(Wanted())
    draft(engine, desk, denied(now=NOW + DAY), "EVL-2")
    assert desk.list(Wanted()) == before


def test_drafts_are_opened_with_the_evaluation_or_not_at_all(engine: Engine, desk: ExceptionDesk) -> None:
    def fail_after_drafting() -> None:
        with writing(engine) as connection:
            desk.open_drafts(connection, denied(), "EVL-1", now=NOW)
            message = "the evaluation's own change failed"
            raise RuntimeError(message)

    with pytest.raises(RuntimeError):
        fail_after_drafting()
    assert desk.list(Wanted()).requests == ()
    assert entries(engine) == ()


def test_a_decision_that_names_an_unknown_request_opens_nothing(engine: Engine, desk: ExceptionDesk) -> None:
    decision = denied()
    forged = decision.references[0].model_copy(update={"name": "something-else"})
    for wrong in (
        decision.model_copy(update={"requests": (*decision.requests, "EXR-unknown")}),
        decision.model_copy(update={"references": (forged, *decision.references[1:])}),
    ):
        with pytest.raises(GateError) as error:
            draft(engine, desk, wrong)
        assert error.value.error_code == "draft_unknown"
        assert desk.list(Wanted()).requests == ()
        assert entries(engine) == ()


def test_names_of_any_length_get_a_draft(engine: Engine, desk: ExceptionDesk) -> None:
    decision = denied()
    reference = decision.references[1].model_copy(update={"name": "x" * 100_000, "version": "y" * 100_000})
    from gate.model.exception import Subject  # noqa: PLC0415

    request = Subject(
        kind=reference.kind, name=reference.name, version=reference.version, repository=decision.repository
    ).request_id()
    long = reference.model_copy(update={"request": request})
    draft(engine, desk, decision.model_copy(update={"references": (long,), "requests": (request,)}))
    assert desk.show(request).request.subject.name == reference.name
    assert len(entries(engine)) == 1
