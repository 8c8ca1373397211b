"""A database made in one go is the one that the migrations leave. Run as a program, it writes the script down."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from gate.errors import StoreError
from gate.store import first
from gate.store.engine import make_engine, reading, writing
from gate.store.first import SCRIPT, make_database, statements_of
from gate.store.schema import REVISION, VERSION_TABLE, check_schema, current_revision, upgrade
from gate.store.tables import ledger_head

HEAD = "-- Made by `make docs` from the migrations: what they leave in a new SQLite database.\n"
HELD = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


def migrated(file: Path, revision: str = "head") -> Path:
    """Make a database by its migrations, one after the other."""
    engine = make_engine(f"sqlite:///{file}")
    with writing(engine) as connection, as_file(files("gate.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    return file


def script(file: Path) -> str:
    """Return what makes another database like the one in a file."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
        (revision,) = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
    made = [*(row[0] for row in rows), f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{revision}')"]  # noqa: S608 - as above
    return HEAD + "".join("\n".join(line.rstrip() for line in sql.split("\n")) + ";\n" for sql in made)


def held(file: Path) -> list[tuple[str, ...]]:
    """Return all that a database is made of, but for the blanks in its SQL."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(HELD).fetchall()
        revisions = connection.execute(f"SELECT * FROM {VERSION_TABLE}").fetchall()  # noqa: S608 - as above
    return [(kind, name, table, " ".join((sql or "").split())) for kind, name, table, sql in rows] + revisions


def test_the_script_is_what_the_newest_migrations_leave(tmp_path: Path) -> None:
    written = files("gate.store").joinpath(SCRIPT).read_text(encoding="utf-8")
    assert written == script(migrated(tmp_path / "gate.sqlite")), "the migrations changed: run `make docs`"


def test_a_database_made_in_one_go_is_a_migrated_one(tmp_path: Path) -> None:
    made = tmp_path / "new" / "made.sqlite"
    make_database(made, patience=5)
    upgraded = tmp_path / "upgraded.sqlite"
    engine = make_engine(f"sqlite:///{upgraded}")
    upgrade(engine)
    engine.dispose()
    assert held(made) == held(upgraded) == held(migrated(tmp_path / "migrated.sqlite"))
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    with closing(sqlite3.connect(made)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_database_made_in_one_go_needs_nothing_more_and_begins_a_ledger_of_its_own(tmp_path: Path) -> None:
    origins = set[str]()
    for name in ("one", "other"):
        make_database(tmp_path / name, patience=5)
        engine = make_engine(f"sqlite:///{tmp_path / name}")
        with reading(engine) as connection:
            check_schema(connection)
            before = connection.execute(sa.select(ledger_head)).one()
        upgrade(engine)
        with reading(engine) as connection:
            assert connection.execute(sa.select(ledger_head)).one() == before
        origins.add(before.origin)
        engine.dispose()
    assert len(origins) == 2


def test_newer_migrations_are_run_on_top_of_an_older_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = tmp_path / "older.sql"
    older.write_text(script(migrated(tmp_path / "old.sqlite", "0003")))
    monkeypatch.setattr(first, "SCRIPT", older)
    engine = make_engine(f"sqlite:///{tmp_path}/new.sqlite")
    upgrade(engine)
    with reading(engine) as connection:
        assert current_revision(connection) == REVISION
        assert len(connection.execute(sa.select(ledger_head)).all()) == 1
    engine.dispose()
    assert held(tmp_path / "new.sqlite") == held(migrated(tmp_path / "migrated.sqlite"))


def test_what_another_program_keeps_in_the_file_is_left_to_the_migrations(tmp_path: Path) -> None:
    file = tmp_path / "shared.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    make_database(file, patience=5)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    engine = make_engine(f"sqlite:///{file}")
    upgrade(engine)
    with reading(engine) as connection:
        check_schema(connection)
        assert sa.inspect(connection).has_table("theirs")
    engine.dispose()


def _make(file: str) -> str:
    make_database(Path(file), patience=60)
    with closing(sqlite3.connect(file)) as connection:
        ((origin,),) = connection.execute("SELECT origin FROM ledger_head").fetchall()
    return str(origin)


def test_processes_that_start_together_make_one_database(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        assert len(set(pool.map(_make, [str(tmp_path / "gate.sqlite")] * 8))) == 1


def test_no_database_is_made_where_none_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError) as refused:
        make_database(tmp_path / "file" / "gate.sqlite", patience=0.1)
    assert refused.value.error_code == "store_unreachable"
    assert (tmp_path / "file").read_bytes() == b""


def test_a_trigger_is_one_statement_and_a_remark_is_none() -> None:
    trigger = "CREATE TRIGGER t BEFORE UPDATE ON a BEGIN\n  SELECT 1;\n  SELECT 2; END;\n"
    assert list(statements_of(f"-- a remark\nSELECT 1;\n{trigger}SELECT 3;\n")) == [
        "SELECT 1;\n",
        trigger,
        "SELECT 3;\n",
    ]


def write() -> None:
    """Write the script down: what `make docs` calls."""
    with TemporaryDirectory() as folder, as_file(files("gate.store")) as package:
        (package / SCRIPT).write_text(script(migrated(Path(folder) / "gate.sqlite")), encoding="utf-8")


if __name__ == "__main__":
    write()
