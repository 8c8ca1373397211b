"""A real conda channel on this machine: packages as archives, and the repodata that indexes them."""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import zstandard
from servers.threaded import Threaded

BUILT = 1_767_312_000_000
"""2 January 2026, in milliseconds."""


@dataclass(frozen=True, kw_only=True)
class CondaRecipe:
    """What goes into a package."""

    name: str
    version: str = "1.0"
    build: str = "0"
    subdir: str = "noarch"
    depends: tuple[str, ...] = ()
    timestamp: int | None = BUILT
    old: bool = False

    @property
    def filename(self) -> str:
        """Its file name: `.tar.bz2` if it is old, else `.conda`."""
        return f"{self.name}-{self.version}-{self.build}" + (".tar.bz2" if self.old else ".conda")

    @property
    def index(self) -> dict[str, Any]:
        """Its `info/index.json`."""
        index: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
        }
        if self.subdir == "noarch":
            index["noarch"] = "generic"
        if self.timestamp is not None:
            index["timestamp"] = self.timestamp
        return index

    def build_bytes(self) -> bytes:
        """Return the archive."""
        info = _tar({"info/index.json": json.dumps(self.index).encode(), "info/files": b""})
        if self.old:
            return bz2.compress(info)
        out = io.BytesIO()
        pressed = zstandard.ZstdCompressor()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            stem = self.filename.removesuffix(".conda")
            archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
            archive.writestr(f"info-{stem}.tar.zst", pressed.compress(info))
            archive.writestr(f"pkg-{stem}.tar.zst", pressed.compress(_tar({})))
        return out.getvalue()


@dataclass(kw_only=True)
class Repodata:
    """What is put into a subdir's repodata beside the packages."""

    more: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)


class CondaChannel(Threaded):
    """Serves packages and repodata; `asked` is every path that was asked for."""

    def __init__(self) -> None:
        """Begin with an empty channel."""
        self.asked: list[str] = []
        self.extra = Repodata()
        self.status = 200
        self.moved = ""
        self._files: dict[str, bytes] = {}
        self._records: dict[str, dict[str, dict[str, Any]]] = {}
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        """The channel's address."""
        return f"{self.root}/channel"

    def publish(self, recipe: CondaRecipe, under: str = "channel") -> None:
        """Add a package; `under` another name, it lies in a channel beside this one on the same server."""
        data = recipe.build_bytes()
        self._files[f"/{under}/{recipe.subdir}/{recipe.filename}"] = data
        digests = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        }
        self._records.setdefault(f"{under}/{recipe.subdir}", {})[recipe.filename] = (
            recipe.index | digests | {"size": len(data)}
        )

    def answer(self, path: str) -> tuple[int, bytes]:
        """Return status and body for a path."""
        self.asked.append(path)
        if self.status != 200:
            return self.status, b""
        parts = path.strip("/").split("/")
        if len(parts) == 3 and parts[2] == "repodata.json":
            return 200, self._repodata(parts[0], parts[1])
        return (200, self._files[path]) if path in self._files else (404, b"")

    def _repodata(self, under: str, subdir: str) -> bytes:
        records = self._records.get(f"{under}/{subdir}", {})
        content = {
            "info": {"subdir": subdir} | (self.extra.info if under == "channel" else {}),
            "packages": {name: record for name, record in records.items() if name.endswith(".tar.bz2")},
            "packages.conda": {name: record for name, record in records.items() if name.endswith(".conda")},
            "repodata_version": 1,
        }
        return json.dumps(content | self.extra.more).encode()


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _handler(channel: CondaChannel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = channel.answer(self.path)
            self.send_response(302 if channel.moved else status)
            if channel.moved:
                self.send_header("Location", channel.moved + self.path.removeprefix("/channel"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server gives

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives
            """Say nothing."""

    return Handler
