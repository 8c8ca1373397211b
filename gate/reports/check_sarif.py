"""A check as SARIF 2.1.0 (OASIS, errata 01), with lines and fingerprints that code hosts use.

What judged files say stays text: no name becomes a link, no path leaves the root.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from gate import __version__
from gate.exceptions.plain import plain
from gate.model.quiet import quiet_json
from gate.model.redact import redact
from gate.policy.explain import DISPOSITIONS, explain
from gate.policy.sets import ALL as SET_RULES
from gate.reports.check_outcomes import About, Level, outcomes_of
from gate.reports.check_rows import counts_of
from gate.reports.check_sets import set_outcomes, verdict_of
from gate.ways_out.problems import explain_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.environment.check import CheckReport, Verdict
    from gate.model.fix import Fix
    from gate.model.origin import Origin
    from gate.policy.rule import Explanation
    from gate.reports.check_outcomes import Outcome
    from gate.resolve.judged import JudgedSet

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
RESULTS = 25_000
"""Most results of one run that GitHub takes; a longer file is refused as a whole."""

_NOTED = 100
"""Most problems that are told as notifications too; each is a result anyway."""

CUT = "too_many_results"
ROOT = "%SRCROOT%"

_EXITS = {"safelisted": 0, "needs_exception": 10, "unparseable": 12}
_LEVELS = {Level.GRANTED: "note", Level.WARNING: "warning", Level.UNDECIDED: "error", Level.BLOCKED: "error"}
_WEIGHT = (Level.BLOCKED, Level.UNDECIDED, Level.WARNING, Level.GRANTED)
_PARAMETER = re.compile(r"\{(\w+)\}")
_LINK = re.compile(r"\[(?=[^\]\n]*\]\()")

_SOURCE_WORDS = "a place is in scope that is not safelisted", "remove it, or bind it to the names that live there"
_CUT_WORDS = "there are more results than code hosts take", "see all of them with `gate check --format json`"
_GRANTED_WORDS = "not safelisted, and a grant in force lets it pass", "nothing to do until the grant ends"


def render(report: CheckReport, sets: Sequence[JudgedSet] = ()) -> str:
    """Return the log as JSON text, with one run."""
    return quiet_json(json.dumps(as_object(report, sets), indent=2, ensure_ascii=False)) + "\n"


def as_object(report: CheckReport, sets: Sequence[JudgedSet] = ()) -> dict[str, object]:
    """Return the log as plain data. Passes are counted in the run's properties and are no results."""
    verdict = verdict_of(report, sets)
    every = [*outcomes_of(report), *(one for _, outcomes in set_outcomes(sets) for one in outcomes)]
    told = [one for one in every if one.level is not Level.PASS]
    results = _results(told)
    used = sorted({str(one["ruleId"]) for one in results})
    index = {code: number for number, code in enumerate(used)}
    abouts = {one.code: one.about for one in told}
    run = {
        "tool": {
            "driver": {
                "name": "gate",
                "version": __version__,
                "rules": [_rule(code, abouts.get(code)) for code in used],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the folder that no read leaves"}}},
        "invocations": [_invocation(verdict, told)],
        "artifacts": [{"location": _place(file)} for file in report.files],
        "results": [{**one, "ruleIndex": index[str(one["ruleId"])]} for one in results],
        "properties": {"verdict": verdict, "counts": counts_of(report), **_sets(sets)},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _sets(sets: Sequence[JudgedSet]) -> dict[str, object]:
    if not sets:
        return {}
    told = [
        {
            "definition": plain(one.definition),
            "verdict": one.verdict,
            "packages": len(one.resolution.packages),
            "platform": one.resolution.platform,
            "python": one.resolution.python,
        }
        for one in sets
    ]
    return {"closedSets": told}


def _results(told: Sequence[Outcome]) -> list[dict[str, object]]:
    """Return the results, what blocks first; where there are too many, the last says so."""
    seen: Counter[tuple[str, ...]] = Counter()
    numbered = []
    for one in told:
        key = one.file, one.code, one.about.value, one.key
        seen[key] += 1
        numbered.append((one, _fingerprint(key, seen[key])))
    numbered.sort(key=lambda pair: _WEIGHT.index(pair[0].level))
    if len(numbered) <= RESULTS:
        return [_result(*pair) for pair in numbered]
    kept = [_result(*pair) for pair in numbered[: RESULTS - 1]]
    return [*kept, _cut(len(numbered) - len(kept))]


def _cut(left_out: int) -> dict[str, object]:
    return {
        "ruleId": CUT,
        "level": "error",
        "message": {"text": f"{left_out} more results are left out here: {_CUT_WORDS[1]}"},
        "locations": [{"physicalLocation": {"artifactLocation": _place("."), "region": {"startLine": 1}}}],
        "partialFingerprints": _fingerprint((CUT,), 1),
    }


def _result(one: Outcome, fingerprints: dict[str, str]) -> dict[str, object]:
    region: dict[str, object] = {"startLine": max(one.line, 1)}
    if one.text:
        region["snippet"] = {"text": plain(one.text)}
    result: dict[str, object] = {
        "ruleId": one.code,
        "level": _LEVELS[one.level],
        "message": {"text": _message(one)},
        "locations": [{"physicalLocation": {"artifactLocation": _place(one.file), "region": region}}],
        "partialFingerprints": fingerprints,
        "properties": _properties(one),
    }
    if one.checked is not None and one.checked.fix is not None and _showable(one.checked.fix):
        result["fixes"] = [_fix(one.checked.fix)]
    if one.level is Level.GRANTED:
        justification = plain(one.reason)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": justification}]
    return result


def _showable(fix: Fix) -> bool:
    """Say whether what would be written holds no credential: a fix that writes `***` breaks the file."""
    return all(redact(line) == line for edit in fix.edits for line in edit.added)


def _fix(fix: Fix) -> dict[str, object]:
    """Tell a change line by line: what goes is a region from the start of its first line to that of the line after."""
    by_file: dict[str, list[dict[str, object]]] = {}
    for edit in fix.edits:
        after = edit.line + len(edit.removed)
        region = {"startLine": edit.line, "startColumn": 1, "endLine": after, "endColumn": 1}
        text = "".join(f"{line}\n" for line in edit.added)
        by_file.setdefault(edit.file, []).append({"deletedRegion": region, "insertedContent": {"text": text}})
    changes = [{"artifactLocation": _place(file), "replacements": edits} for file, edits in by_file.items()]
    return {"description": {"text": fix.summary}, "artifactChanges": changes}


def _message(one: Outcome) -> str:
    words = f"{one.subject}: {one.reason}" if one.about is About.REFERENCE else one.reason
    if one.way_out:
        words = f"{words}. Next: {one.way_out}"
    return _LINK.sub(r"\\[", plain(words))


def _properties(one: Outcome) -> dict[str, object]:
    properties: dict[str, object] = {"about": one.about.value, "disposition": one.level.value}
    if one.checked is not None:
        reference, disposed = one.checked.reference, one.checked.disposed
        properties |= {
            "disposition": disposed.disposition.value,
            "kind": reference.kind.value,
            "name": plain(reference.name),
            "spec": plain(reference.spec),
            "origins": [_origin(origin) for origin in reference.origins],
        }
        if disposed.grant:
            properties["grant"] = disposed.grant
    if one.source is not None:
        properties["origins"] = [_origin(one.source.source.origin)]
    if one.line < 1:
        properties["wholeFile"] = True
    return properties


def _origin(origin: Origin) -> dict[str, object]:
    return {"kind": origin.kind.value, "location": plain(origin.location), "implicit": origin.implicit}


def _fingerprint(key: tuple[str, ...], count: int) -> dict[str, str]:
    """Name the result by what it is about, not by its line: it stays the same result when lines above it move.

    GitHub looks at `primaryLocationLineHash` alone, and would take two packages of one line for the same result.
    """
    digest = hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()
    return {"primaryLocationLineHash": f"{digest[:16]}:{count}", "gateOutcome/v1": f"{digest}:{count}"}


def _place(file: str) -> dict[str, object]:
    return {"uri": quote(file, errors="surrogatepass"), "uriBaseId": ROOT}


def _invocation(verdict: Verdict, told: Sequence[Outcome]) -> dict[str, object]:
    about = {About.PROBLEM, About.SET}
    unread = [one for one in told if one.about in about and one.level is Level.UNDECIDED]
    return {
        "executionSuccessful": verdict != "unparseable",
        "exitCode": _EXITS[verdict],
        "exitCodeDescription": verdict,
        "toolExecutionNotifications": [
            {
                "descriptor": {"id": one.code},
                "level": "error",
                "message": {"text": _message(one)},
                "locations": [{"physicalLocation": {"artifactLocation": _place(one.file)}}],
            }
            for one in unread[:_NOTED]
        ],
    }


def _rule(code: str, about: About | None) -> dict[str, object]:
    reason, way_out = _words(code, about)
    return {
        "id": code,
        "name": "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", code)),
        "shortDescription": {"text": reason},
        "fullDescription": {"text": f"{reason}. Next: {way_out}"},
        "help": {"text": f"{reason}.\nNext: {way_out}.", "markdown": f"{reason}.\n\n**Next:** {way_out}."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security", "supply-chain"]},
    }


def _words(code: str, about: About | None) -> tuple[str, str]:
    if about is None:
        return _CUT_WORDS
    if about is About.SET:
        return _set_words(code)
    if about is About.SOURCE:
        return _SOURCE_WORDS
    if code == "granted":
        return _GRANTED_WORDS
    words = explain_problem(code) if about is About.PROBLEM else _template(code)
    return words.reason, words.way_out


def _set_words(code: str) -> tuple[str, str]:
    """Explain a rule of closed sets with its parameters' names; a set that no rule looked at by what it lacks."""
    rule_id, _, code = code.partition("/")
    known = next((rule.codes[code] for rule in SET_RULES if rule.id == rule_id and code in rule.codes), None)
    if known is None:
        return "there is no closed set to look at", "see the message"
    reason, way_out = (_PARAMETER.sub(lambda match: match[1].upper(), one) for one in (known.reason, known.way_out))
    return reason, way_out


def _template(code: str) -> Explanation:
    """Explain a code with its parameters' names in the place of their values."""
    names = {"name": "`NAME`", "version": "VERSION", "origins": "ORIGINS", "level": "LEVEL", "layer": "LAYER"}
    return explain(DISPOSITIONS, code, names)
