"""Approvers that act at the same moment, each with a database connection of their own."""

from __future__ import annotations

import io
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

from exceptions_world.parts import NOW, POLICY, filename, wheel

from gate.desk import ExceptionDesk
from gate.errors import GateError
from gate.exceptions.interface import Upload
from gate.exceptions.storage import FolderStorage
from gate.exceptions.workflow import Terms
from gate.model.principal import Principal
from gate.store.engine import make_engine

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier as ProcessBarrier


def decide_once(url: str, folder: Path, request_id: str, who: str, barrier: Barrier | ProcessBarrier) -> str:
    """Approve (or deny, for a name with `deny`) when all are ready; say how it ended."""
    engine = make_engine(url)
    desk = ExceptionDesk(engine=engine, storage=FolderStorage(folder), policy=POLICY)
    approver = Principal(tenant="contoso", object_id=who)
    barrier.wait()
    try:
        if "deny" in who:
            desk.deny(request_id, approver, "use the public one", now=NOW)
        else:
            desk.approve(
                request_id, [Upload(filename=filename(), stream=io.BytesIO(wheel()))], approver, Terms(), now=NOW
            )
    except GateError as error:
        return error.error_code
    finally:
        engine.dispose()
    return f"won:{who}"


def in_threads(url: str, folder: Path, request_id: str, names: list[str]) -> list[str]:
    """Let them race in threads."""
    barrier = Barrier(len(names))
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda who: decide_once(url, folder, request_id, who, barrier), names))


def in_processes(url: str, folder: Path, request_id: str, names: list[str]) -> list[str]:
    """Let them race in processes."""
    context = multiprocessing.get_context("spawn")
    barrier, ends = context.Barrier(len(names)), context.Queue()
    processes = [context.Process(target=_report, args=(ends, url, folder, request_id, who, barrier)) for who in names]
    for process in processes:
        process.start()
    found = [ends.get(timeout=120) for _ in names]
    for process in processes:
        process.join()
    return found


def _report(ends: Queue[str], *arguments: object) -> None:
    ends.put(decide_once(*arguments))  # type: ignore[arg-type] # as given above
