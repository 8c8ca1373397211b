"""A scan report counts by who handed it in and what it names; a report that says little says nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from azure_world.sim_gate import DIGEST, NOW, OTHER
from findings.defender_scans import SCANNER, KeptScans, filed, sarif

from gate.findings.proof.interface import NoScans, NotProven, Proven, Verdict
from gate.findings.proof.sarif import look
from gate.model.finding import FindingSeverity
from gate.policy.schema import DefenderPolicy

RULES = DefenderPolicy(scanners=(SCANNER,))


def told(scans: KeptScans, rules: DefenderPolicy = RULES) -> Verdict:
    (one,) = look(scans, DIGEST, rules, now=NOW)
    return one


def code(scans: KeptScans, rules: DefenderPolicy = RULES) -> str:
    one = told(scans, rules)
    return one.code if isinstance(one, NotProven) else "proven"


def test_nobody_handed_anything_in() -> None:
    assert look(NoScans(), DIGEST, RULES, now=NOW) == ()
    assert NoScans().judged(DIGEST) == frozenset()


def test_a_scanners_report_about_the_digest_proves_a_scan_at_its_end() -> None:
    proof = told(filed(sarif()))
    assert isinstance(proof, Proven)
    assert (proof.results, proof.evidence["submitter"]) == (0, SCANNER)
    assert proof.scanned_at == NOW - timedelta(hours=1)
    assert code(filed(sarif(digest=None, properties={"imageDigest": DIGEST}))) == "proven"


def test_policy_names_nobody_by_default() -> None:
    assert code(filed(sarif()), DefenderPolicy()) == "not_a_scanner"


def test_identities_are_compared_whatever_their_letters() -> None:
    assert code(filed(sarif(), by=SCANNER.upper())) == "proven"
    assert code(filed(sarif(), requesters=frozenset({SCANNER.title()}))) == "own_proof"


def test_a_report_that_was_filed_elsewhere_is_not_this_digests() -> None:
    class Misfiled(KeptScans):
        def of(self, digest: str) -> Any:
            del digest
            return tuple(self.filed)

    there = filed(sarif(), about=OTHER)
    assert code(Misfiled(filed=there.filed)) == "other_subject"


RUN = sarif()["runs"][0]
BENT: dict[str, tuple[Any, str]] = {
    "garbage": (b"\x00", "report_unreadable"),
    "no run": ({"version": "2.1.0", "runs": []}, "report_unreadable"),
    "another version": ({**sarif(), "version": "3.0.0"}, "report_unreadable"),
    "run that is none": ({"version": "2.1.0", "runs": [1]}, "other_tool"),
    "another tool": (sarif(tool="my scanner"), "other_tool"),
    "no results": ({"version": "2.1.0", "runs": [{**RUN, "results": None}]}, "report_unreadable"),
    "no invocation": (sarif(invocations=[]), "not_finished"),
    "an invocation that is none": (sarif(invocations=[1]), "not_finished"),
    "one of two failed": (
        sarif(invocations=[*RUN["invocations"], {"executionSuccessful": False, "endTimeUtc": "2026-11-01T11:00:00Z"}]),
        "not_finished",
    ),
    "success as text": (sarif(invocations=[{"executionSuccessful": "true"}]), "not_finished"),
    "no end": (sarif(invocations=[{"executionSuccessful": True}]), "no_time"),
    "an end without a zone": (
        sarif(invocations=[{"executionSuccessful": True, "endTimeUtc": "2026-11-01T11:00:00"}]),
        "no_time",
    ),
    "an end to come": (
        sarif(invocations=[{"executionSuccessful": True, "endTimeUtc": "2026-11-01T13:00:00Z"}]),
        "from_the_future",
    ),
    "no digest": (sarif(digest=None), "digest_not_named"),
    "a tag": (
        sarif(digest=None, artifacts=[{"location": {"uri": "host/app:1"}}, 1, {"location": {}}]),
        "digest_not_named",
    ),
    "a result without a rule": (sarif({"message": {}}), "report_unreadable"),
}


@pytest.mark.parametrize("how", BENT)
def test_a_report_that_is_bent_proves_nothing(how: str) -> None:
    report, wanted = BENT[how]
    assert code(filed(report)) == wanted


def test_a_report_dated_after_it_was_handed_in_proves_nothing() -> None:
    assert code(filed(sarif(), at=NOW - timedelta(hours=2))) == "from_the_future"


def test_results_are_findings_with_the_severity_of_their_score_and_unknown_without_one() -> None:
    rules = [
        {"id": "A", "properties": {"security-severity": "9.8", "packageName": "p", "fixedVersion": "2"}},
        {"id": "B", "properties": {"security-severity": "high"}},
        "no rule",
    ]
    tool = {"driver": {"name": "Defender CLI", "rules": rules}}
    results = [
        {"ruleId": "A", "level": "note", "message": {"text": "a  text"}},
        {"ruleId": "B", "level": "error"},
        {"ruleId": "C", "properties": {"packageName": "q", "packageVersion": "1", "security-severity": "3"}},
    ]
    proof = told(
        filed(json.loads(json.dumps({"version": "2.1.0", "runs": [{**RUN, "tool": tool, "results": results}]})))
    )
    assert isinstance(proof, Proven)
    first, second, third = proof.findings
    assert (first.component, first.severity, first.fixed_in, first.summary) == (
        "p",
        FindingSeverity.CRITICAL,
        ("2",),
        "a text",
    )
    assert (second.component, second.severity) == ("B", FindingSeverity.UNKNOWN)
    assert (third.component, third.version, third.severity) == ("q", "1", FindingSeverity.LOW)
