"""The tables that migrations make are the tables that the code believes in, on both databases."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gate.errors import StoreError
from gate.store.engine import make_engine, reading, writing
from gate.store.evaluations import OPEN
from gate.store.schema import KNOWN_REVISIONS, REVISION, VERSION_TABLE, check_schema, current_revision, upgrade
from gate.store.tables import OPEN_STATES, ledger_head, metadata

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def test_the_migrated_schema_is_the_metadata(engine: Engine) -> None:
    with reading(engine) as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_unique_and_partial_indexes_are_those_of_the_metadata(engine: Engine) -> None:
    inspector = sa.inspect(engine)
    for table in metadata.sorted_tables:
        unique = {str(index["name"]) for index in inspector.get_indexes(table.name) if index["unique"]}
        unique |= {str(constraint["name"]) for constraint in inspector.get_unique_constraints(table.name)}
        declared = {str(index.name) for index in table.indexes if index.unique}
        declared |= {
            str(constraint.name) for constraint in table.constraints if isinstance(constraint, sa.UniqueConstraint)
        }
        assert unique == declared
        keys = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert keys == [column.name for column in table.primary_key]


def test_the_constants_name_the_newest_revision_and_all_before_it() -> None:
    with as_file(files("gate.store") / "migrations") as folder:
        scripts = ScriptDirectory(str(folder))
        assert scripts.get_heads() == [REVISION]
        assert {script.revision for script in scripts.walk_revisions()} == KNOWN_REVISIONS


def test_the_open_states_of_the_index_are_those_of_the_code() -> None:
    assert {state.value for state in OPEN} == set(OPEN_STATES)


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    with reading(engine) as connection:
        before = connection.execute(sa.select(ledger_head)).one()
    upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(sa.select(ledger_head)).one() == before


def test_two_ledgers_have_different_names(engine: Engine, sqlite_url: str) -> None:
    other = make_engine(sqlite_url + ".other")
    upgrade(other)
    with reading(engine) as one, reading(other) as two:
        assert one.scalar(sa.select(ledger_head.c.origin)) != two.scalar(sa.select(ledger_head.c.origin))
    other.dispose()


def _upgrade(url: str) -> str:
    engine = make_engine(url, busy_seconds=60)
    upgrade(engine)
    with reading(engine) as connection:
        origin: str = connection.execute(sa.select(ledger_head.c.origin)).scalar_one()
    engine.dispose()
    return origin


def test_processes_that_start_together_make_one_schema(database_url: str) -> None:
    with ProcessPoolExecutor(4) as pool:
        assert len(set(pool.map(_upgrade, [database_url] * 8))) == 1


def test_an_empty_database_is_not_an_empty_ledger(database_url: str) -> None:
    bare = make_engine(database_url)
    with reading(bare) as connection:
        assert current_revision(connection) is None
        with pytest.raises(StoreError) as refused:
            check_schema(connection)
    bare.dispose()
    assert refused.value.error_code == "store_no_schema"
    assert refused.value.hint


@pytest.mark.parametrize("found", ["9999", "", "0001x"])
def test_a_schema_that_this_version_does_not_know_is_refused_and_left_alone(engine: Engine, found: str) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '{found}'"))  # noqa: S608 - the test's own
    with pytest.raises(StoreError) as refused:
        upgrade(engine)
    assert refused.value.error_code == "store_newer_schema"
    with reading(engine) as connection:
        with pytest.raises(StoreError) as unread:
            check_schema(connection)
        assert unread.value.error_code == "store_newer_schema"
        assert current_revision(connection) == found


def test_a_version_table_without_a_row_is_no_schema(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text(f"DELETE FROM {VERSION_TABLE}"))  # noqa: S608 - the test's own
    with reading(engine) as connection, pytest.raises(StoreError) as refused:
        check_schema(connection)
    assert refused.value.error_code == "store_no_schema"


def test_an_older_schema_is_named_as_such(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.store.schema.REVISION", "9999")
    with reading(engine) as connection, pytest.raises(StoreError) as refused:
        check_schema(connection)
    assert refused.value.error_code == "store_older_schema"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_leaves SET attempt = 9",
        "DELETE FROM ledger_leaves",
        "DELETE FROM ledger_head",
        "UPDATE blobs SET size = 0",
        "UPDATE decisions SET outcome = 'promote'",
        "UPDATE grants SET expires = '9'",
        "UPDATE submissions SET requester = ''",
        "DELETE FROM submissions",
    ],
)
def test_history_can_not_be_rewritten_by_sql(engine: Engine, statement: str) -> None:
    insert = {
        "ledger_leaves": "INSERT INTO ledger_leaves VALUES (0,'e','decided',1,'','',:b,:b)",
        "blobs": "INSERT INTO blobs VALUES ('d',1,:b)",
        "decisions": "INSERT INTO decisions VALUES ('e','d','s','r','discard','p','t')",
        "grants": "INSERT INTO grants VALUES ('g','pypi','n','0','1','','{}')",
        "submissions": "INSERT INTO submissions VALUES ('s','e','t','{}','0')",
    }
    table = next((name for name in insert if name in statement), None)
    if table:
        with writing(engine) as connection:
            connection.execute(sa.text(insert[table]), {"b": b"x"})
    with pytest.raises(StoreError) as refused, writing(engine) as connection:
        connection.execute(sa.text(statement))
    assert refused.value.error_code == "store_constraint"
    assert "append-only" in refused.value.facts["detail"]


def test_postgres_refuses_to_truncate_the_ledger(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # SQLite has no TRUNCATE
    with pytest.raises(StoreError), writing(engine) as connection:
        connection.execute(sa.text("TRUNCATE ledger_leaves"))
