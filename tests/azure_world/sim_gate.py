"""The gate's live source, connected to the simulator by configuration alone, as an operator connects it to Azure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azure_world.sim_registry import REPOSITORY, SimRegistry
from azure_world.sim_signer import SUBJECT, Signer, attach_signature, findings_artifact, jws, payload_of
from azure_world.sim_state import CLIENT, REGISTRY_ID, TENANT, AzureWorld

from gate.bounds import DefenderBounds, HttpBounds
from gate.config import load_config
from gate.findings.defender.connect import DefenderConnection
from gate.http.client import HttpClient
from gate.model.image import ImageFacts, Inventory
from gate.policy.scanners import ScanSigner
from gate.policy.schema import DefenderPolicy
from gate.registry.attachments import RemoteAttachments
from gate.registry.auth import NoCredentials
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from gate.findings.proof.interface import Scans
    from gate.model.finding import SourceReport

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PUSHED = "2026-11-01T09:00:00.1234567Z"
DIGEST = "sha256:" + "5" * 64
OTHER = "sha256:" + "6" * 64
QUICK = HttpBounds(attempts=2, wait=1.0, connect=5.0, read=10.0, total=30.0)


def settings(world: AzureWorld, **more: str) -> dict[str, str]:
    """Return the environment that points the gate at a simulator."""
    return {
        "GATE_HOME": "/nowhere",
        "GATE_AZURE_AUTHORITY": world.address,
        "GATE_AZURE_ARM": world.address,
        "GATE_AZURE_TENANT": TENANT,
        "GATE_DEFENDER_REGISTRIES": REGISTRY_ID,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": world.secret,
        **more,
    }


def connection(
    world: AzureWorld,
    *,
    scans: Scans | None = None,
    bounds: DefenderBounds | None = None,
    slept: list[float] | None = None,
    **more: str,
) -> DefenderConnection:
    """Return the gate's side of a connection; waiting for a quota is noted in `slept` and not done."""
    environ = settings(world, **more)
    config = load_config(environ)
    assert config.azure is not None
    client = HttpClient(QUICK, sleep=(slept if slept is not None else []).append)
    return DefenderConnection(
        config.azure,
        client=client,
        http=QUICK,
        bounds=bounds or config.defender,
        environ=environ,
        images=RemoteRegistry(client, NoCredentials()),
        attachments=RemoteAttachments(client, NoCredentials()),
        scans=scans,
        sleep=(slept if slept is not None else []).append,
    )


def inventory(world: AzureWorld, digest: str = DIGEST) -> Inventory:
    """Return an image of the simulated registry, of which nothing else is known."""
    host = world.address.removeprefix("https://")
    return Inventory(
        image=ImageFacts(
            repository=f"{host}/{REPOSITORY}",
            digest=digest,
            media_type="application/vnd.oci.image.manifest.v1+json",
            config_digest=OTHER,
            platform="linux/amd64",
            layers=(),
        )
    )


def policy(*signers: Signer, scanners: tuple[str, ...] = ()) -> DefenderPolicy:
    """Return a policy that lists these signers and scanners."""
    listed = tuple(ScanSigner(name="acme", roots=(signer.root,), subject=SUBJECT) for signer in signers)
    return DefenderPolicy(signers=listed, scanners=scanners)


def ask(
    world: AzureWorld,
    rules: DefenderPolicy | None = None,
    *,
    now: datetime = NOW,
    digest: str = DIGEST,
    scans: Scans | None = None,
    bounds: DefenderBounds | None = None,
    slept: list[float] | None = None,
    **more: str,
) -> SourceReport:
    """Ask the live source once."""
    source = connection(world, scans=scans, bounds=bounds, slept=slept, **more).source(rules or DefenderPolicy())
    return source.report(inventory(world, digest), now=now)


def signed_artifact(registry: SimRegistry, signer: Signer, digest: str = DIGEST, **made: object) -> str:
    """Attach a findings artifact that the signer signed, and have the image pushed before it."""
    registry.pushed[digest] = PUSHED
    artifact = findings_artifact(registry, digest, **made)  # type: ignore[arg-type]  # handed through
    attach_signature(registry, artifact, jws(signer, payload_of(registry, artifact)))
    return artifact
