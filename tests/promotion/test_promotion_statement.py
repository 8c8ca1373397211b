"""The signed verdict: attached to what is released, before its tag, read by somebody who knows none of the gate's code.

The independent reader is `verified` below: DSSE's pre-authentication encoding written from its specification, and
`cryptography` for the signature.
"""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from acr_world.client import acr_client, acr_place
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from promotion.promotion_memory import Fault, FaultyStore, MemoryStore
from promotion.promotion_vault import vault_signer
from promotion.promotion_world import RELEASE, STAGING, planned
from registry.contract_images import image, push

from gate.errors import GateError, InputError, UpstreamError, UsageError
from gate.model.decision import Decision, Outcome
from gate.model.image import ImageRef, Transport
from gate.promotion.attest import attestor
from gate.promotion.document import Document, attach_document, attached_documents
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_promotion
from gate.promotion.promote import promote
from gate.promotion.statement import ENVELOPE_TYPE, PAYLOAD_TYPE, KeySigner, payload_of, verdict
from gate.promotion.tree import describe
from gate.registry.referring import listed_referrers

if TYPE_CHECKING:
    from pathlib import Path

    from acr_world.facade import AcrFacade
    from azure_world.sim_state import AzureWorld
    from azure_world.sim_vault import SimVault

    from gate.registry.interface import ImageWriter

APP = image("app")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def decision(outcome: Outcome = Outcome.PROMOTE) -> Decision:
    return Decision(
        outcome=outcome,
        subject=APP.digest,
        repository=STAGING.place,
        decided_at=NOW,
        policy="sha256:" + "1" * 64,
        ruleset="sha256:" + "2" * 64,
        evidence="sha256:" + "3" * 64,
        recorded_sources=(),
        results=(),
        references=(),
        components=(),
        counts={},
        requests=(),
    )


def key_file(folder: Path, key: Any) -> Path:
    file = folder / "key.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return file


@pytest.fixture
def key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


@pytest.fixture
def signer(tmp_path: Path, key: ed25519.Ed25519PrivateKey) -> KeySigner:
    return KeySigner(key_file(tmp_path, key))


