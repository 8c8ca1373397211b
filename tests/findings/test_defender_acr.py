"""Proof of a scan over the real registry behind Azure's façade: Entra tokens, referrers, the time of the push."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from acr_world.client import AUDIENCE, Tokens, acr_client, acr_place, http_of
from azure_world.sim_gate import QUICK, policy, settings
from azure_world.sim_registry import OCI_MANIFEST, SimRegistry, digest_of
from azure_world.sim_signer import Signer, attach_signature, findings_artifact, jws, payload_of

from gate.config import load_config
from gate.findings.defender.connect import DefenderConnection
from gate.model.finding import ScanState
from gate.model.image import ImageFacts, Inventory
from gate.registry.acr_tokens import EntraCredentials
from gate.registry.attachments import RemoteAttachments
from gate.registry.interface import Descriptor, Manifest

if TYPE_CHECKING:
    from acr_world.facade import AcrFacade
    from azure_world.sim_state import AzureWorld

    from gate.model.finding import SourceReport
    from gate.model.image import ImageRef
    from gate.registry.acr import AcrRegistry


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""When the façade says that it got everything."""


def pushed(client: AcrRegistry, place: ImageRef, config: bytes = b"{}") -> str:
    """Push an image of one blob and return its digest."""
    blob = Descriptor(digest=digest_of(config), size=len(config), media_type="application/vnd.oci.image.config.v1+json")
    client.upload_blob(place, blob, io.BytesIO(config))
    described = {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described, "layers": []}).encode()
    client.put_manifest(place, Manifest(digest=digest_of(raw), media_type=OCI_MANIFEST, raw=raw))
    return digest_of(raw)


def attach(client: AcrRegistry, place: ImageRef, made: SimRegistry) -> None:
    """Push everything that was made elsewhere: blobs, then artifacts, then their signatures."""
    for digest, data in made.blobs.items():
        blob = Descriptor(digest=digest, size=len(data), media_type="application/octet-stream")
        client.upload_blob(place, blob, io.BytesIO(data))
    for digest, (raw, media_type) in made.manifests.items():
        client.put_manifest(place, Manifest(digest=digest, media_type=media_type, raw=raw))


class World:
    """The gate's live source before both simulators."""

    def __init__(self, azure: AzureWorld, facade: AcrFacade) -> None:
        azure.registry["loginServer"] = facade.host
        self.client = acr_client(facade)
        self.place = acr_place(facade)
        environ = settings(azure)
        config = load_config(environ)
        assert config.azure is not None
        http, tokens = http_of(facade), Tokens(token=facade.state.sign_in())
        self.connection = DefenderConnection(
            config.azure,
            client=http,
            http=QUICK,
            bounds=config.defender,
            environ=environ,
            images=self.client,
            attachments=RemoteAttachments(
                http, EntraCredentials(http, lambda: tokens, [facade.host], audience=AUDIENCE)
            ),
        )

    def ask(self, digest: str, *signers: Signer) -> SourceReport:
        facts = ImageFacts(
            repository=self.place.repository,
            digest=digest,
            media_type=OCI_MANIFEST,
            config_digest=digest_of(b"{}"),
            platform="linux/amd64",
            layers=(),
        )
        return self.connection.source(policy(*signers)).report(Inventory(image=facts), now=NOON + timedelta(hours=1))


@pytest.fixture
def world(azure: AzureWorld, acr: AcrFacade) -> World:
    return World(azure, acr)


def made_for(digest: str, signer: Signer | None) -> SimRegistry:
    made = SimRegistry()
    artifact = findings_artifact(made, digest, created=(NOON + timedelta(minutes=30)).isoformat())
    if signer is not None:
        attach_signature(made, artifact, jws(signer, payload_of(made, artifact)))
    return made


def test_a_signed_artifact_in_azures_registry_proves_a_clean_scan(world: World, signer: Signer) -> None:
    digest = pushed(world.client, world.place)
    assert world.ask(digest, signer).state is ScanState.NOT_SCANNED
    attach(world.client, world.place, made_for(digest, signer))
    report = world.ask(digest, signer)
    assert (report.state, report.proof, report.message) == (ScanState.CLEAN, "artifact", "")


def test_a_look_alike_and_another_images_artifact_prove_nothing_there(world: World, signer: Signer) -> None:
    digest, other = pushed(world.client, world.place), pushed(world.client, world.place, b'{"os":"linux"}')
    attach(world.client, world.place, made_for(digest, None))
    attach(world.client, world.place, made_for(other, signer))
    report = world.ask(digest, signer)
    assert report.state is ScanState.NOT_SCANNED
    assert "not_signed" in report.message


def test_a_revoked_sign_in_is_no_image_without_attachments(world: World, acr: AcrFacade, signer: Signer) -> None:
    digest = pushed(world.client, world.place)
    attach(world.client, world.place, made_for(digest, signer))
    faults: dict[str, Any] = {"times": 20}
    acr.state.fail(f"GET /v2/{world.place.repository.partition('/')[2]}/referrers/{digest}", 403, **faults)
    assert world.ask(digest, signer).state is ScanState.NO_PERMISSION
