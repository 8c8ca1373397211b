"""One signature over some bytes, by the six algorithms that Notary Project allows, each for one size of key.

Source: Notary Project, signature specification, "Signature Algorithm Requirements" (RFC 7518 for the names).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.x509 import Certificate

_RSA: Mapping[str, tuple[int, type[hashes.HashAlgorithm]]] = {
    "PS256": (2048, hashes.SHA256),
    "PS384": (3072, hashes.SHA384),
    "PS512": (4096, hashes.SHA512),
}
_EC: Mapping[str, tuple[str, type[hashes.HashAlgorithm]]] = {
    "ES256": ("secp256r1", hashes.SHA256),
    "ES384": ("secp384r1", hashes.SHA384),
    "ES512": ("secp521r1", hashes.SHA512),
}


def verified(certificate: Certificate, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """Say whether the certificate's key made the signature over these bytes, by an algorithm that fits the key."""
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm in _RSA:
            bits, rsa_hash = _RSA[algorithm]
            if key.key_size != bits:
                return False
            pss = padding.PSS(mgf=padding.MGF1(rsa_hash()), salt_length=rsa_hash().digest_size)
            key.verify(signature, signed, pss, rsa_hash())
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm in _EC:
            curve, ec_hash = _EC[algorithm]
            half = (key.key_size + 7) // 8
            if key.curve.name != curve or len(signature) != 2 * half:
                return False
            numbers = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
            key.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(ec_hash()))
            return True
    except InvalidSignature:
        return False
    return False
