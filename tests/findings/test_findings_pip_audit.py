"""pip-audit does the audit: held to its own command line, run safely, and checked for what it loses."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from data.osv_records import record
from data.reference_files import reference_file
from findings.findings_world import NOW, advisories, component, image
from findings.osv_server import osv_server
from packaging.version import Version

from gate.data.importer import import_file
from gate.data.interface import DataKind
from gate.data.memory import MemoryReferenceData
from gate.findings.advisories.audit import MirrorService, PinSource, audit, reconciled
from gate.findings.advisories.coverage import Pin
from gate.findings.advisories.known import KnownName
from gate.findings.advisories.pip_audit_parts import ResolvedDependency, ResolvedFixVersion, ServiceError
from gate.findings.advisories.source import AdvisorySource
from gate.model.finding import Finding, ScanState, SourceReport

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = Pin(name="example", version="1.0")
PINS = 155
LIVE = {"example": KnownName(advisories(record()))}


def test_a_pin_that_pip_audit_skips_is_named_with_the_reason() -> None:
    odd = Pin(name="example", version="one")
    made = audit([odd, EXAMPLE], LIVE, now=NOW)
    assert made.skipped == {odd: "the version is not one of PEP 440"}
    assert set(made.findings) == {EXAMPLE}


def test_no_pins_are_no_answers() -> None:
    made = audit([], {}, now=NOW)
    assert (made.findings, made.skipped) == ({}, {})


def test_a_pin_that_was_never_looked_up_is_an_error() -> None:
    with pytest.raises(ServiceError, match="not looked up"):
        audit([EXAMPLE], {}, now=NOW)


def test_a_vulnerability_that_pip_audit_does_not_tell_of_is_an_error() -> None:
    with pytest.raises(ServiceError, match="differ"):
        reconciled(EXAMPLE, MirrorService(LIVE, now=NOW), [])


def test_a_vulnerability_that_no_record_tells_of_is_an_error() -> None:
    service = MirrorService(LIVE, now=NOW)
    _, results = service.query(ResolvedDependency(name="example", version=Version("1.0")))
    with pytest.raises(ServiceError, match="differ"):
        reconciled(Pin(name="example", version="2.0"), service, results)


def test_pip_audit_may_not_mend_what_is_judged() -> None:
    fix = ResolvedFixVersion(dep=ResolvedDependency(name="example", version=Version("1")), version=Version("2"))
    with pytest.raises(NotImplementedError):
        PinSource([EXAMPLE]).fix(fix)


def test_nothing_of_the_working_directory_is_run(tmp_path: Path) -> None:
    """pip-audit's import runs `python -m pip`, which would take `pip.py` of the judged project."""
    marker = tmp_path / "was-run"
    (tmp_path / "pip.py").write_text(f"open({str(marker)!r}, 'w').close()\nprint('pip 99.0 from x')\n")
    program = "import os; before = dict(os.environ); import gate.findings.advisories.audit; assert os.environ == before"
    for safe_path in (None, "", "1"):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        environment.pop("PYTHONSAFEPATH", None)
        if safe_path is not None:
            environment["PYTHONSAFEPATH"] = safe_path
        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
        assert not marker.exists()


