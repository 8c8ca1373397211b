"""What reading an image's layers gave, so that a layer that many images share is read once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. It is a cache: rows may be replaced and taken away, so no trigger guards it."""
    op.create_table(
        "layer_results",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_layer_results"),
    )
    op.create_index("ix_layer_results_stored_at_size", "layer_results", ["stored_at", "size"])
