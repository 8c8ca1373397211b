"""A signing certificate and its chain, held to roots that policy lists.

Sources: Notary Project, trust store and signature specification; RFC 5280 for what a chain is. Each link is checked
by hand: the library's own verifier knows certificates of web servers and their clients alone. Nobody outside is asked
what is revoked, since that would call addresses that a certificate names: policy lists it; docs/defender.md says so.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gate.policy.scanners import ScanSigner

Extension = TypeVar("Extension", bound=x509.ExtensionType)

LONGEST_CHAIN = 10
_LEAST_RSA_BITS, _LEAST_EC_BITS = 2048, 256
_HANDLED = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
_FORBIDDEN_USES = (
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ExtendedKeyUsageOID.TIME_STAMPING,
    ExtendedKeyUsageOID.OCSP_SIGNING,
)
_NAMES = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
}


class ChainError(ValueError):
    """The chain is not one that policy trusts, or not a chain; the text says which."""


def trusted_leaf(
    chain: Sequence[bytes], signer: ScanSigner, at: datetime, *, revoked: Collection[str]
) -> x509.Certificate:
    """Return the signing certificate, if its chain ends in one of the signer's roots.

    Steps, numbered as in the code: 1. every certificate can be read; 2. the last one is a root of policy, in its very
    bytes; 3. each is signed by the next, which may sign certificates; 4. all were in force, and none was revoked;
    5. the first is for signing code and for nothing that a web server or a mailbox could also have; 6. it names whom
    policy names.

    Args:
        chain: DER, the signing certificate first, the root last.
        signer: whose roots and subject are asked for.
        at: the instant at which all had to be in force (UTC).
        revoked: serial numbers and keys that are believed no more, as policy lists them; no instant excuses one.

    Raises:
        ChainError: any of it does not hold.
    """
    certificates = [_read(der) for der in _bounded(chain)]  # 1
    roots = {_der(x509.load_pem_x509_certificate(pem.encode())) for pem in signer.roots}
    if _der(certificates[-1]) not in roots:  # 2
        _refuse("its chain does not end in a root that policy lists")
    for place, (issued, issuer) in enumerate(pairwise(certificates)):  # 3
        _check_link(issued, issuer, below=place)
    for certificate in certificates:  # 4
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            _refuse("a certificate of its chain was not in force when it was signed")
        _check_extensions(certificate)
        if not names_of(certificate).isdisjoint(revoked):
            _refuse("a certificate of its chain was revoked by policy")
    leaf = certificates[0]
    _check_leaf(leaf)  # 5
    _check_subject(leaf, signer)  # 6
    return leaf


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """Return by what policy may revoke a certificate: its serial number, and its public key."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return frozenset({f"serial:{certificate.serial_number:x}", f"key:{hashlib.sha256(key).hexdigest()}"})


def readable_roots(signer: ScanSigner) -> None:
    """Raise ChainError if a root of policy is no certificate: nothing can be trusted by it."""
    for pem in signer.roots:
        try:
            x509.load_pem_x509_certificate(pem.encode())
        except (ValueError, UnsupportedAlgorithm):
            _refuse(f"policy lists a root for `{signer.name}` that is no certificate")


def _bounded(chain: Sequence[bytes]) -> Sequence[bytes]:
    # A single certificate would be its own root: who signs artifacts day by day must not be able to issue certificates.
    if not 2 <= len(chain) <= LONGEST_CHAIN:  # noqa: PLR2004 - signer and root
        _refuse(f"its chain has {len(chain)} certificates")
    return chain


def _read(der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions, certificate.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        _refuse("a certificate of its chain can't be read")
    return certificate


def _check_link(issued: x509.Certificate, issuer: x509.Certificate, *, below: int) -> None:
    try:
        issued.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        _refuse("a certificate of its chain was not signed by the next")
    constraints = _value(issuer, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        _refuse("a certificate of its chain was signed by one that may sign none")
    if constraints.path_length is not None and below > constraints.path_length:
        _refuse("its chain is longer than one of its authorities allows")
    usage = _value(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        _refuse("a certificate of its chain was signed by a key that may sign none")
    _check_key(issuer)


def _check_extensions(certificate: x509.Certificate) -> None:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _HANDLED:
            _refuse(f"a certificate of its chain has a critical extension that is not understood ({extension.oid})")


def _check_leaf(leaf: x509.Certificate) -> None:
    constraints = _value(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        _refuse("its signing certificate is an authority's own")
    usage = _value(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        _refuse("its signing certificate is not for signatures")
    uses = _value(leaf, x509.ExtendedKeyUsage)
    if uses is None or ExtendedKeyUsageOID.CODE_SIGNING not in uses or any(use in uses for use in _FORBIDDEN_USES):
        _refuse("its signing certificate is not for signing code, or for more than that")
    _check_key(leaf)


def _check_key(certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= _LEAST_EC_BITS
    )
    if not strong:
        _refuse("a certificate of its chain has a key that is too weak or of another kind")


def _check_subject(leaf: x509.Certificate, signer: ScanSigner) -> None:
    for name, wanted in signer.subject.items():
        oid = _NAMES.get(name)
        said = [part.value for part in leaf.subject.get_attributes_for_oid(oid)] if oid else []
        if said != [wanted]:
            _refuse(f"its signing certificate does not name `{signer.name}` in `{name}`")


def _value(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _refuse(why: str) -> NoReturn:
    raise ChainError(why)
