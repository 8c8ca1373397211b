"""Alembic migrations, run by `gate.store.schema.upgrade` inside its own transaction."""