def verified(envelope: bytes, key: Any) -> dict[str, Any]:
    """Read an envelope as its specification says, with nothing of the gate's."""
    read = json.loads(envelope)
    payload, kind = base64.b64decode(read["payload"]), read["payloadType"].encode()
    pae = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    assert len(read["signatures"]) == 1
    signature = base64.b64decode(read["signatures"][0]["sig"])
    if isinstance(key, ec.EllipticCurvePublicKey):
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - for this kind of key alone

        key.verify(signature, pae, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(signature, pae)
    statement: dict[str, Any] = json.loads(payload)
    return statement


def envelopes(store: ImageWriter, place: ImageRef) -> list[bytes]:
    found = []
    for listed in listed_referrers(store, place.at(APP.digest)):
        manifest = json.loads(store.manifest(place.at(listed.digest)).raw)
        assert manifest["artifactType"] == ENVELOPE_TYPE
        layer = manifest["layers"][0]
        from gate.registry.interface import Descriptor  # noqa: PLC0415 - read as any client would

        about = Descriptor(digest=layer["digest"], size=layer["size"], media_type=layer["mediaType"])
        with store.blob(place, about) as stream:
            found.append(stream.read())
    return found


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_the_verdict_is_attached_signed_and_read_by_an_independent_reader(tmp_path: Path, kind: str) -> None:
    key: Any = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    attest = attestor(store, decision(), KeySigner(key_file(tmp_path, key)))
    receipt = promote(plan, store, store, attest=attest)
    assert [read.answer for read in receipt.read_back if read.what == "referrer"] == [APP.digest]
    (envelope,) = envelopes(store, RELEASE)
    statement = verified(envelope, key.public_key())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": RELEASE.place, "digest": {"sha256": APP.digest.removeprefix("sha256:")}}]
    assert statement["predicateType"] == "https://slsa.dev/verification_summary/v1"
    predicate = statement["predicate"]
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["policy"]["digest"] == {"sha256": "1" * 64}
    assert not [level for level in predicate["verifiedLevels"] if level.startswith("SLSA_")]
    with pytest.raises(InvalidSignature):
        verified(envelope.replace(b'"payloadType": "', b'"payloadType": "x'), key.public_key())
    # Carried out again by somebody else, it is the same attachment, and not one more.
    again = promote(plan, store, store, attest=attest)
    assert again.already_there
    assert envelopes(store, RELEASE) == [envelope]


def test_the_same_words_from_a_stranger_are_not_the_gates(tmp_path: Path, signer: KeySigner, key: Any) -> None:
    """Whoever may push can attach an envelope with the very payload: it must not keep the gate from signing."""
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    promote(plan, store, store)
    (tmp_path / "other").mkdir()
    stranger = KeySigner(key_file(tmp_path / "other", ed25519.Ed25519PrivateKey.generate()))
    payload = verdict(decision(), plan.target)
    forged = json.loads(stranger.envelope(payload, PAYLOAD_TYPE))
    forged["signatures"][0]["keyid"] = json.loads(signer.envelope(payload, PAYLOAD_TYPE))["signatures"][0]["keyid"]
    for data in (stranger.envelope(payload, PAYLOAD_TYPE), json.dumps(forged).encode(), b"{", b"{}"):
        document = Document(artifact_type=ENVELOPE_TYPE, media_type=ENVELOPE_TYPE, data=data)
        attach_document(store, plan.target, describe(APP.manifest), document)
    promote(plan, store, store, attest=attestor(store, decision(), signer))
    good = []
    for envelope in envelopes(store, RELEASE):
        try:
            good.append(verified(envelope, key.public_key()))
        except (InvalidSignature, ValueError, KeyError):
            continue
    assert len(good) == 1


def test_without_a_key_nothing_is_attached() -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    promote(plan, store, store, attest=attestor(store, decision(), None))
    assert listed_referrers(store, RELEASE.at(APP.digest)) == ()


@pytest.mark.parametrize("outcome", [Outcome.HOLD, Outcome.DISCARD])
def test_nothing_but_a_promotion_is_attested(outcome: Outcome) -> None:
    with pytest.raises(UsageError) as refused:
        verdict(decision(outcome), RELEASE.at(APP.digest))
    assert refused.value.error_code == "nothing_to_attest"


def test_a_verdict_about_other_bytes_is_not_made() -> None:
    with pytest.raises(UsageError):
        verdict(decision(), RELEASE.at(image("other").digest))


def test_no_tag_leads_to_an_image_whose_verdict_could_not_be_attached(signer: KeySigner) -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    trace = FaultyStore(store)
    promote(plan, trace, trace, attest=attestor(trace, decision(), signer))
    for at in range(len(trace.trace)):
        store = MemoryStore()
        push(store, STAGING, APP, "1")
        faulty = FaultyStore(store, {at: Fault(error=UpstreamError("cut"))})
        with pytest.raises(GateError):
            promote(plan, faulty, faulty, attest=attestor(faulty, decision(), signer))
        if store.tags(RELEASE) and "1" in store.tags(RELEASE):
            assert len(envelopes(store, RELEASE)) == 1
        promote(plan, store, store, attest=attestor(store, decision(), signer))
        assert len(envelopes(store, RELEASE)) == 1


def test_in_azure_the_verdict_is_found_by_the_referrers_api(acr: AcrFacade, signer: KeySigner, key: Any) -> None:
    store = acr_client(acr)
    base = acr_place(acr).repository.removesuffix("/app")
    staging = ImageRef(transport=Transport.REGISTRY, repository=f"{base}/staging/app")
    places = Places.of([(f"{base}/staging", f"{base}/release")])
    source = push(store, staging, APP, "1")
    plan = prepare_promotion(source, places, source_store=store, target_store=store)
    receipt = promote(plan, store, store, attest=attestor(store, decision(), signer), workers=4)
    assert receipt.locked
    (envelope,) = envelopes(store, places.release_of(source))
    assert verified(envelope, key.public_key())["predicate"]["verificationResult"] == "PASSED"


def test_what_a_vault_signed_before_a_crash_is_not_signed_again(azure: AzureWorld, vault: SimVault) -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    trace = FaultyStore(store)
    promote(plan, trace, trace, attest=attestor(trace, decision(), vault_signer(azure, vault)))
    for at in range(len(trace.trace)):
        store = MemoryStore()
        push(store, STAGING, APP, "1")
        faulty = FaultyStore(store, {at: Fault(error=UpstreamError("cut"), lost=True)})
        with contextlib.suppress(GateError):
            promote(plan, faulty, faulty, attest=attestor(faulty, decision(), vault_signer(azure, vault)))
        attached = envelopes(store, RELEASE)
        asked = len([one for one in vault.asked if one.startswith("POST")])
        promote(plan, store, store, attest=attestor(store, decision(), vault_signer(azure, vault)))
        (envelope,) = envelopes(store, RELEASE)
        assert verified(envelope, vault.private.public_key())["predicate"]["verificationResult"] == "PASSED"
        more = len([one for one in vault.asked if one.startswith("POST")]) - asked
        assert more == (0 if attached else 1)


@pytest.mark.parametrize("how", ["absent", "text", "encrypted", "exchange"])
def test_a_key_that_cannot_sign_is_refused_at_once(tmp_path: Path, how: str) -> None:
    file = tmp_path / "key.pem"
    form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    if how == "text":
        file.write_text("no key")
    elif how == "encrypted":
        words = serialization.BestAvailableEncryption(b"secret")
        file.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(encoding, form, words))
    elif how == "exchange":
        key_file(tmp_path, x25519.X25519PrivateKey.generate())
    with pytest.raises(UsageError) as refused:
        KeySigner(file)
    assert refused.value.error_code == "signing_key_unreadable"


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"payload":"*","payloadType":"application/vnd.in-toto+json","signatures":[{}]}',
     b'{"payload":"e30=","payloadType":"text/plain","signatures":[{}]}',
     b'{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}'],
)  # fmt: skip
def test_what_is_no_envelope_has_no_payload(data: bytes, signer: KeySigner) -> None:
    with pytest.raises(InputError):
        payload_of(data)
    assert not signer.signed(data)


