"""A desk behind HTTP, as the client expects one: the paths, the form and the problems of `gate.exceptions.remote`."""

from __future__ import annotations

import email.parser
import email.policy
import io
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from exceptions_world.parts import NOW

from gate.errors import GateError
from gate.exceptions.identity import parse_claimed
from gate.exceptions.interface import Desk, Filing, Upload, Wanted
from gate.exceptions.remote import CLAIMED
from gate.exceptions.workflow import Terms
from gate.model.exception import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.base import Value


@contextmanager
def service_over(desk: Desk) -> Iterator[str]:
    """Serve the desk on this machine; yield its address."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.desk = desk
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    desk: Desk


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _answer(self) -> None:
        self._body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            value = self._get() if self.command == "GET" else self._post()
            status, body = 200, value.canonical()
        except GateError as error:
            problem = {"status": error.status, "title": error.code, "detail": error.message}
            status, body = error.status, json.dumps(problem | {"code": error.error_code, "hint": error.hint}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _get(self) -> Value:
        parts = urlsplit(self.path)
        if name := unquote(parts.path.removeprefix("/v1/exceptions").strip("/")):
            return self.server.desk.show(name)
        query: dict[str, object] = dict(parse_qsl(parts.query))
        return self.server.desk.list(Wanted.model_validate(query))

    def _post(self) -> Value:
        desk, who = self.server.desk, parse_claimed(self.headers.get(CLAIMED, ""))
        name, verb = f"{self.path.removeprefix('/v1/exceptions')}//".split("/")[1:3]
        if not name:
            return desk.request(Filing.parse(self._body), who, now=NOW)
        if verb == "deny":
            said = json.loads(self._body)
            return desk.deny(name, who, said["reason"], now=NOW, expected=said.get("expected"))
        fields, uploads = self._form()
        return desk.approve(name, uploads, who, _terms(fields), now=NOW)

    def _form(self) -> tuple[list[tuple[str, str]], list[Upload]]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self._body)
        fields, uploads = [], []
        for part in form.iter_parts():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            if filename := part.get_filename():
                uploads.append(Upload(filename=filename, stream=io.BytesIO(content)))
            else:
                fields.append((str(part.get_param("name", header="content-disposition")), content.decode()))
        return fields, uploads


def _terms(fields: list[tuple[str, str]]) -> Terms:
    said: dict[str, object] = {name: value for name, value in fields if name != "scope"}
    scope = tuple(value for name, value in fields if name == "scope")
    if scope:
        said["scope"] = Scope(repositories=scope)
    return Terms.model_validate(said)
