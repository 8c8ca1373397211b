"""What is written about exceptions is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
from exceptions_world.parts import BOB, NOW, POLICY, offered, requested

from gate.exceptions.refusals import REFUSALS
from gate.exceptions.report import Report, as_json
from gate.exceptions.workflow import Terms, approve

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = DOCS / "schemas" / "exception-1.schema.json"


def test_every_refusal_and_its_status_is_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|$", (DOCS / "exceptions.md").read_text(), re.MULTILINE)
    assert rows == [(why.value, str(refusal.kind.status)) for why, refusal in REFUSALS.items()]


def test_the_schema_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text()) == Report.model_json_schema(mode="serialization", by_alias=True)


def test_what_is_printed_is_of_the_schema_and_has_all_of_it() -> None:
    request, grant = approve(requested(), [offered()], BOB, POLICY, Terms(), now=NOW)
    printed = json.loads(as_json([request, requested()], [grant], "cursor"))
    jsonschema.validate(printed, json.loads(SCHEMA.read_text()))
    assert printed["schema"] == "gate.exception/1"
    assert printed["grants"][0]["expires"] == "2026-12-23T10:00:00.000000Z"
    assert printed["next"] == "cursor"
