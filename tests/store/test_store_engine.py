"""A transaction means the same on both databases, and what can't be opened says why."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gate.errors import BusyError, StoreError
from gate.store.engine import isolation_of, make_engine, reading, writing
from gate.store.file import use_wal
from gate.store.schema import upgrade
from gate.store.tables import blobs

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

ROW = {"digest": "d", "size": 1, "data": b"x"}


def _put(connection: Connection, digest: str = "d") -> None:
    connection.execute(sa.insert(blobs).values({**ROW, "digest": digest}))


def _put_twice(connection: Connection) -> None:
    _put(connection)
    _put(connection)


def _count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(blobs)) or 0


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_a_new_database_is_its_owner_s_alone(sqlite_engine: Engine, sqlite_url: str) -> None:
    with writing(sqlite_engine) as connection:
        _put(connection)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in _file(sqlite_url).parent.iterdir()}
    assert modes == dict.fromkeys(("gate.sqlite", "gate.sqlite-wal", "gate.sqlite-shm"), 0o600)
    assert stat.S_IMODE(_file(sqlite_url).parent.stat().st_mode) == 0o700


def test_a_database_that_is_there_keeps_its_mode(sqlite_engine: Engine, sqlite_url: str) -> None:
    sqlite_engine.dispose()
    _file(sqlite_url).chmod(0o640)
    make_engine(sqlite_url).dispose()
    assert stat.S_IMODE(_file(sqlite_url).stat().st_mode) == 0o640


def test_sqlite_is_durable_and_waits(sqlite_engine: Engine) -> None:
    with reading(sqlite_engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15000}


def test_an_error_rolls_everything_back(engine: Engine) -> None:
    with pytest.raises(StoreError), writing(engine) as connection:
        _put_twice(connection)
    assert _count(engine) == 0


def test_an_error_of_the_caller_s_own_passes_through_and_rolls_back(engine: Engine) -> None:
    def fail() -> None:
        with writing(engine) as connection:
            _put(connection)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert _count(engine) == 0


def test_reading_can_not_write(engine: Engine) -> None:
    with pytest.raises(StoreError) as refused, reading(engine) as connection:
        _put(connection)
    assert refused.value.error_code == "store_read_only"
    assert _count(engine) == 0
    with writing(engine) as connection:
        _put(connection)
    assert _count(engine) == 1


def test_reading_sees_one_state_while_others_write(engine: Engine) -> None:
    counted = sa.select(sa.func.count()).select_from(blobs)
    with reading(engine) as connection:
        assert connection.scalar(counted) == 0
        with writing(engine) as other:
            _put(other)
        assert connection.scalar(counted) == 0
    assert _count(engine) == 1


def test_two_that_read_and_then_write_both_get_through(engine: Engine) -> None:
    """With SQLite's deferred transactions one of them fails at once, whatever the busy timeout."""
    ready = threading.Barrier(2)
    failed: list[Exception] = []

    def work(digest: str) -> None:
        try:
            ready.wait()
            for number in range(20):
                with writing(engine) as connection:
                    connection.execute(sa.select(blobs)).all()
                    _put(connection, f"{digest}-{number}")
        except Exception as error:  # noqa: BLE001 - asserted on below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert _count(engine) == 40


def test_a_session_with_an_isolation_level_is_in_one_transaction_too(engine: Engine) -> None:
    """This is how a durable step opens its transaction."""
    with Session(engine) as session:
        session.connection(execution_options={"isolation_level": isolation_of(engine)})
        _put(session.connection())
        if engine.dialect.name == "sqlite":
            raw = session.connection().connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            assert raw.in_transaction
        session.rollback()
    assert _count(engine) == 0
    with writing(engine) as connection:
        _put(connection)
    assert _count(engine) == 1


