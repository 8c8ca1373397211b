"""Holds: who may say why, what stands until when, and what can't be held any more; and who wakes what lies buried."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from evaluation.discard_world import APP, GRACE, NOW, WHO, Yard, policy
from evaluation.worlds import submission
from promotion.promotion_world import STAGING
from registry.contract_images import image
from store_servers.databases import sqlite_engine, sqlite_url

from gate.errors import ConflictError, GateError, InputError, NotFoundError, StoreError, UsageError
from gate.graveyard import enter, kept_of, refuse_buried
from gate.holds import Holds
from gate.intake import Intake
from gate.leases import Leases
from gate.ledger.audit import verify_database
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.ledger.verify import Corrupt
from gate.model.principal import Principal
from gate.registry.retention import SoftDelete
from gate.store.blobs import Blobs
from gate.store.engine import reading, writing
from gate.store.evaluations import Evaluations
from gate.store.tables import burials

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

    from gate.durable import Durable

__all__ = ["sqlite_engine", "sqlite_url"]

HOUR = timedelta(hours=1)
OTHER = Principal(tenant="t", object_id="lawyer")


@pytest.fixture
def yard(sqlite_engine: Engine) -> Yard:
    return Yard(sqlite_engine)


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(GateError) as refused:
        run()
    assert refused.value.hint
    return refused.value.error_code


def test_a_hold_says_who_why_and_until_when_and_the_ledger_shows_neither_person_nor_reason(yard: Yard) -> None:
    yard.discard()
    hold = Holds(yard.engine).place(APP.digest, " incident\n 7 ", WHO, now=NOW, until=NOW + HOUR)
    assert (hold.placed_by, hold.reason, hold.until) == (WHO.key, "incident 7", NOW + HOUR)
    assert not hold.late
    with reading(yard.engine) as connection:
        (entry,) = LedgerReader(connection).find(LedgerFilter(event=Event.HOLD_PLACED))
    assert b"incident" not in entry.record.canonical()
    assert WHO.key.encode() not in entry.record.canonical()
    assert entry.record.subject == APP.digest
    assert yard.events(hold.id) == ["hold_placed"]


def test_the_same_hold_twice_is_one_and_of_two_people_it_is_two(yard: Yard) -> None:
    yard.discard()
    holds = Holds(yard.engine)
    one = holds.place(APP.digest, "x", WHO, now=NOW)
    assert holds.place(APP.digest, "x", WHO, now=NOW + HOUR) == one
    other = holds.place(APP.digest, "x", OTHER, now=NOW)
    assert other.id != one.id
    holds.release(one.id, "done", WHO, now=NOW)
    assert holds.standing([APP.digest], now=NOW) == holds.listed()[1]
    again = holds.place(APP.digest, "x", WHO, now=NOW)
    assert again.id not in {one.id, other.id}, "what was released stays released"


def test_a_hold_is_released_once_and_keeps_who_released_it_first(yard: Yard) -> None:
    yard.discard()
    holds = Holds(yard.engine)
    hold = holds.place(APP.digest, "x", WHO, now=NOW)
    released = holds.release(hold.id, "closed", OTHER, now=NOW + HOUR)
    assert (released.released_by, released.released_for) == (OTHER.key, "closed")
    assert holds.release(hold.id, "again", WHO, now=NOW + 2 * HOUR) == released
    assert holds.standing([APP.digest], now=NOW) is None
    assert code_of(lambda: holds.release("HLD-none", "x", WHO, now=NOW)) == "hold_unknown"


@pytest.mark.parametrize(
    ("digest", "reason", "until", "kind", "code"),
    [
        ("latest", "x", None, InputError, "bad_digest"),
        (APP.digest, "  ", None, InputError, "reason_missing"),
        (APP.digest, "x" * 1001, None, InputError, "reason_missing"),
        (APP.digest, "x", NOW, UsageError, "hold_ended"),
        (image("unseen").digest, "x", None, NotFoundError, "digest_unknown"),
    ],
)
def test_what_holds_nothing_is_refused_and_not_on_record(  # noqa: PLR0917 - one parameter a column
    yard: Yard, digest: str, reason: str, until: object, kind: type[GateError], code: str
) -> None:
    yard.discard()
    with pytest.raises(kind) as refused:
        Holds(yard.engine).place(digest, reason, WHO, now=NOW, until=until)  # type: ignore[arg-type]
    assert refused.value.error_code == code
    assert refused.value.hint
    assert Holds(yard.engine).listed() == ()


def test_what_is_deleted_is_not_held_any_more_and_that_is_said(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    assert yard.gate().once() == 1
    with pytest.raises(ConflictError) as refused:
        Holds(yard.engine).place(APP.digest, "too late", WHO, now=yard.now)
    assert refused.value.error_code == "digest_deleted"
    yard.discard(run="EVL-2")  # pushed again, denied again
    assert Holds(yard.engine).place(APP.digest, "now", WHO, now=yard.now).digest == APP.digest


def test_one_image_of_an_index_can_be_held_by_its_own_digest(yard: Yard) -> None:
    yard.discard()
    child = APP.children[0].digest
    assert Holds(yard.engine).place(child, "x", WHO, now=NOW).digest == child


def test_a_secret_in_a_reason_is_not_kept(yard: Yard) -> None:
    yard.discard()
    hold = Holds(yard.engine).place(APP.digest, "see https://me:hunter2@example.org/case", WHO, now=NOW)
    assert "hunter2" not in hold.reason


def test_what_lies_buried_is_not_judged_again_and_the_refusal_says_why_and_what_to_do(yard: Yard) -> None:
    burial = yard.discard()
    with reading(yard.engine) as connection, pytest.raises(ConflictError) as refused:
        refuse_buried(connection, burial.repository, APP.digest)
    assert refused.value.error_code == "digest_tombstoned"
    assert "gate audit show EVL-1" in refused.value.hint
    assert refused.value.facts["evaluation"] == "EVL-1"
    with reading(yard.engine) as connection:  # the same digest elsewhere, and another digest here, are judged
        refuse_buried(connection, "registry.example.org/staging/other", APP.digest)
        refuse_buried(connection, burial.repository, image("other").digest)
        refuse_buried(connection, burial.repository, None)
    yard.now = NOW + GRACE
    yard.gate().once()
    with reading(yard.engine) as connection:  # what is gone and pushed again is an image like any other
        refuse_buried(connection, burial.repository, APP.digest)


class NoEngine:
    """A durable engine that is never asked to start anything."""

    def start(self, run: str, *, attempt: int = 1) -> None:
        """Fail the test."""
        raise AssertionError(run, attempt)


def test_a_submission_of_what_lies_buried_begins_no_run_and_has_it_looked_at(yard: Yard) -> None:
    burial = yard.discard()
    leases = Leases(yard.engine, owner="me", length=HOUR, clock=yard.clock)
    durable: Durable = NoEngine()  # type: ignore[assignment]
    intake = Intake(engine=yard.engine, durable=durable, leases=leases, clock=yard.clock)
    ref = STAGING.at(APP.digest)
    yard.now = NOW + HOUR
    with pytest.raises(ConflictError) as refused:
        intake.admit(ref)
    assert refused.value.error_code == "digest_tombstoned"
    assert yard.burial().look_at == yard.now < burial.look_at
    given = submission(APP.digest).model_copy(update={"ref": ref})
    with pytest.raises(ConflictError) as refused:
        intake.submit(given, WHO, run="EVL-again")
    assert refused.value.error_code == "digest_tombstoned"
    with reading(yard.engine) as connection:
        assert Evaluations(connection).find("EVL-again") is None
    fresh = STAGING.at(image("fresh").digest)
    assert intake.admit(fresh) == fresh


def test_a_second_run_that_denies_what_lies_buried_keeps_the_first_day(yard: Yard) -> None:
    yard.discard()
    with writing(yard.engine) as connection:
        row = Evaluations(connection).get("EVL-1")
        receipt = yard.burial().tombstone
        facts = enter(connection, row.model_copy(update={"id": "EVL-2"}), receipt, now=NOW + HOUR)
    assert facts == {"due_at": "2026-11-30T12:00:00.000000Z"}


def test_without_a_tombstone_there_is_no_row(yard: Yard) -> None:
    yard.discard()
    with writing(yard.engine) as connection:
        row = Evaluations(connection).get("EVL-1")
        other = Blobs(connection).put(b'{"version":"gate.discarded/1"}')
        assert enter(connection, row, other, now=NOW) == {}
        assert enter(connection, row, "", now=NOW) == {}


def test_a_hold_without_grace_is_due_at_once_when_it_is_released(yard: Yard) -> None:
    yard.discard(grace=None)
    assert yard.burial().due_at == NOW
    hold = Holds(yard.engine).place(APP.digest, "x", WHO, now=NOW)
    assert yard.gate().once() == 0
    Holds(yard.engine).release(hold.id, "y", WHO, now=NOW)
    assert yard.gate().once() == 1


def test_it_is_told_how_each_stands(yard: Yard) -> None:
    burial = yard.discard()

    def state() -> str:
        with reading(yard.engine) as connection:
            return kept_of(connection, yard.burial(), now=yard.now).state

    assert state() == "tombstoned"
    hold = Holds(yard.engine).place(APP.digest, "x", WHO, now=NOW, until=NOW + HOUR)
    assert state() == "held"
    with reading(yard.engine) as connection:
        shown = kept_of(connection, burial, now=NOW)
        assert shown.holds == (hold,)
        assert kept_of(connection, burial, now=NOW + HOUR).holds == ()
        assert kept_of(connection, burial).holds == (hold,), "no clock is asked for whoever asks for none"
    yard.now, yard.people.kept = NOW + GRACE, SoftDelete(state="on", days=3)
    yard.gate().once()
    with reading(yard.engine) as connection:
        ended = kept_of(connection, yard.burial(), now=yard.now)
    assert (ended.state, ended.recoverable) == ("deleted", "on")
    assert ended.recoverable_until == yard.now + timedelta(days=3)
    assert policy().decision.discard.grace == GRACE


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"due_at": "2026-11-24T00:00:00.000000Z"}, "burial_differs"),
        ({"tombstone": "sha256:" + "0" * 64}, "burial_differs"),
        ({"digest": "sha256:" + "0" * 64}, "burial_differs"),
        ({"state": "restored"}, "burial_differs"),
        ({"state": "deleted"}, "burial_differs"),
        ({"evaluation": "EVL-other"}, "burial_unrecorded"),
    ],
    ids=str,
)
def test_a_row_that_somebody_changed_is_found_by_whoever_verifies(
    yard: Yard, change: dict[str, str], flaw: str
) -> None:
    yard.discard()
    assert yard.events() == ["discarded"]
    with writing(yard.engine) as connection:
        connection.execute(sa.update(burials).values(change))
    with reading(yard.engine) as connection:
        found = verify_database(connection)
    assert isinstance(found, Corrupt)
    assert found.code == flaw


def test_a_row_is_not_forgotten_and_one_of_a_deleted_image_is_not_dug_up(yard: Yard) -> None:
    yard.discard()
    with pytest.raises(StoreError), writing(yard.engine) as connection:
        connection.execute(sa.delete(burials))
    with writing(yard.engine) as connection:
        connection.execute(sa.text("DROP TRIGGER burials_no_delete"))
        connection.execute(sa.delete(burials))
    with reading(yard.engine) as connection:
        lost = verify_database(connection)
    assert isinstance(lost, Corrupt)
    assert lost.detail == "no row for EVL-1"


def test_a_deleted_image_whose_row_says_that_it_waits_is_found(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    yard.gate().once()
    assert yard.events()[-1] == "deleted"
    with writing(yard.engine) as connection:
        connection.execute(sa.update(burials).values(state="buried"))
    with reading(yard.engine) as connection:
        found = verify_database(connection)
    assert isinstance(found, Corrupt)
    assert found.code == "burial_differs"
