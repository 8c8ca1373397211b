"""Signs findings artifacts as Notation does, with an authority of the tests' own, in both envelopes.

Source: Notary Project, signature specification. Microsoft's own chain is not known here and not imitated.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from azure_world.sim_registry import OCI_MANIFEST, SimRegistry
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json"
PREDICATE = "https://in-toto.io/attestation/vulns/v0.2"
SUBJECT = {"O": "Acme Scanner Works", "CN": "acme findings signer"}
UTC = dt.UTC
BEGIN = dt.datetime(2026, 1, 1, tzinfo=UTC)
Json = dict[str, Any]
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def name(**parts: str) -> x509.Name:
    oids = {"O": NameOID.ORGANIZATION_NAME, "CN": NameOID.COMMON_NAME}
    return x509.Name([x509.NameAttribute(oids[key], value) for key, value in parts.items()])


@dataclass(slots=True, kw_only=True)
class Signer:
    """A root, and a signing certificate that it issued. `chain` is what the envelope carries."""

    key: Key
    chain: list[x509.Certificate]

    @property
    def root(self) -> str:
        """The last certificate, as policy lists it."""
        return self.chain[-1].public_bytes(serialization.Encoding.PEM).decode()

    @property
    def ders(self) -> list[bytes]:
        return [certificate.public_bytes(serialization.Encoding.DER) for certificate in self.chain]

    def sign(self, data: bytes) -> tuple[str, bytes]:
        """Return the algorithm's name and the signature as JOSE and COSE write it."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
            return "PS256", self.key.sign(data, pss, hashes.SHA256())
        first, second = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return "ES256", first.to_bytes(32) + second.to_bytes(32)


def make_signer(
    *,
    key: Key | None = None,
    subject: dict[str, str] | None = None,
    use: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
    begin: dt.datetime = BEGIN,
    days: int = 365,
    root_may_issue: bool = True,
    leaf_is_authority: bool = False,
    digital_signature: bool = True,
    extra: x509.ExtensionType | None = None,
    links: int = 0,
) -> Signer:
    """Return a signer; each argument but `key` bends one thing that a chain is checked for."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    own = key or ec.generate_private_key(ec.SECP256R1())
    root_name = name(CN="acme test root")
    root = _issue(root_name, root_name, root_key, root_key, authority=root_may_issue, begin=begin)
    issuer_name, issuer_key, above = root_name, root_key, [root]
    for link in range(links):
        link_name, link_key = name(CN=f"acme link {link}"), ec.generate_private_key(ec.SECP256R1())
        above.insert(0, _issue(link_name, issuer_name, link_key, issuer_key, authority=True, begin=begin))
        issuer_name, issuer_key = link_name, link_key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(**(SUBJECT if subject is None else subject)))
        .issuer_name(issuer_name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=leaf_is_authority, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=digital_signature, key_cert_sign=leaf_is_authority), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    )
    if extra is not None:
        builder = builder.add_extension(extra, critical=True)
    return Signer(key=own, chain=[builder.sign(issuer_key, hashes.SHA256()), *above])


def _issue(
    subject: x509.Name, issuer: x509.Name, key: Key, issuer_key: Key, *, authority: bool, begin: dt.datetime
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=False, key_cert_sign=True), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _usage(*, digital_signature: bool, key_cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def statement(subject: str, /, *results: Json, **changes: object) -> Json:
    """Return the statement of a findings artifact. Reconstructed from in-toto's predicate: no real one was captured."""
    made: Json = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "staging/app", "digest": {"sha256": subject.removeprefix("sha256:")}}],
        "predicateType": PREDICATE,
        "predicate": {
            "scanner": {"uri": "pkg:generic/mdvm", "version": "1", "db": {}, "result": list(results)},
            "metadata": {"scanStartedOn": "2026-11-01T10:00:00Z", "scanFinishedOn": "2026-11-01T10:01:00Z"},
        },
    }
    return {**made, **changes}


