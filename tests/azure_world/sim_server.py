"""The simulated Azure over HTTPS: the token endpoint, Resource Manager with Resource Graph, and a registry beside it.

It is given to the gate by configuration alone (`GATE_AZURE_AUTHORITY`, `GATE_AZURE_ARM`, the CA bundle), so that the
real azure-identity, azure-core, azure-mgmt-security and `requests` talk to it, TLS and all.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from azure_world import sim_arm
from azure_world.sim_registry import SimRegistry
from azure_world.sim_state import CLIENT, AzureWorld
from servers.certificates import Certificate

Answer = tuple[int, dict[str, str], bytes]
_TLS_HANDSHAKE = b"\x16"


@contextlib.contextmanager
def azure_server(
    certificate: Certificate, world: AzureWorld | None = None, registry: SimRegistry | None = None
) -> Iterator[AzureWorld]:
    """Run a simulator on a free port of this machine; its state may be changed while it runs."""
    state = world or AzureWorld()
    server = TlsServer(("127.0.0.1", 0), _handler(state, registry))
    server.context.load_cert_chain(certificate.certificate, certificate.key)
    host = f"127.0.0.1:{server.server_address[1]}"
    state.address = f"https://{host}"
    state.registry["loginServer"] = host
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class TlsServer(ThreadingHTTPServer):
    """Speaks TLS, and says 400 to whoever speaks in clear, as web servers do."""

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def finish_request(self, request: Any, client_address: Any) -> None:
        with contextlib.suppress(OSError):
            if request.recv(1, socket.MSG_PEEK) != _TLS_HANDSHAKE:
                request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)


def _handler(world: AzureWorld, registry: SimRegistry | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65536

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            time.sleep(world.faults.latency)
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            world.asked.append(f"{self.command} {parts.path}")
            if parts.path.startswith(("/v2/", "/acr/")):
                self._send(_registry(registry, parts.path, query))
            elif "oauth2" in parts.path or ".well-known" in parts.path:
                self._send(_authority(world, parts.path, parse_qs(body.decode())))
            else:
                bearer = self.headers.get("Authorization", "")
                self._send(_arm(world, bearer, (self.command, parts.path), query, body))

        def _send(self, answer: Answer) -> None:
            status, headers, body = answer
            self.send_response(status)
            standard = {"Content-Type": "application/json", "Content-Length": str(len(body))}
            for name, value in {**standard, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            del args

    return Handler


def _arm(world: AzureWorld, bearer: str, call: tuple[str, str], query: dict[str, str], body: bytes) -> Answer:
    world.bearers.append(bearer)
    if bearer.removeprefix("Bearer ") not in world.issued:
        return error(401, "InvalidAuthenticationToken", "The access token is invalid.")
    if world.tokens_for != world.tenant:
        return error(401, "InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer.")
    if world.faults.not_json:
        return 200, {"Content-Type": "text/html"}, b"<html>Sign in to your account</html>"
    if world.faults.status:
        return error(world.faults.status, world.faults.code or "AuthorizationFailed", "It may not be.")
    return sim_arm.answer(world, *call, query, body)


def error(status: int, code: str, message: str) -> Answer:
    """Return an error as Resource Manager writes it."""
    return status, {}, json.dumps({"error": {"code": code, "message": message}}).encode()


def _registry(registry: SimRegistry | None, path: str, query: dict[str, str]) -> Answer:
    if registry is None:
        return 404, {}, b"no registry here"
    return registry.answer(path, query)


def _authority(world: AzureWorld, path: str, form: dict[str, list[str]]) -> Answer:
    base = f"{world.address}/{world.tenant}"
    if ".well-known" in path:
        known = {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }
        return 200, {}, json.dumps(known).encode()
    if form.get("client_id") != [CLIENT] or form.get("client_secret") != [world.secret]:
        refused = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        return 401, {}, json.dumps(refused).encode()
    (scope,) = form.get("scope") or ("",)
    if scope != f"{world.address}/.default" and scope not in world.scopes:
        refused = {"error": "invalid_scope", "error_description": f"AADSTS70011: {urlencode(form, doseq=True)[:0]}"}
        return 400, {}, json.dumps(refused).encode()
    token = f"token-{uuid.uuid4().hex}"
    world.scopes.get(scope, world.issued).append(token)
    return 200, {}, json.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": token}).encode()
