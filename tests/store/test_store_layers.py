"""Layer results in the database: shared, bounded, replaced, and never an error of whoever reads an image."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gate.bounds import ImageBounds
from gate.errors import StoreError
from gate.store.engine import make_engine, writing
from gate.store.layers import StoredLayers
from gate.store.layers_local import LocalLayers, local_layers
from gate.store.schema import upgrade
from gate.store.tables import layer_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy.engine import Engine

    from gate.image.cache import LayerCache

BOUNDS = ImageBounds()
LAYER = "sha256:" + "1" * 64
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Clock:
    """A minute passes whenever somebody looks."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def layers_of(engine: Engine, bounds: ImageBounds = BOUNDS) -> StoredLayers:
    return StoredLayers(engine, bounds, Clock())


def test_an_entry_is_there_for_every_process_that_uses_the_database(database_url: str) -> None:
    one, other = make_engine(database_url), make_engine(database_url)
    upgrade(one)
    layers_of(one).put("key", LAYER, b"entry")
    assert layers_of(other).get("key") == b"entry"
    assert layers_of(other).get("another") is None
    one.dispose()
    other.dispose()


def test_the_newer_entry_takes_the_place_of_the_older(engine: Engine) -> None:
    cache = layers_of(engine)
    cache.put("key", LAYER, b"broken")
    cache.put("key", LAYER, b"whole")
    assert cache.get("key") == b"whole"
    with writing(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(layer_results)) == 1


def test_the_oldest_entries_make_room_and_no_more_than_need_to(engine: Engine) -> None:
    clock, bounds = Clock(), replace(BOUNDS, cache_bytes=30)
    cache = StoredLayers(engine, bounds, clock)
    for name in "abc":
        cache.put(name, LAYER, name.encode() * 10)
    cache.put("d", LAYER, b"d" * 15)
    assert [name for name in "abcd" if cache.get(name) is not None] == ["c", "d"]


def test_an_entry_past_its_bound_is_neither_written_nor_read(engine: Engine) -> None:
    small = replace(BOUNDS, cached_bytes=4)
    layers_of(engine, small).put("key", LAYER, b"entry")
    assert layers_of(engine).get("key") is None
    layers_of(engine).put("key", LAYER, b"entry")
    assert layers_of(engine, small).get("key") is None


def test_a_database_without_tables_costs_time_and_is_no_error(database_url: str) -> None:
    bare = make_engine(database_url)
    cache = layers_of(bare)
    cache.put("key", LAYER, b"entry")
    assert cache.get("key") is None
    bare.dispose()


def test_text_in_the_place_of_bytes_is_no_entry(sqlite_engine: Engine, sqlite_url: str) -> None:
    layers_of(sqlite_engine).put("key", LAYER, b"entry")
    with writing(sqlite_engine) as connection:
        connection.execute(sa.text("UPDATE layer_results SET data = 'entry'"))
    assert layers_of(sqlite_engine).get("key") is None
    with local(sqlite_url, refuses) as cache:
        assert cache.get("key") is None


def opens(
    url: str, opened: list[str], bounds: ImageBounds = BOUNDS
) -> Callable[[], AbstractContextManager[LayerCache]]:
    @contextmanager
    def open_it() -> Iterator[LayerCache]:
        opened.append(url)
        engine = make_engine(url)
        upgrade(engine)
        yield layers_of(engine, bounds)
        opened.append("closed")
        engine.dispose()

    return open_it


def refuses() -> AbstractContextManager[LayerCache]:
    message = "the database can't be written"
    raise StoreError(message)


def local(url: str, open_cache: Callable[[], AbstractContextManager[LayerCache]]) -> LocalLayers:
    return LocalLayers(url, BOUNDS, open_cache, Clock())


def test_a_command_opens_its_database_once_and_a_file_not_at_all(database_url: str) -> None:
    opened: list[str] = []
    libraries = [] if database_url.startswith("sqlite") else [database_url, "closed"]
    with local(database_url, opens(database_url, opened)) as cache:
        assert cache.get("key") is None
        if not libraries:
            assert not Path(database_url.removeprefix("sqlite:///")).exists()
        cache.put("key", LAYER, b"entry")
        cache.put("other", LAYER, b"entry")
    assert opened == libraries
    opened.clear()
    with local(database_url, opens(database_url, opened)) as cache:
        assert cache.get("key") == cache.get("other") == b"entry"
    assert opened == libraries


