"""The layers kept in a command's own database, found without the libraries that a database takes to load.

A command that finds every layer is done before SQLAlchemy would be imported: SQLite's own module reads one row.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from sqlalchemy.engine import Engine

    from gate.bounds import ImageBounds
    from gate.image.cache import LayerCache
    from gate.model.digest import Digest

_SQLITE = "sqlite:///"
_SELECT = "SELECT data FROM layer_results WHERE key = ? AND length(data) <= ?"


class LocalLayers:
    """Implements `gate.image.cache.LayerCache` over a database that is opened when there is something to write.

    A database that can't be read has no entries, and one that can't be written keeps none.
    """

    def __init__(
        self,
        url: str,
        bounds: ImageBounds,
        *,
        open_database: Callable[[], AbstractContextManager[Engine]],
        stored: Callable[[Engine], LayerCache],
    ) -> None:
        """Open nothing yet; `stored` makes the cache over the engine that `open_database` opens."""
        # An address with escapes is for SQLAlchemy to read, as everywhere else.
        plain = url.startswith(_SQLITE) and not {"?", "%", "#"} & set(url)
        self._file = Path(url.removeprefix(_SQLITE)) if plain else None
        self._bounds = bounds
        self._open_database = open_database
        self._stored = stored
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
        cache = self._opened()
        if cache is not None:
            cache.put(key, layer, entry)

    def _opened(self) -> LayerCache | None:
        if self._cache is None and not self._failed:
            try:
                self._cache = self._stored(self._stack.enter_context(self._open_database()))
            except StoreError:
                self._failed = True
        return self._cache


def _row(file: Path, key: str, limit: int) -> bytes | None:
    if not file.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute(_SELECT, (key, limit)).fetchone()
    except sqlite3.Error:
        return None
    return found[0] if found is not None and isinstance(found[0], bytes) else None
