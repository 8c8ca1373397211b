"""The reading side of a registry, for what is attached to images: manifests, blobs, referrers, time of the push.

Azure Container Registry's shapes (`/acr/v1`) beside OCI's. `api` off is a registry without the referrers API, where a
tag stands in for it, which whoever pushes may write.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Answer = tuple[int, dict[str, str], bytes]
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
REPOSITORY = "staging/app"
_PATH = re.compile(r"/v2/(?P<name>[a-z/]+)/(?P<kind>manifests|blobs|referrers)/(?P<key>[\w:.-]+)")


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(slots=True, kw_only=True)
class SimRegistry:
    """One repository. `listed` adds to what is listed as attached to a digest, whatever it is really about."""

    api: bool = True
    acr: bool = True
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    pushed: dict[str, str] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    status: int = 0
    broken: bytes | None = None
    page: int = 0
    pages: int = 0
    """How many pages of a list there are before the registry has forgotten it; 0 is all."""
    foreign: str = ""

    def put_blob(self, data: bytes) -> dict[str, Any]:
        """Keep a blob and return its descriptor, without a media type."""
        self.blobs[digest_of(data)] = data
        return {"digest": digest_of(data), "size": len(data)}

    def put_manifest(self, manifest: dict[str, Any], *, pushed: str = "", media_type: str = OCI_MANIFEST) -> str:
        """Keep a manifest and return its digest; one with a subject is attached to it."""
        data = json.dumps(manifest).encode()
        digest = digest_of(data)
        self.manifests[digest] = (data, media_type)
        if pushed:
            self.pushed[digest] = pushed
        if isinstance(manifest.get("subject"), dict):
            self.attach(manifest["subject"]["digest"], digest)
        return digest

    def attach(self, subject: str, artifact: str) -> None:
        """List a manifest as attached to a digest."""
        self.listed.setdefault(subject, []).append(artifact)

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        """Answer one GET."""
        if self.status:
            return self.status, {}, b'{"errors":[{"code":"DENIED"}]}'
        if path.startswith("/acr/v1/"):
            return self._attributes(path)
        match = _PATH.fullmatch(path)
        if match is None:
            return (200, {}, b"{}") if path == "/v2/" else _unknown("NAME_UNKNOWN")
        return {"manifests": self._manifest, "blobs": self._blob, "referrers": self._by_api}[match["kind"]](
            match["key"], query
        )

    def _blob(self, digest: str, query: dict[str, str]) -> Answer:
        del query
        data = self.blobs.get(digest)
        return _unknown("BLOB_UNKNOWN") if data is None else (200, {"Content-Type": "application/octet-stream"}, data)

    def _by_api(self, digest: str, query: dict[str, str]) -> Answer:
        return self._referrers(digest, query) if self.api else (404, {}, b"404 page not found")

    def _manifest(self, key: str, query: dict[str, str]) -> Answer:
        del query
        if key.startswith("sha256-"):
            return self._referrers(key.replace("sha256-", "sha256:"), {}, by_tag=True)
        kept = self.manifests.get(key)
        return _unknown("MANIFEST_UNKNOWN") if kept is None else (200, {"Content-Type": kept[1]}, kept[0])

    def _attributes(self, path: str) -> Answer:
        digest = path.rpartition("/")[2]
        if not self.acr or digest not in self.pushed:
            return 404, {}, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}' if self.acr else b"404 page not found"
        manifest = {"digest": digest, "createdTime": self.pushed[digest], "mediaType": OCI_MANIFEST}
        return 200, {}, json.dumps({"registry": "here", "imageName": REPOSITORY, "manifest": manifest}).encode()

    def _referrers(self, subject: str, query: dict[str, str], *, by_tag: bool = False) -> Answer:
        if self.broken is not None:
            return 200, {"Content-Type": OCI_INDEX}, self.broken
        found = self.listed.get(subject, [])
        if by_tag and not found:
            return _unknown("MANIFEST_UNKNOWN")
        start = int(query.get("from", "0"))
        if self.pages and start >= self.pages:
            return _unknown("NAME_UNKNOWN")
        end = start + self.page if self.page else len(found)
        headers = {"Content-Type": OCI_INDEX}
        if end < len(found):
            kind = quote(query.get("artifactType", ""), safe="")
            headers["Link"] = (
                f'<{self.foreign}/v2/{REPOSITORY}/referrers/{subject}?artifactType={kind}&from={end}>; rel="next"'
            )
        entries = [self._entry(digest) for digest in found[start:end]]
        return 200, headers, json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()

    def _entry(self, digest: str) -> dict[str, Any]:
        data, media_type = self.manifests[digest]
        manifest = json.loads(data)
        return {
            "mediaType": media_type,
            "digest": digest,
            "size": len(data),
            "artifactType": manifest.get("artifactType", ""),
        }


def _unknown(code: str) -> Answer:
    return 404, {}, json.dumps({"errors": [{"code": code}]}).encode()
