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

from gate.account import DRY_RUN, Account
from gate.cli.progress import progress
from gate.config import load_config
from gate.errors import InputError, UsageError
from gate.exceptions.identity import parse_claimed
from gate.exceptions.problem import FAILED, REFUSED, error_of, odd
from gate.exceptions.remote import CLAIMED, authorization
from gate.http.address import origin_of
from gate.model.image import ImageRef, Transport
from gate.registry.reference import parse_image_ref
from gate.store.evaluations import FINAL, EvaluationState
from gate.wiring_callers import bearer_of
from gate.wiring_stores import http_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.bounds import DefinitionBounds
    from gate.config import Config
    from gate.http.answer import Answer
    from gate.http.client import HttpClient

_LOOK_SECONDS = 20.0
_ANSWERS = REFUSED | FAILED
_DEFAULT = "local/pipeline"


def evaluate_remotely(server: str, image: str, environment: list[Path], principal: str, deadline: float) -> Account:
    """Submit and wait.

    Args:
        server: address of the service.
        image: as the service's registry names it; a layout folder by its absolute path, for it is the service's.
        environment: files or folders here; what reading them takes is sent.
        principal: who submits, as claimed; nothing where a token says it.
        deadline: seconds to wait; past it the account says how far the evaluation is, and that is no pass.

    Raises:
        GateError: the service refused or failed, can't be reached, or answers about something else.
    """
    origin_of(server)
    ref = parse_image_ref(image)
    if ref.transport is Transport.OCI_LAYOUT and not image.startswith("oci:/"):
        message = "with `--server` a layout folder is the service's own"
        raise UsageError(message, hint="name it by its absolute path: `oci:/FOLDER:TAG`")
    config = load_config(os.environ)
    acts = acting(config, server, principal)
    bundle = bundled(environment, config.definition)
    client = http_client(config)
    base = f"{server.rstrip('/')}/v1/evaluations"
    try:
        with progress("submitting") as show:
            until = time.monotonic() + deadline
            account = _submit(client, base, ref, {"image": image, "environment": bundle}, acts())
            show(f"waiting for {account.id}")
            return _wait(client, base, ref, account, until, acts)
    finally:
        client.close()


def acting(config: Config, server: str, principal: str) -> Callable[[], dict[str, str]]:
    """Return what gives the header that says, or proves, who calls; made anew for each call, for tokens end.

    Raises:
        UsageError: somebody is named beside a token (`identity_twice`); as `bearer_of` and `parse_claimed`.
    """
    bearer = bearer_of(config, server)
    if bearer is None:
        who = parse_claimed(principal or _DEFAULT)
        return lambda: {CLAIMED: f"{who.tenant}/{who.object_id}"}
    if principal:
        message = "the token says who this is, and somebody is named beside it"
        raise UsageError(message, code="identity_twice", hint="leave `--as` out, and unset GATE_PRINCIPAL")
    return lambda: authorization(bearer)


def bundled(paths: list[Path], bounds: DefinitionBounds) -> dict[str, object]:
    """Return the definitions with every file that reading them takes, under paths relative to their roots.

    Definitions with roots of their own get folders of their own, so that no file takes the place of another.

    Raises:
        InputError: a path is not there, or a file can't be read (whole).
    """
    from gate.environment.check import common_root  # noqa: PLC0415 - readers load when they are needed
    from gate.environment.reader import read_definition  # noqa: PLC0415

    for path in paths:
        if not path.exists():
            message = f"`{path}` does not exist"
            raise InputError(message, hint="name the file from which the image was built", file=path)
    roots = [common_root(path, Path.cwd()).absolute() for path in paths]
    places = {root: f"{number}/" if len(set(roots)) > 1 else "" for number, root in enumerate(dict.fromkeys(roots))}
    files: dict[str, str] = {}
    entries = []
    for path, root in zip(paths, roots, strict=True):
        entry = os.path.relpath(path.absolute(), root).replace(os.sep, "/")
        entries.append(places[root] + entry)
        declared = read_definition(path, root, bounds)
        for name in dict.fromkeys((*(() if path.is_dir() else (entry,)), *declared.files)):
            files[places[root] + name] = _content(root / name, bounds.file_bytes)
    if not files:
        message = f"there is no environment definition in `{paths[0]}`"
        raise InputError(message, code="definition_unreadable", hint="name the file from which the image was built")
    sent = [{"path": name, "content": content} for name, content in files.items()]
    return {"files": sent, "entries": list(dict.fromkeys(entries))}


def _content(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        message = f"`{path}` can't be read: {error.strerror}"
        raise InputError(message, hint="name a file that can be read", file=path) from error
    if len(data) > most:
        message = f"`{path}` has more than {most} bytes"
        raise InputError(message, code="definition_unreadable", hint="hand in a smaller file, or raise the bound")
    return base64.b64encode(data).decode()


def _submit(
    client: HttpClient, base: str, ref: ImageRef, submitted: dict[str, object], headers: dict[str, str]
) -> Account:
    headers = {
        **headers,
        "Content-Type": "application/json",
        "Accept": "application/json",
        # The key makes it safe to send again: an answer that was lost does not begin a second evaluation.
        "Idempotency-Key": uuid.uuid4().hex,
    }
    body = json.dumps(submitted).encode()
    return _read(client.request("POST", base, headers=headers, body=body, accept=_ANSWERS, retried=True), ref)


def _wait(  # noqa: PLR0913, PLR0917 - what is asked, of whom, by whom and for how long
    client: HttpClient,
    base: str,
    ref: ImageRef,
    account: Account,
    until: float,
    acts: Callable[[], dict[str, str]],
) -> Account:
    run = account.id
    while EvaluationState(account.state) not in FINAL:
        left = until - time.monotonic()
        if left <= 0:
            return account
        url = f"{base}/{quote(run, safe='')}?wait={min(left, _LOOK_SECONDS):.1f}"
        headers = {"Accept": "application/json", **acts()}
        account = _read(client.request("GET", url, headers=headers, accept=_ANSWERS), ref, run)
    return account


def _read(answer: Answer, ref: ImageRef, run: str = "") -> Account:
    """Return the account, if it is one and is about the image, and the run, that was asked for."""
    if answer.status in _ANSWERS:
        raise error_of(answer)
    try:
        account = Account.model_validate_json(answer.body)
    except ValidationError as error:
        raise odd(answer) from error
    ours = account.repository == ref.place and ref.digest in {None, account.digest} and run in {"", account.id}
    if not ours or not account.id or account.state == DRY_RUN:
        raise odd(answer)
    return account
