"""When a fix for a vulnerability was first told of: the day from which a grace runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLE = "fix_sightings"


def upgrade() -> None:
    """Make the table, and the triggers that let nobody begin a grace anew."""
    op.create_table(
        _TABLE,
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("vulnerability", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("component", "vulnerability", name="pk_fix_sightings"),
    )
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
