"""An Azure Container Registry as its clients see it: HTTPS in front of the real docker-registry, with what Azure adds.

Added: `/oauth2/exchange` and `/oauth2/token` (Entra token → refresh token → access token), `/acr/v1/*` (properties,
locks, paged tag lists), the referrers API with the cascade of deletions, and faults that a test switches on. Images go
through to the registry as they are. Sources: ACR's REST reference (2021-07-01), the OCI distribution specification 1.1.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from acr_world.properties import ACCEPT, PropertyRoutes, Upstream
from acr_world.state import AcrState

if TYPE_CHECKING:
    from servers.certificates import Certificate
    from servers.registry import RegistryServer

_V2 = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<rest>.+)")
_ACTIONS = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrFacade:
    """A running façade: `host` is the login server (`127.0.0.1:port`), `state` what tests look at and change.

    What is in `closing` is left at the end of the façade.
    """

    host: str
    state: AcrState
    closing: contextlib.ExitStack


@contextlib.contextmanager
def acr_facade(registry: RegistryServer, certificate: Certificate) -> Iterator[AcrFacade]:
    """Run a façade before the registry, on a free port of this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server = _Server(registry.host, context)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        with contextlib.ExitStack() as closing:
            yield AcrFacade(host=server.host, state=server.state, closing=closing)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(Upstream):
    daemon_threads = True
    block_on_close = False

    def __init__(self, upstream: str, context: ssl.SSLContext) -> None:
        self.upstream = upstream
        self.context = context
        self.state = AcrState()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: socket.socket, client_address: Any) -> None:  # type: ignore[override]
        """Speak TLS; whoever speaks plain http is told so, as servers do."""
        if request.recv(1, socket.MSG_PEEK) != b"\x16":
            request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with self.context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: clients of these tests go away in the middle, and mean it."""


class _Handler(PropertyRoutes):
    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        line = f"{self.command} {self.path}"
        state = self.server.state
        with state.lock:
            state.requests.append(line)
            happening = state.due()
        if happening.act is not None:
            happening.act()
        self.unanswered = happening.lost
        fault = state.take_fault(line)
        if happening.cut:
            self.close_connection = True
        elif happening.status:
            code = {401: "UNAUTHORIZED", 403: "DENIED", 404: "MANIFEST_UNKNOWN"}.get(happening.status, "UNKNOWN")
            self._error(happening.status, code, "switched on by a test", {"Retry-After": "0"})
        elif fault is not None:
            self._send(fault.status, fault.body, fault.headers)
        elif self.path.startswith("/oauth2/"):
            self._token(parse_qs(body.decode()))
        elif self.path.startswith("/acr/v1/"):
            self._properties(body)
        else:
            self._image(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _token(self, form: dict[str, list[str]]) -> None:
        state = self.server.state
        told, path = {key: values[0] for key, values in form.items()}, urlsplit(self.path).path
        if told.get("service") != self.server.host:
            self._error(400, "UNSUPPORTED", "another service")
        elif path == "/oauth2/exchange" and told.get("grant_type") == "access_token":
            token = state.exchange(told.get("access_token", ""))
            self._answer_token("refresh_token", token)
        elif path == "/oauth2/token" and told.get("grant_type") == "refresh_token":
            self._answer_token("access_token", state.access(told.get("refresh_token", ""), told.get("scope", "")))
        else:
            self._error(401, "UNAUTHORIZED", "no anonymous tokens here")

    def _answer_token(self, name: str, token: str | None) -> None:
        if token is None:
            self._error(401, "UNAUTHORIZED", "authentication required")
        else:
            self._json(200, {name: token})

    def _image(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        match = _V2.fullmatch(parts.path)
        if match is None:
            if self._allowed("", "pull"):
                self._send(200)
            return
        name, kind, rest = match["name"], match["kind"], match["rest"]
        action = _ACTIONS.get(self.command, "push")
        if rest.startswith("uploads/"):
            action = "push"
        if not self._allowed(name, action):
            return
        if kind == "referrers":
            self._referrers(name, rest, parse_qs(parts.query).get("artifactType", []))
        elif kind == "manifests" and not self._unlocked(name, rest):
            detail = f"`{name}` `{rest}` is locked"
            self._error(405, "UNSUPPORTED", f"The operation is unsupported. {detail}")
        elif kind in {"manifests", "tags"} and self.command in {"GET", "HEAD"} and self._is_gone(name, rest):
            self._error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        else:
            self._forward(name, kind, rest, body)

    def _is_gone(self, name: str, reference: str) -> bool:
        return self.server.state.is_untagged(name, reference)

    def _unlocked(self, name: str, reference: str) -> bool:
        attributes = self.server.state.attributes(name, reference)
        match self.command:
            case "GET" | "HEAD":
                # A tag leads to its manifest: one that may not be read is read under no name.
                digest = reference if reference.startswith("sha256:") else self._digest(name, reference)
                readable = digest is None or self.server.state.attributes(name, digest).readEnabled
                return attributes.readEnabled and readable
            case "DELETE":
                return attributes.deleteEnabled and attributes.writeEnabled
            case _:
                return attributes.writeEnabled

    def _forward(self, name: str, kind: str, rest: str, body: bytes) -> None:
        sent = {key: value for key, value in self.headers.items() if key.lower() not in {"host", "authorization"}}
        about = self._subject(name, rest) if kind == "manifests" and self.command == "DELETE" else None
        status, headers, raw = self._upstream(self.command, self.path, body, sent)
        kept = {key: value for key, value in headers.items() if key.lower() not in {"content-length", "connection"}}
        if kind == "manifests" and status in {201, 202}:
            if self.command == "PUT":
                kept |= self._note(name, headers["Docker-Content-Digest"], body)
                self.server.state.retag(name, rest)
            else:
                self._forget(name, rest, about)
        self._send(status, raw, kept, length=headers.get("Content-Length"))

    def _note(self, name: str, digest: str, raw: bytes) -> dict[str, str]:
        """Remember what a manifest is about; a registry that did says so."""
        document = json.loads(raw)
        subject = document.get("subject")
        if not subject:
            return {}
        descriptor = {"mediaType": document.get("mediaType"), "digest": digest, "size": len(raw)}
        kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
        entry = descriptor | {"artifactType": kind, "annotations": document.get("annotations", {})}
        listed = self.server.state.referrers.setdefault((name, subject["digest"]), [])
        with self.server.state.lock:
            listed[:] = [one for one in listed if one["digest"] != digest] + [entry]
        return {"OCI-Subject": subject["digest"]}

    def _subject(self, name: str, digest: str) -> str | None:
        _, _, raw = self._upstream("GET", f"/v2/{name}/manifests/{digest}", b"", {"Accept": ACCEPT})
        try:
            subject = json.loads(raw).get("subject")
        except ValueError:
            return None
        return subject["digest"] if subject else None

    def _forget(self, name: str, digest: str, about: str | None) -> None:
        """Delete with a manifest what refers to it, as Azure does, and take it off the list of what it refers to."""
        referrers = self.server.state.referrers
        self.server.state.forget(name, digest)
        if about is not None:
            with self.server.state.lock:
                referrers[name, about] = [one for one in referrers.get((name, about), []) if one["digest"] != digest]
        for one in referrers.pop((name, digest), []):
            self._upstream("DELETE", f"/v2/{name}/manifests/{one['digest']}", b"", {})
            self._forget(name, one["digest"], None)

    def _referrers(self, name: str, digest: str, wanted: list[str]) -> None:
        listed = self.server.state.referrers.get((name, digest), [])
        shown = [one for one in listed if not wanted or one["artifactType"] in wanted]
        headers = {"OCI-Filters-Applied": "artifactType"} if wanted else {}
        media_type = "application/vnd.oci.image.index.v1+json"
        document = {"schemaVersion": 2, "mediaType": media_type, "manifests": shown}
        self._json(200, document, headers | {"Content-Type": media_type})

    def log_message(self, *args: object) -> None:
        del args
