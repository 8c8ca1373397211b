"""A live service: the real `gate serve` in a process of its own, over layout folders as staging and release."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from servers.processes import run, running

from gate.demo import images, stage, wheels
from gate.model.image import ImageRef
from gate.registry.layout import OciLayout
from gate.wiring import clock


@dataclass(frozen=True, kw_only=True)
class Live:
    """The service's address, and the folders that it works on."""

    url: str
    folder: Path
    environ: dict[str, str]

    @property
    def staging(self) -> Path:
        return self.folder / "staging"

    @property
    def release(self) -> Path:
        return self.folder / "release"

    def push(self, tag: str, *, private: bool = False, scanned: bool = True, fresh: bool = False) -> ImageRef:
        """Push an image to staging: of PyPI's wheels, and of a private one if asked; record its scan.

        A fresh one ends with a layer that no image had before: what was read once is not read again.
        """
        layers = [images.Layer(images.BASE_FILES), images.Layer(wheels.installed(sorted(self.wheels.glob("*.whl"))))]
        if private:
            layers.append(images.Layer(wheels.installed([wheels.private_wheel(self.folder / "private")])))
        if fresh:
            layers.append(images.Layer({f"opt/model/{tag}": tag.encode()}))
        ref = images.push(OciLayout(), self.staging, tag, layers)
        digest = str(ref.digest) if scanned else "sha256:" + "0" * 64
        stage.write_recording(self.folder / "defender.json", digest, clock())
        return ref

    @property
    def wheels(self) -> Path:
        return self.folder / "wheels"

    @property
    def environment(self) -> Path:
        return self.folder / "requirements.txt"


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def prepare(folder: Path) -> dict[str, str]:
    """Lay out policy, advisories and definitions; return the environment variables of the service."""
    wheels.download(folder / "wheels")
    base = images.Layer(images.BASE_FILES)
    stage.write_policy(folder / "policy", base.diff_id, folder / "staging", folder / "release")
    stage.write_environments(folder)
    environ = {
        "GATE_HOME": str(folder / "home"),
        "GATE_POLICY": str(folder / "policy"),
        "GATE_DEFENDER_RECORDING": str(folder / "defender.json"),
        "GATE_LEASE_SECONDS": "5",
    }
    facts = stage.write_advisories(folder / "advisories.jsonl")
    run([sys.executable, "-m", "gate", "data", "import", "osv-pypi", str(facts)], environ=environ)
    return environ


def ground_in(folder: Path) -> Live:
    """Return what a service would work on, without one."""
    return Live(url="", folder=folder, environ={**prepare(folder), "HOME": str(folder)})


@contextlib.contextmanager
def live_service(folder: Path, **more: str) -> Iterator[Live]:
    """Run the service to the end of the block, with more environment variables if given."""
    environ = {**prepare(folder), **more}
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return bool(requests.get(f"{url}/readyz", timeout=5).ok)
        except requests.ConnectionError:
            return False

    command = [sys.executable, "-m", "gate", "serve", "--port", str(port)]
    with running(command, folder / "serve.log", ready=ready, environ={**os.environ, **environ}):
        yield Live(url=url, folder=folder, environ=environ)