def test_a_database_without_tables_is_opened_to_be_given_some(tmp_path: Path) -> None:
    opened: list[str] = []
    (tmp_path / "gate.sqlite").write_bytes(b"")  # what a process leaves that is stopped between the two
    url = f"sqlite:///{tmp_path}/gate.sqlite"
    with local(url, opens(url, opened)) as cache:
        cache.put("key", LAYER, b"entry")
        cache.put("other", LAYER, b"entry")
        assert cache.get("key") == cache.get("other") == b"entry"
    assert opened == [url, "closed"]


def test_a_database_that_can_not_be_opened_is_asked_once_and_keeps_nothing() -> None:
    with local("postgresql://nobody@localhost:1/none", refuses) as cache:
        for _ in range(2):
            cache.put("key", LAYER, b"entry")
            assert cache.get("key") is None


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_no_database_has_no_entries(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a+b.sqlite"
    file.write_bytes(content)
    with local(f"sqlite:///{file}", refuses) as cache:
        assert cache.get("key") is None
    assert file.read_bytes() == content


def test_a_database_of_an_older_version_has_no_entries_and_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE gate_schema (version_num TEXT)")
    connection.close()
    before = file.read_bytes()
    with local(f"sqlite:///{file}", refuses) as cache:
        assert cache.get("key") is None
    assert file.read_bytes() == before


def test_the_first_entry_makes_the_database_and_the_next_command_finds_it(tmp_path: Path) -> None:
    for name in ("new/gate.sqlite", "a#b %20c.sqlite"):
        url = f"sqlite:///{tmp_path}/{name}"
        for found in (None, b"entry"):
            with local_layers(url, BOUNDS, clock=Clock(), busy_seconds=1) as cache:
                assert cache.get("key") == found
                cache.put("key", LAYER, b"entry")


def test_where_no_database_can_be_made_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with local_layers(f"sqlite:///{tmp_path}/file/gate.sqlite", BOUNDS, clock=Clock(), busy_seconds=1) as cache:
        cache.put("key", LAYER, b"entry")
        assert cache.get("key") is None
    assert (tmp_path / "file").read_bytes() == b""


def test_a_table_that_is_there_and_has_room_needs_no_library(sqlite_engine: Engine, sqlite_url: str) -> None:
    with local(sqlite_url, refuses) as cache:
        cache.put("key", LAYER, b"old")
        cache.put("key", LAYER, b"entry")
        assert cache.get("key") == b"entry"
    with writing(sqlite_engine) as connection:
        (row,) = connection.execute(sa.select(layer_results)).all()
    assert (row.layer, row.size, row.stored_at) == (LAYER, 5, "2026-11-23T09:02:00.000000Z")


def test_a_table_without_room_is_left_to_who_can_make_some(sqlite_engine: Engine, sqlite_url: str) -> None:
    small, opened = replace(BOUNDS, cache_bytes=8), list[str]()
    with LocalLayers(sqlite_url, small, opens(sqlite_url, opened, small), Clock()) as cache:
        cache.put("key", LAYER, b"entry")
        assert opened == []
        cache.put("other", LAYER, b"entry")
        cache.put("larger", LAYER, b"entry" * 2)
    assert opened == [sqlite_url, "closed"]
    assert [layers_of(sqlite_engine).get(key) for key in ("key", "other", "larger")] == [None, b"entry", None]


def test_another_writer_is_not_waited_for(sqlite_engine: Engine, sqlite_url: str) -> None:
    opened: list[str] = []
    with local(sqlite_url, opens(sqlite_url, opened)) as cache:
        with writing(sqlite_engine):
            cache.put("key", LAYER, b"entry")
        assert cache.get("key") is None
        cache.put("key", LAYER, b"entry")
        assert cache.get("key") == b"entry"
    assert opened == []


def test_the_service_writes_through_its_own_engine_and_leaves_it_open(engine: Engine, database_url: str) -> None:
    with local_layers(database_url, BOUNDS, engine, clock=Clock(), busy_seconds=1) as cache:
        cache.put("key", LAYER, b"entry")
        assert cache.get("key") == b"entry"
    assert layers_of(engine).get("key") == b"entry"
