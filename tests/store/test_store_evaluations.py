"""One run at a time for one key; who lost it changes nothing any more."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from gate.errors import ConflictError, NotFoundError, StoreError
from gate.model.decision import Outcome
from gate.model.principal import Principal
from gate.store.engine import reading, writing
from gate.store.evaluations import FINAL, OPEN, ClaimKind, Evaluation, Evaluations, EvaluationState
from gate.store.tables import evaluations

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


def _run(name: str = "ev-1", owner: str = "one", **more: Any) -> Evaluation:
    fields: dict[str, Any] = {
        "key": "k",
        "repository": "r.example.org/app",
        "digest": DIGEST,
        "requester": Principal(tenant="t", object_id="alice"),
        "submitted_at": NOW,
        "lease_expires_at": NOW + MINUTE,
    }
    return Evaluation.model_validate({"id": name, "lease_owner": owner, **fields, **more})


def _claim(engine: Engine, submitted: Evaluation, now: datetime = NOW) -> tuple[str, str, int]:
    with writing(engine) as connection:
        claim = Evaluations(connection).claim(submitted, now=now)
        assert Evaluations(connection).get(claim.evaluation.id) == claim.evaluation
        return claim.kind.value, claim.evaluation.id, claim.evaluation.attempt


def _move(engine: Engine, after: EvaluationState, owner: str = "one", attempt: int = 1, **facts: Any) -> None:
    with writing(engine) as connection:
        Evaluations(connection).move("ev-1", owner=owner, attempt=attempt, before=OPEN, after=after, **facts)


def _state(engine: Engine) -> Evaluation:
    with reading(engine) as connection:
        return Evaluations(connection).get("ev-1")


def test_a_run_comes_back_as_it_was_kept(engine: Engine) -> None:
    full = _run(tag="1.0", environment_digest=OTHER, policy_digest=DIGEST)
    assert _claim(engine, full) == ("started", "ev-1", 1)
    assert _state(engine) == full.model_copy(update={"first_seen_at": NOW})


def test_what_is_not_known_stays_unknown(engine: Engine) -> None:
    bare = _run(digest=None, lease_expires_at=None)
    _claim(engine, bare)
    assert _state(engine) == bare
    assert _state(engine).first_seen_at is None


def test_the_same_submission_joins_while_the_lease_lives(engine: Engine) -> None:
    _claim(engine, _run())
    assert _claim(engine, _run("ev-2", "two")) == ("joined", "ev-1", 1)
    assert _claim(engine, _run("ev-3", "one")) == ("joined", "ev-1", 1)
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(evaluations)) == 1


def test_a_lapsed_lease_is_adopted_once_and_its_former_owner_can_change_nothing(engine: Engine) -> None:
    _claim(engine, _run())
    late = NOW + MINUTE
    assert _claim(engine, _run("ev-2", "two", lease_expires_at=late + MINUTE), late) == ("adopted", "ev-1", 2)
    assert _claim(engine, _run("ev-3", "three", lease_expires_at=late + MINUTE), late) == ("joined", "ev-1", 2)
    with pytest.raises(ConflictError) as refused:
        _move(engine, EvaluationState.PROMOTED)
    assert refused.value.error_code == "evaluation_lost"
    with writing(engine) as connection:
        assert not Evaluations(connection).renew("ev-1", owner="one", attempt=1, until=late + 9 * MINUTE)
        assert not Evaluations(connection).renew("ev-1", owner="two", attempt=1, until=late + 9 * MINUTE)
        assert Evaluations(connection).renew("ev-1", owner="two", attempt=2, until=late + 2 * MINUTE)
    assert _state(engine).state is EvaluationState.SUBMITTED
    assert _state(engine).lease_expires_at == late + 2 * MINUTE


def test_a_lease_holds_to_its_last_instant_and_no_longer(engine: Engine) -> None:
    _claim(engine, _run())
    last = NOW + MINUTE - timedelta(microseconds=1)
    assert _claim(engine, _run("ev-2", "two"), last)[0] == "joined"
    with reading(engine) as connection:
        assert Evaluations(connection).lapsed(last) == ()
        assert [run.id for run in Evaluations(connection).lapsed(NOW + MINUTE)] == ["ev-1"]


def test_a_run_without_a_lease_is_anybody_s(engine: Engine) -> None:
    _claim(engine, _run(lease_expires_at=None))
    assert _claim(engine, _run("ev-2", "two"))[0] == "adopted"


def test_a_finished_run_is_over_and_the_next_is_a_new_one(engine: Engine) -> None:
    _claim(engine, _run())
    _move(engine, EvaluationState.DECIDED, outcome=Outcome.HOLD, decision_digest=OTHER)
    _move(engine, EvaluationState.HELD, finished_at=NOW)
    with pytest.raises(ConflictError):
        _move(engine, EvaluationState.PROMOTED)
    with writing(engine) as connection:
        assert not Evaluations(connection).renew("ev-1", owner="one", attempt=1, until=NOW + 9 * MINUTE)
        assert Evaluations(connection).lapsed(NOW + 99 * MINUTE) == ()
    assert (_state(engine).outcome, _state(engine).decision_digest) == (Outcome.HOLD, OTHER)
    later = NOW + 60 * MINUTE
    assert _claim(engine, _run("ev-2", submitted_at=later), later)[:2] == ("started", "ev-2")
    with reading(engine) as connection:
        assert Evaluations(connection).get("ev-2").first_seen_at == NOW


def test_when_a_digest_first_came_is_per_place(engine: Engine) -> None:
    _claim(engine, _run())
    with reading(engine) as connection:
        runs = Evaluations(connection)
        assert runs.first_seen("r.example.org/app", DIGEST) == NOW
        assert runs.first_seen("r.example.org/other", DIGEST) is None
        assert runs.first_seen("r.example.org/app", OTHER) is None
        assert runs.first_seen("r.example.org/app", None) is None


@pytest.mark.parametrize("state", sorted(FINAL))
def test_moving_needs_the_state_that_was_seen(engine: Engine, state: EvaluationState) -> None:
    _claim(engine, _run())
    with pytest.raises(ConflictError), writing(engine) as connection:
        Evaluations(connection).move("ev-1", owner="one", attempt=1, before={EvaluationState.ACTING}, after=state)
    assert _state(engine).state is EvaluationState.SUBMITTED


def test_a_fact_that_no_run_has_is_refused(engine: Engine) -> None:
    _claim(engine, _run())
    with pytest.raises(ValueError, match="outcom"):
        _move(engine, EvaluationState.DECIDED, outcom="promote")
    with pytest.raises(ValueError, match="digest"):
        _move(engine, EvaluationState.DECIDED, decision_digest="latest")
    assert _state(engine).state is EvaluationState.SUBMITTED


def test_moving_never_takes_or_extends_a_lease(engine: Engine) -> None:
    _claim(engine, _run())
    _move(engine, EvaluationState.DECIDED, lease_owner="two", lease_expires_at=NOW + 99 * MINUTE, key="other")
    assert (_state(engine).lease_owner, _state(engine).lease_expires_at) == ("one", NOW + MINUTE)
    assert _state(engine).key == "k"


def test_what_is_not_there_is_not_found(engine: Engine) -> None:
    with reading(engine) as connection:
        assert Evaluations(connection).find("ev-1") is None
        with pytest.raises(NotFoundError):
            Evaluations(connection).get("ev-1")
    with pytest.raises(NotFoundError):
        _move(engine, EvaluationState.DECIDED)


def test_the_database_itself_refuses_two_open_runs_of_one_key(engine: Engine) -> None:
    _claim(engine, _run())
    row = {**_plain(engine), "id": "ev-2"}
    with pytest.raises(StoreError) as refused, writing(engine) as connection:
        connection.execute(sa.insert(evaluations).values(row))
    assert refused.value.error_code == "store_constraint"
    with writing(engine) as connection:
        connection.execute(sa.insert(evaluations).values({**row, "state": "failed"}))


def _plain(engine: Engine) -> dict[str, Any]:
    with reading(engine) as connection:
        return dict(connection.execute(sa.select(evaluations)).mappings().one())


def test_of_many_at_once_one_starts_and_all_others_join(engine: Engine) -> None:
    kinds: list[str] = []
    failed: list[Exception] = []
    ready = threading.Barrier(4)

    def work(name: str) -> None:
        ready.wait()
        try:
            kinds.append(_claim(engine, _run(f"ev-{name}", name))[0])
        except (StoreError, ConflictError) as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Without the ledger's lock PostgreSQL lets two see no run; the index then refuses the second, which is no fork.
    assert kinds.count("started") == 1
    assert set(kinds) <= {"started", "joined"}
    assert len(kinds) + len(failed) == 4
    if engine.dialect.name == "sqlite":
        assert failed == []


def test_an_adoption_that_lost_the_race_is_refused(engine: Engine) -> None:
    _claim(engine, _run())
    late = NOW + 2 * MINUTE
    with writing(engine) as connection:
        runs = Evaluations(connection)
        seen = runs.get("ev-1")
        assert runs.claim(_run("ev-2", "two", lease_expires_at=late + MINUTE), now=late).kind is ClaimKind.ADOPTED
        with pytest.raises(ConflictError) as refused:
            runs._adopt(seen, _run("ev-3", "three"))  # noqa: SLF001 - the moment between reading and writing
    assert refused.value.error_code == "evaluation_lost"
    assert _state(engine).lease_owner == "two"


def test_lapsed_runs_come_oldest_first_and_bounded(engine: Engine) -> None:
    for number in (3, 1, 2):
        _claim(engine, _run(f"ev-{number}", key=f"k{number}", submitted_at=NOW + number * MINUTE))
    with reading(engine) as connection:
        found = Evaluations(connection).lapsed(NOW + 99 * MINUTE, limit=2)
    assert [run.id for run in found] == ["ev-1", "ev-2"]
