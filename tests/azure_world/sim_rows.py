"""Rows out of `fixtures/`, about any digest, with one part changed. Each file says where its shape is from."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "fixtures"
PROVENANCES = {"captured", "documentation", "reconstructed"}
Row = dict[str, Any]
_NOBODY = "sha256:" + "0" * 64


@cache
def _text(name: str) -> str:
    loaded = json.loads((FOLDER / f"{name}.json").read_text())
    if loaded["provenance"] not in PROVENANCES:
        raise ValueError(name)
    return json.dumps(loaded["answer"])


def fixture(name: str) -> Row:
    """Return a fresh copy of what a fixture holds."""
    made: Row = json.loads(_text(name))
    return made


def row(name: str, digest: str, number: int = 1, /, **changes: object) -> Row:
    """Return the `number`-th row of a fixture about a digest; `changes` name places as `properties__status`."""
    made: Row = json.loads(_text(name).replace(_NOBODY, digest))
    if name != "image-assessment":
        made["id"] = f"{made['id']}-{number:06d}"
        made["name"] = f"{made['name']}-{number:06d}" if name != "sub-assessment" else str(number)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = made
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return made


def individual(digest: str, number: int = 1, *, severity: str = "High", **changes: object) -> Row:
    """Return a recommendation whose one CVE is its own and has the severity of its row."""
    made = row("individual-recommendation", digest, number, **changes)
    details = made["properties"]["additionalData"]
    made["properties"]["metadata"]["severity"] = severity
    details["CvesDetails"] = details["CvesDetails"].replace("CVE-2026-1000", f"CVE-2026-{1000 + number}")
    details["CvesDetails"] = details["CvesDetails"].replace('"Severity":"High"', f'"Severity":"{severity}"')
    return made


def sub_assessment(digest: str, number: int = 1, **changes: object) -> Row:
    """Return a sub-assessment."""
    return row("sub-assessment", digest, number, **changes)


def image_assessment(digest: str, /, **changes: object) -> Row:
    """Return an assessment about the image as a whole."""
    return row("image-assessment", digest, 1, **changes)
