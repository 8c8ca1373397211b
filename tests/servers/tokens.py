"""A token server as the distribution project specifies it: users, scopes, signed tokens that a real registry checks."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from servers.certificates import Certificate

ISSUER = "gate-tests-issuer"
SERVICE = "gate-tests-registry"
USER, PASSWORD = "alice", "open-sesame"
REFRESH_TOKEN = "refresh-alice"  # noqa: S105 - as above


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a token: who asked (empty for nobody in particular), for which scopes."""

    user: str
    scopes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class TokenServer:
    """Gives `USER` everything, and everybody `pull` on repositories below `public/`.

    Attributes:
        realm: its address.
        asked: every request that it granted, in order.
        spoiled: how many of the next tokens come with a signature that no registry accepts.
    """

    certificate: Certificate
    realm: str = ""
    asked: list[Asked] = field(default_factory=list)
    spoiled: int = 0

    def token(self, user: str, scopes: tuple[str, ...]) -> str:
        """Return a signed token for what the user may do out of the scopes."""
        now = int(time.time())
        access = [entry for scope in scopes if (entry := _access(user, scope)) is not None]
        claims = {"iss": ISSUER, "sub": user, "aud": SERVICE, "iat": now, "nbf": now - 5, "exp": now + 300}
        header: dict[str, object] = {"typ": "JWT", "alg": "RS256", "x5c": [_der(self.certificate.certificate)]}
        signed = ".".join(_encode(part) for part in (header, {**claims, "jti": uuid.uuid4().hex, "access": access}))
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.certificate.key)]
        signature = subprocess.run(command, input=signed.encode(), capture_output=True, check=True).stdout
        if self.spoiled:
            self.spoiled -= 1
            signature = bytes(len(signature))
        return f"{signed}.{_base64(signature)}"


@contextlib.contextmanager
def token_server(certificate: Certificate) -> Iterator[TokenServer]:
    """Run a token server on a free port of this machine."""
    state = TokenServer(certificate=certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    server.daemon_threads = True
    state.realm = f"http://127.0.0.1:{server.server_address[1]}/token"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(state: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            kind, _, pair = self.headers.get("Authorization", "").partition(" ")
            if not kind:
                self._grant("", query)
            elif base64.b64decode(pair).decode() == f"{USER}:{PASSWORD}":
                self._grant(USER, query)
            else:
                self._answer(401, {"details": "incorrect username or password"})

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if form.get("grant_type") == ["refresh_token"] and form.get("refresh_token") == [REFRESH_TOKEN]:
                self._grant(USER, form)
            else:
                self._answer(401, {"details": "incorrect refresh token"})

        def _grant(self, user: str, fields: dict[str, list[str]]) -> None:
            scopes = tuple(part for scope in fields.get("scope", []) for part in scope.split(" "))
            state.asked.append(Asked(user=user, scopes=scopes))
            name = "access_token" if self.command == "POST" else "token"
            self._answer(200, {name: state.token(user, scopes), "expires_in": 300})

        def _answer(self, status: int, body: dict[str, object]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            del args

    return Handler


def _access(user: str, scope: str) -> dict[str, object] | None:
    kind, name, actions = scope.split(":", 2)
    allowed = set(actions.split(","))
    if not user:
        allowed &= {"pull"} if name.startswith("public/") else set()
    return {"type": kind, "name": name, "actions": sorted(allowed)} if allowed else None


def _encode(part: dict[str, object]) -> str:
    return _base64(json.dumps(part).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _der(pem: Path) -> str:
    return "".join(line for line in pem.read_text().splitlines() if "-----" not in line)
