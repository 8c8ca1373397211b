"""When a fix for a vulnerability was first told of. A sighting is written once and never changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.model.base import format_instant
from gate.store.dialect import insert_many
from gate.store.engine import reading, writing
from gate.store.tables import fix_sightings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.engine import Connection, Engine

_CHUNK = 400


class StoredFixes:
    """Implements `gate.findings.facts.Fixes` over the database."""

    def __init__(self, engine: Engine) -> None:
        """Use the engine for each call."""
        self._engine = engine

    def first_seen(self, told: Mapping[tuple[str, str], datetime]) -> Mapping[tuple[str, str], datetime]:
        """Keep what was not seen before, and return the first sighting of each.

        Raises:
            StoreError: the database failed; nothing was kept.
        """
        with reading(self._engine) as connection:
            known = _known(connection, told)
        new = {key: at for key, at in told.items() if key not in known}
        if not new:
            return known
        rows = [
            {"component": component, "vulnerability": vulnerability, "first_seen_at": format_instant(at)}
            for (component, vulnerability), at in sorted(new.items())
        ]
        with writing(self._engine) as connection:
            insert_many(connection, fix_sightings, rows)
            # Another process may have been first: what counts is what stands.
            return {**known, **_known(connection, new)}


def _known(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
    wanted = set(keys)
    names = sorted({component for component, _ in wanted})
    columns = fix_sightings.c
    found: dict[tuple[str, str], datetime] = {}
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        for row in connection.execute(sa.select(fix_sightings).where(columns.component.in_(chunk))):
            key = (row.component, row.vulnerability)
            if key in wanted:
                found[key] = datetime.fromisoformat(row.first_seen_at)
    return found
