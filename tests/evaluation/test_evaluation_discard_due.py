"""The second phase of a discard: due by the clock, by one gate, continued after any death, and never against a hold."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from evaluation.discard_world import APP, DIGESTS, GRACE, NEIGHBOUR, NOW, WHO, Yard, in_use, policy
from promotion.promotion_graves import FaultyGraves
from promotion.promotion_memory import Fault, FaultyStore
from promotion.promotion_world import HOST, STAGING
from registry.contract_images import image, index, push
from store_servers.databases import database_url, engine, postgres, sqlite_engine, sqlite_url

from gate.errors import ThrottledUpstreamError, TimeoutUpstreamError, UpstreamError
from gate.holds import Hold, Holds, standing_hold
from gate.ledger.record import Event
from gate.registry.graves import Grave
from gate.registry.retention import SoftDelete
from gate.store.burials import Burials, BurialState
from gate.store.engine import reading, writing
from gate.store.tables import burials

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

__all__ = ["database_url", "engine", "postgres", "sqlite_engine", "sqlite_url"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Killed(BaseException):
    """The process ends here."""


class Dying(FaultyGraves):
    """Kills the process that deletes."""

    def erase(self, ref: object) -> None:
        raise Killed(ref)


@pytest.fixture
def yard(sqlite_engine: Engine) -> Yard:
    return Yard(sqlite_engine)


def test_before_its_day_it_is_hidden_and_there_and_after_it_is_gone(engine: Engine) -> None:
    yard = Yard(engine)
    burial = yard.discard()
    assert (burial.state, burial.due_at) == (BurialState.BURIED, NOW + GRACE)
    yard.now = NOW + GRACE - timedelta(seconds=1)
    assert yard.gate().once() == 0
    assert yard.there() == set(DIGESTS)
    assert yard.pulled() == []
    yard.now = NOW + GRACE
    yard.people.kept = SoftDelete(state="on", days=7)
    assert yard.gate().once() == 1
    assert yard.there() == set()
    assert yard.burial().state is BurialState.DELETED
    assert yard.events() == ["discarded", "deletion_intended", "deleted"]
    assert yard.fact(Event.DELETED, "recoverable_until") == "2026-12-07T12:00:00.000000Z"
    assert yard.fact(Event.DELETED, "soft_delete") == "on"
    assert NEIGHBOUR.digest in yard.store.repositories[STAGING.place].manifests
    assert yard.gate().once() == 0


def test_where_nobody_knows_what_the_registry_keeps_it_is_unknown_and_never_erased(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    yard.gate().once()
    assert yard.fact(Event.DELETED, "soft_delete") == "unknown"
    assert yard.fact(Event.DELETED, "recoverable_until") == ""


def test_a_clock_that_went_back_deletes_nothing(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    yard.discard()
    with writing(yard.engine) as connection:  # however the row came to be looked at
        connection.execute(
            sa.update(burials).values(look_at="2020-01-01T00:00:00.000000Z", due_at="2020-01-02T00:00:00.000000Z")
        )
    yard.now = NOW - DAY
    assert yard.gate().once() == 0
    assert yard.there() == set(DIGESTS)
    assert "the clock is before the burial" in caplog.text


def test_two_gates_delete_once(engine: Engine) -> None:
    yard = Yard(engine)
    yard.discard()
    yard.now = NOW + GRACE
    second: list[int] = []

    class Slow(FaultyGraves):
        def erase(self, ref: object) -> None:
            second.append(yard.gate().once())
            super().erase(ref)  # type: ignore[arg-type]

    assert yard.gate(Slow(yard.store)).once() == 1
    assert second == [0, 0, 0]
    assert yard.events().count("deleted") == 1


def test_a_gate_that_was_slower_than_its_lease_records_nothing_twice(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    second: list[int] = []

    class Slow(FaultyGraves):
        def erase(self, ref: object) -> None:
            if not second:
                yard.now += HOUR
                second.append(yard.gate().once())
            super().erase(ref)  # type: ignore[arg-type]

    assert yard.gate(Slow(yard.store)).once() == 0
    assert second == [1]
    assert yard.events() == ["discarded", "deletion_intended", "deletion_intended", "deleted"]
    assert "somebody else's to delete" in caplog.text
    assert yard.there() == set()


ERRORS: dict[str, Callable[[], BaseException]] = {
    "500": lambda: UpstreamError("failed"),
    "429": lambda: ThrottledUpstreamError("slow down"),
    "cut": lambda: TimeoutUpstreamError("no answer"),
    "killed": Killed,
}


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer-lost"])
@pytest.mark.parametrize("kind", ERRORS)
def test_whatever_goes_wrong_the_next_turn_ends_it(sqlite_engine: Engine, kind: str, lost: bool) -> None:
    """One image for each call at which something goes wrong, all in one database."""
    yard = Yard(sqlite_engine)
    trace = FaultyGraves(yard.store)
    yard.discard(run="EVL-0")
    yard.now += GRACE
    assert yard.gate(trace).once() == 1
    length = len(trace.trace)
    assert length > 15
    for at in range(length):
        run = f"EVL-{at + 1}"
        yard.discard(run=run)
        yard.now += GRACE
        try:
            yard.gate(FaultyGraves(yard.store, {at: Fault(error=ERRORS[kind](), lost=lost)})).once()
        except Killed:
            assert yard.burial(run).state is not BurialState.DELETED
        assert yard.pulled() == []
        yard.now += DAY
        yard.gate().once()
        assert yard.burial(run).state is BurialState.DELETED
        assert yard.there() == set()
    seen = yard.events("EVL-1")
    assert seen.count("deleted") == 1
    assert seen[-1] == "deleted"


def test_a_failure_is_on_record_once_and_not_at_each_turn(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    for _ in range(3):
        broken = FaultyGraves(yard.store, dict.fromkeys(range(200), Fault(error=UpstreamError("down"))))
        assert yard.gate(broken).once() == 0
        yard.now += 2 * HOUR
    seen = yard.events()
    assert seen.count("deletion_failed") == 1
    assert yard.burial().error_code == "upstream_failed"
    assert yard.gate().once() == 1


def test_one_image_that_can_not_be_looked_at_keeps_no_other_from_its_turn(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    other = image("other")
    yard.discard(run="EVL-1")
    yard.discard(other, "3.0", run="EVL-2")
    with writing(yard.engine) as connection:
        connection.execute(sa.text("DROP TRIGGER blobs_no_update")) if False else None
        connection.execute(
            sa.update(burials).where(burials.c.evaluation == "EVL-1").values(tombstone="sha256:" + "0" * 64)
        )
    yard.now = NOW + GRACE
    assert yard.gate().once() == 1
    assert other.digest not in yard.store.repositories[STAGING.place].manifests
    assert yard.there() == set(DIGESTS)
    assert caplog.records


def test_what_somebody_came_to_use_is_kept_named_and_people_are_told_once(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    yard.people.refusal = in_use()
    assert yard.gate().once() == 0
    assert yard.there() == set(DIGESTS)
    assert yard.pulled() == []
    assert yard.fact(Event.DELETION_KEPT, "users") == "deployment online/blue"
    assert yard.fact(Event.DELETION_KEPT, "told") == "sent"
    assert len(yard.people.said) == 1
    yard.now += 2 * DAY
    yard.gate().once()
    assert len(yard.people.said) == 1, "people are told of one user once"
    yard.people.refusal = None
    yard.now += 2 * DAY
    assert yard.gate().once() == 1
    assert yard.there() == set()


def test_an_index_that_came_to_list_it_keeps_it(yard: Yard) -> None:
    yard.discard()
    bigger = index(APP, image("more"))
    push(yard.store, STAGING, image("more"))
    yard.store.put_manifest(STAGING.model_copy(update={"tag": "bigger"}), bigger.manifest)
    yard.now = NOW + GRACE
    assert yard.gate().once() == 0
    assert yard.there() == set(DIGESTS)
    assert yard.fact(Event.DELETION_KEPT, "users") == bigger.digest
    assert yard.burial().error_code == "digest_in_use"


def test_a_tag_that_is_pushed_between_the_phases_neither_saves_it_nor_is_another_image_lost(yard: Yard) -> None:
    yard.discard()
    yard.store.repositories[STAGING.place].tags["again"] = APP.digest
    newer = image("newer")
    push(yard.store, STAGING, newer, "1.0")
    yard.now = NOW + GRACE
    assert yard.gate().once() == 1
    assert yard.there() == set()
    assert yard.store.repositories[STAGING.place].tags == {"1.0": newer.digest, "2.0": NEIGHBOUR.digest}


def test_the_same_bytes_pushed_again_are_hidden_again_at_the_next_look(yard: Yard) -> None:
    yard.discard()
    store = yard.store
    store.unbury(STAGING.at(APP.digest), None)  # type: ignore[attr-defined]
    store.repositories[STAGING.place].tags["1.0"] = APP.digest
    assert yard.pulled() == [APP.digest]
    yard.now = NOW + HOUR
    with writing(yard.engine) as connection:
        assert Burials(connection).due_now(APP.digest, yard.now) == 1
    assert yard.gate().once() == 1
    assert yard.pulled() == []
    assert store.tags(STAGING) == ("2.0",)
    assert yard.events() == ["discarded", "tombstone_renewed"]
    assert yard.burial().look_at == yard.now + HOUR


def test_a_place_that_became_a_release_place_is_left_alone(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    yard.policy = policy(staging=f"{HOST}/elsewhere")
    before = yard.store.snapshot()
    assert yard.gate().once() == 0
    assert yard.store.repositories == before
    assert yard.fact(Event.DELETION_KEPT, "code") == "not_staging"


def test_a_held_image_is_not_deleted_until_the_hold_is_released(engine: Engine) -> None:
    yard = Yard(engine)
    yard.discard()
    holds = Holds(engine)
    hold = holds.place(APP.digest, "incident 7", WHO, now=NOW + HOUR)
    yard.now = NOW + 5 * GRACE
    assert yard.gate().once() == 0
    assert yard.there() == set(DIGESTS)
    assert yard.pulled() == []
    assert "deletion_intended" not in yard.events()
    holds.release(hold.id, "closed", WHO, now=yard.now)
    assert yard.gate().once() == 1
    assert yard.there() == set()


def test_a_hold_on_one_image_of_an_index_keeps_all_of_it(yard: Yard) -> None:
    yard.discard()
    Holds(yard.engine).place(APP.children[1].digest, "incident 7", WHO, now=NOW)
    yard.now = NOW + 5 * GRACE
    assert yard.gate().once() == 0
    assert yard.there() == set(DIGESTS)


def test_a_hold_ends_by_itself_on_the_day_it_names_and_not_before(yard: Yard) -> None:
    yard.discard()
    Holds(yard.engine).place(APP.digest, "audit", WHO, now=NOW, until=NOW + 2 * GRACE)
    yard.now = NOW + 2 * GRACE - HOUR
    assert yard.gate().once() == 0
    yard.now = NOW + 2 * GRACE
    assert yard.gate().once() == 1


def test_a_hold_that_is_placed_while_the_deletion_runs_keeps_what_is_left(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    placed: list[Hold] = []

    class Interrupted(FaultyGraves):
        def erase(self, ref: object) -> None:
            super().erase(ref)  # type: ignore[arg-type]
            if not placed:
                placed.append(Holds(yard.engine).place(APP.digest, "wait", WHO, now=yard.now))

    assert yard.gate(Interrupted(yard.store)).once() == 0
    assert placed[0].late, "whoever holds is told that it was late"
    assert len(yard.there()) == 2
    assert yard.pulled() == []
    assert yard.events() == ["discarded", "deletion_intended", "deletion_kept"]
    assert yard.burial().state is BurialState.BURIED
    assert yard.people.said == [], "who held it knows"
    Holds(yard.engine).release(placed[0].id, "done", WHO, now=yard.now)
    yard.now += HOUR
    assert yard.gate().once() == 1
    assert yard.there() == set()


def test_a_hold_between_the_look_and_the_intent_stops_it(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    looked: list[object] = []

    def looking(connection: Connection, digests: Collection[str], now: datetime) -> Hold | None:
        found = standing_hold(connection, digests, now)
        if not looked:
            looked.append(found)
            connection.rollback()
            Holds(yard.engine).place(APP.digest, "now", WHO, now=yard.now)
        return found

    monkeypatch.setattr("gate.due.standing_hold", looking)
    assert yard.gate().once() == 0
    assert looked == [None]
    assert yard.there() == set(DIGESTS)
    assert yard.events() == ["discarded"]


def test_a_killed_deletion_that_is_held_then_waits_again(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    with pytest.raises(Killed):
        yard.gate(Dying(yard.store)).once()
    assert yard.burial().state is BurialState.DELETING
    Holds(yard.engine).place(APP.digest, "wait", WHO, now=yard.now)
    yard.now += HOUR
    assert yard.gate().once() == 0
    assert yard.burial().state is BurialState.BURIED
    assert yard.there() == set(DIGESTS)


def test_what_is_gone_before_its_day_by_somebody_else_ends_as_deleted(yard: Yard) -> None:
    yard.discard()
    for digest in DIGESTS:
        yard.store.erase(STAGING.at(digest))  # type: ignore[attr-defined]
        assert yard.store.grave(STAGING.at(digest)) is Grave.ABSENT  # type: ignore[attr-defined]
    yard.now = NOW + GRACE
    assert yard.gate().once() == 1
    assert yard.burial().state is BurialState.DELETED


def test_a_place_that_can_hide_nothing_any_more_is_a_failure_and_no_deletion(yard: Yard) -> None:
    yard.discard()
    yard.now = NOW + GRACE
    plain = FaultyStore(yard.store)  # configuration does not name the registry as Azure's any more
    assert yard.gate(plain).once() == 0
    assert yard.burial().error_code == "tombstone_impossible"
    assert yard.there() == set(DIGESTS)


def test_only_so_many_go_in_one_turn_and_the_longest_overdue_first(yard: Yard) -> None:
    for number in range(3):
        yard.discard(image(f"n{number}"), f"n{number}", run=f"EVL-{number}")
        yard.now += HOUR
    yard.now = NOW + 2 * GRACE
    with reading(yard.engine) as connection:
        rows = Burials(connection).waiting(yard.now, limit=2)
    assert [row.evaluation for row in rows] == ["EVL-0", "EVL-1"]


def test_logs_hold_no_secret(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    yard.discard()
    yard.now = NOW + GRACE
    error = UpstreamError("https://user:hunter2@example.org/v2 failed")
    yard.gate(FaultyGraves(yard.store, dict.fromkeys(range(200), Fault(error=error)))).once()
    assert "could not be looked after" in caplog.text
    assert "hunter2" not in caplog.text
