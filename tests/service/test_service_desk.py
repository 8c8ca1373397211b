"""The desk behind the real application keeps the very contract that the desk in a process keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from exceptions.test_exceptions_contract import (
    test_a_name_that_could_be_a_header_is_not_sent,
    test_a_refusal_is_the_same_refusal,
    test_a_request_is_denied,
    test_a_request_is_filed_shown_listed_and_approved,
    test_pages_follow_each_other,
    test_several_large_files_arrive_whole,
)
from exceptions_world.parts import POLICY
from service.inprocess import serving
from store_servers.databases import sqlite_engine, sqlite_url

from gate.config import load_config
from gate.desk import ExceptionDesk
from gate.exceptions.remote import RemoteDesk
from gate.exceptions.storage import FolderStorage
from gate.http.client import HttpClient
from gate.service.app import create_app
from gate.service.state import State
from gate.wiring import Gate, policy_of

__all__ = [
    "sqlite_engine",
    "sqlite_url",
    "test_a_name_that_could_be_a_header_is_not_sent",
    "test_a_refusal_is_the_same_refusal",
    "test_a_request_is_denied",
    "test_a_request_is_filed_shown_listed_and_approved",
    "test_pages_follow_each_other",
    "test_several_large_files_arrive_whole",
]


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "storage")


@pytest.fixture
def desk(request: pytest.FixtureRequest, storage: FolderStorage, tmp_path: Path) -> Iterator[RemoteDesk]:
    engine = request.getfixturevalue("sqlite_engine")
    config = load_config({"GATE_HOME": str(tmp_path)})
    policy = policy_of(config)
    app = create_app(config, policy)
    here = ExceptionDesk(engine=engine, storage=storage, policy=POLICY)
    gate = cast("Gate", SimpleNamespace(desk=here, engine=engine, config=config))  # no more is asked of it
    app.state.gate_state = State(gate=gate, policy=policy)
    with serving(app) as address:
        client = HttpClient()
        yield RemoteDesk(client, address)
        client.close()
