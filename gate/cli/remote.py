"""`gate evaluate --server`: send image and environment to a gate service, wait for the end, report it."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import ValidationError

from gate.account import Account
from gate.cli.progress import progress
from gate.config import load_config
from gate.errors import GateError, InputError, UpstreamError
from gate.exceptions.remote import CLAIMED
from gate.http.address import origin_of
from gate.store.evaluations import FINAL, EvaluationState
from gate.wiring import http_client

if TYPE_CHECKING:
    from gate.bounds import DefinitionBounds
    from gate.http.answer import Answer
    from gate.http.client import HttpClient

_LOOK_SECONDS = 20.0
_PROBLEMS = frozenset({400, 403, 404, 409, 413, 422, 500, 502, 503})
_CALLER_FAULT = 500
_DEFAULT = "local/pipeline"


def evaluate_remotely(server: str, image: str, environment: list[Path], principal: str, deadline: float) -> Account:
    """Submit and wait.

    Args:
        server: address of the service.
        image: as the service's registry names it.
        environment: files here; they and all that they include are sent.
        principal: who submits, as claimed.
        deadline: seconds to wait; past it the account says how far the evaluation is, and that is no pass.

    Raises:
        GateError: the service refused or failed, or can't be reached.
    """
    origin_of(server)
    config = load_config(os.environ)
    bundle = bundled(environment, config.definition)
    client = http_client(config)
    base = f"{server.rstrip('/')}/v1/evaluations"
    try:
        with progress("submitting") as show:
            account = _submit(client, base, image, bundle, principal)
            show(f"waiting for {account.id}")
            return _wait(client, base, account, time.monotonic() + deadline)
    finally:
        client.close()


def bundled(paths: list[Path], bounds: DefinitionBounds) -> dict[str, object]:
    """Return the definitions with every file that reading them takes, under paths relative to their common root."""
    from gate.environment.check import common_root  # noqa: PLC0415 - readers load when they are needed
    from gate.environment.reader import read_definition  # noqa: PLC0415

    files: dict[str, str] = {}
    entries = []
    for path in paths:
        if not path.is_file():
            message = f"`{path}` is not a file"
            raise InputError(message, hint="name the file from which the image was built", file=path)
        root = common_root(path, Path.cwd())
        declared = read_definition(path, root, bounds)
        entry = os.path.relpath(path.absolute(), root.absolute()).replace(os.sep, "/")
        entries.append(entry)
        for name in dict.fromkeys((entry, *declared.files)):
            files[name] = base64.b64encode((root / name).read_bytes()).decode()
    sent = [{"path": name, "content": content} for name, content in files.items()]
    return {"files": sent, "entries": entries}


def _submit(client: HttpClient, base: str, image: str, bundle: dict[str, object], principal: str) -> Account:
    body = json.dumps({"image": image, "environment": bundle}).encode()
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        CLAIMED: principal or _DEFAULT,
        # The key makes it safe to send again: an answer that was lost does not begin a second evaluation.
        "Idempotency-Key": uuid.uuid4().hex,
    }
    return _read(client.request("POST", base, headers=headers, body=body, accept=_PROBLEMS, retried=True))


def _wait(client: HttpClient, base: str, account: Account, until: float) -> Account:
    while EvaluationState(account.state) not in FINAL:
        left = until - time.monotonic()
        if left <= 0:
            return account
        url = f"{base}/{quote(account.id, safe='')}?wait={min(left, _LOOK_SECONDS):.1f}"
        account = _read(client.request("GET", url, headers={"Accept": "application/json"}, accept=_PROBLEMS))
    return account


def _read(answer: Answer) -> Account:
    try:
        said = json.loads(answer.body)
        if answer.status in _PROBLEMS:
            raise _problem(answer.status, said)
        return Account.model_validate({**{k: v for k, v in said.items() if k != "schema"}, "version": said["schema"]})
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        message = "the service answered something that is no gate's answer"
        hint = "check the address in `--server`, and that client and service have the same version"
        raise UpstreamError(message, code="service_answer", hint=hint, status=answer.status) from error


def _problem(status: int, said: dict[str, object]) -> GateError:
    kind = UpstreamError if status >= _CALLER_FAULT else InputError
    facts = said.get("facts")
    error = kind(str(said["detail"]), code=str(said["code"]), hint=str(said.get("hint", "")))
    error.facts.update({str(k): str(v) for k, v in facts.items()} if isinstance(facts, dict) else {})
    return error
