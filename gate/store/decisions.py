"""Decisions: kept whole under their digest, found by who, what and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.errors import NotFoundError
from gate.model.base import Instant, Value, format_instant
from gate.model.decision import Decision, Outcome
from gate.model.digest import Digest
from gate.store.blobs import Blobs
from gate.store.dialect import insert_new
from gate.store.tables import decisions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

PAGE = 100
"""Most rows of one answer."""


class DecisionRow(Value):
    """What finds a decision."""

    evaluation: str
    digest: Digest
    subject: Digest
    repository: str
    outcome: Outcome
    policy: Digest
    decided_at: Instant

    @classmethod
    def of(cls, evaluation: str, decision: Decision) -> DecisionRow:
        """Return the row that finds this decision."""
        return cls(
            evaluation=evaluation,
            digest=decision.fingerprint(),
            subject=decision.subject,
            repository=decision.repository,
            outcome=decision.outcome,
            policy=decision.policy,
            decided_at=decision.decided_at,
        )


class DecisionFilter(Value):
    """Which decisions to list: all conditions that are set hold. `before` is the last row of the page before."""

    evaluation: str = ""
    subject: Digest | None = None
    repository: str = ""
    outcome: Outcome | None = None
    since: Instant | None = None
    until: Instant | None = None
    before: tuple[Instant, str, str] | None = None
    """`(decided_at, digest, evaluation)`: newest first, so the next page lies before it."""


class Decisions:
    """The decisions that one transaction sees; none is ever changed."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def put(self, evaluation: str, decision: Decision) -> Digest:
        """Keep the decision of an evaluation and return its digest; the same once more changes nothing."""
        digest = Blobs(self._connection).put(decision.canonical())
        row = DecisionRow.of(evaluation, decision).model_dump(mode="json")
        insert_new(self._connection, decisions, row)
        return digest

    def get(self, digest: Digest) -> Decision:
        """Return the decision of that digest, from its own checked bytes; errors as `Blobs.get`."""
        known = self._connection.scalar(sa.select(decisions.c.digest).where(decisions.c.digest == digest).limit(1))
        if known is None:
            message = f"no decision `{digest}`"
            raise NotFoundError(message, hint="list them with `gate audit list`", digest=digest)
        return Decision.parse(Blobs(self._connection).get(digest))

    def find(self, wanted: DecisionFilter, *, limit: int = PAGE) -> tuple[DecisionRow, ...]:
        """List decisions, newest first, at most `limit` of them."""
        columns = decisions.c
        conditions = [
            column == value
            for column, value in (
                (columns.evaluation, wanted.evaluation),
                (columns.subject, wanted.subject),
                (columns.repository, wanted.repository),
                (columns.outcome, wanted.outcome and wanted.outcome.value),
            )
            if value
        ]
        if wanted.since is not None:
            conditions.append(columns.decided_at >= format_instant(wanted.since))
        if wanted.until is not None:
            conditions.append(columns.decided_at < format_instant(wanted.until))
        if wanted.before is not None:
            conditions.append(_before(*wanted.before))
        order = (columns.decided_at.desc(), columns.digest.desc(), columns.evaluation.desc())
        rows = self._connection.execute(sa.select(decisions).where(*conditions).order_by(*order).limit(limit))
        return tuple(DecisionRow.model_validate(dict(row)) for row in rows.mappings())


def _before(instant: datetime, digest: str, evaluation: str) -> sa.ColumnElement[bool]:
    key = sa.tuple_(decisions.c.decided_at, decisions.c.digest, decisions.c.evaluation)
    return key < sa.tuple_(sa.literal(format_instant(instant)), sa.literal(digest), sa.literal(evaluation))
