"""Many writers, one ledger: no append is lost, none fails, and there is no fork, whoever dies in between."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from store_servers.ledger_world import record

from gate.ledger.reader import LedgerReader
from gate.ledger.record import Event
from gate.ledger.verify import Verified, verify
from gate.ledger.writer import append
from gate.store.engine import isolation_of, make_engine, reading, writing
from gate.store.schema import upgrade
from gate.store.tables import evaluations, ledger_leaves

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

WRITERS, EACH = 4, 150


def _write(url: str, writer: int) -> int:
    engine = make_engine(url, busy_seconds=120)
    for number in range(EACH):
        with writing(engine) as connection:
            append(connection, record(f"{writer}-{number}"), {"actor": f"t/{writer}"})
    engine.dispose()
    return EACH


def _write_serializable(url: str, writer: int) -> int:
    # As a durable step does: the strictest isolation, the driver's own errors, again until it went through.
    engine = make_engine(url, busy_seconds=120)
    retried = 0
    for number in range(EACH):
        while True:
            try:
                with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
                    connection.begin()
                    append(connection, record(f"{writer}-{number}"))
                    connection.commit()
                break
            except DBAPIError:
                retried += 1
    engine.dispose()
    return retried


def _checked(url: str) -> int:
    engine = make_engine(url)
    with reading(engine) as connection:
        reader = LedgerReader(connection)
        result = verify(reader.leaves(), reader.head())
        written = set(connection.scalars(sa.select(ledger_leaves.c.evaluation)))
    engine.dispose()
    assert isinstance(result, Verified)
    assert written >= {f"{writer}-{number}" for writer in range(WRITERS) for number in range(EACH)}
    return result.size


def _prepared(url: str) -> str:
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()
    return url


def test_four_processes_append_at_once_and_nothing_is_lost(database_url: str) -> None:
    url = _prepared(database_url)
    with ProcessPoolExecutor(WRITERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(_write, [url] * WRITERS, range(WRITERS))) == [EACH] * WRITERS
    assert _checked(url) == WRITERS * EACH


def test_four_processes_under_the_strictest_isolation_lose_nothing(database_url: str) -> None:
    url = _prepared(database_url)
    with ProcessPoolExecutor(WRITERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_write_serializable, [url] * WRITERS, range(WRITERS)))
    assert _checked(url) == WRITERS * EACH


def test_four_processes_with_the_same_facts_append_each_once(database_url: str) -> None:
    url = _prepared(database_url)
    with ProcessPoolExecutor(WRITERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_write, [url] * WRITERS, [0] * WRITERS))
    engine = make_engine(url)
    with reading(engine) as connection:
        assert LedgerReader(connection).head().size == EACH
    engine.dispose()


_FOREVER = """
import sys
from datetime import UTC, datetime
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append
from gate.store.engine import make_engine, writing
engine = make_engine(sys.argv[1])
number = 0
while True:
    with writing(engine) as connection:
        said = LedgerRecord(event=Event.PROMOTED, evaluation=f"e-{sys.argv[2]}-{number}", recorded_at=datetime.now(UTC))
        append(connection, said, {"actor": "t/a"})
    print(number, flush=True)
    number += 1
"""


def test_a_writer_killed_in_the_middle_leaves_a_ledger_that_verifies_and_grows(database_url: str) -> None:
    url = _prepared(database_url)
    for life in range(3):
        with subprocess.Popen([sys.executable, "-c", _FOREVER, url, str(life)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            said = [int(writer.stdout.readline()) for _ in range(20)]
            writer.send_signal(signal.SIGKILL)
            said += [int(line) for line in writer.stdout.read().split()]
        engine = make_engine(url)
        with writing(engine) as connection:
            append(connection, record(event=Event.HELD))
            reader = LedgerReader(connection)
            result = verify(reader.leaves(), reader.head())
        engine.dispose()
        assert isinstance(result, Verified)
        lost = set(range(len(said))) - set(said)
        assert not lost
        assert result.size >= (life + 1) * 20 + 1
        assert result.erased == 0


def test_state_and_record_stand_or_fall_together(engine: Engine) -> None:
    assert isolation_of(engine) == ("SERIALIZABLE" if engine.dialect.name == "sqlite" else "READ COMMITTED")
    row = dict.fromkeys(evaluations.c.keys(), "") | {"id": "ev", "state": "submitted", "attempt": 1}
    try:
        with writing(engine) as connection:
            connection.execute(sa.insert(evaluations).values(row))
            append(connection, record())
            connection.execute(sa.insert(evaluations).values(row))
    except Exception as error:  # noqa: BLE001 - what matters is what is left
        assert type(error).__name__ == "StoreError"  # noqa: PT017 - as above
    with reading(engine) as connection:
        assert LedgerReader(connection).head().size == 0
        assert connection.execute(sa.select(evaluations)).all() == []
