"""State and ledger change together or not at all, whatever fails in between; of two decisions one wins."""

from __future__ import annotations

import io
import multiprocessing
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from exceptions_world.ledgers import entries, events
from exceptions_world.parts import ALICE, BOB, NOW, POLICY, REASON, filename, subject, wheel
from exceptions_world.racing import in_processes, in_threads
from sqlalchemy import event

from gate.desk import ExceptionDesk
from gate.exceptions.interface import Filing, Upload
from gate.exceptions.storage import FolderStorage
from gate.exceptions.workflow import Terms
from gate.model.exception import RequestState
from gate.store.engine import make_engine, reading
from gate.store.grants import Grants
from gate.store.tables import exception_requests, grants, ledger_leaves

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

    from gate.exceptions.interface import Shown

STATEMENTS = [
    "UPDATE ledger_head",
    "INSERT INTO ledger_leaves",
    "INSERT INTO ledger_private",
    "INSERT INTO grants",
    "UPDATE exception_requests",
    "COMMIT",
]
"""What an approval does to the database, each a place to fail."""


class InjectedError(Exception):
    """What fails between two statements."""


def fail_at(engine: Engine, statement: str, fail: Callable[[], None]) -> None:
    """Fail right after the first such statement, or in place of the commit."""
    if statement == "COMMIT":
        event.listen(engine, "commit", lambda _: fail())
        return

    def look(*arguments: object) -> None:
        if str(arguments[2]).startswith(statement):
            fail()

    event.listen(engine, "after_cursor_execute", look)


def raise_injected() -> None:
    raise InjectedError


def file(engine: Engine, folder: Path) -> str:
    desk = ExceptionDesk(engine=engine, storage=FolderStorage(folder), policy=POLICY)
    return desk.request(Filing(subject=subject(), reason=REASON), ALICE, now=NOW).request.id


def approve(engine: Engine, folder: Path, request_id: str) -> Shown:
    desk = ExceptionDesk(engine=engine, storage=FolderStorage(folder), policy=POLICY)
    upload = Upload(filename=filename(), stream=io.BytesIO(wheel()))
    return desk.approve(request_id, [upload], BOB, Terms(), now=NOW)


def approve_and_die(url: str, folder: Path, request_id: str, statement: str) -> None:
    """Die as a killed process does: no clean-up, no rollback."""
    engine = make_engine(url)
    fail_at(engine, statement, lambda: os._exit(9))
    approve(engine, folder, request_id)


def state(engine: Engine) -> list[object]:
    with reading(engine) as connection:
        return [tuple(connection.execute(sa.select(one))) for one in (exception_requests, grants, ledger_leaves)]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_an_approval_that_fails_midway_changed_nothing(
    database_url: str, engine: Engine, tmp_path: Path, statement: str
) -> None:
    request_id = file(engine, tmp_path)
    before = state(engine)
    failing = make_engine(database_url)
    fail_at(failing, statement, raise_injected)
    with pytest.raises(InjectedError):
        approve(failing, tmp_path, request_id)
    failing.dispose()
    assert state(engine) == before
    assert len(entries(engine)) == 1
    assert approve(engine, tmp_path, request_id).request.state is RequestState.APPROVED
    assert events(engine)[-1] == ("exception_approved", 1)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_an_approver_that_is_killed_midway_changed_nothing(
    sqlite_url: str, sqlite_engine: Engine, tmp_path: Path, statement: str
) -> None:
    request_id = file(sqlite_engine, tmp_path)
    before = state(sqlite_engine)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=approve_and_die, args=(sqlite_url, tmp_path, request_id, statement))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert state(sqlite_engine) == before
    assert approve(sqlite_engine, tmp_path, request_id).request.state is RequestState.APPROVED
    assert len(entries(sqlite_engine)) == 2


def one_won(engine: Engine, ends: list[str]) -> str:
    """Exactly one decision stands; the others were told why theirs does not."""
    winners = [end for end in ends if end.startswith("won:")]
    assert len(winners) == 1
    assert set(ends) - set(winners) <= {"already_decided", "request_changed"}
    decided = [name for name, _ in events(engine) if name != "exception_requested"]
    assert decided == ["exception_denied" if "deny" in winners[0] else "exception_approved"]
    with reading(engine) as connection:
        assert len(Grants(connection).all()) == ("deny" not in winners[0])
    return winners[0].removeprefix("won:")


@pytest.mark.parametrize("names", [["bob", "carol"], ["bob", "carol-deny", "dave", "erin-deny"]])
def test_of_many_decisions_at_once_exactly_one_wins(
    database_url: str, engine: Engine, tmp_path: Path, names: list[str]
) -> None:
    request_id = file(engine, tmp_path)
    winner = one_won(engine, in_threads(database_url, tmp_path, request_id, names))
    with reading(engine) as connection:
        row = connection.execute(sa.select(exception_requests)).one()
    assert f'"object_id":"{winner}"' in row.body
    assert row.version == 2


def test_of_two_processes_that_approve_exactly_one_wins(sqlite_url: str, sqlite_engine: Engine, tmp_path: Path) -> None:
    request_id = file(sqlite_engine, tmp_path)
    one_won(sqlite_engine, in_processes(sqlite_url, tmp_path, request_id, ["bob", "carol"]))
