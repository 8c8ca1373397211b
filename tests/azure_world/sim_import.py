"""`importImage` of Resource Manager over HTTPS: a real copy between two real registries, or what Azure does instead.

An import is accepted (202), goes on by itself and is looked at under the address that the answer names, which says
`Succeeded` whatever came of it: Azure's own do so too. Shapes: REST reference "Registries - Import Image" (2023-07-01).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from servers.certificates import Certificate

ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.manifest.v1", "oci.image.index.v1",
        "docker.distribution.manifest.v2", "docker.distribution.manifest.list.v2",
    )
)  # fmt: skip
Json = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


@dataclass(kw_only=True)
class ImportWorld:
    """The state; tests change it while it runs.

    Attributes:
        registries: host of the real registry behind each resource id.
        tokens: Entra tokens that may import.
        lies: says that it succeeded, and brings nothing.
        partial: brings everything and then loses the config blob of each image.
        unlisted: brings the blobs and no manifest.
        hangs: comes to no end.
        status: answers the request so, `times` times, with `code`.
        page: answers with these bytes instead of with an error as Azure writes it.
        ends: the status at the end instead of `Succeeded`; nothing is brought then.
        looks: how often it is looked at until it ends, and `last` is what stands under `Location` then.
        operation: where the answer says that the import is to be looked at, instead of here.
        named: the header that says so.
        asked: the bodies of the requests; `lines` are all requests as `METHOD path`.
    """

    registries: Mapping[str, str] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    lies: bool = False
    partial: bool = False
    unlisted: bool = False
    hangs: bool = False
    status: int = 0
    times: int = 1_000_000
    code: str = "AuthorizationFailed"
    page: bytes = b""
    ends: str = ""
    looks: int = 1
    last: bytes = b""
    operation: str | None = None
    named: str = "Azure-AsyncOperation"
    asked: list[Json] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    address: str = ""
    _looked: int = 0

    def answer(self, method: str, path: str, bearer: str, body: bytes) -> Answer:
        """Answer one call."""
        self.lines.append(f"{method} {path}")
        if bearer.removeprefix("Bearer ") not in self.tokens:
            return _refused(401, "InvalidAuthenticationToken")
        if path == "/operations/1":
            return self._look()
        target = path.removesuffix("/importImage")
        if method != "POST" or target == path or target not in self.registries:
            return _refused(404, "ResourceNotFound")
        if self.status and self.times:
            self.times -= 1
            return (self.status, {}, self.page) if self.page else _refused(self.status, self.code)
        asked = json.loads(body)
        self.asked.append(asked)
        if not (self.lies or self.hangs or self.ends):
            refused = self._bring(self.registries[target], asked)
            if refused:
                return refused
        named = {self.named: f"{self.address}/operations/1" if self.operation is None else self.operation}
        return 202, {name: value for name, value in named.items() if value}, b""

    def _look(self) -> Answer:
        self._looked += 1
        if self.hangs or self._looked < self.looks:
            return 202, {"Retry-After": "1"}, b"" if self.named == "Location" else b'{"status":"InProgress"}'
        if self.named == "Location":
            return 200, {}, self.last
        told: Json = {"status": self.ends or "Succeeded"}
        if self.ends:
            told["error"] = {"code": "ImageImportFailed", "message": "it did not work"}
        return 200, {}, json.dumps(told).encode()

    def _bring(self, target: str, asked: Json) -> Answer | None:
        source = asked["source"]
        repository, _, digest = source["sourceImage"].partition("@")
        tags = asked.get("targetTags", [])
        for tagged in tags:
            name, _, tag = tagged.partition(":")
            held, _, _ = _call(target, "HEAD", f"/v2/{name}/manifests/{tag}")
            if held == http.client.OK and asked.get("mode", "NoForce") == "NoForce":
                return _refused(409, "Conflict")
        origin = self.registries[source["resourceId"]]
        for name in asked.get("untaggedTargetRepositories", []):
            self._copy(origin, repository, target, name, digest)
        for tagged in tags:
            name, _, tag = tagged.partition(":")
            self._copy(origin, repository, target, name, digest, under=tag)
        return None

    def _copy(self, origin: str, source: str, target: str, name: str, digest: str, *, under: str = "") -> None:
        status, headers, raw = _call(origin, "GET", f"/v2/{source}/manifests/{digest}")
        assert status == http.client.OK, (status, digest)
        document = json.loads(raw)
        for child in document.get("manifests", []):
            self._copy(origin, source, target, name, child["digest"])
        blobs = [document["config"], *document["layers"]] if "config" in document else []
        for blob in {one["digest"] for one in blobs}:
            _, _, data = _call(origin, "GET", f"/v2/{source}/blobs/{blob}")
            _, opened, _ = _call(target, "POST", f"/v2/{name}/blobs/uploads/")
            parts = urlsplit(opened["Location"])
            put, _, _ = _call(target, "PUT", f"{parts.path}?{parts.query}&digest={blob}", data)
            assert put == http.client.CREATED, put
        if self.unlisted:
            return
        sent = {"Content-Type": headers["Content-Type"]}
        put, _, _ = _call(target, "PUT", f"/v2/{name}/manifests/{under or digest}", raw, sent)
        assert put == http.client.CREATED, put
        if self.partial and blobs:
            _call(target, "DELETE", f"/v2/{name}/blobs/{blobs[0]['digest']}")


@contextlib.contextmanager
def import_server(certificate: Certificate, world: ImportWorld) -> Iterator[ImportWorld]:
    """Run it on a free port of this machine; its address is in the world."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            bearer = self.headers.get("Authorization", "")
            status, headers, data = world.answer(self.command, urlsplit(self.path).path, bearer, body)
            self.send_response_only(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 - http.server's names

        def log_message(self, *args: object) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    world.address = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _call(
    host: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(host)
    try:
        sent = {"Accept": ACCEPT, "Content-Length": str(len(body)), **(headers or {})}
        connection.request(method, path, body=body or None, headers=sent)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def _refused(status: int, code: str) -> Answer:
    headers = {"Retry-After": "0"} if status == http.client.TOO_MANY_REQUESTS else {}
    return status, headers, json.dumps({"error": {"code": code, "message": f"{code}."}}).encode()
