"""A findings artifact counts by its signature, its subject and its time; each of them forged proves nothing."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure_world.sim_gate import DIGEST, NOW, PUSHED, inventory, signed_artifact
from azure_world.sim_registry import OCI_MANIFEST, SimRegistry, digest_of
from azure_world.sim_signer import (
    PAYLOAD_TYPE,
    PREDICATE,
    SUBJECT,
    Key,
    Signer,
    Tagged,
    attach_signature,
    cbor,
    cose,
    findings_artifact,
    jws,
    make_signer,
    payload_of,
    statement,
)
from azure_world.sim_state import AzureWorld
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from gate.bounds import DefenderBounds
from gate.errors import BoundError, GateError, UnauthorizedUpstreamError, UpstreamError, UsageError
from gate.findings.proof.artifact import ArtifactProofs
from gate.findings.proof.interface import NotProven, Proven, Verdict
from gate.http.client import HttpClient
from gate.model.image import ImageRef
from gate.policy.scanners import ScanSigner
from gate.registry.attachments import RemoteAttachments
from gate.registry.auth import NoCredentials
from gate.registry.remote import RemoteRegistry

Look = Callable[..., tuple[Verdict, ...]]
COSE = "application/cose"


@pytest.fixture
def look(azure: AzureWorld, signer: Signer) -> Look:
    def call(*signers: Signer, most: int = 100, **bounds: int) -> tuple[Verdict, ...]:
        client = HttpClient()
        proofs = ArtifactProofs(
            RemoteRegistry(client, NoCredentials()),
            RemoteAttachments(client, NoCredentials(), most=most),
            DefenderBounds(**bounds),
        )
        listed = [ScanSigner(name="acme", roots=(one.root,), subject=SUBJECT) for one in (signers or (signer,))]
        ref = ImageRef.of_place(inventory(azure).image.repository, digest=DIGEST)
        return proofs.look(ref, listed, now=NOW)

    return call


def code(verdicts: tuple[Verdict, ...]) -> str:
    (one,) = verdicts
    return one.code if isinstance(one, NotProven) else "proven"


def enveloped(
    registry: SimRegistry, envelope: Callable[[bytes], bytes], media_type: str = "application/jose+json"
) -> None:
    registry.pushed[DIGEST] = PUSHED
    artifact = findings_artifact(registry, DIGEST)
    attach_signature(registry, artifact, envelope(payload_of(registry, artifact)), media_type)


def test_a_signed_artifact_proves_a_scan_and_says_by_whom_and_when(
    look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    artifact = signed_artifact(sim_registry, signer)
    (proof,) = look()
    assert isinstance(proof, Proven)
    assert proof.scanned_at == dt.datetime(2026, 11, 1, 10, tzinfo=dt.UTC)
    assert (proof.results, proof.evidence["artifact"], proof.evidence["signer"]) == (0, artifact, "acme")


@pytest.mark.parametrize("api", [True, False])
def test_both_envelopes_and_both_kinds_of_keys_and_lists_are_read(
    api: bool, look: Look, sim_registry: SimRegistry
) -> None:
    sim_registry.api = api
    keys: list[Key] = [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
    for number, key in enumerate(keys):
        one = make_signer(key=key, links=number)
        sim_registry.listed.clear()
        enveloped(sim_registry, lambda payload, one=one: jws(one, payload))  # type: ignore[misc]
        assert code(look(one)) == "proven"
        sim_registry.listed.clear()
        enveloped(sim_registry, lambda payload, one=one: cose(one, payload), COSE)  # type: ignore[misc]
        assert code(look(one)) == "proven"


BENT: dict[str, dict[str, Any]] = {
    "server certificate": {"use": ExtendedKeyUsageOID.SERVER_AUTH},
    "root that may not issue": {"root_may_issue": False},
    "authority as signer": {"leaf_is_authority": True},
    "no digital signature": {"digital_signature": False},
    "expired": {"days": 30},
    "not yet valid": {"begin": dt.datetime(2026, 12, 1, tzinfo=dt.UTC)},
    "weak key": {"key": rsa.generate_private_key(65537, 1024)},  # noqa: S505 - what is refused
    "other curve": {"key": ec.generate_private_key(ec.SECP192R1())},
    "another name": {"subject": {"O": "Acme Scanner Works", "CN": "somebody else"}},
    "no name": {"subject": {"CN": "acme findings signer"}},
    "unknown critical extension": {"extra": x509.TLSFeature([x509.TLSFeatureType.status_request])},
}


@pytest.mark.parametrize("how", BENT)
def test_a_certificate_that_is_not_fit_proves_nothing(how: str, look: Look, sim_registry: SimRegistry) -> None:
    one = make_signer(**BENT[how])
    signed_artifact(sim_registry, one)
    assert code(look(one)) == "signature_refused"


def test_a_chain_of_one_or_of_too_many_proves_nothing(look: Look, sim_registry: SimRegistry, signer: Signer) -> None:
    alone = Signer(key=signer.key, chain=signer.chain[:1])
    signed_artifact(sim_registry, alone)
    assert code(look(alone)) == "signature_refused"
    sim_registry.listed.clear()
    long = make_signer(links=9)
    signed_artifact(sim_registry, long)
    assert code(look(long)) == "signature_refused"


def test_a_chain_out_of_order_or_of_garbage_proves_nothing(
    look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    linked = make_signer(links=2)
    first, second, third, root = linked.chain
    for chain in ([first, third, second, root], [second, first, third, root]):
        sim_registry.listed.clear()
        signed_artifact(sim_registry, Signer(key=linked.key, chain=chain))
        assert code(look(linked)) == "signature_refused"
    sim_registry.listed.clear()

    def garbled(payload: bytes) -> bytes:
        whole = json.loads(jws(signer, payload))
        whole["header"]["x5c"][0] = "AAAA"
        return json.dumps(whole).encode()

    enveloped(sim_registry, garbled)
    assert code(look()) == "signature_refused"


def test_a_root_of_policy_that_is_no_certificate_trusts_nobody(
    azure: AzureWorld, sim_registry: SimRegistry, signer: Signer
) -> None:
    signed_artifact(sim_registry, signer)
    broken = signer.root.replace("M", "A", 1)
    client = HttpClient()
    proofs = ArtifactProofs(
        RemoteRegistry(client, NoCredentials()), RemoteAttachments(client, NoCredentials()), DefenderBounds()
    )
    ref = ImageRef.of_place(inventory(azure).image.repository, digest=DIGEST)
    one = ScanSigner(name="acme", roots=(broken,), subject=SUBJECT)
    assert code(proofs.look(ref, [one], now=NOW)) == "signature_refused"


TIMES: dict[str, dict[str, object]] = {
    "expired": {
        "crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"],
        "io.cncf.notary.expiry": "2026-11-01T11:00:00Z",
    },
    "expiry that is not critical": {"io.cncf.notary.expiry": "2027-11-01T11:00:00Z"},
    "signed in the future": {"io.cncf.notary.signingTime": "2026-11-02T00:00:00Z"},
    "no time": {"io.cncf.notary.signingTime": None},
    "time without a zone": {"io.cncf.notary.signingTime": "2026-11-01T10:00:05"},
    "no scheme": {"io.cncf.notary.signingScheme": None},
    "unknown scheme": {"io.cncf.notary.signingScheme": "notary.trustme"},
    "nothing critical": {"crit": None},
    "unknown critical": {"crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.verificationPlugin"]},
    "critical twice": {"crit": ["io.cncf.notary.signingScheme"] * 2},
    "critical and absent": {"crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"]},
    "another type": {"cty": "application/json"},
    "no algorithm": {"alg": None},
    "algorithm of another key": {"alg": "PS256"},
    "no algorithm at all": {"alg": "none"},
    "longer hash": {"alg": "ES384"},
}


@pytest.mark.parametrize("how", TIMES)
def test_an_envelope_whose_attributes_are_off_proves_nothing(
    how: str, look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    enveloped(sim_registry, lambda payload: jws(signer, payload, **TIMES[how]))  # type: ignore[arg-type]
    assert code(look()) == "signature_refused"


def test_a_signing_authoritys_time_lets_a_certificate_have_expired_since_and_a_signers_own_does_not(
    look: Look, sim_registry: SimRegistry
) -> None:
    short = make_signer(begin=NOW - timedelta(days=10), days=9)
    when = (NOW - timedelta(days=5)).isoformat()
    scheme, time = "io.cncf.notary.signingScheme", "io.cncf.notary.authenticSigningTime"
    vouched: dict[str, object] = {"crit": [scheme, time], scheme: "notary.x509.signingAuthority", time: when}
    vouched["io.cncf.notary.signingTime"] = None
    enveloped(sim_registry, lambda payload: jws(short, payload, **vouched))  # type: ignore[arg-type]
    assert code(look(short)) == "proven"
    sim_registry.listed.clear()
    enveloped(sim_registry, lambda payload: jws(short, payload, **{"io.cncf.notary.signingTime": when}))  # type: ignore[arg-type]
    assert code(look(short)) == "signature_refused"
    sim_registry.listed.clear()
    mixed = {**vouched, scheme: "notary.x509"}
    enveloped(sim_registry, lambda payload: jws(short, payload, **mixed))  # type: ignore[arg-type]
    assert code(look(short)) == "signature_refused"


def bent_envelopes(signer: Signer, payload: bytes) -> dict[str, bytes]:
    whole = json.loads(jws(signer, payload))
    return {
        "empty": b"",
        "no object": b"[]",
        "a part more": json.dumps({**whole, "extra": 1}).encode(),
        "no header": json.dumps({**whole, "header": []}).encode(),
        "no text": json.dumps({**whole, "payload": 1}).encode(),
        "bad base64": json.dumps({**whole, "signature": "*"}).encode(),
        "half base64": json.dumps({**whole, "signature": "A"}).encode(),
        "no chain": json.dumps({**whole, "header": {}}).encode(),
        "bad chain": json.dumps({**whole, "header": {"x5c": ["*"]}}).encode(),
        "other payload": json.dumps({**whole, "payload": "e30"}).encode(),
        "short signature": json.dumps({**whole, "signature": "AAAA"}).encode(),
    }


@pytest.mark.parametrize("how", sorted(bent_envelopes(make_signer(), b"{}")))
def test_an_envelope_that_is_bent_proves_nothing(
    how: str, look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    enveloped(sim_registry, lambda payload: bent_envelopes(signer, payload)[how])
    assert code(look()) == "signature_refused"


PAYLOADS: dict[str, Any] = {
    "garbage": b"\xff",
    "nothing": b"{}",
    "another size": lambda target: {**target, "size": target["size"] + 1},
    "another digest": lambda target: {**target, "digest": "sha256:" + "0" * 64},
    "another type": lambda target: {**target, "mediaType": "application/json"},
}


@pytest.mark.parametrize("how", PAYLOADS)
def test_a_signature_over_something_else_proves_nothing(
    how: str, look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    bend = PAYLOADS[how]

    def envelope(payload: bytes) -> bytes:
        if isinstance(bend, bytes):
            return jws(signer, bend)
        return jws(signer, json.dumps({"targetArtifact": bend(json.loads(payload)["targetArtifact"])}).encode())

    enveloped(sim_registry, envelope)
    assert code(look()) == "signature_refused"


COSES: dict[str, Callable[[Signer, bytes], bytes]] = {
    "empty": lambda *_: b"",
    "no tag": lambda *_: cbor([b"", {}, b"", b""]),
    "other tag": lambda *_: cbor(Tagged(98, [b"", {}, b"", b""])),
    "no map": lambda *_: cbor(Tagged(18, [cbor([]), {}, b"", b""])),
    "nothing critical": lambda signer, payload: cose(signer, payload, critical=[]),
    "unknown critical": lambda signer, payload: cose(signer, payload, critical=["io.cncf.notary.signingScheme", 7]),
    "no time": lambda signer, payload: cose(signer, payload, when="today"),
    "no date": lambda signer, payload: cose(signer, payload, when=Tagged(1, 2**60)),
    "in the future": lambda signer, payload: cose(signer, payload, when=Tagged(1, 2_000_000_000)),
    "trailing bytes": lambda signer, payload: cose(signer, payload) + b"\x00",
    "cut off": lambda signer, payload: cose(signer, payload)[:-1],
    "no chain": lambda *_: cbor(
        Tagged(18, [cbor({1: -7, 2: ["io.cncf.notary.signingScheme"], 3: PAYLOAD_TYPE,
                          "io.cncf.notary.signingScheme": "notary.x509", "io.cncf.notary.signingTime": Tagged(1, 1)}),
                    {}, b"", b""])
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", COSES)
def test_a_cose_envelope_that_is_bent_proves_nothing(
    how: str, look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    enveloped(sim_registry, lambda payload: COSES[how](signer, payload), COSE)
    assert code(look()) == "signature_refused"


def test_an_envelope_of_another_kind_and_a_signature_in_two_parts_prove_nothing(
    look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    enveloped(sim_registry, lambda payload: jws(signer, payload), "application/pgp")
    assert code(look()) == "signature_refused"
    sim_registry.listed.clear()
    artifact = signed_artifact(sim_registry, signer)
    signature = sim_registry.listed[artifact][0]
    manifest = json.loads(sim_registry.manifests[signature][0])
    sim_registry.listed[artifact] = []
    sim_registry.put_manifest({**manifest, "layers": manifest["layers"] * 2})
    assert code(look()) == "signature_refused"


def test_a_signature_that_is_listed_here_and_attached_elsewhere_proves_nothing(
    look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    artifact = signed_artifact(sim_registry, signer)
    (signature,) = sim_registry.listed[artifact]
    manifest = json.loads(sim_registry.manifests[signature][0])
    elsewhere = {**manifest["subject"], "digest": "sha256:" + "9" * 64}
    sim_registry.listed[artifact] = [sim_registry.put_manifest({**manifest, "subject": elsewhere})]
    assert code(look()) == "signature_refused"


def test_of_several_signatures_one_good_one_is_enough(look: Look, sim_registry: SimRegistry, signer: Signer) -> None:
    artifact = signed_artifact(sim_registry, make_signer())
    attach_signature(sim_registry, artifact, jws(signer, payload_of(sim_registry, artifact)))
    assert code(look()) == "proven"


BODIES: dict[str, object] = {
    "garbage": b"\x00",
    "no statement": {"_type": "something"},
    "another predicate": {"predicateType": "https://slsa.dev/provenance/v1"},
    "no subject": {"subject": []},
    "subject without a digest": {"subject": [{"name": "x"}, "y", {"digest": {"sha512": "0"}}]},
    "no results": {"predicate": {"scanner": {}}},
}


@pytest.mark.parametrize("how", BODIES)
def test_a_signed_statement_that_is_not_understood_is_not_taken_for_one_without_results(
    how: str, look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    bend = BODIES[how]
    body = bend if isinstance(bend, bytes) else json.dumps(statement(DIGEST, **bend)).encode()  # type: ignore[arg-type]
    signed_artifact(sim_registry, signer, body=body)
    assert code(look()) == "artifact_unreadable"


ANNOTATIONS: dict[str, dict[str, str]] = {
    "none": {},
    "no time": {"in-toto.io/predicate-type": PREDICATE},
    "no scan": {"in-toto.io/predicate-type": "sbom", "org.opencontainers.image.created": "2026-11-01T10:00:00Z"},
    "time without a zone": {
        "in-toto.io/predicate-type": PREDICATE,
        "org.opencontainers.image.created": "2026-11-01T10:00:00",
    },
    "no date": {"in-toto.io/predicate-type": PREDICATE, "org.opencontainers.image.created": "yesterday"},
}


@pytest.mark.parametrize("how", ANNOTATIONS)
def test_a_signed_artifact_that_does_not_say_when_it_scanned_proves_nothing(
    how: str, look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    signed_artifact(sim_registry, signer, annotations=ANNOTATIONS[how])
    assert code(look()) == "no_scan"


def test_an_artifact_in_a_registry_that_does_not_know_since_when_it_has_the_image_proves_nothing(
    look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    signed_artifact(sim_registry, signer)
    sim_registry.acr = False
    assert code(look()) == "push_unknown"
    sim_registry.acr = True
    del sim_registry.pushed[DIGEST]
    assert code(look()) == "push_unknown"


def test_an_artifact_in_two_layers_proves_nothing(look: Look, sim_registry: SimRegistry, signer: Signer) -> None:
    artifact = signed_artifact(sim_registry, signer)
    manifest = json.loads(sim_registry.manifests[artifact][0])
    sim_registry.listed[DIGEST] = []
    two = sim_registry.put_manifest({**manifest, "layers": manifest["layers"] * 2})
    attach_signature(sim_registry, two, jws(signer, payload_of(sim_registry, two)))
    assert code(look()) == "artifact_unreadable"


def test_a_manifest_that_can_be_read_in_two_ways_proves_nothing(look: Look, sim_registry: SimRegistry) -> None:
    sim_registry.pushed[DIGEST] = PUSHED
    data = b'{"schemaVersion":2,"artifactType":"application/vnd.in-toto+json","layers":[],"Layers":[]}'
    sim_registry.manifests[digest_of(data)] = (data, OCI_MANIFEST)
    sim_registry.attach(DIGEST, digest_of(data))
    assert code(look()) == "artifact_unreadable"


def test_what_is_not_of_the_type_is_not_looked_at(look: Look, sim_registry: SimRegistry) -> None:
    other = sim_registry.put_manifest({"schemaVersion": 2, "artifactType": "application/spdx+json"})
    sim_registry.attach(DIGEST, other)
    assert look() == ()


def test_a_registry_that_fails_is_not_one_without_attachments(look: Look, sim_registry: SimRegistry) -> None:
    sim_registry.status = 401
    with pytest.raises(UnauthorizedUpstreamError):
        look()
    sim_registry.status = 500
    with pytest.raises(UpstreamError):
        look()


@pytest.mark.parametrize(
    "broken",
    [b"no json", b"{}", b'{"schemaVersion":2,"manifests":[1]}', b'{"schemaVersion":1,"manifests":[]}',
     b'{"schemaVersion":2,"manifests":[{"digest":"sha256:1","size":1,"mediaType":"x"}]}'],
)  # fmt: skip
def test_a_list_that_can_not_be_read_is_not_an_empty_one(broken: bytes, look: Look, sim_registry: SimRegistry) -> None:
    sim_registry.broken = broken
    with pytest.raises(UpstreamError, match="something else"):
        look()


def test_a_list_over_pages_is_read_to_its_end_and_never_on_another_host(
    look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    for minute in range(3):
        signed_artifact(sim_registry, make_signer(), created=f"2026-11-01T10:0{minute}:01Z")
    signed_artifact(sim_registry, signer)
    sim_registry.page = 1
    assert [isinstance(verdict, Proven) for verdict in look()] == [False, False, False, True]
    sim_registry.foreign = "https://127.0.0.1:1"
    with pytest.raises(UpstreamError):
        look()


@pytest.mark.parametrize("api", [True, False])
def test_more_attachments_than_the_bound_are_an_error_and_not_a_shorter_list(
    api: bool, look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    sim_registry.api = api
    for _ in range(3):
        signed_artifact(sim_registry, make_signer())
    signed_artifact(sim_registry, signer)
    with pytest.raises(BoundError):
        look(most=3)
    with pytest.raises(GateError):
        look(artifact_bytes=10)


def test_the_first_bound_signer_is_not_the_only_one(look: Look, sim_registry: SimRegistry, signer: Signer) -> None:
    signed_artifact(sim_registry, signer)
    assert code(look(make_signer(), signer)) == "proven"
    assert replace(signer).root == signer.root


def test_a_time_of_the_push_that_can_not_be_read_is_an_error_and_not_a_time(
    look: Look, sim_registry: SimRegistry, signer: Signer
) -> None:
    signed_artifact(sim_registry, signer)
    sim_registry.pushed[DIGEST] = "yesterday"
    with pytest.raises(UpstreamError, match="something else"):
        look()
    sim_registry.pushed[DIGEST] = "2026-11-01T09:00:00"
    assert code(look()) == "push_unknown"
    sim_registry.pushed[DIGEST] = "2026-11-01T09:00:00Z"
    assert code(look()) == "proven"


def test_a_list_that_breaks_off_is_not_a_shorter_one(look: Look, sim_registry: SimRegistry, signer: Signer) -> None:
    for minute in range(3):
        signed_artifact(sim_registry, signer, created=f"2026-11-01T10:0{minute}:01Z")
    sim_registry.page, sim_registry.pages = 1, 2
    with pytest.raises(UpstreamError, match="something else"):
        look()


def test_attachments_are_asked_for_by_digest_alone(azure: AzureWorld) -> None:
    ref = ImageRef.of_place(inventory(azure).image.repository, tag="1")
    attachments = RemoteAttachments(HttpClient(), NoCredentials())
    with pytest.raises(UsageError):
        attachments.referrers(ref, "application/json")
    with pytest.raises(UsageError):
        attachments.pushed_at(ref)
