"""Look again at images that were held: a row in the database each, and no thread, until there is news or time is up.

What waits is asked about in bulk and ever more rarely; a new run decides, from evidence that it gathers anew. The
deadline counts from when the digest first came, so looking again prolongs nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from gate.errors import GateError
from gate.evaluation import load_submission
from gate.model.decision import Decision, Status
from gate.model.evidence import EvidenceManifest
from gate.model.image import ImageRef, IndexFacts
from gate.model.redact import redact
from gate.policy.rules.scan_proof import ScanProof
from gate.policy.schema import Policy
from gate.store.blobs import Blobs
from gate.store.engine import reading
from gate.store.evaluations import Evaluations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Connection, Engine

    from gate.intake import Intake
    from gate.store.evaluations import Evaluation

_HORIZON = timedelta(days=60)
"""A run that was submitted before this is nobody's to wait for: longer than any sane deadline."""
_LACKING = (ScanProof.id, Status.UNKNOWN)
"""The result that says that an image waits for Defender."""
_TOLD = frozenset({"stale", "unsupported"})
"""Where there are rows all along, so that there being some is no news."""
_SHOWN = 300
_log = logging.getLogger("gate.revisit")


class News(Protocol):
    """Something that says of many waiting images at once which have news. It decides nothing."""

    def of(self, refs: Sequence[ImageRef]) -> frozenset[str]:
        """Return the digests worth another look. Raises GateError if it can't be asked."""
        ...


class NoNews:
    """Nobody to ask: only time passes."""

    def of(self, refs: Sequence[ImageRef]) -> frozenset[str]:
        """Return nothing."""
        del refs
        return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a waiting image is asked about.

    Attributes:
        first: the shortest time between two questions about one image.
        share: the same, as a share of how long it has waited: who has waited for hours can wait for minutes more.
        anyway: after this long without news a new run looks all the same, for it may wait for something else.
        most: most runs that one turn begins.
    """

    first: timedelta = timedelta(minutes=5)
    share: float = 0.25
    anyway: timedelta = timedelta(hours=1)
    most: int = 50


class Revisits:
    """Begins new runs for held images; called again and again by whoever keeps the service going."""

    def __init__(
        self, *, engine: Engine, intake: Intake, news: News, clock: Callable[[], datetime], pace: Pace | None = None
    ) -> None:
        """Take the collaborators; nothing is asked yet."""
        self._engine = engine
        self._intake = intake
        self._news = news
        self._clock = clock
        self._pace = pace or Pace()
        self._asked: dict[str, datetime] = {}
        self._deadlines: dict[str, timedelta] = {}
        self._awaited: dict[str, frozenset[str]] = {}

    def once(self) -> int:
        """Ask about what is due, and begin a run for each image with news, or whose time is up; return how many.

        Several services may do so at once: a run that is open already is joined and not begun twice.
        """
        now = self._clock()
        with reading(self._engine) as connection:
            waiting = Evaluations(connection).waiting(since=now - _HORIZON)
            late = {row.id for row in waiting if self._late(connection, row, now)}
        known = {row.id for row in waiting}
        self._asked = {run: when for run, when in self._asked.items() if run in known}
        self._awaited = {run: digests for run, digests in self._awaited.items() if run in known}
        due = [row for row in waiting if row.id in late or self._due(row, now)]
        heard = self._heard([row for row in due if row.id not in late], now)
        again = [row for row in due if row.id in late or row.id in heard or self._long_enough(row, now)]
        for row in again[self._pace.most :]:  # not this turn's any more: due again at the next one
            self._asked.pop(row.id, None)
        return sum(self._begin(row) for row in again[: self._pace.most])

    def _late(self, connection: Connection, row: Evaluation, now: datetime) -> bool:
        digest = row.policy_digest or ""
        if digest not in self._deadlines:
            self._deadlines[digest] = Policy.parse(Blobs(connection).get(digest)).decision.findings.deadline
        return now - _since(row) > self._deadlines[digest]

    def _due(self, row: Evaluation, now: datetime) -> bool:
        last = max(self._asked.get(row.id, _looked(row)), _looked(row))
        return now - last >= max(self._pace.first, (now - _since(row)) * self._pace.share)

    def _long_enough(self, row: Evaluation, now: datetime) -> bool:
        return now - _looked(row) >= max(self._pace.anyway, (now - _since(row)) * self._pace.share)

    def _heard(self, due: Sequence[Evaluation], now: datetime) -> frozenset[str]:
        """Return the runs of which any image has news: of an index each image is asked about that has no proof yet."""
        if not due:
            return frozenset()
        self._asked |= dict.fromkeys((row.id for row in due), now)
        self._awaited |= self._read([row for row in due if row.id not in self._awaited])
        refs = [ImageRef.of_place(row.repository, digest=one) for row in due for one in sorted(self._awaited[row.id])]
        if not refs:
            return frozenset()
        try:
            heard = self._news.of(refs)
        except GateError as error:
            _log.warning("no news of %d waiting images: %s", len(refs), redact(error.message))
            return frozenset()
        return frozenset(row.id for row in due if self._awaited[row.id] & heard)

    def _read(self, rows: Sequence[Evaluation]) -> dict[str, frozenset[str]]:
        if not rows:
            return {}
        with reading(self._engine) as connection:
            return {row.id: awaited(connection, row) for row in rows}

    def _begin(self, row: Evaluation) -> bool:
        try:
            with reading(self._engine) as connection:
                submission = load_submission(connection, row)
            self._intake.submit(submission, row.requester)
        except GateError as error:
            _log.warning("`%s` could not be looked at again: %s", row.id, redact(error.message))
            return False
        return True


def awaited(connection: Connection, row: Evaluation) -> frozenset[str]:
    """Return the digests whose scan a held run waits for, by its decision; none if it waits for something else.

    The images of an index are scanned under digests of their own. Where the record can't be read, the run's own digest
    is asked about: news only begin another look.
    """
    try:
        decision = Decision.parse(Blobs(connection).get(row.decision_digest or ""))
        held = (one for one in decision.results if (one.rule, one.status) == _LACKING and one.code not in _TOLD)
        lacking = {str(one.image or "") for one in held}
        if "" not in lacking:
            return frozenset(lacking)
        return frozenset(lacking - {""}) | {_only_image(connection, decision)}
    except (GateError, ValueError) as error:
        _log.warning("`%s` does not say what it waits for: %s", row.id, redact(str(error))[:_SHOWN])
        return frozenset({str(row.digest)})


def _only_image(connection: Connection, decision: Decision) -> str:
    """Return the image that a decision on one image is about: the subject, or the one image of that index."""
    blobs = Blobs(connection)
    parts = EvidenceManifest.parse(blobs.get(decision.evidence)).parts
    if "index" not in parts:
        return str(decision.subject)
    return str(IndexFacts.parse(blobs.get(parts["index"])).images[0].digest)


def _since(row: Evaluation) -> datetime:
    return row.first_seen_at or row.submitted_at


def _looked(row: Evaluation) -> datetime:
    return row.finished_at or row.submitted_at
