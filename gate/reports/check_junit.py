"""A check as JUnit XML: a case for each reference (passes too), for the places in scope, and for the reading itself.

A file that was not read, or a reference whose origin can't be told, is an error; what is refused is a failure.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from typing import TYPE_CHECKING

from gate.exceptions.plain import plain
from gate.model.quiet import quiet
from gate.reports.check_outcomes import About, Level, outcomes_of
from gate.reports.check_rows import headline
from gate.reports.check_sets import set_outcomes, sets_headline, verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.environment.check import CheckReport
    from gate.reports.check_outcomes import Outcome
    from gate.resolve.judged import JudgedSet

READ = "everything was read"
SCOPE = "only safelisted places are in scope"
SUITE = "gate check"

_ELEMENTS = {Level.BLOCKED: "failure", Level.UNDECIDED: "error"}


def render(report: CheckReport, sets: Sequence[JudgedSet] = ()) -> str:
    """Return the XML text, one suite. There is never a suite without a case."""
    verdict = verdict_of(report, sets)
    told = outcomes_of(report)
    cases = [
        *_references([one for one in told if one.about is About.REFERENCE]),
        _together(SCOPE, [one for one in told if one.about is About.SOURCE or _refused_problem(one)]),
        _together(READ, [one for one in told if one.about is About.PROBLEM and not _refused_problem(one)]),
        *_sets(sets),
    ]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
    }
    root = ET.Element("testsuites", {"name": SUITE, **counts})
    suite = ET.SubElement(root, "testsuite", {"name": SUITE, **counts, "skipped": "0"})
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", {"name": "verdict", "value": verdict})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = plain(headline(report, verdict) + sets_headline(sets))
    ET.indent(root)
    # A blank in the middle of a word to an agent: it reads the file as it stands, before any XML is parsed.
    return quiet(f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n')


def _sets(sets: Sequence[JudgedSet]) -> list[ET.Element]:
    """Return a case for each rule of each set, and one for a set that no rule could look at."""
    cases = []
    for judged, told in set_outcomes(sets):
        by_rule: dict[str, list[Outcome]] = {}
        for one in told:
            by_rule.setdefault(one.code.partition("/")[0], []).append(one)
        group = f"closed set of {plain(judged.definition)}"
        cases += [_together(rule, outcomes, group) for rule, outcomes in by_rule.items()]
    return cases


def _refused_problem(one: Outcome) -> bool:
    """Say whether policy refuses what a warning tells of: it is about scope, for the file itself was read."""
    return one.about is About.PROBLEM and one.level is Level.BLOCKED


def _references(told: Sequence[Outcome]) -> list[ET.Element]:
    """Return a case for each reference; servers tell cases apart by class and name, so that both together are unique.

    The name holds no line: a server follows a case over time, and lines move.
    """
    seen: Counter[tuple[str, str]] = Counter()
    cases = []
    for one in told:
        file, name = plain(one.file), plain(one.subject)
        seen[file, name] += 1
        count = seen[file, name]
        case = ET.Element("testcase", {"classname": file, "name": name if count == 1 else f"{name} #{count}"})
        if tag := _ELEMENTS.get(one.level):
            body = ET.SubElement(case, tag, {"type": one.code, "message": plain(one.reason)})
            body.text = "\n".join(_lines(one))
        elif one.level is Level.GRANTED:
            ET.SubElement(case, "system-out").text = f"{_where(one)}: {plain(one.reason)}"
        cases.append(case)
    return cases


def _together(name: str, told: Sequence[Outcome], group: str = SUITE) -> ET.Element:
    """Return one case for several outcomes: refused if one is, with all of them in its text."""
    case = ET.Element("testcase", {"classname": group, "name": name})
    stopping = [one for one in told if one.level in _ELEMENTS]
    if stopping:
        first = stopping[0]
        more = f" (and {len(stopping) - 1} more)" if len(stopping) > 1 else ""
        message = f"{plain(first.reason)}{more}"
        body = ET.SubElement(case, _ELEMENTS[first.level], {"type": first.code, "message": message})
        body.text = "\n\n".join("\n".join([f"[{one.code}] {plain(one.reason)}", *_lines(one)]) for one in stopping)
    passing = [one for one in told if one.level not in _ELEMENTS]
    if passing:
        lines = [f"{_where(one)}: {one.level.value}[{one.code}]: {plain(one.reason)}" for one in passing]
        ET.SubElement(case, "system-out").text = "\n".join(lines)
    return case


def _lines(one: Outcome) -> list[str]:
    shown = [_where(one)]
    if one.text:
        shown.append(f"  {plain(one.text)}")
    if one.way_out:
        shown.append(f"next: {plain(one.way_out)}")
    return shown


def _where(one: Outcome) -> str:
    return plain(f"{one.file}:{one.line}" if one.line else one.file)
