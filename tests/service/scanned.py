"""A service that asks a simulated Defender, where nothing but a handed-in report can prove a scan."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from azure_world.sim_rows import individual
from azure_world.sim_server import azure_server
from azure_world.sim_state import CLIENT, REGISTRY_ID, TENANT
from azure_world.sim_tokens import AUDIENCE, SCANNER, Entra, entra_server
from findings.defender_scans import sarif
from servers.certificates import Certificate
from servers.registry import RegistryServer
from service.inprocess import TestClient, bundle
from service.live import Live
from service.tokened import Headers, Tokened, trusted

from gate.config import load_config
from gate.http.client import HttpClient
from gate.model.base import format_instant
from gate.model.image import ImageRef
from gate.registry.auth import NoCredentials
from gate.registry.interface import Descriptor, Manifest
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry
from gate.service.app import create_app
from gate.wiring import policy_of

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CANARY = "sha256:" + "c" * 64
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scanned(Tokened):
    """The service, the ground that images are made on, and the registry to which they are pushed."""

    live: Live
    host: str

    def push(self, tag: str) -> str:
        """Push an image of PyPI's wheels to staging; return its digest."""
        made = self.live.push(tag, scanned=False, fresh=True)
        copy(made, f"{self.host}/staging/app:{tag}")
        return str(made.digest)

    def evaluate(self, tag: str, headers: Headers | None = None) -> Json:
        """Submit an image and return the account at its end."""
        text = (self.live.folder / "requirements.txt").read_text()
        body = {"image": f"{self.host}/staging/app:{tag}", "environment": bundle(requirements_txt=text)}
        begun = self.client.post("/v1/evaluations", json=body, headers=headers or self.pipeline)
        assert begun.status_code == 202, begun.text
        ended = self.client.get(begun.headers["Location"], params={"wait": 30}, headers=self.pipeline)
        account: Json = ended.json()
        assert account["finished_at"], account
        return account

    def hand_in(self, digest: str, report: Json | bytes, headers: Headers | None = None) -> httpx.Response:
        data = report if isinstance(report, bytes) else json.dumps(report).encode()
        sent = {"Content-Type": "application/sarif+json", **(headers or self.scanner)}
        answer: httpx.Response = self.client.post(f"/v1/scans/{digest}", content=data, headers=sent)
        return answer


def report_on(digest: str | None, *results: Json, **run: object) -> Json:
    """Return a report of a scan that ended now."""
    ended = format_instant(datetime.now(UTC))
    made = {"executionSuccessful": True, "endTimeUtc": ended}
    return sarif(*results, digest=digest, **{"invocations": [made], **run})  # type: ignore[arg-type]  # handed through


def copy(layout: ImageRef, name: str) -> None:
    """Push an image of a layout folder to a registry."""
    target = parse_image_ref(name)
    blobs = Path(layout.repository) / "blobs" / "sha256"
    raw = (blobs / str(layout.digest).removeprefix("sha256:")).read_bytes()
    content = json.loads(raw)
    client = HttpClient()
    registry = RemoteRegistry(client, NoCredentials())
    for part in (content["config"], *content["layers"]):
        described = Descriptor(digest=part["digest"], size=part["size"], media_type=part["mediaType"])
        data = (blobs / part["digest"].removeprefix("sha256:")).read_bytes()
        registry.upload_blob(target, described, io.BytesIO(data))
    registry.put_manifest(target, Manifest(digest=str(layout.digest), media_type=MANIFEST, raw=raw))
    client.close()


def permit(policy: Path, host: str) -> None:
    """Have the policy name the registry's places and one scanner."""
    file = policy / "allowlist" / "policy.yaml"
    rules = yaml.safe_load(file.read_text())
    rules["promotion"] = [{"staging": f"{host}/staging/app", "release": f"{host}/release/app"}]
    rules["findings"]["defender"] |= {"scanners": [f"{TENANT}/{SCANNER}"], "allow_recorded": False}
    file.write_text(yaml.safe_dump(rules))


@contextlib.contextmanager
def scanned(live: Live, registry: RegistryServer, certificate: Certificate) -> Iterator[Scanned]:
    """Run the service, the authority and Azure; no image that anybody asks about is scanned in it."""
    permit(Path(live.environ["GATE_POLICY"]), registry.host)
    with (
        pytest.MonkeyPatch.context() as patch,
        azure_server(certificate) as azure,
        entra_server(certificate, azure) as entra,
    ):
        azure.registry["loginServer"] = registry.host
        azure.assessments.append(individual(CANARY, 999_999))
        for name, value in {
            "REQUESTS_CA_BUNDLE": str(trusted(certificate, live.folder)),
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": azure.secret,
        }.items():
            patch.setenv(name, value)
        patch.delenv("CURL_CA_BUNDLE", raising=False)
        environ = {name: value for name, value in live.environ.items() if name != "GATE_DEFENDER_RECORDING"}
        config = load_config({**environ, **settings(entra, azure.address)})
        app = create_app(config, policy_of(config))
        with TestClient(app, base_url="https://gate.example.org", client=("10.0.0.1", 50_000)) as client:
            yield Scanned(client=client, entra=entra, live=live, host=registry.host)


def settings(entra: Entra, arm: str) -> dict[str, str]:
    return {
        "GATE_TOKEN_AUDIENCES": AUDIENCE,
        "GATE_AZURE_TENANT": TENANT,
        "GATE_AZURE_AUTHORITY": entra.address,
        "GATE_AZURE_ARM": arm,
        "GATE_DEFENDER_REGISTRIES": REGISTRY_ID,
    }
