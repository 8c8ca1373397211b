"""Who else asked for an evaluation that was under way: what their key stands for, and that they asked for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLE = "submissions"


def upgrade() -> None:
    """Make the table, and the triggers that let nobody take back what they asked for."""
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("evaluation", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
    )
    op.create_index("ix_submissions_evaluation", _TABLE, ["evaluation"])
    for change in ("UPDATE", "DELETE"):
        name = f"{_TABLE}_no_{change.lower()}"
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {change} ON {_TABLE} FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {change} ON {_TABLE} "
                f"BEGIN SELECT RAISE(ABORT, 'append-only: {_TABLE}'); END"
            )
