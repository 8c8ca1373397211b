"""Scan reports that scanners hand in: kept by digest, on the ledger, with who handed them in.

Only a proved identity may file one. What an identity only claims to be is anybody's word, and the judged would bring
their own proof under the scanner's name. Whether the identity is a scanner is policy's to say, when it is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from gate.errors import BoundError, ForbiddenError, GateError, InputError, StoreError
from gate.findings.proof.interface import FiledScan, NotProven, SubmittedScan
from gate.findings.proof.sarif import check_form, verdict_of
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.model.base import canonical_json, sha256_of
from gate.model.digest import is_digest
from gate.store.blobs import Blobs
from gate.store.engine import reading, writing
from gate.store.submissions import Submissions
from gate.store.tables import ledger_leaves

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

    from gate.ledger.reader import LedgerEntry
    from gate.model.image import ImageRef
    from gate.model.principal import Principal
    from gate.policy.schema import DefenderPolicy

MOST = 100
"""Most reports about one digest."""
_CHUNK = 400
_TOLD = 10_000
"""Most digests of which it is remembered that their reports were told."""


class News(Protocol):
    """What `gate.revisit` asks which waiting images are worth another look."""

    def of(self, refs: Sequence[ImageRef]) -> frozenset[str]:
        """Return their digests. Raises GateError if it can't be asked."""
        ...


class LedgeredScans:
    """Reports in the gate's own database; implements `Scans` of the findings."""

    def __init__(self, engine: Engine, *, most_bytes: int) -> None:
        """Use the engine; a report has at most `most_bytes`."""
        self._engine = engine
        self._most_bytes = most_bytes

    def file(self, digest: str, report: bytes, submitter: Principal, *, now: datetime) -> str:
        """Keep a report and put it on record; the same one by the same submitter is kept once. Return its own digest.

        Raises:
            ForbiddenError: the identity is only claimed (`identity_claimed`).
            InputError: the image is not named by a digest.
            BoundError: the report is too large, or there are too many about this digest.
        """
        if submitter.claimed:
            message = "a scan report counts by who hands it in, and this identity is only claimed"
            raise ForbiddenError(message, code="identity_claimed", hint="hand it in with a token of the scanner's own")
        if not is_digest(digest):
            message = f"`{digest[:80]}` is no digest"
            raise InputError(message, code="bad_digest", hint="name the image that was scanned by its digest")
        if len(report) > self._most_bytes:
            message = f"the report has more than {self._most_bytes} bytes"
            raise BoundError(message, code="report_too_large", hint="raise the bound if this is expected")
        about = f"scan/{sha256_of(canonical_json([digest, sha256_of(report), submitter.key]))}"
        with writing(self._engine) as connection:
            lock(connection)
            if not LedgerReader(connection).find(LedgerFilter(evaluation=about)):
                self._record(connection, about, digest, report, submitter, now)
        return sha256_of(report)

    def of(self, digest: str) -> tuple[SubmittedScan, ...]:
        """Return the reports about a digest, oldest first.

        Raises:
            StoreError: one can't be read back.
        """
        with reading(self._engine) as connection:
            found = LedgerReader(connection).find(LedgerFilter(event=Event.SCAN_FILED, subject=digest), limit=MOST)
            return tuple(_scan(connection, entry) for entry in found)

    def hand_in(
        self, digest: str, report: bytes, submitter: Principal, policy: DefenderPolicy, *, now: datetime
    ) -> FiledScan:
        """File a report and say what it proves.

        Raises:
            InputError: it can't be read (`report_unreadable`); nothing is kept then. All else as `file`.
        """
        if not submitter.claimed:
            check_form(report)
        kept = self.file(digest, report, submitter, now=now)
        scan = SubmittedScan(submitter=submitter.key, received_at=now, digest=digest, report=report)
        verdict = verdict_of(scan, digest, policy, self.judged(digest), now=now)
        facts = {"digest": digest, "report": kept, "submitter": submitter.key}
        scanner = submitter.key in policy.scanners
        if isinstance(verdict, NotProven):
            return FiledScan(**facts, scanner=scanner, counts=False, code=verdict.code, reason=verdict.reason)
        return FiledScan(**facts, scanner=scanner, counts=True, scanned_at=verdict.scanned_at, results=verdict.results)

    def judged(self, digest: str) -> frozenset[str]:
        """Return who submitted the digest for evaluation, to any place, at any time, first or not."""
        with reading(self._engine) as connection:
            return Submissions(connection).requesters(digest)

    def _record(  # noqa: PLR0913, PLR0917 - one parameter a fact
        self, connection: Connection, about: str, digest: str, report: bytes, submitter: Principal, now: datetime
    ) -> None:
        standing = LedgerReader(connection).find(LedgerFilter(event=Event.SCAN_FILED, subject=digest), limit=MOST)
        if len(standing) >= MOST:
            message = f"there are {MOST} reports about this image already"
            raise BoundError(message, code="too_many_reports", hint="one report for each scan is enough")
        record = LedgerRecord(
            event=Event.SCAN_FILED,
            evaluation=about,
            recorded_at=now,
            subject=digest,
            facts={"report": Blobs(connection).put(report)},
        )
        append(connection, record, {"actor": submitter.key})


class NewsOfScans:
    """Says which waiting images a report was handed in about since it was last asked, beside another source of news.

    News begin another look and prove nothing: what does not count is told as well, once a report.
    """

    def __init__(self, engine: Engine, other: News) -> None:
        """Remember nothing yet: after a start each report is news once more."""
        self._engine = engine
        self._other = other
        self._told: dict[str, int] = {}

    def of(self, refs: Sequence[ImageRef]) -> frozenset[str]:
        """Return the digests worth another look; GateError if the other source can't be asked and there are none."""
        filed = self._filed(sorted({str(ref.digest) for ref in refs}))
        own = frozenset(digest for digest, count in filed.items() if count > self._told.get(digest, 0))
        if len(self._told) > _TOLD:
            self._told.clear()
        self._told |= filed
        try:
            return own | self._other.of(refs)
        except GateError:
            if own:
                return own
            raise

    def _filed(self, digests: Sequence[str]) -> dict[str, int]:
        columns = ledger_leaves.c
        found: dict[str, int] = {}
        with reading(self._engine) as connection:
            for start in range(0, len(digests), _CHUNK):
                chunk = digests[start : start + _CHUNK]
                counted = (
                    sa.select(columns.subject, sa.func.count())
                    .where(columns.event == Event.SCAN_FILED.value, columns.subject.in_(chunk))
                    .group_by(columns.subject)
                )
                found |= {row[0]: row[1] for row in connection.execute(counted)}
        return found


def _scan(connection: Connection, entry: LedgerEntry) -> SubmittedScan:
    report = entry.record.facts.get("report")
    if report is None or entry.record.subject is None:
        message = f"record {entry.index} of the ledger is no filed scan"
        raise StoreError(message, code="ledger_unreadable")
    return SubmittedScan(
        # Who it was may have been erased: then it is nobody's word any more.
        submitter=entry.private.get("actor", ""),
        received_at=entry.record.recorded_at,
        digest=entry.record.subject,
        report=Blobs(connection).get(report),
    )
