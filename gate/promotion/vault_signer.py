"""Verdicts signed by a key that never leaves Azure Key Vault; every signature is verified here before it is used."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from gate.errors import UpstreamError
from gate.promotion.statement import signed_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gate.promotion.vault import PublishedKey, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scheme:
    """How keys of one curve sign (RFC 7518, 3.4): the vault's word for it, the hash, bytes of a coordinate."""

    algorithm: str
    hash: str
    size: int


_SCHEMES = {
    "P-256": _Scheme(algorithm="ES256", hash="sha256", size=32),
    "P-384": _Scheme(algorithm="ES384", hash="sha384", size=48),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The key as it was fetched: how it signs, its public part for the verifier, and when it may be used."""

    scheme: _Scheme
    public: Any
    published: PublishedKey


class VaultSigner:
    """Implements `StatementSigner`: the public key is fetched when it is first needed, once a process.

    Raises (all methods): as `Vault`, and
        UpstreamError: `vault_key_disabled`, `vault_key_expired`, `vault_key_early`, `vault_key_unfit`;
            `vault_signature_wrong` if the answer is no signature of what was asked for by that key.
    """

    def __init__(self, vault: Vault, clock: Callable[[], datetime]) -> None:
        """Sign with the vault's key; nothing is asked yet."""
        self._vault = vault
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: _Known | None = None

    def envelope(self, payload: bytes, payload_type: str) -> bytes:
        """Return the envelope, with a signature that was verified against the public key."""
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415 - who signs
        from securesystemslib.dsse import Envelope  # noqa: PLC0415 - as above
        from securesystemslib.signer._signature import Signature  # noqa: PLC0415

        known = self._known()
        made = Envelope(payload, payload_type, {})
        digest = hashlib.new(known.scheme.hash, made.pae()).digest()
        raw, size = self._vault.sign(known.scheme.algorithm, digest), known.scheme.size
        if len(raw) != 2 * size:
            self._refuse("vault_signature_wrong", f"answered a signature of {len(raw)} bytes, not {2 * size}")
        der = encode_dss_signature(int.from_bytes(raw[:size]), int.from_bytes(raw[size:]))
        made.signatures[known.public.keyid] = Signature(known.public.keyid, der.hex())
        data = json.dumps(made.to_dict(), sort_keys=True).encode()
        if not signed_by(known.public, data):
            self._refuse("vault_signature_wrong", "answered a signature that its key did not make of this")
        return data

    def signed(self, envelope: bytes) -> bool:
        """Say whether the envelope is signed by this version of the key."""
        return signed_by(self._known().public, envelope)

    def _known(self) -> _Known:
        with self._lock:
            if self._kept is None:
                self._kept = self._fetched()
            known = self._kept
        # Looked at each time: a service runs for longer than a key may be in force.
        now = self._clock().timestamp()
        if known.published.expires is not None and now >= known.published.expires:
            self._refuse("vault_key_expired", "says that it is not in force any more")
        if known.published.not_before is not None and now < known.published.not_before:
            self._refuse("vault_key_early", "says that it is not in force yet")
        return known

    def _fetched(self) -> _Known:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above
        from securesystemslib.signer._key import SSlibKey  # noqa: PLC0415

        published = self._vault.published()
        if not published.enabled:
            self._refuse("vault_key_disabled", "says that it is disabled")
        scheme = _SCHEMES.get(published.curve) if published.kind in {"EC", "EC-HSM"} else None
        if scheme is None or "sign" not in published.operations:
            what = f"{published.kind} {published.curve}".strip()[:60]
            self._refuse("vault_key_unfit", f"has a key that does not sign verdicts ({what})")
        if {len(published.x), len(published.y)} != {scheme.size}:
            self._refuse("vault_key_unfit", "published a key that is no point of its curve")
        x, y = int.from_bytes(published.x), int.from_bytes(published.y)
        curve = ec.SECP256R1() if scheme.size == _SCHEMES["P-256"].size else ec.SECP384R1()
        try:
            public = SSlibKey.from_crypto(ec.EllipticCurvePublicNumbers(x, y, curve).public_key())
        except ValueError:
            self._refuse("vault_key_unfit", "published a key that is no point of its curve")
        return _Known(scheme=scheme, public=public, published=published)

    def _refuse(self, code: str, what: str) -> NoReturn:
        key = self._vault.key
        message = f"the vault `{key.host}`, asked for version {key.version} of `{key.name}`, {what}"
        raise UpstreamError(message, hint=_HINTS[code], code=code, key=key.identifier) from None


_HINTS = {
    "vault_key_disabled": "enable the version, or name another one in GATE_SIGNING_KEY",
    "vault_key_expired": "make a new version of the key and name it in GATE_SIGNING_KEY",
    "vault_key_early": "wait until the version is in force, or name another one in GATE_SIGNING_KEY",
    "vault_key_unfit": "make an EC key that may sign, `az keyvault key create --kty EC --curve P-256`, or one on P-384",
    "vault_signature_wrong": "nothing was attached; see who answers in the vault's name, then promote again",
}