def test_without_pip_audit_the_source_is_in_error_and_not_clean(tmp_path: Path) -> None:
    """pip-api's import needs a working pip; where that fails, nothing was audited."""
    program = (
        "from findings.findings_world import NOW, component, image, keep\n"
        "from gate.data.memory import MemoryReferenceData\n"
        "from gate.findings.advisories.source import AdvisorySource\n"
        "made = AdvisorySource(keep(MemoryReferenceData(), [])).report(image(component('a', '1')), now=NOW)\n"
        "print(made.state.value, made.audited)\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PIPAPI_PYTHON_LOCATION": str(tmp_path / "no-such-python"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout == "source_error 0\n"


def real_records() -> list[dict[str, Any]]:
    """Return the real advisories, as published."""
    data = gzip.decompress(reference_file("osv-pypi.jsonl.gz").read_bytes())
    return [json.loads(line) for line in data.splitlines()]


def real_pins(records: list[dict[str, Any]]) -> dict[str, str]:
    """Choose pins: of every fourth package that advisories name a version that one lists, or one that fixes it."""
    pins: dict[str, str] = {}
    for one in records:
        entry = one["affected"][0]
        versions = [version for version in entry.get("versions", []) if _readable(version)]
        fixes = [event["fixed"] for turns in entry.get("ranges", []) for event in turns["events"] if "fixed" in event]
        readable = [fix for fix in fixes if _readable(fix) and "." in fix]
        if versions:
            choice = readable[0] if readable and len(pins) % 3 == 0 else versions[len(versions) // 2]
            pins.setdefault(entry["package"]["name"], choice)
    known = {"jw.util": "2.2", "tensorflow": "2.3.0", "django": "3.2", "six": "1.16.0", "no-such-package-here": "1.0"}
    others = {name: version for name, version in sorted(pins.items())[::4] if name not in known}
    return {**dict(list(others.items())[: PINS - len(known)]), **known}


def _readable(version: str) -> bool:
    try:
        return bool(Version(version))
    except ValueError:
        return False


def told_by_pip_audit(pins: dict[str, str], url: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Run pip-audit's command line against the server; return its vulnerabilities by package."""
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"),
            *("--vulnerability-service", "osv", "--osv-url", url, "--format", "json", "--progress-spinner", "off"),
            *("--cache-dir", str(folder / "cache")),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return {one["name"].lower().replace(".", "-"): one["vulns"] for one in json.loads(done.stdout)["dependencies"]}


def test_the_findings_are_those_of_pip_audits_own_command_line(tmp_path: Path) -> None:
    records = real_records()
    pins = real_pins(records)
    kept = MemoryReferenceData()
    import_file(DataKind.OSV_PYPI, reference_file("osv-pypi.jsonl.gz"), into=kept, source="pypa", now=NOW)
    ours = AdvisorySource(kept).report(image(*(component(*pin) for pin in pins.items())), now=NOW)
    with osv_server(records) as url:
        theirs = told_by_pip_audit(pins, url, tmp_path)
    assert hold(ours, theirs) > 400


def hold(ours: SourceReport, theirs: dict[str, list[dict[str, Any]]]) -> int:
    """Hold a report on the real pins to pip-audit's answer, package by package; return how many findings agree."""
    assert ours.state is ScanState.FINDINGS
    assert (ours.audited, ours.unaudited) == (PINS, ())
    assert len(theirs) == PINS
    sure = [found for found in ours.findings if not found.status]
    for name, rows in theirs.items():
        _same([found for found in sure if found.component == name], rows)
    return len(sure)


def _same(ours: list[Finding], theirs: list[dict[str, Any]]) -> None:
    """Hold the findings on one package to pip-audit's: each tells of what the other tells, and of nothing else."""
    rows = [{one["id"], *one["aliases"]} for one in theirs]
    groups = [set(found.ids) for found in ours]
    assert all(sum(row <= group for group in groups) == 1 for row in rows)
    assert all(any(row <= group for row in rows) for group in groups)
    for found in ours:
        fixes = {
            Version(fix)
            for one in theirs
            if one["id"] in found.ids
            for fix in one["fix_versions"]
            if Version(fix) > Version(found.version)
        }
        assert fixes <= {Version(fix) for fix in found.fixed_in}


def test_a_fix_that_is_no_version_is_named_as_undecided() -> None:
    """`steam` and PYSEC-2019-125 as published: no version of PEP 440 is `2019-09-12`, the fix that the record names."""
    kept = MemoryReferenceData()
    import_file(DataKind.OSV_PYPI, reference_file("osv-pypi.jsonl.gz"), into=kept, source="pypa", now=NOW)
    made = AdvisorySource(kept).report(image(component("steam", "1.0"), component("six", "1.16.0")), now=NOW)
    assert [(found.ids[0], found.status) for found in made.findings] == [("PYSEC-2019-125", "undecided")]
    assert made.audited == 2
