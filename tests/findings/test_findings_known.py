"""Advisories read once for a snapshot: never those of another one, never a name that was not read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from data.osv_records import record
from findings.findings_world import NOW, advisories, component, image, keep, snapshot
from packaging.version import Version

from gate.data.memory import MemoryReferenceData
from gate.errors import NotFoundError
from gate.findings.advisories import known as module
from gate.findings.advisories.known import KnownAdvisories, KnownName
from gate.findings.advisories.source import AdvisorySource
from gate.model.finding import ScanState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gate.model.digest import Digest


class Counting(MemoryReferenceData):
    """Reference data that counts what is looked up."""

    asked: list[list[str]]

    def lookup(self, kind: str, digest: Digest, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Count, then answer."""
        wanted = list(keys)
        self.asked = [*getattr(self, "asked", []), wanted]
        return super().lookup(kind, digest, wanted)


def test_a_name_is_looked_up_once_a_snapshot() -> None:
    kept = Counting()
    keep(kept, [record()])
    known = KnownAdvisories(kept)
    assert len(known.of(snapshot(), ["example", "other"])["example"].advisories) == 1
    again = known.of(snapshot(), ["example", "other", "third"])
    assert (again["other"].advisories, again["third"].advisories) == ((), ())
    assert kept.asked == [["example", "other"], ["third"]]


def test_another_snapshot_is_read_anew_and_never_answered_from_the_one_before() -> None:
    kept = keep(MemoryReferenceData(), [record()])
    source, judged = AdvisorySource(kept), image(component("example", "1.0"))
    assert source.report(judged, now=NOW).state is ScanState.FINDINGS
    kept.import_snapshot(snapshot(letter="b"), [])
    assert source.report(judged, now=NOW).state is ScanState.CLEAN
    kept.import_snapshot(snapshot(), [])
    assert source.report(judged, now=NOW).state is ScanState.FINDINGS


def test_a_snapshot_that_is_not_kept_is_an_error_each_time_and_not_a_name_without_advisories() -> None:
    known = KnownAdvisories(MemoryReferenceData())
    for _ in range(2):
        with pytest.raises(NotFoundError):
            known.of(snapshot(), ["example"])


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 1)
    kept = Counting()
    keep(kept, [record()])
    known = KnownAdvisories(kept)
    for _ in range(2):
        assert known.of(snapshot(), ["example", "other"])["example"].advisories
    assert len(kept.asked) == 2


def test_a_record_that_is_withdrawn_later_counts_until_then_whatever_was_asked_first() -> None:
    until = NOW + timedelta(days=1)
    name = KnownName(
        advisories(record("GHSA-1", aliases=["CVE-1"], withdrawn=until.isoformat()), record("CVE-1", aliases=[]))
    )
    later = until + timedelta(seconds=1)
    for _ in range(2):  # the second time from what is kept
        (now,) = name.vulnerabilities(Version("1.0"), NOW)
        assert now.ids == {"GHSA-1", "CVE-1"}
        assert len(now.hits) == 2
        (then,) = name.vulnerabilities(Version("1.0"), later)
        assert then.ids == {"CVE-1"}
        assert [one.id for one, _ in then.hits] == ["CVE-1"]


def test_what_is_kept_of_versions_is_bounded_and_told_of_each_as_it_is_spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VERSIONS", 2)
    name = KnownName(advisories(record()))
    for _ in range(2):
        assert [bool(name.vulnerabilities(Version(f"1.{n}"), NOW)) for n in range(9)] == [n < 5 for n in range(9)]
    (one,) = name.vulnerabilities(Version("1.0"), NOW)
    (same,) = name.vulnerabilities(Version("1"), NOW)
    made = [each.finding(component="example", version=text) for each, text in ((one, "1.0"), (same, "1"), (one, "1.0"))]
    assert [each.version for each in made] == ["1.0", "1", "1.0"]
    assert made[0] is made[2]
