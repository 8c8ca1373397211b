"""What is taken out of service: one row an image and place, and the tags that no other image may ever have there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ROWS, _TAGS = "retirements", "retired_tags"


def upgrade() -> None:
    """Make the tables, and the triggers that let nobody forget what was retired."""
    op.create_table(
        _ROWS,
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("id", "action", "state", "place", "digest", "due_at")
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retirements"),
    )
    op.create_index("ix_retirements_digest", _ROWS, ["digest"])
    op.create_index("ix_retirements_state_due_at", _ROWS, ["state", "due_at"])
    op.create_table(
        _TAGS,
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("place", "tag", "digest", "retirement")),
        sa.PrimaryKeyConstraint("place", "tag", name="pk_retired_tags"),
    )
    _refuse(_ROWS, "DELETE")
    for change in ("UPDATE", "DELETE"):
        _refuse(_TAGS, change)


def _refuse(table: str, change: str) -> None:
    name = f"{table}_no_{change.lower()}"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {change} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, 'append-only: {table}'); END"
        )
