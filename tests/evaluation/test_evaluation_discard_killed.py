"""Whole evaluations that bury: whatever goes wrong at any call, they end hidden, on record, and deleted when due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from evaluation.discard_world import APP, DIGESTS, GRACE, People
from promotion.promotion_graves import BuryingMemory, FaultyGraves
from promotion.promotion_house import BAD, House, Killed, submission_for
from promotion.promotion_memory import Fault
from promotion.promotion_world import STAGING
from registry.contract_images import push
from store_servers.databases import sqlite_engine, sqlite_url

from gate.account import account_of
from gate.due import DueDiscards
from gate.errors import ConflictError, GateError, NotFoundError, UpstreamError
from gate.ledger.audit import verify_database
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.ledger.verify import Verified
from gate.model.image import ImageRef, Transport
from gate.store.burials import Burials
from gate.store.engine import reading
from gate.store.evaluations import EvaluationState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

    from gate.evaluation import Submission
    from gate.registry.interface import ImageWriter
    from gate.store.evaluations import Evaluation

__all__ = ["sqlite_engine", "sqlite_url"]

_EACH = 4
"""Of how many calls one is tried with each kind of fault: a whole evaluation takes its time."""
ERRORS: dict[str, Callable[[], BaseException]] = {
    "404": lambda: NotFoundError("not found"),
    "500": lambda: UpstreamError("failed"),
    "killed": Killed,
}


class Gate:
    """Evaluations and deletions over one database and one registry that hides what is denied."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.store = BuryingMemory()
        self.house = House(engine, self.store)
        self.house.world.found = BAD

    def over(self, store: ImageWriter) -> None:
        """Put another store before the registry."""
        self.house.world._stores = {Transport.REGISTRY: store}  # noqa: SLF001 - what a new process would be given

    def submitted(self, name: str) -> Submission:
        """Push the denied image to a place of its own and submit it under a policy with a grace."""
        place = STAGING.model_copy(update={"repository": f"{STAGING.repository}-{name}"})
        given = submission_for(push(self.store, place, APP, "1.0"))
        discard = given.policy.decision.discard.model_copy(update={"grace": GRACE, "users": ()})
        decision = given.policy.decision.model_copy(update={"discard": discard})
        return given.model_copy(update={"policy": given.policy.model_copy(update={"decision": decision})})

    def settle(self, given: Submission) -> Evaluation:
        """Submit until the outcome stands, or until it is said that it stands already."""
        for _ in range(6):
            row = self.house.attempt(given)
            if row.state is EvaluationState.DISCARDED:
                return row
        message = f"not settled: {row.state} {row.error_code}"
        raise AssertionError(message)

    def delete_due(self, given: Submission) -> None:
        """Let the grace pass and one turn be taken."""
        self.house.now += GRACE + timedelta(days=1)
        due = DueDiscards(
            engine=self.engine,
            stores={Transport.REGISTRY: self.store},
            policy=given.policy,
            outside=People(),
            owner="due",
            clock=self.house.tick,
        )
        due.once()

    def pulled(self, place: ImageRef) -> list[str]:
        """Return what of it somebody could pull."""
        found = []
        for digest in DIGESTS:
            try:
                found.append(self.store.resolve(place.at(digest)))
            except GateError:
                continue
        return found

    def story(self, given: Submission, settled: Evaluation) -> None:
        """Hold registry, row and ledger against each other."""
        assert self.pulled(given.ref) == []
        assert self.store.tags(given.ref) == ()
        with reading(self.engine) as connection:
            burial = Burials(connection).standing(given.ref.place, APP.digest)
            assert isinstance(verify_database(connection), Verified)
            records = LedgerReader(connection).find(LedgerFilter(evaluation=settled.id, event=Event.DISCARDED))
        assert burial is not None
        assert burial.evaluation == settled.id
        assert len(records) == 1
        assert records[0].record.facts["receipt"] == burial.tombstone


@pytest.fixture
def gate(sqlite_engine: Engine) -> Gate:
    sa.event.listen(sqlite_engine, "connect", lambda dbapi, _: dbapi.execute("PRAGMA synchronous=OFF"))
    sqlite_engine.dispose()
    return Gate(sqlite_engine)


def test_it_ends_hidden_and_the_account_says_when_it_is_deleted(gate: Gate) -> None:
    given = gate.submitted("plain")
    settled = gate.settle(given)
    gate.story(given, settled)
    account = account_of(gate.engine, settled.id)
    assert account.exit_code == 10
    assert account.kept is not None
    assert account.kept.state == "tombstoned"
    with pytest.raises(ConflictError) as refused:
        gate.house.attempt(given)
    assert refused.value.error_code == "digest_tombstoned"
    gate.delete_due(given)
    account = account_of(gate.engine, settled.id)
    assert account.kept is not None
    assert account.kept.state == "deleted"
    assert gate.store.repositories[given.ref.place].manifests == {}


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer-lost"])
@pytest.mark.parametrize("kind", ERRORS)
def test_whatever_goes_wrong_at_any_call_it_ends_hidden_and_told_once(gate: Gate, kind: str, lost: bool) -> None:
    """Every call has its turn with a refusal or with a lost answer; `test_promotion_discard_phases` has all of both."""
    trace = FaultyGraves(gate.store)
    gate.over(trace)
    gate.settle(gate.submitted("trace"))
    assert len(trace.trace) > 20
    first = 2 * list(ERRORS).index(kind) + lost
    for at in range(first % _EACH, len(trace.trace), _EACH):
        given = gate.submitted(f"at-{at}")
        gate.over(FaultyGraves(gate.store, {at: Fault(error=ERRORS[kind](), lost=lost)}))
        row = gate.house.attempt(given)
        gate.over(gate.store)
        settled = row if row.state is EvaluationState.DISCARDED else gate.settle(given)
        gate.story(given, settled)
