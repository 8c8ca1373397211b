"""Who joined an evaluation that was under way: their key stands for it ever since, and they asked for it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.model.base import Instant, Value, canonical_json
from gate.model.principal import Principal
from gate.store.dialect import insert_new
from gate.store.tables import evaluations, submissions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


class Joined(Value):
    """One submission that got a run which somebody else had begun.

    Attributes:
        id: what the submission's key stands for, or one that follows from run and requester where there was no key.
        tag: the name by which this submission had it, which need not be the first one's.
    """

    id: str
    evaluation: str
    tag: str = ""
    requester: Principal
    submitted_at: Instant


class Submissions:
    """The joins that one transaction sees."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def put(self, joined: Joined) -> None:
        """Keep a join; one of this id that stands already stays as it is."""
        row = joined.model_dump(mode="json")
        row["requester"] = canonical_json(row["requester"]).decode()
        insert_new(self._connection, submissions, row)

    def find(self, submission: str) -> Joined | None:
        """Return one join, or None if there is none of that id."""
        row = self._connection.execute(sa.select(submissions).where(submissions.c.id == submission)).mappings().first()
        return None if row is None else Joined.model_validate({**row, "requester": Principal.parse(row["requester"])})

    def requesters(self, digest: str) -> frozenset[str]:
        """Return the keys of all who asked for a digest's evaluation, in any place: who began one, and who joined."""
        began = sa.select(evaluations.c.requester).where(evaluations.c.digest == digest)
        joined = (
            sa.select(submissions.c.requester)
            .join(evaluations, evaluations.c.id == submissions.c.evaluation)
            .where(evaluations.c.digest == digest)
        )
        rows = self._connection.scalars(sa.union(began, joined))
        return frozenset(Principal.parse(row).key for row in rows)
