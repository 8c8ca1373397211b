"""What layers were read as, kept in the database for every process that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.errors import StoreError
from gate.model.base import format_instant
from gate.store.dialect import insert_new
from gate.store.engine import reading, writing
from gate.store.tables import layer_results

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

    from gate.bounds import ImageBounds
    from gate.model.digest import Digest


class StoredLayers:
    """Implements `gate.image.cache.LayerCache`. A database that fails costs time here and nothing else."""

    def __init__(self, engine: Engine, bounds: ImageBounds, clock: Callable[[], datetime]) -> None:
        """Keep entries of at most `cached_bytes`, all together at most `cache_bytes`; the oldest go first."""
        self._engine = engine
        self._bounds = bounds
        self._clock = clock

    def get(self, key: str) -> bytes | None:
        """Return the entry under a key; nothing if there is none, or none that can be read."""
        data, size = layer_results.c.data, sa.func.length(layer_results.c.data)
        wanted = sa.select(data).where(layer_results.c.key == key, size <= self._bounds.cached_bytes)
        try:
            with reading(self._engine) as connection:
                found = connection.scalar(wanted)
        except StoreError:
            return None
        return found if isinstance(found, bytes) else None

    def put(self, key: str, layer: Digest, entry: bytes) -> None:
        """Keep an entry in the place of what was there, and make room for it."""
        if len(entry) > min(self._bounds.cached_bytes, self._bounds.cache_bytes):
            return
        row = {"key": key, "layer": layer, "size": len(entry), "data": entry}
        try:
            with writing(self._engine) as connection:
                connection.execute(sa.delete(layer_results).where(layer_results.c.key == key))
                self._make_room(connection, self._bounds.cache_bytes - len(entry))
                insert_new(connection, layer_results, {**row, "stored_at": format_instant(self._clock())})
        except StoreError:
            return

    def _make_room(self, connection: Connection, limit: int) -> None:
        """Take away the oldest entries until all that are left have at most `limit` bytes."""
        columns = layer_results.c
        total = connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(columns.size), 0))) or 0
        while total > limit:
            oldest = connection.execute(
                sa.select(columns.key, columns.size).order_by(columns.stored_at, columns.key).limit(1)
            ).one()
            connection.execute(sa.delete(layer_results).where(columns.key == oldest.key))
            total -= oldest.size
