"""Retirements as they stand, and the tags that they took: a change names the version that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gate.errors import ConflictError, NotFoundError
from gate.model.base import Value, format_instant
from gate.model.retirement import BLOCKING, UNFINISHED, Retirement, RetirementAction, retirement_id
from gate.store.dialect import insert_new
from gate.store.tables import retired_tags, retirements

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from gate.model.digest import Digest

PAGE = 100
"""Most rows of one answer."""


class StoredRetirement(Value):
    """A retirement and how often it was changed so far, counting its request."""

    retirement: Retirement
    version: int


class Retirements:
    """The retirements that one transaction sees."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def find(self, retirement: str) -> StoredRetirement | None:
        """Return one as it stands, or None if there is none of that id."""
        return next(iter(self._many(retirements.c.id == retirement, 1)), None)

    def get(self, retirement: str) -> StoredRetirement:
        """Return one as it stands; NotFoundError if there is none of that id."""
        found = self.find(retirement)
        if found is None:
            message = f"no retirement `{retirement}`"
            raise NotFoundError(message, hint="list them with `gate retire`", retirement=retirement)
        return found

    def of(self, digest: str) -> tuple[StoredRetirement, ...]:
        """Return all of a digest, in every place."""
        return self._many(retirements.c.digest == digest)

    def listed(self, *, after: str = "") -> tuple[StoredRetirement, ...]:
        """Return one page of all, in the order of their ids, from behind this one."""
        return self._many(retirements.c.id > after)

    def waiting(self, now: datetime) -> tuple[StoredRetirement, ...]:
        """Return what is agreed on and not carried out to its end, but what is hidden and not due yet."""
        states = [state.value for state in UNFINISHED]
        due = retirements.c.due_at <= format_instant(now)
        return self._many(sa.and_(retirements.c.state.in_(states), due))

    def put(self, retirement: Retirement, *, version: int) -> StoredRetirement:
        """Keep a new one (version 0), or the next state of what had this version.

        Raises:
            ConflictError: somebody changed it since it was read (`retirement_changed`); nothing was written.
        """
        row = {**retirement_row(retirement), "version": version + 1}
        if version == 0:
            kept = insert_new(self._connection, retirements, row)
        else:
            condition = sa.and_(retirements.c.id == retirement.id, retirements.c.version == version)
            kept = self._connection.execute(sa.update(retirements).where(condition).values(row)).rowcount == 1
        if not kept:
            message = f"retirement `{retirement.id}` was changed by somebody else meanwhile"
            raise ConflictError(message, code="retirement_changed", hint=f"look: `gate retire {retirement.digest}`")
        return StoredRetirement(retirement=retirement, version=version + 1)

    def take_tags(self, retirement: Retirement, tags: Iterable[str]) -> None:
        """Keep the tags that led to a retired image: no other may have them there, ever."""
        for tag in tags:
            row = {"place": retirement.place, "tag": tag, "digest": retirement.digest, "retirement": retirement.id}
            insert_new(self._connection, retired_tags, row)

    def tag_owner(self, place: str, tag: str) -> str | None:
        """Return the retired digest that a tag belongs to in a place, or None."""
        found: str | None = self._connection.scalar(
            sa.select(retired_tags.c.digest).where(retired_tags.c.place == place, retired_tags.c.tag == tag)
        )
        return found

    def blocking(self, digests: Iterable[Digest]) -> Retirement | None:
        """Return a retirement of one of the digests, in any place, that nobody has lifted."""
        condition = sa.and_(
            retirements.c.digest.in_(sorted(set(digests))),
            retirements.c.action == RetirementAction.RETIRE.value,
            retirements.c.state.in_([state.value for state in BLOCKING]),
        )
        return next((one.retirement for one in self._many(condition, 1)), None)

    def standing(self, place: str, digest: Digest) -> StoredRetirement | None:
        """Return the retirement of an image in a place, in whatever state."""
        return self.find(retirement_id(RetirementAction.RETIRE, place, digest))

    def _many(self, condition: sa.ColumnElement[bool], limit: int = PAGE) -> tuple[StoredRetirement, ...]:
        wanted = sa.select(retirements.c.body, retirements.c.version).where(condition)
        rows = self._connection.execute(wanted.order_by(retirements.c.id).limit(limit))
        return tuple(
            StoredRetirement(retirement=Retirement.parse(row["body"]), version=row["version"])
            for row in rows.mappings()
        )


def retirement_row(retirement: Retirement) -> dict[str, Any]:
    """Return the columns that keep a retirement, all but its version."""
    return {
        "id": retirement.id,
        "action": retirement.action.value,
        "state": retirement.state.value,
        "place": retirement.place,
        "digest": retirement.digest,
        "due_at": "" if retirement.due_at is None else format_instant(retirement.due_at),
        "body": retirement.canonical().decode(),
    }
