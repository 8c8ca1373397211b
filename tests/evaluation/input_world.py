"""A command line, a policy with one staging place, and everything that can be wrong about an image in it."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from servers.faulty import FaultyServer, Reply
from servers.images import OCI_CONFIG, SmallImage, descriptor_of, small_image

from gate.cli import main
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.verify import Verified, verify
from gate.model.base import sha256_of
from gate.policy.source import embedded
from gate.registry.content import OCI_MANIFEST
from gate.registry.interface import Manifest
from gate.store.engine import make_engine, reading

GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
TAG = "1"
REPOSITORY = "staging/app"
REFUSED, BEGUN = ["failed"], ["evaluation_submitted", "digest_resolved", "failed"]
"""What the ledger has of an image that could not be taken in, and of a run that could not decide."""


@dataclass(frozen=True)
class Said:
    """What one command came to."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The code of the one error on stderr; empty if there is none."""
        head = self.err.partition("]")[0]
        return head.removeprefix("error[") if head.startswith("error[") else ""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The command line with a home and a policy of its own."""

    folder: Path
    run: Callable[..., Said]

    @property
    def environment(self) -> Path:
        return self.folder / "requirements.txt"

    @property
    def policy(self) -> Path:
        return self.folder / "policy"

    @property
    def database(self) -> Path:
        return self.folder / "home" / "gate.sqlite"

    def staging(self, place: str, release: str = "") -> None:
        """Name the one place where images wait."""
        shutil.rmtree(self.policy, ignore_errors=True)
        for name in ("allowlist", "exceptions"):
            shutil.copytree(embedded() / name, self.policy / name)
        file = self.policy / "allowlist" / "policy.yaml"
        rules = yaml.safe_load(file.read_text())
        rules["promotion"] = [{"staging": place, "release": release or f"{place}-release"}]
        file.write_text(yaml.safe_dump(rules))

    def evaluate(self, image: str, *words: str) -> Said:
        return self.run("evaluate", image, "--environment", str(self.environment), "--policy", str(self.policy), *words)

    def events(self) -> list[str]:
        """Return all that the ledger has, and see that it verifies."""
        engine = make_engine(f"sqlite:///{self.database}")
        with reading(engine) as connection:
            ledger = LedgerReader(connection)
            assert isinstance(verify(ledger.leaves(), ledger.head()), Verified)
            found = [entry.record.event.value for entry in ledger.find(LedgerFilter())]
        engine.dispose()
        return found


def cleanly(said: Said, code: int, *errors: str) -> None:
    """See that the command ended in one readable error of one of these families, and reported no verdict."""
    assert (said.code, said.out) == (code, ""), said
    assert said.error in errors, said.err
    head, *rest = said.err.splitlines()
    assert len(head) > len(f"error[{said.error}]: ") + 10
    assert all(line.startswith("  ") for line in rest)
    assert "Traceback" not in said.err


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Gate:
    for name, value in {
        "HOME": str(tmp_path),
        "GATE_HOME": str(tmp_path / "home"),
        "GATE_BOUND_HTTP_ATTEMPTS": "1",
        "GATE_BOUND_HTTP_READ": "0.5",
        "GATE_BOUND_HTTP_TOTAL": "2",
        "GATE_BOUND_HTTP_STREAM": "2",
        "GATE_BUSY_SECONDS": "0.5",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("GATE_POLICY", "GATE_SERVER", "DOCKER_CONFIG", "GATE_DEFENDER_RECORDING", "GATE_REGISTRY_HOST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")

    def run(*words: str) -> Said:
        capfd.readouterr()
        code = main(list(words))
        return Said(code, *capfd.readouterr())

    return Gate(folder=tmp_path, run=run)


def image_of(layer: bytes, media_type: str = GZIP_LAYER, diff_id: str = "") -> SmallImage:
    """Make an image whose one layer says that it is gzip, whatever it is."""
    plain = small_image(layer)
    (_, top) = plain.blobs
    layer_descriptor = descriptor_of(top[1], media_type)
    inside = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [diff_id or sha256_of(layer)]},
    }
    config = json.dumps(inside).encode()
    blobs = ((descriptor_of(config, OCI_CONFIG), config), (layer_descriptor, layer))
    listed = [{"mediaType": one.media_type, "digest": one.digest, "size": one.size} for one, _ in blobs]
    raw = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": listed[0], "layers": listed[1:]}
    ).encode()
    return SmallImage(manifest=Manifest(digest=sha256_of(raw), media_type=OCI_MANIFEST, raw=raw), blobs=blobs)


def bomb(size: int) -> SmallImage:
    """Make an image whose layer unpacks to far more than it is."""
    return image_of(gzip.compress(bytes(size), mtime=0), diff_id="sha256:" + hashlib.sha256(bytes(size)).hexdigest())


def serve(server: FaultyServer, image: SmallImage, **instead: Reply) -> str:
    """Have the scripted server hold the image; `instead` replaces `tag`, `manifest`, `config` or `layer`."""
    base = f"/v2/{REPOSITORY}"
    manifest = Reply(
        headers={"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": image.manifest.digest}, body=image.manifest.raw
    )
    paths = {
        "tag": (f"{base}/manifests/{TAG}", manifest),
        "manifest": (f"{base}/manifests/{image.manifest.digest}", manifest),
        "config": (f"{base}/blobs/{image.blobs[0][0].digest}", Reply(body=image.blobs[0][1])),
        "layer": (f"{base}/blobs/{image.blobs[1][0].digest}", Reply(body=image.blobs[1][1])),
    }
    server.on("/v2/", Reply(body=b"{}"))
    for name, (path, reply) in paths.items():
        for method in ("GET", "HEAD"):
            server.on(path, instead.get(name, reply), method=method)
    return f"{server.host}/{REPOSITORY}:{TAG}"
