"""A promotion whose verdict a vault signs: nothing that can be deployed comes to be while the vault does not sign."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from azure_world.sim_vault import VaultFaults
from promotion.promotion_house import House, submission_for
from promotion.promotion_memory import KeepingStore
from promotion.promotion_story import entries, scene
from promotion.promotion_vault import vault_signer
from registry.contract_images import image
from servers.sigstore import sigstore_verifier, sigstore_verifies

from gate.ledger.record import Event
from gate.model.image import ImageRef, Transport
from gate.promotion.statement import ENVELOPE_TYPE
from gate.registry.interface import Descriptor
from gate.registry.referring import listed_referrers
from gate.store.engine import make_engine
from gate.store.evaluations import EvaluationState
from gate.store.schema import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure_world.sim_state import AzureWorld
    from azure_world.sim_vault import SimVault
    from promotion.promotion_story import Scene
    from sqlalchemy.engine import Engine

ROOT = ImageRef(transport=Transport.REGISTRY, repository="registry.example.org/vault")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path}/g.sqlite")
    upgrade(made)
    yield made
    made.dispose()


def verdicts(store: KeepingStore, shown: Scene) -> list[bytes]:
    """Return the envelopes attached to what is released, read as any client would."""
    found = []
    for listed in listed_referrers(store, shown.release.at(shown.app.digest)):
        manifest = json.loads(store.manifest(shown.release.at(listed.digest)).raw)
        if manifest.get("artifactType") == ENVELOPE_TYPE:
            layer = manifest["layers"][0]
            about = Descriptor(digest=layer["digest"], size=layer["size"], media_type=layer["mediaType"])
            with store.blob(shown.release, about) as stream:
                found.append(stream.read())
    return found


def test_the_verdict_of_a_promotion_is_signed_by_the_vault_and_read_by_sigstore(
    engine: Engine, azure: AzureWorld, vault: SimVault
) -> None:
    store = KeepingStore()
    shown = scene(store, ROOT, image("app"))
    house = House(engine, store, signer=vault_signer(azure, vault))
    row = house.settle(submission_for(shown.ref))
    assert row.state is EvaluationState.PROMOTED
    (envelope,) = verdicts(store, shown)
    assert sigstore_verifies(sigstore_verifier(), envelope, vault.public) == {"verified": True}
    statement = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    assert statement["subject"][0]["digest"] == {"sha256": shown.app.digest.removeprefix("sha256:")}
    assert statement["predicate"]["verificationResult"] == "PASSED"


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"status": 403, "code": "ForbiddenByRbac"}, "vault_forbidden"),
        ({"status": 404, "code": "KeyNotFound"}, "vault_key_absent"),
        ({"status": 429, "retry_after": "3600"}, "upstream_throttled"),
        ({"status": 500}, "upstream_failed"),
        ({"on": "POST", "cut": True}, "upstream_unreachable"),
        ({"body": b" " * 70_000}, "answer_too_large"),
        ({"on": "POST", "kid": "https://other.vault.azure.net/keys/a/b"}, "vault_answer_wrong"),
        ({"attributes": {"enabled": False}}, "vault_key_disabled"),
        ({"attributes": {"exp": 1}}, "vault_key_expired"),
        ({"other_digest": True}, "vault_signature_wrong"),
        ({"trim": 1}, "vault_signature_wrong"),
    ],
)
def test_while_the_vault_does_not_sign_no_tag_is_set_and_afterwards_the_promotion_is_finished(
    engine: Engine, azure: AzureWorld, vault: SimVault, faults: dict[str, Any], code: str
) -> None:
    store = KeepingStore()
    shown = scene(store, ROOT, image("app"))
    given = submission_for(shown.ref)
    house = House(engine, store, signer=vault_signer(azure, vault))
    vault.faults = VaultFaults(**faults)
    row = house.attempt(given)
    assert (row.state, row.error_code) == (EvaluationState.FAILED, code)
    assert "1" not in store.tags(shown.release)
    assert verdicts(store, shown) == []
    events = [one.record.event for one in entries(engine, row.id)]
    assert Event.PROMOTION_INTENDED in events
    assert Event.FAILED in events
    assert Event.PROMOTED not in events
    vault.faults = VaultFaults()
    later = House(engine, store, signer=vault_signer(azure, vault))
    later.now = house.now
    again = later.settle(given)
    assert again.state is EvaluationState.PROMOTED
    assert "1" in store.tags(shown.release)
    assert len(verdicts(store, shown)) == 1
