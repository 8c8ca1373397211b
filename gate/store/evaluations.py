"""Runs, and who works on each: one at a time for one key, for as long as its lease lives."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gate.errors import ConflictError, NotFoundError
from gate.model.base import Instant, Value, canonical_json, format_instant
from gate.model.decision import Outcome
from gate.model.digest import Digest
from gate.model.principal import Principal
from gate.store.tables import evaluations

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.engine import Connection, RowMapping


class EvaluationState(StrEnum):
    """How far a run is. The first four are open; the others are final."""

    SUBMITTED = "submitted"
    GATHERING = "gathering"
    DECIDED = "decided"
    ACTING = "acting"
    PROMOTED = "promoted"
    DISCARDED = "discarded"
    HELD = "held"
    FAILED = "failed"


OPEN = frozenset(
    {EvaluationState.SUBMITTED, EvaluationState.GATHERING, EvaluationState.DECIDED, EvaluationState.ACTING}
)
FINAL = frozenset(EvaluationState) - OPEN


class Evaluation(Value):
    """One run as it stands.

    Attributes:
        key: what makes two submissions the same run while it is open (image, environment, policy, mode).
        attempt: 1, and one more each time that somebody else adopts it.
        first_seen_at: when this digest first came to this place; deadlines run from it.
        lease_owner: who works on it, until `lease_expires_at`.
        error_code: why it failed, if it did.
    """

    id: str
    key: str
    state: EvaluationState = EvaluationState.SUBMITTED
    attempt: int = 1
    repository: str
    tag: str = ""
    digest: Digest | None = None
    environment_digest: Digest | None = None
    policy_digest: Digest | None = None
    requester: Principal
    submitted_at: Instant
    first_seen_at: Instant | None = None
    lease_owner: str = ""
    lease_expires_at: Instant | None = None
    decision_digest: Digest | None = None
    outcome: Outcome | None = None
    error_code: str = ""
    finished_at: Instant | None = None


class ClaimKind(StrEnum):
    """What became of a submission."""

    STARTED = "started"
    JOINED = "joined"
    ADOPTED = "adopted"


class Claim(Value):
    """The run that a submission belongs to, and whether the submitter is the one who works on it now."""

    kind: ClaimKind
    evaluation: Evaluation


class Evaluations:
    """The runs that one transaction sees. Every change of state names the state that it was made from."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def claim(self, submitted: Evaluation, *, now: datetime) -> Claim:
        """Start the run, join the open one of the same key, or adopt that one if its lease has lapsed.

        `submitted` carries the new id, the owner and the end of the lease. A run that is joined or adopted keeps its
        id; an adopted one counts `attempt` up, so that what the former owner still does fails its comparison.

        Raises:
            ConflictError: someone else claimed it in this moment.
        """
        standing = self._open(submitted.key)
        if standing is None:
            first = self.first_seen(submitted.repository, submitted.digest)
            now_seen = submitted.submitted_at if submitted.digest else None
            fresh = submitted.model_copy(update={"first_seen_at": first or now_seen})
            self._connection.execute(sa.insert(evaluations).values(_row(fresh)))
            return Claim(kind=ClaimKind.STARTED, evaluation=fresh)
        lapsed = standing.lease_expires_at is None or standing.lease_expires_at <= now
        if not lapsed:
            return Claim(kind=ClaimKind.JOINED, evaluation=standing)
        return self._adopt(standing, submitted)

    def get(self, evaluation: str) -> Evaluation:
        """Return one run; NotFoundError if there is none of that id."""
        found = self.find(evaluation)
        if found is None:
            message = f"no evaluation `{evaluation}`"
            raise NotFoundError(message, hint="list them with `gate audit list`", evaluation=evaluation)
        return found

    def find(self, evaluation: str) -> Evaluation | None:
        """Return one run, or None if there is none of that id."""
        return self._one(evaluations.c.id == evaluation)

    def first_seen(self, repository: str, digest: str | None) -> datetime | None:
        """Return when this digest first came to this place, or None if it never did."""
        if not digest:
            return None
        found: str | None = self._connection.scalar(
            sa.select(sa.func.min(evaluations.c.first_seen_at)).where(
                evaluations.c.repository == repository,
                evaluations.c.digest == digest,
                evaluations.c.first_seen_at != "",
            )
        )
        return None if found is None else _instant(found)

    def last_of(self, repository: str, *, tag: str, digest: str | None) -> Evaluation | None:
        """Return the last run that was submitted about a digest in a place, or where none is named, under a tag."""
        columns = evaluations.c
        named = columns.digest == digest if digest else columns.tag == tag
        last = sa.select(columns.id).where(columns.repository == repository, named)
        found = self._connection.scalar(last.order_by(columns.submitted_at.desc(), columns.id.desc()).limit(1))
        return None if found is None else self.find(found)

    def failed_since_settled(self, row: Evaluation) -> tuple[str, ...]:
        """Return the runs about the same digest in the same place that failed after the last one that had an outcome.

        In the order in which they failed.
        """
        columns = evaluations.c
        same = sa.and_(columns.repository == row.repository, columns.digest == (row.digest or ""))
        settled = sa.select(sa.func.coalesce(sa.func.max(columns.finished_at), "")).where(
            same, columns.state.in_(_values(FINAL - {EvaluationState.FAILED}))
        )
        failed = sa.select(columns.id).where(
            same,
            columns.state == EvaluationState.FAILED.value,
            columns.finished_at >= settled.scalar_subquery(),
        )
        return tuple(self._connection.scalars(failed.order_by(columns.finished_at, columns.id)))

    def renew(self, evaluation: str, *, owner: str, attempt: int, until: datetime) -> bool:
        """Extend the lease; false if the run is not this owner's (any more) or is finished."""
        return self._change(evaluation, OPEN, owner, attempt, {"lease_expires_at": format_instant(until)})

    def move(
        self,
        evaluation: str,
        *,
        owner: str,
        attempt: int,
        before: Collection[EvaluationState],
        after: EvaluationState,
        **facts: object,
    ) -> None:
        """Change the state, and with it any of `digest`, `decision_digest`, `outcome`, `error_code` ….

        Raises:
            ConflictError: the run is in no state of `before`, or someone else's by now (`evaluation_lost`).
        """
        standing = self.get(evaluation)
        changed = Evaluation.model_validate({**standing.model_dump(), **facts, "state": after})
        row = _row(changed)
        for compared in ("id", "key", "attempt", "lease_owner", "lease_expires_at"):
            del row[compared]
        if not self._change(evaluation, before, owner, attempt, row):
            message = f"evaluation `{evaluation}` is `{standing.state}` and not this worker's to change"
            raise ConflictError(message, code="evaluation_lost", hint="another worker has adopted or finished it")

    def lapsed(self, now: datetime, *, limit: int = 100) -> tuple[Evaluation, ...]:
        """List open runs that nobody works on any more, oldest first."""
        rows = self._connection.execute(
            sa.select(evaluations)
            .where(evaluations.c.state.in_(_values(OPEN)), evaluations.c.lease_expires_at <= format_instant(now))
            .order_by(evaluations.c.submitted_at, evaluations.c.id)
            .limit(limit)
        )
        return tuple(_evaluation(row) for row in rows.mappings())

    def waiting(self, *, since: datetime, limit: int = 10_000) -> tuple[Evaluation, ...]:
        """List the runs that ended as held and that no later run of the same key followed, oldest first.

        Args:
            since: only runs that were submitted at or after this.
            limit: most runs.
        """
        begun = evaluations.c.submitted_at >= format_instant(since)
        last = (
            sa.select(evaluations.c.key, sa.func.max(evaluations.c.submitted_at).label("submitted_at"))
            .where(begun)
            .group_by(evaluations.c.key)
            .subquery()
        )
        same = sa.and_(evaluations.c.key == last.c.key, evaluations.c.submitted_at == last.c.submitted_at)
        rows = self._connection.execute(
            sa.select(evaluations)
            .join(last, same)
            .where(begun, evaluations.c.state == EvaluationState.HELD.value)
            .order_by(evaluations.c.submitted_at, evaluations.c.id)
            .limit(limit)
        )
        return tuple(_evaluation(row) for row in rows.mappings())

    def _open(self, key: str) -> Evaluation | None:
        return self._one(sa.and_(evaluations.c.key == key, evaluations.c.state.in_(_values(OPEN))))

    def _adopt(self, standing: Evaluation, submitted: Evaluation) -> Claim:
        adopted = standing.model_copy(
            update={
                "attempt": standing.attempt + 1,
                "lease_owner": submitted.lease_owner,
                "lease_expires_at": submitted.lease_expires_at,
            }
        )
        row = _row(adopted)
        change = {name: row[name] for name in ("attempt", "lease_owner", "lease_expires_at")}
        if not self._change(standing.id, OPEN, standing.lease_owner, standing.attempt, change):
            message = f"evaluation `{standing.id}` was adopted by someone else in this moment"
            raise ConflictError(message, code="evaluation_lost", hint="run the same command again to join it")
        return Claim(kind=ClaimKind.ADOPTED, evaluation=adopted)

    def _change(
        self, evaluation: str, before: Collection[EvaluationState], owner: str, attempt: int, row: dict[str, Any]
    ) -> bool:
        changed = self._connection.execute(
            sa.update(evaluations)
            .where(
                evaluations.c.id == evaluation,
                evaluations.c.state.in_(_values(before)),
                evaluations.c.lease_owner == owner,
                evaluations.c.attempt == attempt,
            )
            .values(row)
        )
        return changed.rowcount == 1

    def _one(self, condition: sa.ColumnElement[bool]) -> Evaluation | None:
        row = self._connection.execute(sa.select(evaluations).where(condition)).mappings().one_or_none()
        return None if row is None else _evaluation(row)


def _values(states: Collection[EvaluationState]) -> list[str]:
    return sorted(state.value for state in states)


def _row(value: Evaluation) -> dict[str, Any]:
    row = {name: "" if content is None else content for name, content in value.model_dump(mode="json").items()}
    row["requester"] = canonical_json(row["requester"]).decode()
    return row


def _evaluation(row: RowMapping) -> Evaluation:
    optional = {name for name, field in Evaluation.model_fields.items() if not field.is_required()}
    known = {name: content for name, content in row.items() if content != "" or name not in optional}
    return Evaluation.model_validate({**known, "requester": Principal.parse(row["requester"])})


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
