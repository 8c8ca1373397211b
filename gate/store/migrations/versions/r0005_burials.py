"""What was discarded and is not deleted yet: hidden, waiting for its day, with a lease for whoever deletes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLE = "burials"
_TEXTS = ("repository", "digest", "state", "tombstone", "buried_at", "due_at", "look_at")
_MORE = ("lease_owner", "lease_expires_at", "receipt", "ended_at", "error_code")
_STANDING = sa.text("state IN ('buried', 'deleting')")


def upgrade() -> None:
    """Make the table, and the trigger that lets nobody forget what is buried."""
    op.create_table(
        _TABLE,
        sa.Column("evaluation", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("attempt", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _MORE),
        sa.PrimaryKeyConstraint("evaluation", name="pk_burials"),
    )
    op.create_index("ix_burials_digest", _TABLE, ["digest"])
    op.create_index("ix_burials_state_look_at", _TABLE, ["state", "look_at"])
    op.create_index(
        "uq_burials_standing",
        _TABLE,
        ["repository", "digest"],
        unique=True,
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )
    name = f"{_TABLE}_no_delete"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE TRIGGER {name} BEFORE DELETE ON {_TABLE} FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse()")
    else:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE DELETE ON {_TABLE} BEGIN SELECT RAISE(ABORT, 'append-only: {_TABLE}'); END"
        )
