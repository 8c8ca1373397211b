"""A Defender answer out of a file: for demonstrations and tests, where policy says so, and always named as such.

Whoever can hand in a file can write one. So a recording is refused unless policy allows it, its report says
`recorded`, and it is held to the digest and to a time of scan like a live answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, JsonValue, ValidationError, model_validator

from gate.bounds import DataBounds
from gate.data.importer import read_bounded
from gate.errors import GateError, PolicyError
from gate.findings.defender import grouped, individual
from gate.findings.defender.model import NAME, Row, RowError
from gate.model.base import Instant, Value
from gate.model.digest import Digest
from gate.model.finding import Finding, ScanState, SourceReport
from gate.model.image import Inventory
from gate.model.redact import redact

SCHEMA = "gate.defender-recording/1"
PROOF = "recording"
CLOCK_SKEW = timedelta(minutes=5)
MOST_ANSWERS = 100
"""Most further digests of one file: no index has so many platforms."""
_MESSAGE_CHARACTERS = 500


class RecordedModel(StrEnum):
    """Which of Defender's models the rows have; `none` where nothing was answered."""

    INDIVIDUAL = "individual"
    GROUPED = "grouped"
    NONE = "none"


class RecordedProof(StrEnum):
    """What proved the scan when the answer was recorded: an artifact on the digest, rows about it, or nothing."""

    ARTIFACT = "artifact"
    ROWS = "rows"
    NONE = "none"


class RecordedAnswer(Value):
    """What was answered about one digest. `rows` are raw, as Resource Graph or the REST API answered them."""

    digest: Digest
    model: RecordedModel
    proof: RecordedProof
    scanned_at: Instant | None = None
    rows: tuple[JsonValue, ...]

    @model_validator(mode="after")
    def _rows_have_a_model(self) -> Self:
        if self.rows and self.model is RecordedModel.NONE:
            message = "there are rows and `model` is `none`"
            raise ValueError(message)
        return self


class Recording(RecordedAnswer):
    """A recording file: the answer about one digest, and in `others` those about further ones, as an index needs.

    The images of an index are scanned under digests of their own, and each needs an answer.
    """

    model_config = ConfigDict(title=SCHEMA)

    schema_: Literal["gate.defender-recording/1"] = Field(alias="schema")
    recorded_at: Instant
    others: tuple[RecordedAnswer, ...] = Field(default=(), max_length=MOST_ANSWERS)

    @property
    def answers(self) -> tuple[RecordedAnswer, ...]:
        """Every answer of the file."""
        return (self, *self.others)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(one.scanned_at is not None and one.scanned_at > self.recorded_at for one in self.answers):
            message = "`scanned_at` lies after `recorded_at`"
            raise ValueError(message)
        if len({one.digest for one in self.answers}) < len(self.answers):
            message = "there are two answers about one digest"
            raise ValueError(message)
        return self


class RecordedDefender:
    """Answers from one recording file, read anew for each report."""

    def __init__(self, path: Path, *, allow_recorded: bool, bounds: DataBounds | None = None) -> None:
        """Keep the path; nothing is read yet.

        Args:
            path: the recording.
            allow_recorded: what policy says (`decision.findings.defender.allow_recorded`).
            bounds: what reading may cost.

        Raises:
            PolicyError: policy does not allow recordings (`recorded_not_allowed`).
        """
        if not allow_recorded:
            message = "a recorded Defender answer was given, and policy does not allow one"
            hint = "leave the recording out; `allow_recorded: true` is for demonstrations and tests alone"
            raise PolicyError(message, hint=hint, code="recorded_not_allowed")
        self._path = path
        self._bounds = bounds or DataBounds()

    @property
    def name(self) -> str:
        """The source's name in policy and reports."""
        return NAME

    def report(self, inventory: Inventory, *, now: datetime) -> SourceReport:
        """Answer for the image; see the interface."""
        subject = inventory.image.digest
        try:
            recording = Recording.model_validate_json(read_bounded(self._path, self._bounds))
            return _answer(recording, subject, now)
        except GateError as error:
            return _report(subject, ScanState.SOURCE_ERROR, message=f"{error.error_code}: {error.message}")
        except ValidationError as error:
            return _report(subject, ScanState.SOURCE_ERROR, message=f"not a `{SCHEMA}` recording: {_first(error)}")
        except RowError as error:
            return _report(subject, ScanState.SOURCE_ERROR, message=f"a row can't be read: {error}")
        except Exception as error:  # noqa: BLE001 - a source that fails in any way is a state, never a missing row
            return _report(subject, ScanState.SOURCE_ERROR, message=f"{type(error).__name__}: {error}")


def _answer(recording: Recording, subject: Digest, now: datetime) -> SourceReport:
    """Name the state: 1 times that can't be, 2 another digest, 3 rows, 4 no rows."""
    if recording.recorded_at > now + CLOCK_SKEW:  # 1
        return _report(subject, ScanState.SOURCE_ERROR, message="the recording is dated in the future")
    answer = next((one for one in recording.answers if one.digest == subject), None)
    if answer is None:  # 2
        about = ", ".join(f"`{one.digest}`" for one in recording.answers)
        return _report(subject, ScanState.NOT_SCANNED, message=f"the recording is about {about}, not about this digest")
    rows = _rows(answer)
    findings = _distinct(rows)
    if findings:  # 3
        return _report(subject, ScanState.FINDINGS, scanned_at=answer.scanned_at, findings=findings)
    if answer.scanned_at is None:  # 4
        return _report(subject, ScanState.NOT_SCANNED, message="the recording names no time of a scan")
    if rows or answer.proof is RecordedProof.ARTIFACT:
        return _report(subject, ScanState.CLEAN, scanned_at=answer.scanned_at)
    message = "the recording has no row and no proof of a scan: zero rows say nothing"
    return _report(subject, ScanState.NOT_SCANNED, message=message)


def _rows(answer: RecordedAnswer) -> tuple[Row, ...]:
    """Read every row, each about the answer's digest.

    Raises:
        RowError: a row can't be read, or is about another digest: then the answer is not what was asked for.
    """
    read = individual.read_row if answer.model is RecordedModel.INDIVIDUAL else grouped.read_row
    rows = []
    for place, raw in enumerate(answer.rows):
        row = read(raw, path=f"rows[{place}]")
        if row.digest != answer.digest:
            message = f"`rows[{place}]` is about another digest, `{row.digest}`"
            raise RowError(message)
        rows.append(row)
    return tuple(rows)


def _distinct(rows: Sequence[Row]) -> tuple[Finding, ...]:
    """Return the findings of all rows, equal ones once, sorted: the order of pages says nothing."""
    findings = {finding.canonical(): finding for row in rows for finding in row.findings}
    return tuple(sorted(findings.values(), key=lambda item: (item.component, item.version, item.ids)))


def _report(
    subject: Digest,
    state: ScanState,
    *,
    scanned_at: datetime | None = None,
    findings: tuple[Finding, ...] = (),
    message: str = "",
) -> SourceReport:
    return SourceReport(
        source=NAME,
        subject=subject,
        state=state,
        scanned_at=scanned_at,
        proof=PROOF,
        recorded=True,
        findings=findings,
        message=redact(message)[:_MESSAGE_CHARACTERS],
    )


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'file'}: {problem['msg']}"
