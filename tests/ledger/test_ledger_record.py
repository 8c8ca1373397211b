"""A record is small, canonical, without secrets, and shows nothing of a person."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from store_servers.ledger_world import DIGEST, NOW, record

from gate.ledger.record import SALT_BYTES, Event, LedgerRecord, commit

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "ledger-record.json"


def test_the_canonical_form_is_fixed_to_the_byte() -> None:
    assert record(facts={"outcome": "hold"}).canonical() == (
        b'{"attempt":1,"commitments":{},"evaluation":"ev-1","event":"evaluation_submitted","facts":{"outcome":"hold"},'
        b'"recorded_at":"2026-11-23T09:00:00.000000Z","repository":"r.example.org/staging/app",'
        b'"subject":"sha256:' + b"ab" * 32 + b'","version":"gate.ledger/1"}'
    )


def test_one_instant_has_one_spelling() -> None:
    east = datetime(2026, 11, 23, 11, 0, tzinfo=timezone(timedelta(hours=2)))
    assert record(recorded_at=east).canonical() == record().canonical()


@pytest.mark.parametrize(
    "change",
    [
        {"evaluation": ""},
        {"evaluation": "x" * 257},
        {"event": "promoted_by_hand"},
        {"attempt": -1},
        {"attempt": 2**31},
        {"subject": "latest"},
        {"recorded_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is the point
        {"version": "gate.ledger/2"},
        {"facts": {"Key": "x"}},
        {"facts": {"key with space": "x"}},
        {"facts": {"key": "x" * 4097}},
        {"facts": {f"k{number}": "" for number in range(65)}},
        {"commitments": {"actor": "alice"}},
        {"unknown": 1},
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LedgerRecord.model_validate({**record().model_dump(), **change})


def test_credentials_in_facts_are_hidden_before_they_are_hashed() -> None:
    said = record(facts={"origin": "https://user:hunter2@example.org/x?sig=abc"}, repository="token=hunter2")
    assert b"hunter2" not in said.canonical()
    assert b"sig=abc" not in said.canonical()
    assert LedgerRecord.parse(said.canonical()).canonical() == said.canonical()


def test_the_published_schema_is_that_of_the_model_and_accepts_records() -> None:
    schema = json.loads(SCHEMA.read_text())
    assert schema == {"$schema": "https://json-schema.org/draft/2020-12/schema", **LedgerRecord.model_json_schema()}
    jsonschema.validate(json.loads(record(facts={"code": "x"}).canonical()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": "gate.ledger/1"}, schema)


def test_every_event_is_lower_case_and_fits_its_column() -> None:
    for event in Event:
        assert record(event=event).event is event


@given(
    st.text(), st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES), st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES)
)
def test_a_commitment_binds_field_and_value_and_salt(value: str, salt: bytes, other: bytes) -> None:
    made = commit("actor", value, salt)
    assert made == commit("actor", value, salt)
    assert made != commit("owner", value, salt)
    assert made != commit("actor", value + "x", salt)
    assert (made == commit("actor", value, other)) is (salt == other)


def test_field_and_value_can_not_be_shifted_into_each_other() -> None:
    salt = bytes(SALT_BYTES)
    assert commit("ab", "c", salt) != commit("a", "bc", salt)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_weak_salt_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commit("actor", "tenant/alice", bytes(size))


def test_facts_are_about_things() -> None:
    assert record().subject == DIGEST
    assert record().recorded_at == NOW.astimezone(UTC)