def findings_artifact(
    registry: SimRegistry,
    subject: str,
    *,
    created: str = "2026-11-01T10:00:00Z",
    body: bytes | None = None,
    annotations: Json | None = None,
) -> str:
    """Attach a findings artifact to a digest and return the artifact's digest. The manifest's shape was observed."""
    layer = registry.put_blob(json.dumps(statement(subject)).encode() if body is None else body)
    said = {
        "in-toto.io/predicate-type": PREDICATE,
        "org.opencontainers.image.created": created,
        "report-type": "SoftwareInventoryAssessment",
        "scanner": "MDVM",
    }
    return registry.put_manifest(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.in-toto+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **registry.put_blob(b"{}")},
            "layers": [{"mediaType": "application/vnd.in-toto+json", **layer}],
            "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1778},
            "annotations": said if annotations is None else annotations,
        }
    )


def attach_signature(
    registry: SimRegistry, artifact: str, envelope: bytes, media_type: str = "application/jose+json"
) -> str:
    """Attach an envelope to an artifact, as Notation does."""
    size = len(registry.manifests[artifact][0]) if artifact in registry.manifests else 1
    return registry.put_manifest(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.cncf.notary.signature",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **registry.put_blob(b"{}")},
            "layers": [{"mediaType": media_type, **registry.put_blob(envelope)}],
            "subject": {"mediaType": OCI_MANIFEST, "digest": artifact, "size": size},
        }
    )


def payload_of(registry: SimRegistry, artifact: str) -> bytes:
    data, media_type = registry.manifests[artifact]
    target = {"mediaType": media_type, "digest": artifact, "size": len(data)}
    return json.dumps({"targetArtifact": target}).encode()


def jws(signer: Signer, payload: bytes, *, header: Json | None = None, **protected: object) -> bytes:
    """Return a JWS envelope; `protected` changes the protected header, None takes a part out of it."""
    algorithm = signer.sign(b"")[0]
    attributes: Json = {
        "alg": algorithm,
        "crit": ["io.cncf.notary.signingScheme"],
        "cty": PAYLOAD_TYPE,
        "io.cncf.notary.signingScheme": "notary.x509",
        "io.cncf.notary.signingTime": "2026-11-01T10:00:05Z",
        **protected,
    }
    kept = {key: value for key, value in attributes.items() if value is not None}
    first, second = _url(json.dumps(kept).encode()), _url(payload)
    signature = signer.sign(f"{first}.{second}".encode())[1]
    chain = [base64.b64encode(der).decode() for der in signer.ders]
    whole = {
        "payload": second,
        "protected": first,
        "header": {"x5c": chain, **(header or {})},
        "signature": _url(signature),
    }
    return json.dumps(whole).encode()


def cose(signer: Signer, payload: bytes, *, critical: list[object] | None = None, when: object = None) -> bytes:
    """Return a COSE envelope."""
    algorithm = {"PS256": -37, "ES256": -7}[signer.sign(b"")[0]]
    protected = cbor(
        {
            1: algorithm,
            2: ["io.cncf.notary.signingScheme"] if critical is None else critical,
            3: PAYLOAD_TYPE,
            "io.cncf.notary.signingScheme": "notary.x509",
            "io.cncf.notary.signingTime": Tagged(1, 1793527205) if when is None else when,
        }
    )
    signed = cbor(["Signature1", protected, b"", payload])
    return cbor(Tagged(18, [protected, {33: signer.ders}, payload, signer.sign(signed)[1]]))


@dataclass(frozen=True, slots=True)
class Tagged:
    number: int
    value: object


def cbor(value: object) -> bytes:
    """Encode as RFC 8949 does: an encoder apart from the gate's own, so that the two check each other."""
    if isinstance(value, Tagged):
        return _head(6, value.number) + cbor(value.value)
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes | str):
        data = value.encode() if isinstance(value, str) else value
        return _head(3 if isinstance(value, str) else 2, len(data)) + data
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(cbor(item) for item in value)
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(cbor(part) for pair in value.items() for part in pair)
    raise TypeError(value)


def _head(major: int, number: int) -> bytes:
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 24:
            return bytes([major << 5 | number])
        if number < 1 << 8 * size:
            return bytes([major << 5 | info]) + number.to_bytes(size)
    raise ValueError(number)


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
