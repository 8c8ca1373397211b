"""What policy revokes proves nothing, by whichever signer's entry, and however its certificate is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure_world.sim_gate import NOW
from azure_world.sim_signer import SUBJECT, Signer, make_signer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from findings.defender_cases import CASES
from pydantic import ValidationError

from gate.findings.proof.chain import ChainError, names_of, trusted_leaf
from gate.findings.proof.envelope import EnvelopeError, _trusted
from gate.policy.scanners import ScanSigner

if TYPE_CHECKING:
    from collections.abc import Collection

P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def listed(signer: Signer, *revoked: str) -> ScanSigner:
    return ScanSigner(name="acme", roots=(signer.root,), subject=SUBJECT, revoked=revoked)


def trusted(signer: Signer, chain: list[bytes], revoked: Collection[str] = ()) -> bool:
    try:
        trusted_leaf(chain, listed(signer), NOW, revoked=revoked)
    except ChainError as error:
        return "revoked" not in str(error)
    return True


def rewritten(der: bytes) -> bytes:
    """Return the same certificate with the second form of its ECDSA signature, which anybody can work out."""
    known = x509.load_der_x509_certificate(der)
    first, second = decode_dss_signature(known.signature)
    other = encode_dss_signature(first, P256 - second)
    head, tail = der[: -len(known.signature)], other
    shift = len(tail) - len(known.signature)
    # The outer length and that of the signature's bit string change with the signature's own.
    outer = int.from_bytes(head[2:4]) + shift
    bits = len(head) - 2
    assert head[bits - 1 : bits + 1] == bytes([0x03, len(known.signature) + 1])
    return head[:2] + outer.to_bytes(2) + head[4 : bits - 1] + bytes([0x03, len(tail) + 1, 0]) + tail


@pytest.mark.parametrize("place", [0, 1, 2])
def test_every_certificate_of_a_chain_can_be_revoked_by_either_name(place: int) -> None:
    one = make_signer(links=1)
    assert trusted(one, one.ders)
    for name in names_of(one.chain[place]):
        assert not trusted(one, one.ders, {name})
    assert trusted(one, one.ders, names_of(make_signer().chain[0]))


def test_a_certificate_that_is_written_otherwise_stays_revoked() -> None:
    one = make_signer()
    other = [rewritten(one.ders[0]), one.ders[1]]
    assert other[0] != one.ders[0]
    assert trusted(one, other), "it holds as well: a list of fingerprints would have missed it"
    for name in names_of(one.chain[0]):
        assert not trusted(one, other, {name})


def test_what_one_entry_revokes_no_other_entry_believes() -> None:
    one = make_signer()
    (serial,) = (name for name in names_of(one.chain[0]) if name.startswith("serial:"))
    assert _trusted(one.ders, [listed(one)], NOW)[0].name == "acme"
    for signers in ([listed(one), listed(one, serial)], [listed(one, serial), listed(one)]):
        with pytest.raises(EnvelopeError, match="revoked"):
            _trusted(one.ders, signers, NOW)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("serial:0A:1B", "serial:a1b"),
        ("serial:00ff", "serial:ff"),
        ("key:" + "AB" * 32, "key:" + "ab" * 32),
        ("key:" + ":".join(["ab"] * 32), "key:" + "ab" * 32),
    ],
)
def test_names_are_compared_in_one_spelling(text: str, kept: str) -> None:
    assert listed(make_signer(), text).revoked == (kept,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "serial:",
        "serial:00",
        "serial:xyz",
        "serial: 1",
        "serial:-1",
        "serial:0x1",
        "serial:" + "1" * 65,
        "0a1b",
        "sha256:" + "a" * 64,
        "key:ab",
        "key:" + "g" * 64,
    ],
)
def test_a_name_that_could_never_match_is_refused_and_not_kept(text: str) -> None:
    with pytest.raises(ValidationError, match="revoked"):
        listed(make_signer(), text)


def test_a_policy_that_revokes_nothing_keeps_its_digest_and_the_table_has_each_kind() -> None:
    assert "revoked" not in listed(make_signer()).model_dump(mode="json")
    assert {"revoked", "revoked-key", "revoked-root"} <= {case.id for case in CASES}
