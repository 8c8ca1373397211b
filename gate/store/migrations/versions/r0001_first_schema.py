"""The first schema: ledger, content, evaluations, exceptions, reference data, and what keeps them append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, then the triggers that refuse to rewrite history."""
    _make_ledger()
    _make_evaluations()
    _make_exceptions()
    _make_data()
    _guard()


def _make_ledger() -> None:
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_ledger_head_single"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_head"),
    )
    op.create_table(
        "ledger_leaves",
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("evaluation", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("leaf_bytes", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", name="pk_ledger_leaves"),
        sa.UniqueConstraint("evaluation", "event", "attempt", name="uq_ledger_leaves_evaluation_event_attempt"),
    )
    op.create_index("ix_ledger_leaves_event", "ledger_leaves", ["event"])
    op.create_index("ix_ledger_leaves_recorded_at", "ledger_leaves", ["recorded_at"])
    op.create_index("ix_ledger_leaves_subject", "ledger_leaves", ["subject"])
    op.create_table(
        "ledger_private",
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name="pk_ledger_private"),
    )
    op.create_index("ix_ledger_private_leaf_index", "ledger_private", ["leaf_index"])


def _make_evaluations() -> None:
    op.create_table(
        "blobs",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_blobs"),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("environment_digest", sa.Text(), nullable=False),
        sa.Column("policy_digest", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=False),
        sa.Column("lease_expires_at", sa.Text(), nullable=False),
        sa.Column("decision_digest", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
    )
    op.create_index("ix_evaluations_repository_digest", "evaluations", ["repository", "digest"])
    op.create_index("ix_evaluations_submitted_at", "evaluations", ["submitted_at"])
    op.create_index(
        "uq_evaluations_open_key",
        "evaluations",
        ["key"],
        unique=True,
        sqlite_where=sa.text("state IN ('submitted', 'gathering', 'decided', 'acting')"),
        postgresql_where=sa.text("state IN ('submitted', 'gathering', 'decided', 'acting')"),
    )
    op.create_table(
        "decisions",
        sa.Column("evaluation", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("evaluation", "digest", name="pk_decisions"),
    )
    op.create_index("ix_decisions_decided_at_digest", "decisions", ["decided_at", "digest"])
    op.create_index("ix_decisions_digest", "decisions", ["digest"])
    op.create_index("ix_decisions_repository_decided_at", "decisions", ["repository", "decided_at"])
    op.create_index("ix_decisions_subject", "decisions", ["subject"])


def _make_exceptions() -> None:
    op.create_table(
        "exception_requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exception_requests"),
    )
    op.create_index("ix_exception_requests_opened_at_id", "exception_requests", ["opened_at", "id"])
    op.create_index("ix_exception_requests_state_opened_at", "exception_requests", ["state", "opened_at"])
    op.create_table(
        "grants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("not_before", sa.Text(), nullable=False),
        sa.Column("expires", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
    )
    op.create_index("ix_grants_expires", "grants", ["expires"])
    op.create_index("ix_grants_kind_name", "grants", ["kind", "name"])


def _make_data() -> None:
    op.create_table(
        "reference_data",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("published_at", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "digest", name="pk_reference_data"),
    )
    op.create_index(
        "uq_reference_data_active_kind",
        "reference_data",
        ["kind"],
        unique=True,
        sqlite_where=sa.text("active = 1"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "reference_rows",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "snapshot", "key", "id", name="pk_reference_rows"),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("evaluation", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index("ix_messages_evaluation", "messages", ["evaluation"])


def _guard() -> None:
    appended = ("ledger_leaves", "ledger_head")
    fixed = ("blobs", "decisions", "grants")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION gate_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'append-only: %', TG_TABLE_NAME USING ERRCODE = '23001'; END $$"
        )
    for table in (*appended, *fixed):
        if table != "ledger_head":
            _refuse("UPDATE", table)
    for table in appended:
        _refuse("DELETE", table)


def _refuse(change: str, table: str) -> None:
    name = f"{table}_no_{change.lower()}"
    if op.get_bind().dialect.name == "postgresql":
        body = "FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse()"
        also = " OR TRUNCATE" if change == "DELETE" else ""
    else:
        body = f"BEGIN SELECT RAISE(ABORT, 'append-only: {table}'); END"
        also = ""
    op.execute(f"CREATE TRIGGER {name} BEFORE {change}{also} ON {table} {body}")
