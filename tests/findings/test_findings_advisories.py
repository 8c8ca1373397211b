"""The source `advisories`: every Python component is audited or named, and nothing that failed looks clean."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from data.osv_records import affected, record
from data.reference_data_contract import a_row
from findings.findings_world import NOW, SUBJECT, component, image, keep, snapshot

from gate.data.memory import MemoryReferenceData
from gate.errors import BusyError
from gate.findings.advisories.source import AdvisorySource
from gate.model.finding import ScanState, SourceReport
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gate.findings.interface import FindingsSource
    from gate.model.image import Component

VULNERABLE = component("example", "1.0")
SOUND = component("sound", "3.0")


@pytest.fixture
def kept() -> MemoryReferenceData:
    """Return data in which `example` is vulnerable below 1.5."""
    return keep(MemoryReferenceData(), [record()])


def report(kept: MemoryReferenceData, *components: Component) -> SourceReport:
    """Audit an image and hold the counts to each other."""
    source: FindingsSource = AdvisorySource(kept)
    made = source.report(image(*components), now=NOW)
    assert source.name == made.source == "advisories"
    assert made.subject == SUBJECT
    if made.state in {ScanState.CLEAN, ScanState.FINDINGS}:
        assert made.audited + len(made.unaudited) == len(components)
        assert made.audited
        assert bool(made.findings) == (made.state is ScanState.FINDINGS)
        assert (made.scanned_at, made.proof, made.data) == (NOW, "local_audit", snapshot())
    else:
        assert (made.scanned_at, made.proof) == (None, "")
    assert not made.recorded
    return made


def test_a_vulnerable_version_is_found(kept: MemoryReferenceData) -> None:
    made = report(kept, VULNERABLE, SOUND)
    assert made.state is ScanState.FINDINGS
    assert made.audited == 2
    (found,) = made.findings
    assert found.ids == ("PYSEC-2026-1", "CVE-2026-1")
    assert (found.component, found.version, found.fixed_in) == ("example", "1.0", ("1.5",))


def test_audited_and_nothing_found_is_clean(kept: MemoryReferenceData) -> None:
    made = report(kept, SOUND, component("example", "1.5"))
    assert (made.state, made.audited, made.unaudited) == (ScanState.CLEAN, 2, ())


def test_no_advisories_are_an_error_and_not_clean() -> None:
    made = report(MemoryReferenceData(), SOUND)
    assert made.state is ScanState.SOURCE_ERROR
    assert "gate data import osv-pypi" in made.message
    assert made.data is None


def test_no_components_are_not_clean(kept: MemoryReferenceData) -> None:
    assert report(kept).state is ScanState.NOT_SCANNED
    assert report(kept, component("bash", "5", Kind.OS)).state is ScanState.NOT_SCANNED


def test_nothing_audited_is_not_clean(kept: MemoryReferenceData) -> None:
    made = report(kept, component("openssl", "3.0", Kind.CONDA), component("example", "one"))
    assert made.state is ScanState.NOT_SCANNED
    assert made.unaudited == ("conda/openssl@3.0", "pypi/example@one")


@pytest.mark.parametrize("version", ["", "1.0-odd-thing", "2012q", "latest", "1.0 ; rm", "9" * 5000, "1" + ".1" * 128])
def test_a_version_without_meaning_is_named_and_not_skipped(kept: MemoryReferenceData, version: str) -> None:
    made = report(kept, SOUND, component("example", version))
    assert made.unaudited == (f"pypi/example@{version}",)


@pytest.mark.parametrize("name", ["", "not a name", "-x", "example/../x"])
def test_a_name_that_is_none_is_named_and_not_skipped(kept: MemoryReferenceData, name: str) -> None:
    assert report(kept, SOUND, component(name, "1.0")).unaudited == (f"pypi/{name}@1.0",)


@pytest.mark.parametrize("kind", [Kind.PYPI, Kind.URL, Kind.VCS, Kind.LOCAL])
def test_a_python_package_is_audited_whatever_its_origin(kept: MemoryReferenceData, kind: Kind) -> None:
    assert report(kept, component("example", "1.0", kind)).state is ScanState.FINDINGS


def test_a_python_package_of_an_operating_system_is_audited_where_it_has_metadata(kept: MemoryReferenceData) -> None:
    dist_info = component("example", "1.0", Kind.OS, metadata_sha256="sha256:" + "0" * 64)
    assert report(kept, dist_info).state is ScanState.FINDINGS


@pytest.mark.parametrize("name", ["Example", "EXAMPLE", "jw.util", "JW_Util", "jw--util"])
def test_names_are_compared_as_pep_503_says(name: str) -> None:
    kept = keep(MemoryReferenceData(), [record(), record("PYSEC-2026-2", "Jw.Util")])
    assert len(report(kept, component(name, "1.0")).findings) == 1


def test_a_local_label_is_dropped_for_the_look_up_alone(kept: MemoryReferenceData) -> None:
    made = report(kept, component("example", "1.0+cu121"))
    assert made.findings[0].version == "1.0+cu121"
    assert made.unaudited == ()


def test_a_package_installed_twice_counts_twice_and_is_found_once(kept: MemoryReferenceData) -> None:
    made = report(kept, VULNERABLE, VULNERABLE, component("Example", "1.0"))
    assert made.audited == 3
    assert len(made.findings) == 1


def test_two_versions_are_two_findings(kept: MemoryReferenceData) -> None:
    made = report(kept, VULNERABLE, component("example", "1.1"))
    assert [found.version for found in made.findings] == ["1.0", "1.1"]


def test_withdrawn_records_are_out_from_the_day_on_which_they_are() -> None:
    early, late = (NOW - timedelta(days=1)).isoformat(), (NOW + timedelta(days=1)).isoformat()
    withdrawn = keep(MemoryReferenceData(), [record(withdrawn=early)])
    assert report(withdrawn, VULNERABLE).state is ScanState.CLEAN
    assert report(keep(MemoryReferenceData(), [record(withdrawn=late)]), VULNERABLE).state is ScanState.FINDINGS


def test_a_withdrawn_record_ties_no_two_vulnerabilities_together() -> None:
    records = [
        record("PYSEC-2026-1", aliases=["CVE-2026-1"]),
        record("PYSEC-2026-2", aliases=["CVE-2026-2"]),
        record("GHSA-1", aliases=["CVE-2026-1", "CVE-2026-2"], withdrawn="2026-01-01T00:00:00Z"),
    ]
    assert len(report(keep(MemoryReferenceData(), records), VULNERABLE).findings) == 2


def test_aliases_are_closed_where_pip_audit_loses_one() -> None:
    """pip-audit drops the id of a record that it merges, and does not merge on through what it merged."""
    records = [
        record("PYSEC-2026-1", aliases=["CVE-2026-1"]),
        record("GHSA-1", aliases=["CVE-2026-1", "OSV-7"]),
        record("OSV-8", aliases=["OSV-7"]),
    ]
    (found,) = report(keep(MemoryReferenceData(), records), VULNERABLE).findings
    assert found.ids == ("PYSEC-2026-1", "CVE-2026-1", "GHSA-1", "OSV-7", "OSV-8")


def test_a_record_that_does_not_affect_the_version_still_ties_its_aliases() -> None:
    records = [
        record("PYSEC-2026-1", aliases=["CVE-2026-1"]),
        record("GHSA-1", aliases=["CVE-2026-1", "CVE-2026-9"], affected=[affected("example", {"introduced": "9"})]),
        record("OSV-8", aliases=["CVE-2026-9"]),
    ]
    assert len(report(keep(MemoryReferenceData(), records), VULNERABLE).findings) == 1


def test_a_malicious_record_says_so(kept: MemoryReferenceData) -> None:
    keep_all = keep(MemoryReferenceData(), [record("MAL-2026-1", affected=[affected("example", {"introduced": "0"})])])
    assert report(keep_all, VULNERABLE).findings[0].malicious
    assert not report(kept, VULNERABLE).findings[0].malicious


def test_what_can_not_be_decided_is_a_finding_that_says_so() -> None:
    odd = record(affected=[affected("example", {"introduced": "0"}, {"fixed": "2019-09-12"})])
    (found,) = report(keep(MemoryReferenceData(), [odd]), VULNERABLE).findings
    assert found.status == "undecided"
    assert found.severity.value == "unknown"


def test_conda_packages_without_a_map_are_known_unknowns(kept: MemoryReferenceData) -> None:
    made = report(kept, SOUND, component("example", "1.0", Kind.CONDA))
    assert made.unaudited == ("conda/example@1.0",)
    assert made.findings == ()
    assert made.also == ()


def test_conda_packages_are_audited_under_the_names_that_the_map_gives(kept: MemoryReferenceData) -> None:
    names = snapshot("conda-names", "c")
    kept.import_snapshot(names, [a_row("py-example", "py-example", '["other","example"]'), a_row("ssl", "ssl", "[]")])
    made = report(
        kept,
        component("py-example", "1.0", Kind.CONDA),
        component("ssl", "3", Kind.CONDA),
        component("absent", "1.0", Kind.CONDA),
    )
    assert made.state is ScanState.FINDINGS
    assert (made.findings[0].component, made.audited) == ("example", 1)
    assert made.unaudited == ("conda/absent@1.0", "conda/ssl@3")
    assert made.also == (names,)


def test_a_conda_version_without_meaning_is_named(kept: MemoryReferenceData) -> None:
    kept.import_snapshot(snapshot("conda-names", "c"), [a_row("tz", "tz", '["example"]')])
    made = report(kept, SOUND, component("tz", "2024_b.x", Kind.CONDA))
    assert made.unaudited == ("conda/tz@2024_b.x",)


class BrokenData(MemoryReferenceData):
    """Storage whose look-ups fail."""

    def __init__(self, error: Exception) -> None:
        """Keep the error that every look-up raises."""
        super().__init__()
        self._error = error

    def lookup(self, kind: str, digest: str, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Fail."""
        del kind, digest, keys
        raise self._error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BusyError("locked by https://u:secret@example.org"), "store_busy"),
        (RuntimeError("token=secret"), "RuntimeError"),
    ],
)
def test_storage_that_fails_is_a_state_and_tells_no_secret(error: Exception, said: str) -> None:
    made = report(keep(BrokenData(error), [record()]), VULNERABLE)
    assert made.state is ScanState.SOURCE_ERROR
    assert said in made.message
    assert "secret" not in made.message
    assert made.data == snapshot()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"id": "X", "name": "example", "later_key": 1}'])
def test_a_stored_record_that_can_not_be_read_is_an_error(text: str) -> None:
    kept = MemoryReferenceData()
    kept.import_snapshot(snapshot(), [a_row("example", "X", text)])
    assert report(kept, VULNERABLE).state is ScanState.SOURCE_ERROR


class ForgetfulData(MemoryReferenceData):
    """Storage that leaves out what it was asked for, against its contract."""

    def lookup(self, kind: str, digest: str, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Answer nothing."""
        del kind, digest, keys
        return {}


def test_a_name_that_was_not_looked_up_is_an_error_and_not_clean() -> None:
    assert report(keep(ForgetfulData(), [record()]), SOUND).state is ScanState.SOURCE_ERROR


def test_the_same_image_gets_the_same_report_in_any_order(kept: MemoryReferenceData) -> None:
    parts = (VULNERABLE, SOUND, component("ssl", "3", Kind.CONDA), component("example", "1.1"))
    assert report(kept, *parts).canonical() == report(kept, *reversed(parts)).canonical()
