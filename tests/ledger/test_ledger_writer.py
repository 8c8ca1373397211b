"""Appending is in the caller's transaction, once for one fact, and never where the ledger contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy import event as sa_event
from store_servers.ledger_world import NOW, record

from gate.errors import BoundError, ConflictError, NotFoundError, StoreError
from gate.ledger.merkle import leaf_hash, tree_root
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.store.engine import reading, writing
from gate.store.tables import ledger_head, ledger_leaves, ledger_private

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def _size(engine: Engine) -> int:
    with reading(engine) as connection:
        return LedgerReader(connection).head().size


def test_records_stand_in_order_under_the_root_of_their_hashes(engine: Engine) -> None:
    with writing(engine) as connection:
        refs = [append(connection, record(f"ev-{number}")) for number in range(5)]
    assert [ref.index for ref in refs] == [0, 1, 2, 3, 4]
    assert all(ref.fresh for ref in refs)
    with reading(engine) as connection:
        rows = connection.execute(sa.select(ledger_leaves).order_by(ledger_leaves.c.leaf_index)).all()
        head = LedgerReader(connection).head()
    assert [row.leaf_hash for row in rows] == [leaf_hash(row.leaf_bytes) for row in rows]
    assert ["sha256:" + row.leaf_hash.hex() for row in rows] == [ref.leaf_hash for ref in refs]
    assert head.root == tree_root([row.leaf_hash for row in rows])
    assert head.size == 5


def test_a_record_is_found_by_its_index(engine: Engine) -> None:
    with writing(engine) as connection:
        append(connection, record("one"))
        ref = append(connection, record("two"))
        found = LedgerReader(connection).at(1)
        assert (found.record, found.leaf_hash) == (record("two"), ref.leaf_hash)
        for index in (-1, 2):
            with pytest.raises(NotFoundError):
                LedgerReader(connection).at(index)


def test_the_first_statement_of_an_append_takes_the_lock(engine: Engine) -> None:
    said: list[str] = []

    def listen(*arguments: object) -> None:
        said.append(str(arguments[2]))

    with writing(engine) as connection:
        sa_event.listen(connection, "before_cursor_execute", listen)
        append(connection, record())
        sa_event.remove(connection, "before_cursor_execute", listen)
    assert said[0].startswith("UPDATE ledger_head")
    assert "RETURNING" in said[0]


def test_what_is_rolled_back_was_never_appended(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        append(connection, record(), {"actor": "t/alice"})
        transaction.rollback()
    assert _size(engine) == 0
    with writing(engine) as connection:
        assert connection.execute(sa.select(ledger_private)).all() == []
        assert append(connection, record()).index == 0


def test_the_same_fact_again_is_the_same_leaf_whenever_it_is_said(engine: Engine) -> None:
    with writing(engine) as connection:
        first = append(connection, record(facts={"a": "b"}), {"actor": "t/alice"})
    with writing(engine) as connection:
        later = NOW.replace(year=2027)
        again = append(connection, record(facts={"a": "b"}, recorded_at=later), {"actor": "t/alice"})
    assert (again.index, again.leaf_hash, again.fresh) == (first.index, first.leaf_hash, False)
    assert _size(engine) == 1


@pytest.mark.parametrize(
    ("change", "private"),
    [
        ({"facts": {"outcome": "promote"}}, {"actor": "t/alice"}),
        ({"subject": None}, {"actor": "t/alice"}),
        ({"repository": "elsewhere"}, {"actor": "t/alice"}),
        ({}, {"actor": "t/mallory"}),
        ({}, {}),
        ({}, {"actor": "t/alice", "owner": "t/bob"}),
    ],
)
def test_the_same_place_with_another_content_is_a_conflict(
    engine: Engine, change: dict[str, object], private: dict[str, str]
) -> None:
    with writing(engine) as connection:
        append(connection, record(), {"actor": "t/alice"})
    with pytest.raises(ConflictError) as refused, writing(engine) as connection:
        append(connection, LedgerRecord.model_validate({**record().model_dump(), **change}), private)
    assert refused.value.hint
    assert _size(engine) == 1


def test_another_attempt_or_event_is_another_leaf(engine: Engine) -> None:
    with writing(engine) as connection:
        append(connection, record())
        assert append(connection, record(attempt=2)).index == 1
        assert append(connection, record(event=Event.DECIDED)).index == 2


def test_an_erased_person_does_not_make_a_repetition_a_conflict(engine: Engine) -> None:
    with writing(engine) as connection:
        append(connection, record(), {"actor": "t/alice"})
        connection.execute(sa.delete(ledger_private))
    with writing(engine) as connection:
        assert not append(connection, record(), {"actor": "t/alice"}).fresh


def test_a_person_stands_in_no_leaf_and_two_salts_are_never_the_same(engine: Engine) -> None:
    with writing(engine) as connection:
        append(connection, record("one"), {"actor": "t/alice"})
        append(connection, record("two"), {"actor": "t/alice"})
    with reading(engine) as connection:
        leaves = connection.scalars(sa.select(ledger_leaves.c.leaf_bytes)).all()
        kept = connection.execute(sa.select(ledger_private)).all()
        entries = LedgerReader(connection).find(LedgerFilter())
    assert all(b"alice" not in data for data in leaves)
    assert len({row.salt for row in kept}) == len({row.commitment for row in kept}) == 2
    assert [entry.private for entry in entries] == [{"actor": "t/alice"}] * 2


def test_commitments_are_made_by_nobody_else(engine: Engine) -> None:
    forged = record(commitments={"actor": "sha256:" + "00" * 32})
    with pytest.raises(ValueError, match="private"), writing(engine) as connection:
        append(connection, forged)
    assert _size(engine) == 0


def test_a_private_field_needs_a_name_that_a_record_can_hold(engine: Engine) -> None:
    with pytest.raises(ValueError, match="field name"), writing(engine) as connection:
        append(connection, record(), {"Not a name": "x"})
    assert _size(engine) == 0


def test_a_record_too_large_to_be_read_again_is_refused(engine: Engine) -> None:
    facts = {f"k{number}": "é" * 4000 for number in range(10)}
    with pytest.raises(BoundError) as refused, writing(engine) as connection:
        append(connection, record(facts=facts))
    assert "blob" in refused.value.hint
    assert _size(engine) == 0


@pytest.mark.parametrize(
    "tampering",
    [
        {"size": 2},
        {"size": 0},
        {"size": -1},
        {"root": b"x" * 32},
        {"frontier": b""},
        {"frontier": b"x" * 32},
        {"frontier": b"x" * 31},
    ],
)
def test_nothing_is_appended_to_a_head_that_contradicts_itself(engine: Engine, tampering: dict[str, object]) -> None:
    with writing(engine) as connection:
        append(connection, record())
        connection.execute(sa.update(ledger_head).values(**tampering))
    with pytest.raises(StoreError) as refused, writing(engine) as connection:
        append(connection, record("ev-2"))
    assert refused.value.error_code == "ledger_corrupt"
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(ledger_leaves)) == 1


def test_a_consistent_head_of_a_shorter_past_can_not_fork_the_ledger(engine: Engine) -> None:
    with writing(engine) as connection:
        append(connection, record("one"))
        past = connection.execute(sa.select(ledger_head)).one()
        append(connection, record("two"))
        connection.execute(sa.update(ledger_head).values(size=past.size, root=past.root, frontier=past.frontier))
    with pytest.raises(StoreError) as refused, writing(engine) as connection:
        append(connection, record("three"))
    assert refused.value.error_code == "ledger_corrupt"


def test_a_ledger_without_a_head_takes_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        table = " ON ledger_head" if engine.dialect.name == "postgresql" else ""
        connection.execute(sa.text(f"DROP TRIGGER ledger_head_no_delete{table}"))
        connection.execute(sa.delete(ledger_head))
    with pytest.raises(StoreError) as refused, writing(engine) as connection:
        lock(connection)
    assert refused.value.error_code == "ledger_corrupt"
    with reading(engine) as connection, pytest.raises(StoreError) as unread:
        LedgerReader(connection).head()
    assert unread.value.error_code == "ledger_corrupt"


@pytest.mark.parametrize("tampering", ["size = 'x'", "frontier = 'x'", "size = 3, frontier = printf('%064d', 0)"])
def test_text_in_the_head_is_not_a_crash(sqlite_engine: Engine, tampering: str) -> None:
    with writing(sqlite_engine) as connection:
        append(connection, record())
        connection.execute(sa.text(f"UPDATE ledger_head SET {tampering}"))  # noqa: S608 - the test's own
    with pytest.raises(StoreError) as refused, writing(sqlite_engine) as connection:
        append(connection, record("ev-2"))
    assert refused.value.error_code == "ledger_corrupt"
