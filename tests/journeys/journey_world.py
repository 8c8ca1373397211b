"""Real images for whole journeys: built by the real engine out of real installs, pushed to the real registry."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from servers.base import DebianBase
from servers.certificates import Certificate
from servers.engine import DockerEngine
from servers.processes import run
from servers.wheels import download_wheels

from gate.model.base import format_instant
from gate.policy.source import embedded

PIP = "pip==25.3"
PINS = ("six==1.17.0", "idna==3.10")
VULNERABLE = "idna==3.6"
ADVISORY = {
    "schema_version": "1.6.0",
    "id": "GHSA-jjg7-2v4v-x38h",
    "aliases": ["CVE-2024-3651"],
    "modified": "2024-07-12T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "idna"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.7"}]}],
        }
    ],
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
}
"""Facts about one vulnerability, from the GitHub advisory database."""


@dataclass(frozen=True, kw_only=True)
class Yard:
    """Where images are built, and the place to which they are pushed."""

    engine: DockerEngine
    base: DebianBase
    host: str
    folder: Path
    wheels: Path

    @property
    def policy(self) -> Path:
        """The policy of these journeys."""
        return self.folder / "policy"

    def build(self, name: str, *, install: str, files: dict[str, Path] | None = None, network: str = "none") -> str:
        """Build an image in which pip ran for real with these words; return its local name."""
        context = self.folder / f"context-{name}"
        if context.exists():
            shutil.rmtree(context)
        shutil.copytree(self.wheels, context / "wheels")
        for target, source in (files or {}).items():
            shutil.copytree(source, context / target)
        pip = next(context.glob("wheels/pip-*.whl")).name
        copies = "".join(f"COPY {target} /\n" for target in files or {})
        steps = f"PYTHONPATH=/wheels/{pip} python3 -m pip install --no-compile --prefix /usr/local {install}"
        dockerfile = f"FROM {self.base.reference}\n{copies}"
        if install:
            dockerfile += f"COPY wheels /wheels\nRUN {steps}\n"
        (context / "Dockerfile").write_text(dockerfile)
        tag = f"journey/{name}:1"
        self.engine.build(context, tag, network=network)
        return tag

    def push(self, local: str, repository: str, tag: str = "1") -> str:
        """Push a local image to staging; return its digest."""
        return self.engine.push(local, f"{self.host}/staging/{repository}:{tag}")


def write_policy(yard: Yard, **proof: str) -> None:
    """Write the defaults with the Debian base listed, the two places, and recordings allowed."""
    for name in ("allowlist", "exceptions"):
        shutil.copytree(embedded() / name, yard.policy / name)
    safelist, decision = yard.policy / "allowlist/safelist.yaml", yard.policy / "allowlist/policy.yaml"
    allowed = yaml.safe_load(safelist.read_text())
    allowed["base_images"] = [{"reference": "mcr.example/debian:12", "diff_ids": list(yard.base.diff_ids)}]
    safelist.write_text(yaml.safe_dump(allowed))
    rules = yaml.safe_load(decision.read_text())
    rules["findings"]["defender"]["allow_recorded"] = True
    rules["findings"]["advisories"] = {"soft_age": "P36500D", "hard_age": "P36500D"}
    rules["promotion"] = [{"staging": f"{yard.host}/staging", "release": f"{yard.host}/release"}]
    rules["proof"] = rules["proof"] | proof
    decision.write_text(yaml.safe_dump(rules))


def write_recording(path: Path, digest: str) -> None:
    """Record that Defender scanned the digest and found nothing."""
    now = format_instant(datetime.now(UTC))
    recording = {
        "schema": "gate.defender-recording/1",
        "recorded_at": now,
        "digest": digest,
        "model": "none",
        "proof": "artifact",
        "scanned_at": now,
        "rows": [],
    }
    path.write_text(json.dumps(recording))


def wheelhouse(folder: Path) -> Path:
    """Download pip itself and what the images install."""
    folder.mkdir()
    download_wheels(folder, PIP, *PINS)
    return folder


def git_install(folder: Path, certificate: Certificate) -> Path:
    """Install a package from a git repository over https with the real pip and git; return the tree."""
    work, served, tree = folder / "repo", folder / "served", folder / "tree"
    (work / "evil_pkg").mkdir(parents=True)
    (work / "evil_pkg/__init__.py").write_text("VALUE = 1\n")
    (work / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "evil-pkg"\nversion = "1.0"\n'
    )
    git = ["git", "-C", str(work), "-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "one"]):
        run([*git, *words])
    run(["git", "clone", "--quiet", "--bare", str(work), str(served / "evil.git")])
    run(["git", "-C", str(served / "evil.git"), "update-server-info"])
    with https_files(served, certificate) as address:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--no-build-isolation"]
        run(
            [*pip, "--target", str(tree / "usr/local/lib/python3.11/dist-packages"), f"git+{address}/evil.git"],
            environ={"GIT_SSL_CAINFO": str(certificate.authority)},
        )
    return tree


@contextlib.contextmanager
def https_files(folder: Path, certificate: Certificate) -> Iterator[str]:
    """Serve a folder over TLS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""
