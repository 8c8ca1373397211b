"""What is let out of its grave: by a decision on record, never what is held, deleted or half gone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from evaluation.discard_world import APP, DIGESTS, GRACE, NOW, WHO, Yard, policy
from promotion.promotion_graves import FaultyGraves
from promotion.promotion_memory import Fault
from promotion.promotion_world import HOST, STAGING
from registry.contract_images import image, push
from store_servers.databases import sqlite_engine, sqlite_url

from gate.errors import GateError, UpstreamError
from gate.graveyard import kept_of
from gate.holds import Holds
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.model.image import Transport
from gate.store.burials import Burials, BurialState
from gate.store.engine import reading, writing
from gate.waking import Waking

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

    from gate.policy.schema import Policy
    from gate.registry.interface import ImageWriter

__all__ = ["sqlite_engine", "sqlite_url"]

HOUR = timedelta(hours=1)


@pytest.fixture
def yard(sqlite_engine: Engine) -> Yard:
    return Yard(sqlite_engine)


def waking(yard: Yard, store: ImageWriter | None = None, rules: Policy | None = None) -> Waking:
    stores = {Transport.REGISTRY: store or yard.store}
    return Waking(engine=yard.engine, stores=stores, policy=rules or policy(), owner="restorer")


def refused(run: Callable[[], object]) -> str:
    with pytest.raises(GateError) as error:
        run()
    assert error.value.hint
    return error.value.error_code


def test_it_is_served_again_in_the_same_bytes_and_the_record_says_who_and_why(yard: Yard) -> None:
    yard.discard()
    receipt = waking(yard).restore(APP.digest, "the advisory was withdrawn", WHO, now=NOW + HOUR)
    assert receipt.tags == ("1.0", "latest")
    assert set(yard.pulled()) == set(DIGESTS)
    assert yard.burial().state is BurialState.RESTORED
    assert yard.events() == ["discarded", "tombstone_lifted"]
    with reading(yard.engine) as connection:
        (entry,) = LedgerReader(connection).find(LedgerFilter(event=Event.TOMBSTONE_LIFTED))
        assert kept_of(connection, yard.burial()).state == "restored"
    assert entry.private == {"actor": WHO.key, "reason": "the advisory was withdrawn"}
    yard.now = NOW + 2 * GRACE
    assert yard.gate().once() == 0, "what was restored is not deleted"
    assert set(yard.pulled()) == set(DIGESTS)


def test_what_is_held_deleted_or_unknown_is_not_restored(yard: Yard) -> None:
    yard.discard()
    hold = Holds(yard.engine).place(APP.children[0].digest, "x", WHO, now=NOW)
    assert refused(lambda: waking(yard).restore(APP.digest, "y", WHO, now=NOW)) == "digest_held"
    assert yard.pulled() == []
    Holds(yard.engine).release(hold.id, "z", WHO, now=NOW)
    yard.now = NOW + GRACE
    yard.gate().once()
    assert refused(lambda: waking(yard).restore(APP.digest, "y", WHO, now=yard.now)) == "tombstone_unknown"
    assert yard.events()[-1] == "deleted"


def test_what_another_gate_has_just_now_is_not_restored(yard: Yard) -> None:
    burial = yard.discard()
    with writing(yard.engine) as connection:
        mine = Burials(connection).claim(burial, owner="other", now=NOW, length=HOUR)
    assert mine is not None
    assert refused(lambda: waking(yard).restore(APP.digest, "x", WHO, now=NOW)) == "deletion_under_way"
    with writing(yard.engine) as connection:
        Burials(connection).change(mine, state=BurialState.DELETING, lease_expires_at=None)
    assert refused(lambda: waking(yard).restore(APP.digest, "x", WHO, now=NOW)) == "deletion_under_way"
    assert yard.pulled() == []
    assert yard.events() == ["discarded"]


def test_one_place_of_several_is_named(yard: Yard) -> None:
    yard.discard()
    other = STAGING.model_copy(update={"repository": f"{HOST}/staging/two"})
    with writing(yard.engine) as connection:
        row = yard.burial().model_copy(update={"evaluation": "EVL-2", "repository": other.place})
        assert Burials(connection).add(row)
    assert refused(lambda: waking(yard).restore(APP.digest, "x", WHO, now=NOW)) == "tombstone_ambiguous"
    done = waking(yard).restore(APP.digest, "x", WHO, now=NOW, repository=STAGING.place)
    assert done.place.place == STAGING.place


def test_a_place_that_is_no_staging_place_any_more_is_left_alone(yard: Yard) -> None:
    yard.discard()
    rules = policy(staging=f"{HOST}/elsewhere")
    assert refused(lambda: waking(yard, rules=rules).restore(APP.digest, "x", WHO, now=NOW)) == "not_staging"
    assert yard.pulled() == []


def test_whatever_goes_wrong_it_is_whole_or_hidden_again_at_the_next_look(sqlite_engine: Engine) -> None:
    yard = Yard(sqlite_engine)
    trace = FaultyGraves(yard.store)
    yard.discard(run="EVL-0")
    waking(yard, trace).restore(APP.digest, "x", WHO, now=yard.now)
    length = len(trace.trace)
    assert length > 8
    for at in range(length):
        yard.discard(run=f"EVL-{at + 1}")
        broken = FaultyGraves(yard.store, {at: Fault(error=UpstreamError("cut", hint="try again"))})
        try:
            waking(yard, broken).restore(APP.digest, "x", WHO, now=yard.now)
        except UpstreamError:
            yard.now += HOUR
        else:  # it asked in another way
            assert set(yard.pulled()) == set(DIGESTS)
            continue
        yard.gate().once()
        assert yard.pulled() == [], "half of it must not stay"
        waking(yard).restore(APP.digest, "again", WHO, now=yard.now)
        assert set(yard.pulled()) == set(DIGESTS)


def test_a_tag_that_somebody_took_since_stays_where_it_is(yard: Yard) -> None:
    yard.discard()
    newer = image("newer")
    push(yard.store, STAGING, newer, "latest")
    receipt = waking(yard).restore(APP.digest, "x", WHO, now=NOW)
    assert (receipt.tags, receipt.taken) == (("1.0",), ("latest",))
    assert yard.store.repositories[STAGING.place].tags["latest"] == newer.digest
