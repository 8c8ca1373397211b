"""The real application in this process, over layout folders: what a caller on this machine sees of it."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from service.live import Live

from gate.config import Config, load_config
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.verify import Verified, verify
from gate.service.app import create_app
from gate.store.engine import make_engine, reading
from gate.wiring import policy_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it asks for a package of its own in place of httpx
    from starlette.testclient import TestClient

__all__ = ["ALICE", "BOB", "LOCAL", "TestClient"]

ALICE, BOB = {"Gate-Claimed-Principal": "contoso/alice"}, {"Gate-Claimed-Principal": "contoso/bob"}
LOCAL = "http://127.0.0.1"


def config_of(live: Live, **more: str) -> Config:
    """Return the settings of the service over this ground."""
    return load_config({**live.environ, **more})


@contextlib.contextmanager
def application(live: Live, **more: str) -> Iterator[TestClient]:
    """Run the application; its client calls from this machine and names it so."""
    config = config_of(live, **more)
    app = create_app(config, policy_of(config))
    with TestClient(app, base_url=LOCAL, client=("127.0.0.1", 50_000), follow_redirects=False) as client:
        yield client


def caller_from(client: TestClient, address: str, base_url: str = LOCAL) -> TestClient:
    """Return a client of the same running application that calls from another address."""
    return TestClient(client.app, base_url=base_url, client=(address, 50_000), follow_redirects=False)


def bundle(**files: str) -> dict[str, Any]:
    """Return a bundle in which every file is an entry; `_` in a name stands for `.`."""
    sent = [
        {"path": name.replace("_", "."), "content": base64.b64encode(text.encode()).decode()}
        for name, text in files.items()
    ]
    return {"files": sent, "entries": [one["path"] for one in sent]}


def submission(live: Live, tag: str, *, environment: str = "requirements.txt") -> dict[str, Any]:
    """Return the body that submits an image of the staging folder."""
    text = (live.folder / environment).read_text()
    return {"image": f"oci:{live.staging}:{tag}", "environment": bundle(requirements_txt=text)}


def evaluate(client: TestClient, live: Live, tag: str, **words: str) -> dict[str, Any]:
    """Submit an image and return the account at the end."""
    begun = client.post("/v1/evaluations", json=submission(live, tag, **words), headers=ALICE)
    assert begun.status_code == 202, begun.text
    ended = client.get(begun.headers["Location"], params={"wait": 30})
    account: dict[str, Any] = ended.json()
    assert account["finished_at"], account
    return account


def events(live: Live, run: str) -> list[str]:
    """Return what the ledger has of a run, and see that the ledger verifies."""
    engine = make_engine(f"sqlite:///{live.folder}/home/gate.sqlite")
    with reading(engine) as connection:
        ledger = LedgerReader(connection)
        assert isinstance(verify(ledger.leaves(), ledger.head()), Verified)
        found = [entry.record.event.value for entry in ledger.find(LedgerFilter(evaluation=run))]
    engine.dispose()
    return found


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """See that an answer is a problem of this code, whole and harmless; return it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    said: dict[str, Any] = answer.json()
    assert set(said) == {"type", "title", "status", "detail", "code", "hint", "facts"}
    assert (said["status"], said["code"], said["type"]) == (status, code, f"urn:gate:problem:{code}")
    assert said["detail"]
    assert "Traceback" not in answer.text
    return said


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application on a port of this machine, without opening what it opens at its start."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
