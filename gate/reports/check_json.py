"""A check as one JSON object, `gate.check/1`; its schema is docs/schemas/check-1.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gate.model.quiet import quiet_json
from gate.reports import closed_set_json
from gate.reports.check_rows import counts_of, row_of
from gate.reports.check_sets import verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.environment.check import CheckedReference, CheckedSource, CheckReport
    from gate.model.reference import Problem
    from gate.resolve.judged import JudgedSet

SCHEMA = "gate.check/1"


def render(report: CheckReport, sets: Sequence[JudgedSet] = ()) -> str:
    """Return the JSON text, references in the order of the files."""
    return quiet_json(json.dumps(as_object(report, sets), indent=2, ensure_ascii=False)) + "\n"


def as_object(report: CheckReport, sets: Sequence[JudgedSet] = ()) -> dict[str, object]:
    """Return the report as plain data: what the service answers, too. `closed_sets` is there if any was asked for."""
    return {
        "schema": SCHEMA,
        "verdict": verdict_of(report, sets),
        "references": [_reference(one) for one in report.references],
        "sources": [_source(one) for one in report.sources],
        "problems": [_problem(one) for one in report.problems],
        "files": list(report.files),
        "counts": counts_of(report),
        **({"closed_sets": [closed_set_json.as_object(one) for one in sets]} if sets else {}),
    }


def _reference(checked: CheckedReference) -> dict[str, object]:
    reference, disposed, row = checked.reference, checked.disposed, row_of(checked)
    return {
        "kind": reference.kind.value,
        "name": reference.name,
        "spec": reference.spec,
        "origins": [origin.model_dump(mode="json") for origin in reference.origins],
        "disposition": disposed.disposition.value,
        "rule": disposed.code,
        "grant": disposed.grant,
        "file": reference.file,
        "line": reference.line,
        "text": reference.text,
        "reason": row.reason,
        "way_out": row.way_out,
        "extras": list(reference.extras),
        "marker": reference.marker,
        "hashes": list(reference.hashes),
        **({"fix": {"summary": checked.fix.summary, "diff": checked.fix.diff}} if checked.fix else {}),
    }


def _source(checked: CheckedSource) -> dict[str, object]:
    source = checked.source
    return {
        "origin": source.origin.model_dump(mode="json"),
        "safelisted": checked.safelisted,
        "covered": checked.covered,
        "file": source.file,
        "line": source.line,
        "text": source.text,
    }


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "message": problem.message,
        "file": problem.file,
        "line": problem.line,
    }
