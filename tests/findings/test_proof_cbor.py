"""CBOR is read strictly: what a second reader could take for something else is refused."""

from __future__ import annotations

import pytest
from azure_world.sim_signer import Tagged, cbor
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.findings.proof.cbor import CborError, Tag, array, byte_string, decode, text_string

VALUES = st.recursive(
    st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=300) | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.integers(0, 99), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES)
def test_what_another_encoder_wrote_is_read_back(value: object) -> None:
    assert decode(cbor(value)) == value
    assert decode(cbor(Tagged(18, value))) == Tag(18, value)


@settings(deadline=None)
@given(st.binary(max_size=70_000))
def test_strings_are_written_as_another_encoder_writes_them(data: bytes) -> None:
    assert byte_string(data) == cbor(data)
    assert array(byte_string(data), text_string("é")) == cbor([data, "é"])


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except CborError:
        return


@pytest.mark.parametrize(
    "data",
    [
        "",
        "00 00",
        "18 01",
        "19 00 ff",
        "5f 41 00 ff",
        "9f ff",
        "bf ff",
        "a2 01 00 01 00",
        "a1 41 00 00",
        "f5",
        "fb 00 00 00 00 00 00 00 00",
        "62 ff ff",
        "42 00",
        "9b ff ff ff ff ff ff ff ff",
        "1c",
        "19 00",
        "81" * 20 + "00",
    ],
)
def test_what_can_be_read_in_two_ways_or_ends_too_early_is_refused(data: str) -> None:
    with pytest.raises(CborError):
        decode(bytes.fromhex(data))


def test_null_is_read() -> None:
    assert decode(b"\xf6") is None
    assert decode(b"\x81\xf6") == [None]
