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
from gate.model.image import ImageRef
from gate.model.redact import redact
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
        due = [row for row in waiting if row.id in late or self._due(row, now)]
        heard = self._heard([row for row in due if row.id not in late], now)
        again = [row for row in due if row.id in late or row.digest in heard or self._long_enough(row, now)]
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
        if not due:
            return frozenset()
        self._asked |= dict.fromkeys((row.id for row in due), now)
        refs = [ImageRef.of_place(row.repository, digest=row.digest) for row in due]
        try:
            return self._news.of(refs)
        except GateError as error:
            _log.warning("no news of %d waiting images: %s", len(refs), redact(error.message))
            return frozenset()

    def _begin(self, row: Evaluation) -> bool:
        try:
            with reading(self._engine) as connection:
                submission = load_submission(connection, row)
            self._intake.submit(submission, row.requester)
        except GateError as error:
            _log.warning("`%s` could not be looked at again: %s", row.id, redact(error.message))
            return False
        return True


def _since(row: Evaluation) -> datetime:
    return row.first_seen_at or row.submitted_at


def _looked(row: Evaluation) -> datetime:
    return row.finished_at or row.submitted_at
