"""Facts beside findings: the first day of a fix is kept for ever, what is exploited is known by any alias."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from data.osv_records import record
from findings.findings_world import NOW, SUBJECT, component, image, keep, snapshot

from gate.data.exploited import ExploitedFact
from gate.data.interface import DataRow
from gate.data.memory import MemoryReferenceData
from gate.errors import StoreError
from gate.findings.advisories.source import AdvisorySource
from gate.findings.facts import WithFacts
from gate.model.finding import Finding, FindingSeverity, ScanState, SourceReport
from gate.store.engine import make_engine, writing
from gate.store.fixes import StoredFixes
from gate.store.schema import upgrade
from gate.store.tables import fix_sightings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from gate.model.image import Inventory

DAY = timedelta(days=1)


class Told:
    """A source that tells what it is given."""

    name = "defender"

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings

    def report(self, inventory: Inventory, *, now: datetime) -> SourceReport:
        """Tell."""
        return SourceReport(
            source=self.name,
            subject=inventory.image.digest,
            state=ScanState.FINDINGS,
            scanned_at=now,
            findings=self.findings,
        )


class Broken:
    """Sightings that can't be kept."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def first_seen(self, told: Mapping[tuple[str, str], datetime]) -> Mapping[tuple[str, str], datetime]:
        """Fail."""
        del told
        raise self.error


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return a database."""
    made = make_engine(f"sqlite:///{tmp_path / 'gate.sqlite'}")
    upgrade(made)
    yield made
    made.dispose()


def found(*ids: str, fixed: str = "3.0.12", at: datetime | None = None) -> Finding:
    return Finding(
        ids=ids or ("CVE-2026-7",),
        component="OpenSSL",
        version="3.0.11",
        severity=FindingSeverity.HIGH,
        fixed_in=(fixed,) if fixed else (),
        fix_seen_at=at,
    )


def told(
    engine: Engine, *findings: Finding, now: datetime = NOW, data: MemoryReferenceData | None = None
) -> SourceReport:
    source = WithFacts(Told(*findings), data=data or MemoryReferenceData(), fixes=StoredFixes(engine))
    assert source.name == "defender"
    return source.report(image(), now=now)


def test_the_first_sighting_of_a_fix_stays_whatever_is_told_later(engine: Engine) -> None:
    assert told(engine, found()).findings[0].fix_seen_at == NOW
    later = told(engine, found(fixed="3.0.13"), now=NOW + 9 * DAY)
    assert later.findings[0].fix_seen_at == NOW


def test_a_fix_is_known_by_any_alias_and_any_spelling(engine: Engine) -> None:
    told(engine, found("CVE-2026-7", "X-1"))
    other = found("x-1", "X-2").model_copy(update={"component": "open.ssl"})
    same = found("y-1", "x-1")
    answers = told(engine, other, same, now=NOW + DAY).findings
    assert [one.fix_seen_at for one in answers] == [NOW + DAY, NOW]


def test_without_a_fix_nothing_is_seen_and_the_grace_has_not_begun(engine: Engine) -> None:
    assert told(engine, found(fixed="")).findings[0].fix_seen_at is None
    assert told(engine, found(), now=NOW + DAY).findings[0].fix_seen_at == NOW + DAY


def test_a_record_that_named_the_fix_earlier_begins_the_grace_and_one_from_the_future_does_not(engine: Engine) -> None:
    assert told(engine, found(at=NOW - DAY)).findings[0].fix_seen_at == NOW - DAY
    assert told(engine, found("CVE-2026-8", at=NOW + 9 * DAY)).findings[0].fix_seen_at == NOW


def test_nobody_begins_a_grace_anew(engine: Engine) -> None:
    told(engine, found())
    for statement in (sa.update(fix_sightings).values(first_seen_at="2030"), sa.delete(fix_sightings)):
        with pytest.raises(StoreError), writing(engine) as connection:
            connection.execute(statement)
    assert told(engine, found(), now=NOW + DAY).findings[0].fix_seen_at == NOW


@pytest.mark.parametrize("error", [StoreError("gone"), RuntimeError("https://u:secret@example.org/")])
def test_where_the_facts_can_not_be_had_the_source_is_in_error_and_tells_no_secret(error: Exception) -> None:
    source = WithFacts(Told(found()), data=MemoryReferenceData(), fixes=Broken(error))
    report = source.report(image(), now=NOW)
    assert (report.state, report.findings) == (ScanState.SOURCE_ERROR, ())
    assert "secret" not in report.message


def exploited(*cves: str) -> MemoryReferenceData:
    kept = MemoryReferenceData()
    facts = [ExploitedFact(cve=cve, added=date(2026, 1, 2)) for cve in cves]
    rows = [DataRow(key=fact.cve, id=fact.cve, record=fact.model_dump_json()) for fact in facts]
    kept.import_snapshot(snapshot("known-exploited", "e"), rows)
    return kept


def test_what_is_exploited_is_known_by_any_alias_and_the_list_stands_in_the_evidence(engine: Engine) -> None:
    report = told(engine, found("GHSA-1", "cve-2026-7"), found("CVE-2026-70"), data=exploited("CVE-2026-7"))
    assert [one.exploited_since for one in report.findings] == [date(2026, 1, 2), None]
    assert [one.kind for one in report.also] == ["known-exploited"]
    assert told(engine, found()).also == ()


def test_the_list_stands_in_the_evidence_where_nothing_was_found(engine: Engine) -> None:
    assert [one.kind for one in told(engine, data=exploited("CVE-2026-7")).also] == ["known-exploited"]


def test_advisories_tell_when_their_fix_was_known_and_where_the_package_lies(engine: Engine) -> None:
    kept = keep(MemoryReferenceData(), [record()])
    parts = (component("example", "1.0"), component("other", "1.0"))
    for in_base in (True, False):
        judged = image(*(part.model_copy(update={"in_base": in_base}) for part in parts))
        source = WithFacts(AdvisorySource(kept), data=kept, fixes=StoredFixes(engine))
        (one,) = source.report(judged, now=NOW).findings
        assert (one.fix_seen_at, one.in_base) == (datetime(2026, 10, 1, tzinfo=UTC), in_base)


def test_a_package_in_the_base_and_in_a_layer_of_ones_own_lies_in_ones_own() -> None:
    kept = keep(MemoryReferenceData(), [record()])
    part = component("example", "1.0")
    judged = image(part.model_copy(update={"in_base": True}), part)
    (one,) = AdvisorySource(kept).report(judged, now=NOW).findings
    assert one.in_base is False
    assert judged.image.digest == SUBJECT
