"""`/v1/checks`: would this environment pass? No image, no record."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gate.callers.roles import Permission
from gate.environment.check import Verdict, check_declared
from gate.environment.text import NotTextError, decode
from gate.model.origin import Disposition, Kind, Origin
from gate.model.reference import Problem
from gate.reports.check_json import render
from gate.service.answers import answer
from gate.service.bundle import Bundle, read_bundle
from gate.service.state import Stated
from gate.service.tokens import needs
from gate.store.engine import reading
from gate.ways_out.find import with_fixes
from gate.wiring import clock

router = APIRouter(prefix="/v1/checks", tags=["checks"])


class ChangeRow(BaseModel):
    """A change of the definition that would let a reference pass."""

    summary: str
    diff: str


class CheckedRow(BaseModel):
    """One reference and what policy makes of it."""

    kind: Kind
    name: str
    spec: str
    origins: tuple[Origin, ...]
    disposition: Disposition
    rule: str
    grant: str
    file: str
    line: int
    text: str
    reason: str
    way_out: str
    extras: tuple[str, ...]
    marker: str
    hashes: tuple[str, ...]
    fix: ChangeRow | None = None


class SourceRow(BaseModel):
    """One place that a definition puts in scope."""

    origin: Origin
    safelisted: bool
    covered: bool
    file: str
    line: int
    text: str


class Checked(BaseModel):
    """What `gate check --format json` prints, described once more for callers; a test holds the two together."""

    model_config = ConfigDict(title="gate.check/1", extra="forbid")

    version: Literal["gate.check/1"] = Field(alias="schema")
    verdict: Verdict
    references: tuple[CheckedRow, ...]
    sources: tuple[SourceRow, ...]
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    counts: dict[Disposition, int]


@router.post("", response_model=Checked, openapi_extra=needs(Permission.READ))
def check(request: Request, bundle: Bundle, state: Stated) -> Response:
    """Check definitions against the safelist and the grants in force: what `gate check --format json` prints."""
    declared = read_bundle(bundle, state.gate.config.definition)
    with reading(state.gate.engine) as connection:
        grants = state.gate.desk.all_grants(connection, state.policy)
    stored = [grant for grant in grants if grant not in state.policy.grants]
    report = with_fixes(check_declared(declared, state.policy, stored, clock()), _texts(bundle))
    return answer(request, render(report).encode())


def _texts(bundle: Bundle) -> dict[str, str]:
    """Return the text of each file that is text, by the name that references have; the bundle was bounded before."""
    texts = {}
    for file in bundle.files:
        with suppress(NotTextError):
            texts[str(PurePosixPath(file.path))] = decode(file.data)
    return texts