def test_documents_of_another_type_or_subject_are_not_taken() -> None:
    store = MemoryStore()
    place = push(store, STAGING, APP, "1")
    document = Document(artifact_type="application/x", media_type="application/x", data=b"x")
    attach_document(store, place, describe(APP.manifest), document)
    assert attached_documents(store, place, ENVELOPE_TYPE, accept=lambda _: True) == ()
    assert len(attached_documents(store, place, "application/x", accept=lambda _: True)) == 1
    assert attached_documents(store, place, "application/x", accept=lambda _: False) == ()


def test_configuration_names_the_key_and_refuses_one_that_cannot_sign(tmp_path: Path) -> None:
    from gate.config import load_config  # noqa: PLC0415 - for this test alone
    from gate.wiring_signing import statement_signer  # noqa: PLC0415 - as above

    assert statement_signer(load_config({"GATE_HOME": str(tmp_path)}), lambda: NOW) is None
    file = key_file(tmp_path, ed25519.Ed25519PrivateKey.generate())
    signer = statement_signer(load_config({"GATE_HOME": str(tmp_path), "GATE_SIGNING_KEY": str(file)}), lambda: NOW)
    assert signer is not None
    assert signer.signed(signer.envelope(b"{}", PAYLOAD_TYPE))
    absent = {"GATE_HOME": str(tmp_path), "GATE_SIGNING_KEY": str(tmp_path / "none")}
    with pytest.raises(UsageError):
        statement_signer(load_config(absent), lambda: NOW)
