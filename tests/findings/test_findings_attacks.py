"""Records and pins made to slip past the audit: each would pass unseen if one check were left out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from data.osv_records import affected, lines, record
from findings.findings_world import NOW, advisories, component, image
from findings.osv_server import osv_server
from findings.test_findings_pip_audit import told_by_pip_audit
from packaging.version import Version

from gate.data.importer import import_file
from gate.data.interface import DataKind
from gate.data.memory import MemoryReferenceData
from gate.findings.advisories.matching import match
from gate.findings.advisories.source import AdvisorySource
from gate.findings.facts import WithFacts
from gate.model.finding import FindingSeverity, ScanState, SourceReport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from gate.model.image import Component

Record = dict[str, Any]
SINCE_ALWAYS = {"introduced": "0"}


def imported(folder: Path, *records: Record) -> MemoryReferenceData:
    """Import records as an operator does."""
    kept, file = MemoryReferenceData(), folder / "osv.jsonl"
    file.write_bytes(lines(*records))
    import_file(DataKind.OSV_PYPI, file, into=kept, source="a test", now=NOW)
    return kept


def report(kept: MemoryReferenceData, *components: Component) -> SourceReport:
    return AdvisorySource(kept).report(image(*components), now=NOW)


def answer(version: str, *events: dict[str, str], versions: list[str] | None = None, kind: str = "ECOSYSTEM") -> str:
    (advisory,) = advisories(record(affected=[affected("example", *events, versions=versions, kind=kind)]))
    return match(advisory, Version(version)).value


def test_a_build_that_is_listed_with_its_label_is_affected_and_another_build_is_not() -> None:
    listed = ["2.0.0+cu121"]
    assert answer("2.0.0+cu121", {"introduced": "9"}, versions=listed) == "affected"
    assert answer("2.0.0+cpu", {"introduced": "9"}, versions=listed) == "unaffected"
    assert answer("2.0.0", {"introduced": "9"}, versions=listed) == "unaffected"


@pytest.mark.parametrize("end", [{"fixed": "2.0.0+sec1"}, {"last_affected": "2.0.0"}, {"last_affected": "2.0.0+z"}])
def test_a_label_takes_no_release_out_of_a_range(end: dict[str, str]) -> None:
    assert answer("2.0.0+cu121", SINCE_ALWAYS, end) == "affected"


@pytest.mark.parametrize("word", ["*", "", "latest", "1.0 or so"])
def test_a_beginning_that_is_no_version_is_undecided_and_never_left_out(word: str) -> None:
    assert answer("1.0", {"introduced": word}) == "undecided"
    assert answer("1.0", {"introduced": word}, {"fixed": "0.1"}) == "undecided"


def test_an_end_that_is_a_star_is_undecided() -> None:
    assert answer("1.0", SINCE_ALWAYS, {"fixed": "*"}) == "undecided"
    assert answer("1.0", SINCE_ALWAYS, {"limit": "*"}) == "affected"


@pytest.mark.parametrize("fixed", ["1.0.0-1", "1.0.0-post1", "1.0.0-r2"])
def test_a_dash_of_semantic_versions_is_not_taken_for_a_post_release(fixed: str) -> None:
    assert answer("1.0.0", SINCE_ALWAYS, {"fixed": fixed}, kind="SEMVER") == "undecided"
    assert answer("1.0.0", SINCE_ALWAYS, {"fixed": fixed}) == "affected"


@pytest.mark.parametrize(
    ("version", "said"),
    [("1!0.9", "affected"), ("1!1.0", "unaffected"), ("9.0", "unaffected"), ("1!1.0.dev1", "affected")],
)
def test_an_epoch_lies_above_all_versions_without(version: str, said: str) -> None:
    assert answer(version, {"introduced": "1!0"}, {"fixed": "1!1.0"}) == said


def test_a_malicious_record_blocks_by_range_by_list_and_without_either(tmp_path: Path) -> None:
    bare = {"package": {"ecosystem": "PyPI", "name": "bare"}}
    entries = {
        "ranged": affected("ranged", SINCE_ALWAYS),
        "listed": {**affected("listed", versions=["1.0.0"]), "ranges": []},
        "bare": bare,
    }
    records = [record(f"MAL-2026-{n}", aliases=[], affected=[one]) for n, one in enumerate(entries.values())]
    made = report(imported(tmp_path, *records), *(component(name, "1.0") for name in entries))
    assert {found.component for found in made.findings if found.malicious} == set(entries)
    assert all(found.severity is FindingSeverity.UNKNOWN for found in made.findings)


def test_a_malicious_package_under_a_name_spelt_otherwise_is_found(tmp_path: Path) -> None:
    kept = imported(tmp_path, record("mal-2026-1", "Evil_Tool", aliases=[], affected=[affected("Evil_Tool")]))
    (found,) = report(kept, component("evil.tool", "1.0")).findings
    assert found.malicious


def test_records_with_other_ranges_are_one_row_if_one_of_them_is_hit(tmp_path: Path) -> None:
    records = [
        record("PYSEC-1", aliases=["CVE-1"], affected=[affected("example", SINCE_ALWAYS, {"fixed": "1.5"})]),
        record("GHSA-1", aliases=["CVE-1"], affected=[affected("example", SINCE_ALWAYS, {"fixed": "0.5"})]),
        record("CVE-1", aliases=["GHSA-1"], affected=[affected("example", {"introduced": "7"})]),
    ]
    (found,) = report(imported(tmp_path, *records), component("example", "1.0")).findings
    assert found.ids == ("PYSEC-1", "CVE-1", "GHSA-1")
    assert found.fixed_in == ("1.5",)


class KeptFixes:
    """Remembers nothing: each fix is told of for the first time."""

    def first_seen(self, told: Mapping[tuple[str, str], datetime]) -> Mapping[tuple[str, str], datetime]:
        return told


def test_known_exploited_is_found_by_an_alias_that_a_record_of_another_package_names(tmp_path: Path) -> None:
    kept = imported(
        tmp_path,
        record("PYSEC-1", aliases=["GHSA-1"], affected=[affected("example")]),
        record("GHSA-1", aliases=["CVE-2026-7777"], affected=[affected("example-gpu")]),
    )
    catalogue = tmp_path / "kev.json"
    catalogue.write_text(
        '{"dateReleased": "2026-10-31T00:00:00Z", "count": 1, "vulnerabilities":'
        ' [{"cveID": "CVE-2026-7777", "dateAdded": "2026-10-30"}]}'
    )
    import_file(DataKind.KNOWN_EXPLOITED, catalogue, into=kept, source="a test", now=NOW)
    source = WithFacts(AdvisorySource(kept), data=kept, fixes=KeptFixes())
    (found,) = source.report(image(component("example", "1.0")), now=NOW).findings
    assert "CVE-2026-7777" in found.ids
    assert found.exploited_since is not None


def test_a_withdrawal_that_is_yet_to_come_changes_nothing_before(tmp_path: Path) -> None:
    later = (NOW + timedelta(days=3)).isoformat()
    kept = imported(tmp_path, record("PYSEC-1", aliases=["CVE-1"], withdrawn=later))
    assert report(kept, component("example", "1.0")).state is ScanState.FINDINGS
    after = AdvisorySource(kept).report(image(component("example", "1.0")), now=NOW + timedelta(days=4))
    assert after.state is ScanState.CLEAN


ADVERSARIAL = {
    "Example": "1.0",
    "post-package": "1.5.post1",
    "dev_package": "1.5.dev3",
    "rc.package": "1.5rc1",
    "epoch-package": "1!0.5",
    "edge-package": "1.5.0",
    "zero-package": "0.dev0",
    "listed-package": "2.0.0",
    "leading-v": "v1.0",
    "withdrawn-package": "1.0",
    "last-package": "1.4.0",
    "absent-package": "1.0",
    "local-package": "1.4+cu121",
}


def adversarial() -> list[Record]:
    usual = [name for name in ADVERSARIAL if name not in {"listed-package", "withdrawn-package", "last-package"}]
    made = [record(f"PYSEC-{place}", name, aliases=[f"CVE-{place}"]) for place, name in enumerate(usual)]
    made = [one for one in made if one["affected"][0]["package"]["name"] != "absent-package"]
    made.append(record("PYSEC-90", "listed-package", affected=[affected("listed-package", versions=["2"])]))
    made.append(record("PYSEC-91", "withdrawn-package", withdrawn="2026-10-02T00:00:00Z"))
    last = [affected("last-package", SINCE_ALWAYS, {"last_affected": "1.4"})]
    made.append(record("PYSEC-92", "last-package", aliases=["CVE-92"], affected=last))
    made.append(record("GHSA-92", "last-package", aliases=["CVE-92"], affected=last))
    return made


def test_pins_made_to_slip_past_are_found_as_pip_audits_own_command_line_finds_them(tmp_path: Path) -> None:
    records = adversarial()
    made = report(imported(tmp_path, *records), *(component(*pin) for pin in ADVERSARIAL.items()))
    with osv_server(records) as url:
        theirs = told_by_pip_audit(ADVERSARIAL, url, tmp_path)
    assert (made.audited, made.unaudited, len(theirs)) == (len(ADVERSARIAL), (), len(ADVERSARIAL))
    ours: dict[str, set[str]] = {}
    for found in made.findings:
        ours.setdefault(found.component, set()).update(found.ids)
    told = {
        name.replace("_", "-").replace(".", "-"): {one["id"] for one in rows} for name, rows in theirs.items() if rows
    }
    assert set(ours) == set(told)
    assert all(ids <= ours[name] for name, ids in told.items())
    rows = [found.component for found in made.findings]
    assert len(rows) == len(set(rows)), "one row a vulnerability"
    assert "epoch-package" not in ours