def test_autocommit_is_left_alone(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _put(connection)
        assert _count(engine) == 1


def test_code_that_begins_for_itself_is_not_begun_for(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url, own_begin=True)
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _put(connection)
    assert _count(engine) == 1
    with engine.connect() as connection:
        _put(connection, "e")
        connection.rollback()
    assert _count(engine) == 1
    engine.dispose()


def test_a_locked_database_is_busy_and_named_so(sqlite_engine: Engine, sqlite_url: str) -> None:
    impatient = make_engine(sqlite_url, busy_seconds=0.05)
    with writing(sqlite_engine) as connection:
        _put(connection)
        with pytest.raises(BusyError) as refused, writing(impatient):
            pytest.fail("the lock was not seen")
        assert refused.value.error_code == "store_busy"
        assert refused.value.hint
        assert _count(impatient) == 0
    with writing(impatient) as connection:
        _put(connection, "e")
    impatient.dispose()


def test_a_locked_row_is_busy_in_postgres_too(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # the test above
    impatient = make_engine(engine.url.render_as_string(hide_password=False), busy_seconds=0.2)
    update = sa.text("UPDATE ledger_head SET size = size")
    with writing(engine) as connection:
        connection.execute(update)
        with pytest.raises(BusyError) as refused, writing(impatient) as other:
            other.execute(update)
    assert refused.value.error_code == "store_busy"
    impatient.dispose()


def test_a_pool_that_is_used_up_is_busy(engine: Engine) -> None:
    small = sa.create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with small.connect(), pytest.raises(BusyError), writing(small):
        pytest.fail("there was a second connection")
    small.dispose()


def test_while_others_write_wal_lets_readers_read(sqlite_engine: Engine) -> None:
    with writing(sqlite_engine) as connection:
        _put(connection)
        assert _count(sqlite_engine) == 0


def test_a_new_file_in_use_by_an_older_program_is_waited_for_and_then_busy(sqlite_url: str) -> None:
    make_engine(sqlite_url).dispose()
    holder = sqlite3.connect(_file(sqlite_url))
    holder.execute("BEGIN EXCLUSIVE")
    impatient = make_engine(sqlite_url, busy_seconds=0.05)
    with pytest.raises(BusyError):
        upgrade(impatient)
    holder.rollback()
    holder.close()
    upgrade(impatient)
    impatient.dispose()


def test_a_file_that_another_program_left_without_wal_gets_it(sqlite_url: str) -> None:
    make_engine(sqlite_url).dispose()
    raw = sqlite3.connect(_file(sqlite_url))
    raw.execute("CREATE TABLE other (x)")
    raw.close()
    engine = make_engine(sqlite_url)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


def test_a_file_system_that_can_not_do_it_is_refused_and_not_waited_for_for_ever(tmp_path: Path) -> None:
    """SQLite's dot-file locking shares no memory, as file systems over a network do not."""
    dbapi = sqlite3.connect(f"file:{tmp_path}/x.sqlite?vfs=unix-dotfile", uri=True)
    with pytest.raises(StoreError) as refused:
        use_wal(dbapi, patience=0.02)
    assert refused.value.error_code == "store_no_wal"
    dbapi.close()


def test_a_file_taken_away_is_an_error_and_not_a_new_ledger(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    _file(sqlite_url).unlink()
    with pytest.raises(StoreError) as refused:
        upgrade(engine)
    assert refused.value.error_code == "store_unreachable"
    assert not _file(sqlite_url).exists()
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gate.sqlite",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///x.db?mode=memory",
        "sqlite:///x.db?",
        "sqlite://host/x.db",
        "mysql://user:hunter2@example.org/gate",
        "postgresql+asyncpg://user:hunter2@example.org/gate",
        "postgresql://example.org:port/gate",
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_secrets(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as refused:
        make_engine(url)
    assert refused.value.error_code == "database_url"
    assert "sqlite:///" in refused.value.hint
    assert "hunter2" not in f"{refused.value} {refused.value.facts}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["with space", "50%", "a#b", "ü", "x%3fy"])
def test_a_name_with_odd_letters_is_that_name(tmp_path: Path, name: str) -> None:
    engine = make_engine("sqlite:///" + str(tmp_path / name / "gate.sqlite").replace("%", "%25"))
    upgrade(engine)
    assert _count(engine) == 0
    assert (tmp_path / name / "gate.sqlite").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    engine.dispose()


def test_a_relative_name_stays_where_it_was_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    engine = make_engine("sqlite:///x.sqlite")
    monkeypatch.chdir(tmp_path / "elsewhere")
    upgrade(engine)
    assert (tmp_path / "x.sqlite").stat().st_size > 0
    engine.dispose()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        make_engine(f"sqlite:///{tmp_path}")
    assert refused.value.error_code == "store_unreachable"
    with pytest.raises(StoreError) as unread:
        make_engine(f"sqlite:///{tmp_path}", read_only=True)
    assert unread.value.error_code == "store_missing"


@pytest.mark.parametrize("folder", ["file", "file/below", "x" * 300])
def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as refused:
        make_engine(f"sqlite:///{tmp_path}/{folder}/gate.sqlite")
    assert refused.value.error_code == "store_unreachable"
    assert refused.value.hint


def test_a_database_opened_to_be_read_is_not_changed_by_it(sqlite_engine: Engine, sqlite_url: str) -> None:
    with writing(sqlite_engine) as connection:
        _put(connection)
    sqlite_engine.dispose()
    before = _file(sqlite_url).read_bytes()
    engine = make_engine(sqlite_url, read_only=True)
    assert _count(engine) == 1
    with pytest.raises(StoreError) as refused, writing(engine) as connection:
        _put(connection, "e")
    assert refused.value.error_code == "store_read_only"
    engine.dispose()
    assert _file(sqlite_url).read_bytes() == before


_AS_NOBODY = """
import os, sys
import sqlalchemy.dialects.sqlite
from gate.errors import GateError
from gate.store.engine import make_engine, reading
from gate.store.schema import check_schema, upgrade
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
def said(function):
    try:
        function()
        return "done"
    except GateError as error:
        return error.error_code
def read():
    engine = make_engine(sys.argv[1], read_only=True)
    with reading(engine) as connection:
        check_schema(connection)
print(said(read), said(lambda: upgrade(make_engine(sys.argv[1]))))
"""


def test_a_file_that_may_not_be_written_can_be_read_and_says_why_it_can_not_be_written() -> None:
    """Tried as another user, for root may write everything, in a folder that this user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="gate-store-"))
    try:
        url = f"sqlite:///{folder}/gate.sqlite"
        engine = make_engine(url)
        upgrade(engine)
        engine.dispose()
        _file(url).chmod(0o444)
        folder.chmod(0o555)
        command = [sys.executable, "-c", _AS_NOBODY, url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        left = [path.name for path in folder.iterdir()]
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)
    assert done.stdout.split() == ["done", "store_read_only"], done.stderr
    assert left == ["gate.sqlite"]


def test_postgres_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    engine = make_engine(f"postgresql://user:hunter2@/gate?host={tmp_path}", busy_seconds=2)
    with pytest.raises(StoreError) as refused:
        upgrade(engine)
    assert refused.value.error_code == "store_unreachable"
    assert "hunter2" not in f"{refused.value} {refused.value.facts}"


def test_a_durable_step_sees_the_driver_s_own_error(engine: Engine) -> None:
    """Only so can it tell what is worth another try; nothing of the store translates inside a transaction."""
    with pytest.raises(DBAPIError), engine.begin() as connection:
        _put_twice(connection)
