"""Approvals as they were given. None is ever changed: extending one is a new approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gate.errors import ConflictError, NotFoundError
from gate.model.base import format_instant
from gate.model.exception import Grant
from gate.store.dialect import insert_new
from gate.store.tables import grants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from gate.model.origin import Kind

_CHUNK = 400


class Grants:
    """The grants that one transaction sees. Dates and scope are for policy to judge: expired ones are answered too."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def put(self, grant: Grant) -> None:
        """Keep a grant; the same once more changes nothing.

        Raises:
            ConflictError: another grant has this id (`grant_exists`).
        """
        if not insert_new(self._connection, grants, grant_row(grant)) and self.get(grant.id) != grant:
            message = f"there is another grant `{grant.id}`"
            raise ConflictError(message, code="grant_exists", hint="approve again: a new grant gets an id of its own")

    def get(self, grant_id: str) -> Grant:
        """Return one grant; NotFoundError if there is none of that id."""
        body = self._connection.scalar(sa.select(grants.c.body).where(grants.c.id == grant_id))
        if body is None:
            message = f"no grant `{grant_id}`"
            raise NotFoundError(message, hint="list requests with `gate exception list`", grant=grant_id)
        return Grant.parse(body)

    def all(self) -> tuple[Grant, ...]:
        """Return every grant, sorted by id."""
        return tuple(Grant.parse(body) for body in self._connection.scalars(sa.select(grants.c.body).order_by("id")))

    def for_names(self, kind: Kind, names: Iterable[str]) -> tuple[Grant, ...]:
        """Return every grant of that kind for any of these names (as grants spell them), sorted by id."""
        wanted = sorted(set(names))
        found: list[Grant] = []
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            bodies = self._connection.scalars(
                sa.select(grants.c.body).where(grants.c.kind == kind.value, grants.c.name.in_(chunk))
            )
            found.extend(Grant.parse(body) for body in bodies)
        return tuple(sorted(found, key=lambda grant: grant.id))


def grant_row(grant: Grant) -> dict[str, Any]:
    """Return the columns that keep a grant."""
    return {
        "id": grant.id,
        "kind": grant.kind.value,
        "name": grant.name,
        "not_before": format_instant(grant.not_before),
        "expires": format_instant(grant.expires),
        "request": grant.request,
        "body": grant.canonical().decode(),
    }
