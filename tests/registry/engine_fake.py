"""An engine's HTTP API as far as reading an image goes, and archives in both shapes that engines hand over."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import socketserver
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from registry.contract_images import Sample

from gate.model.base import sha256_of


def tar_of(files: dict[str, bytes], *, links: dict[str, str] | None = None) -> bytes:
    """Pack files and symlinks, uncompressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


@dataclass(frozen=True)
class Legacy:
    """An image as Engine 20.10 saves it; the same layer twice becomes a symlink."""

    layers: tuple[bytes, ...] = (b"first layer" * 100, b"second layer" * 50)

    @property
    def config(self) -> bytes:
        """The image's config, with labels that are nobody's business."""
        diff_ids = [sha256_of(layer) for layer in self.layers]
        labels = {"Layers": "a free map", "size": "too"}
        data = {"os": "linux", "architecture": "amd64", "config": {"Labels": labels}}
        return json.dumps(data | {"rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()

    @property
    def id(self) -> str:
        """The image's id: the digest of its config."""
        return sha256_of(self.config)

    def files(self) -> tuple[dict[str, bytes], dict[str, str]]:
        """Return the archive's files and symlinks by name."""
        files: dict[str, bytes] = {}
        links: dict[str, str] = {}
        names: list[str] = []
        seen: dict[bytes, str] = {}
        for number, layer in enumerate(self.layers):
            folder = hashlib.sha256(f"{number}{layer!r}".encode()).hexdigest()
            names.append(f"{folder}/layer.tar")
            files[f"{folder}/VERSION"] = b"1.0"
            if layer in seen:
                links[names[-1]] = f"../{seen[layer]}"
            else:
                files[names[-1]] = layer
                seen[layer] = names[-1]
        config = f"{self.id.removeprefix('sha256:')}.json"
        files[config] = self.config
        files["manifest.json"] = json.dumps([{"Config": config, "RepoTags": None, "Layers": names}]).encode()
        return files, links

    def archive(self) -> bytes:
        """Return the archive."""
        files, links = self.files()
        return tar_of(files, links=links)


def layout_files(sample: Sample, *, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return the files of an archive as Engine 25 and later save it."""
    manifest = sample.manifest
    entry = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.raw)}
    blobs = _blobs(sample)
    kept = {f"blobs/sha256/{digest[7:]}": data for digest, data in blobs.items() if digest not in without}
    index = {"schemaVersion": 2, "manifests": [entry]}
    return kept | {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(index).encode(),
        "manifest.json": b"[]",
    }


def _blobs(sample: Sample) -> dict[str, bytes]:
    found = {descriptor.digest: data for descriptor, data in sample.blobs.items()}
    found[sample.digest] = sample.manifest.raw
    for child in sample.children:
        found |= _blobs(child)
    return found


@dataclass
class FakeEngine:
    """What the engine holds by name: an id and an archive; and how it misbehaves."""

    images: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    address: str = ""
    saves: int = 0
    status: int = 200
    cut_at: int | None = None
    hang_at: int | None = None
    released: threading.Event = field(default_factory=threading.Event)


class _Handler(http.server.BaseHTTPRequestHandler):
    engine: ClassVar[FakeEngine]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer as the engine's API 1.41 does."""
        path = self.path.removeprefix("/v1.41")
        if path == "/version":
            self._json(200, {"ApiVersion": "1.41"})
        elif path.endswith("/json"):
            self._inspect(path.removeprefix("/images/").removesuffix("/json"))
        else:
            self._save(path.removeprefix("/images/").removesuffix("/get"))

    def _inspect(self, name: str) -> None:
        if name in self.engine.images:
            self._json(200, {"Id": self.engine.images[name][0]})
        else:
            self._json(404, {"message": f"No such image: {name}"})

    def _save(self, identity: str) -> None:
        self.engine.saves += 1
        if self.engine.status != http.HTTPStatus.OK:
            self._json(self.engine.status, {"message": "https://user:hunter2@example.org failed"})
            return
        data = next(data for known, data in self.engine.images.values() if known == identity)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.engine.hang_at is not None:
            self.wfile.write(data[: self.engine.hang_at])
            self.wfile.flush()
            self.engine.released.wait(30)
        else:
            self.wfile.write(data[: self.engine.cut_at])
        self.close_connection = True

    def _json(self, status: int, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Stay silent."""


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def running(engine: FakeEngine, *, socket: Path | None = None) -> Iterator[FakeEngine]:
    """Serve the engine on a port of this machine, or on a socket."""
    handler = type("Handler", (_Handler,), {"engine": engine})
    server: socketserver.BaseServer
    if socket is None:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        engine.address = f"tcp://127.0.0.1:{server.server_address[1]}"
    else:
        server = _UnixServer(str(socket), handler)
        engine.address = f"unix://{socket}"
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield engine
        finally:
            engine.released.set()
            server.shutdown()
            thread.join()
