"""`/acr/v1/*` of the façade: properties of manifests and tags, locks, lists by page; and what its routes share."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from acr_world.state import AcrState

_V1 = re.compile(r"/acr/v1/(?P<name>.+)/_(?P<kind>manifests|tags)(?:/(?P<rest>[^/]+))?")
_TIME = "2026-11-23T12:00:00.0000000Z"
ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.manifest.v1", "oci.image.index.v1",
        "docker.distribution.manifest.v2", "docker.distribution.manifest.list.v2",
    )
)  # fmt: skip


class Upstream(ThreadingHTTPServer):
    """What the handlers know of their server: the registry behind it, its own name, and the state."""

    upstream: str
    context: ssl.SSLContext
    state: AcrState
    host: str


class PropertyRoutes(BaseHTTPRequestHandler):
    """The routes that Azure adds, and the ways of answering."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Upstream
    unanswered = False
    """The answer to the request in hand is lost on its way."""

    def _allowed(self, name: str, action: str) -> bool:
        scope = f"repository:{name}:{action}"
        if self.server.state.allows(self.headers.get("Authorization", ""), scope):
            return True
        realm = self.server.state.realm or f"https://{self.server.host}/oauth2/token"
        challenge = f'Bearer realm="{realm}",service="{self.server.host}",scope="{scope}"'
        if self.headers.get("Authorization"):
            challenge += ',error="invalid_token"'
        self._error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})
        return False

    def _properties(self, body: bytes) -> None:
        match = _V1.fullmatch(unquote(urlsplit(self.path).path))
        if match is None:
            self._error(404, "NOT_FOUND", "no such route")
            return
        name, kind, rest = match["name"], match["kind"], match["rest"] or ""
        action = "delete" if self.command == "DELETE" else "metadata_write" if body else "metadata_read"
        if not self._allowed(name, action):
            return
        if not rest:
            self._list(name, kind)
        elif kind == "tags" and self.command == "DELETE":
            self._untag(name, rest)
        else:
            self._one(name, kind, rest, body)

    def _untag(self, name: str, tag: str) -> None:
        attributes = self.server.state.attributes(name, tag)
        if self._digest(name, tag) is None:
            self._error(404, "TAG_UNKNOWN", "unknown")
        elif not (attributes.deleteEnabled and attributes.writeEnabled):
            self._error(405, "REGISTRY_DISALLOWED_OPERATION", "The operation is disallowed on this registry.")
        else:
            self.server.state.untag(name, tag)
            self._send(202)

    def _one(self, name: str, kind: str, rest: str, body: bytes) -> None:
        digest = self._digest(name, rest)
        if digest is None:
            self._error(404, "MANIFEST_UNKNOWN" if kind == "manifests" else "TAG_UNKNOWN", "unknown")
            return
        attributes = self.server.state.attributes(name, rest)
        if self.command == "PATCH":
            for key, value in json.loads(body).items():
                if value is not None:
                    setattr(attributes, key, value)
        described = self._described(name, rest, digest) if kind == "manifests" else self._tag(name, rest, digest)
        key = "manifest" if kind == "manifests" else "tag"
        self._json(200, {"registry": self.server.host, "imageName": name, key: described})

    def _list(self, name: str, kind: str) -> None:
        tags = self._tags(name)
        if tags is None:
            self._error(404, "NAME_UNKNOWN", "repository is unknown")
            return
        query = parse_qs(urlsplit(self.path).query)
        size = min(int(query.get("n", ["100"])[0]), self.server.state.page)
        shown = [tag for tag in tags if self.server.state.attributes(name, tag).listEnabled]
        if kind == "manifests":
            digests = sorted({str(self._digest(name, tag)) for tag in shown})
            listed = [self._described(name, digest, digest) for digest in digests]
            self._json(200, {"registry": self.server.host, "imageName": name, "manifests": listed})
            return
        last = query.get("last", [""])[0]
        left = [tag for tag in shown if tag > last]
        page = [self._tag(name, tag, str(self._digest(name, tag))) for tag in left[:size]]
        headers = {}
        if len(left) > size:
            headers["Link"] = f'</acr/v1/{name}/_tags?last={left[size - 1]}&n={size}>; rel="next"'
        self._json(200, {"registry": self.server.host, "imageName": name, "tags": page}, headers)

    def _described(self, name: str, reference: str, digest: str) -> dict[str, Any]:
        status, headers, raw = self._upstream("GET", f"/v2/{name}/manifests/{digest}", b"", {"Accept": ACCEPT})
        tags = [tag for tag in self._tags(name) or [] if self._digest(name, tag) == digest]
        return {
            "digest": digest,
            "imageSize": len(raw) if status == http.client.OK else 0,
            "createdTime": _TIME,
            "lastUpdateTime": _TIME,
            "architecture": "amd64",
            "os": "linux",
            "mediaType": headers.get("Content-Type", ""),
            "tags": tags,
            "changeableAttributes": asdict(self.server.state.attributes(name, reference)),
        }

    def _tag(self, name: str, tag: str, digest: str) -> dict[str, Any]:
        attributes = asdict(self.server.state.attributes(name, tag))
        times = {"createdTime": _TIME, "lastUpdateTime": _TIME}
        return {"name": tag, "digest": digest, **times, "changeableAttributes": attributes}

    def _tags(self, name: str) -> list[str] | None:
        status, _, raw = self._upstream("GET", f"/v2/{name}/tags/list", b"", {})
        if status != http.client.OK:
            return None
        tags = json.loads(raw)["tags"] or []
        return sorted(tag for tag in tags if self._digest(name, tag) is not None)

    def _digest(self, name: str, reference: str) -> str | None:
        if self.server.state.is_untagged(name, reference):
            return None
        status, headers, _ = self._upstream("HEAD", f"/v2/{name}/manifests/{reference}", b"", {"Accept": ACCEPT})
        return headers["Docker-Content-Digest"] if status == http.client.OK else None

    def _upstream(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(self.server.upstream)
        try:
            connection.request(method, path, body=body or None, headers={**headers, "Content-Length": str(len(body))})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def _json(self, status: int, document: object, headers: dict[str, str] | None = None) -> None:
        told = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        self._send(status, json.dumps(document).encode(), told)

    def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self._json(status, {"errors": [{"code": code, "message": message}]}, headers)

    def _send(self, status: int, body: bytes = b"", headers: Any = None, *, length: str | None = None) -> None:
        if self.unanswered:
            self.close_connection = True
            return
        self.send_response_only(status)
        for key, value in dict(headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
