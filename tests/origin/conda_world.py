"""A conda channel on this machine, an environment that py-rattler installed from it, and the proof between the two."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from image.image_world import World as Registry
from image.image_world import layer, ref_to
from servers.threaded import Threaded

from gate.bounds import CondaBounds, HttpBounds, ImageBounds
from gate.http.client import HttpClient
from gate.image.inventory import read_inventory
from gate.index.packages import CondaPackages
from gate.model.origin import Kind
from gate.origin.channels import CondaChannels
from gate.origin.prove import prove_inventory
from gate.policy.schema import CondaChannel
from gate.resolve.settings import ResolveConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from image.image_world import Node

    from gate.index.cache import FactsCache
    from gate.model.image import Inventory, Proof

PREFIX = "opt/conda"
FORGE = "https://conda.example.org/forge"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class ChannelServer(Threaded):
    """Serves a folder; `asked` is every path and range. `ranges` and `statuses` may be changed while it runs."""

    def __init__(self, folder: Path) -> None:
        """Serve nothing yet."""
        self.folder = folder
        self.asked: list[tuple[str, str]] = []
        self.ranges = True
        self.statuses: dict[str, int] = {}
        self.bodies: dict[str, bytes] = {}
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        """The channel's address."""
        return self.root

    def answer(self, path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        self.asked.append((path, wanted))
        file = self.folder / path.lstrip("/")
        if path in self.statuses or not file.is_file():
            return self.statuses.get(path, 404), {}, b""
        data = self.bodies.get(path) or file.read_bytes()
        match = _RANGE.fullmatch(wanted) if self.ranges else None
        if match is None:
            return 200, {}, data
        start = int(match[1]) if match[1] else max(len(data) - int(match[2]), 0)
        stop = min(int(match[2]) + 1 if match[1] and match[2] else len(data), len(data))
        return 206, {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}, data[start:stop]


def _handler(server: ChannelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = server.answer(self.path.partition("?")[0], self.headers.get("Range", ""))
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server gives

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives
            """Say nothing."""

    return Handler


def nodes_of(folder: Path, prefix: str = PREFIX, replaced: tuple[str, str] = ("", "")) -> dict[str, Node]:
    """Return an installed environment as files of an image; in its records, one address is replaced by another."""
    found: dict[str, Node] = {}
    for path in sorted(folder.rglob("*")):
        place = f"{prefix}/{path.relative_to(folder)}"
        if path.is_symlink():
            found[place] = f"-> {path.readlink()}"
        elif path.is_file():
            data = path.read_bytes()
            if "/conda-meta/" in place and place.endswith(".json"):
                old, new = replaced
                data = data.replace(old.encode(), new.encode()) if old else data
            found[place] = data
    return found


@dataclass(kw_only=True)
class CondaWorld:
    """One image with an environment, and the channel that it says it is from."""

    server: ChannelServer
    nodes: dict[str, Node]
    folder: Path
    bounds: CondaBounds = field(default_factory=lambda: CondaBounds(whole_bytes=64, seconds=120.0))
    cache: FactsCache | None = None
    above: tuple[Mapping[str, Node], ...] = ()

    @property
    def channels(self) -> CondaChannels:
        """The channels as policy and this machine's settings have them."""
        http = HttpBounds(connect=2.0, read=5.0, total=20.0, attempts=1)
        listed = (CondaChannel(name="forge", urls=(FORGE,)), CondaChannel(name="nowhere"))
        config = ResolveConfig(http=http, addresses={"forge": self.server.url})
        packages = CondaPackages(HttpClient(http), bounds=self.bounds, cache=self.cache)
        return CondaChannels(listed, config, packages, cache=self.folder / "repodata")

    def inventory(self, *, asked: bool = True) -> Inventory:
        """Read and prove the image."""
        registry = Registry()
        digest = registry.image(*[layer(one) for one in (self.nodes, *self.above)])
        inventory, files = read_inventory(registry, ref_to(digest), bounds=ImageBounds())
        return prove_inventory(inventory, files, index=None, channels=self.channels if asked else None)

    def proofs(self, *, asked: bool = True) -> dict[str, Proof]:
        """Return the proof of each conda package by name."""
        components = [one for one in self.inventory(asked=asked).components if one.kind is Kind.CONDA]
        found = {one.name: one.proof for one in components}
        return {name: proof for name, proof in found.items() if proof is not None}

    def rewrite(self, name: str, change: Callable[[dict[str, object]], object]) -> None:
        """Change a package's record in the image."""
        (path,) = [path for path in self.nodes if path.startswith(f"{PREFIX}/conda-meta/{name}-")]
        data = self.nodes[path]
        assert isinstance(data, bytes)
        document = json.loads(data)
        change(document)
        self.nodes[path] = json.dumps(document).encode()
