"""What Alembic runs for each command: migrations on the connection that `upgrade` holds, in its transaction."""

from __future__ import annotations

from alembic import context

from gate.store.schema import VERSION_TABLE
from gate.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
