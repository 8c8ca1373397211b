"""Bring a database to the schema of this version, or say in one sentence why it can't be used."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.errors import StoreError
from gate.store.engine import writing
from gate.store.first import make_tables, new_ledger
from gate.store.tables import ledger_head

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

REVISION = "0006"
"""The newest migration. A constant, so that an up-to-date database needs no Alembic; a test holds it to the folder."""

KNOWN_REVISIONS = frozenset({"0001", "0002", "0003", "0004", "0005", REVISION})
VERSION_TABLE = "gate_schema"

_LOCK = 0x67617465  # "gate": PostgreSQL's advisory lock, under which one process at a time migrates
_NEWER = "upgrade the gate, or name an older database with `--database`"
_OLDER = "run any command that writes, or `gate serve`, once: it brings the database up to date"


def upgrade(engine: Engine) -> None:
    """Make or migrate the tables in one transaction; nothing is done where they are up to date.

    It takes the write lock, so it also proves that the database can be written.

    Raises:
        StoreError: locked, read-only, not a database, of a newer version (`store_newer_schema`).
    """
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        revision = current_revision(connection)
        if revision == REVISION:
            return
        _refuse_newer(revision)
        if engine.dialect.name == "sqlite" and not sa.inspect(connection).get_table_names():
            make_tables(connection.exec_driver_sql)
            revision = current_revision(connection)
        if revision != REVISION:
            _migrate(connection)
        _begin_ledger(connection)


def check_schema(connection: Connection) -> None:
    """Refuse a database whose tables are not exactly those of this version; changes nothing.

    Raises:
        StoreError: `store_no_schema`, `store_newer_schema` or `store_older_schema`.
    """
    revision = current_revision(connection)
    if revision is None:
        message = "the database has no tables of the gate"
        raise StoreError(message, code="store_no_schema", hint="name the right one with `--database`")
    _refuse_newer(revision)
    if revision != REVISION:
        message = f"the database has the older schema `{revision}`; this version needs `{REVISION}`"
        raise StoreError(message, code="store_older_schema", hint=_OLDER, found=revision)


def current_revision(connection: Connection) -> str | None:
    """Return the schema's revision, or None if this database has none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    revisions = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()  # noqa: S608 - a constant
    if not revisions:
        return None
    return "+".join(sorted(str(revision) for revision in revisions))


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in KNOWN_REVISIONS:
        message = f"the database has the schema `{revision}`, which this version does not know"
        raise StoreError(message, code="store_newer_schema", hint=_NEWER, found=revision)


def _migrate(connection: Connection) -> None:
    # Alembic takes 0.2 s to import and is needed once in the life of a database.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    with as_file(files("gate.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _begin_ledger(connection: Connection) -> None:
    if connection.scalar(sa.select(sa.func.count()).select_from(ledger_head)) == 0:
        origin, root = new_ledger()
        connection.execute(sa.insert(ledger_head).values(id=1, origin=origin, size=0, root=root, frontier=b""))
