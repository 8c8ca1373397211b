"""The layers kept in a command's own database, found without the libraries that a database takes to load.

A command that finds every layer is done before SQLAlchemy would be imported: SQLite's own module reads one row, and
writes one where the table has room, and makes the database where there is none.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gate.errors import StoreError
from gate.model.base import format_instant
from gate.store.first import make_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from types import TracebackType

    from sqlalchemy.engine import Engine

    from gate.bounds import ImageBounds
    from gate.image.cache import LayerCache
    from gate.model.digest import Digest

_SQLITE = "sqlite:///"
_PATIENCE = 0.5
"""Seconds to wait for another writer: what is not kept now is kept by whoever reads the layer next."""

_ROOM = "SELECT coalesce(sum(size), 0) + ? <= ? FROM layer_results"
_REPLACE = "INSERT OR REPLACE INTO layer_results (key, layer, size, stored_at, data) VALUES (?, ?, ?, ?, ?)"
_SELECT = "SELECT data FROM layer_results WHERE key = ? AND length(data) <= ?"


class LocalLayers:
    """Implements `gate.image.cache.LayerCache` over a database that is opened when there is something to write.

    A database that can't be read has no entries, and one that can't be written keeps none.
    """

    def __init__(
        self,
        url: str,
        bounds: ImageBounds,
        open_cache: Callable[[], AbstractContextManager[LayerCache]],
        clock: Callable[[], datetime],
    ) -> None:
        """Open nothing yet; `open_cache` opens the database of that address, to write to it."""
        # An address with escapes is for SQLAlchemy to read, as everywhere else.
        plain = url.startswith(_SQLITE) and not {"?", "%", "#"} & set(url)
        self._file = Path(url.removeprefix(_SQLITE)) if plain else None
        self._bounds = bounds
        self._open_cache = open_cache
        self._clock = clock
        self._stack = ExitStack()
        self._cache: LayerCache | None = None
        self._failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def get(self, key: str) -> bytes | None:
        """Return the entry under a key; nothing if there is none, or none that can be read."""
        if self._file is not None:
            return _row(self._file, key, self._bounds.cached_bytes)
        cache = self._opened()
        return cache.get(key) if cache is not None else None

    def put(self, key: str, layer: Digest, entry: bytes) -> None:
        """Keep an entry, if the database can be written."""
        if len(entry) > min(self._bounds.cached_bytes, self._bounds.cache_bytes) or self._written(key, layer, entry):
            return
        cache = self._opened()
        if cache is not None:
            cache.put(key, layer, entry)

    def _written(self, key: str, layer: Digest, entry: bytes) -> bool:
        """Write a row into a table that is there and has room; all else is for those who know the whole schema.

        A database that another process writes to at this moment is not waited for: nothing is kept this time.
        """
        if self._file is None or not _is_there(self._file):
            return False
        row = (key, layer, len(entry), format_instant(self._clock()), entry)
        try:
            opened = sqlite3.connect(_address(self._file, "rw"), uri=True, timeout=_PATIENCE)
            with closing(opened) as connection, connection:
                connection.execute("PRAGMA synchronous=NORMAL")  # a row lost with the power costs time
                connection.execute("BEGIN IMMEDIATE")
                has_room = connection.execute(_ROOM, (len(entry), self._bounds.cache_bytes)).fetchone()[0]
                if has_room:
                    connection.execute(_REPLACE, row)
        except sqlite3.Error as error:
            return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        return bool(has_room)

    def _opened(self) -> LayerCache | None:
        if self._cache is None and not self._failed:
            try:
                self._cache = self._stack.enter_context(self._open_cache())
            except StoreError:
                self._failed = True
        return self._cache


def _is_there(file: Path) -> bool:
    """Make the database if there is none yet; False if there is something else, or it is for others to make."""
    if file.exists():
        return file.is_file()
    try:
        make_database(file, patience=_PATIENCE)
    except (StoreError, sqlite3.Error):
        return False
    return True


def _row(file: Path, key: str, limit: int) -> bytes | None:
    if not file.is_file():
        return None
    try:
        with closing(sqlite3.connect(_address(file, "ro"), uri=True)) as connection:
            found = connection.execute(_SELECT, (key, limit)).fetchone()
    except sqlite3.Error:
        return None
    return found[0] if found is not None and isinstance(found[0], bytes) else None


def _address(file: Path, mode: str) -> str:
    return f"{file.absolute().as_uri()}?mode={mode}"


def local_layers(
    url: str,
    bounds: ImageBounds,
    engine: Engine | None = None,
    *,
    clock: Callable[[], datetime],
    busy_seconds: float,
) -> LocalLayers:
    """Return the layers kept in the database of that address.

    It is written through `engine`, which is its owner's to close; without one, the first entry makes the database or
    brings it up to date.
    """

    @contextmanager
    def open_cache() -> Iterator[LayerCache]:
        from gate.store.layers import StoredLayers  # noqa: PLC0415 - finding every layer does without SQLAlchemy

        with nullcontext(engine) if engine is not None else _database(url, busy_seconds) as opened:
            yield StoredLayers(opened, bounds, clock)

    return LocalLayers(url, bounds, open_cache, clock)


@contextmanager
def _database(url: str, busy_seconds: float) -> Iterator[Engine]:
    from gate.store.engine import make_engine  # noqa: PLC0415 - as above
    from gate.store.schema import upgrade  # noqa: PLC0415

    engine = make_engine(url, busy_seconds=busy_seconds)
    try:
        upgrade(engine)
        yield engine
    finally:
        engine.dispose()
