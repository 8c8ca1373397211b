"""Exception requests as they stand: a change names the version that it was made from, so none is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gate.errors import ConflictError, NotFoundError
from gate.model.base import Instant, Value, format_instant
from gate.model.exception import ExceptionRequest, RequestState
from gate.store.dialect import insert_new
from gate.store.tables import exception_requests

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

PAGE = 100
"""Most rows of one answer."""


class StoredRequest(Value):
    """A request and how often it was changed so far, counting its opening."""

    request: ExceptionRequest
    version: int


class RequestFilter(Value):
    """Which requests to list: all conditions that are set hold. `before` is the last row of the page before."""

    state: RequestState | None = None
    repository: str = ""
    kind: str = ""
    name: str = ""
    before: tuple[Instant, str] | None = None
    """`(opened_at, id)`: newest first, so the next page lies before it."""


class Requests:
    """The requests that one transaction sees."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def open(self, request: ExceptionRequest) -> bool:
        """Keep a new request; false, and nothing changed, if one of its id stands already."""
        return insert_new(self._connection, exception_requests, {**request_row(request), "version": 1})

    def find(self, request_id: str) -> StoredRequest | None:
        """Return the request as it stands, or None if there is none of that id."""
        row = self._connection.execute(
            sa.select(exception_requests.c.body, exception_requests.c.version).where(
                exception_requests.c.id == request_id
            )
        ).one_or_none()
        return None if row is None else StoredRequest(request=ExceptionRequest.parse(row.body), version=row.version)

    def get(self, request_id: str) -> StoredRequest:
        """Return the request as it stands; NotFoundError if there is none of that id."""
        found = self.find(request_id)
        if found is None:
            message = f"no exception request `{request_id}`"
            raise NotFoundError(message, hint="list them with `gate exception list`", request=request_id)
        return found

    def change(self, request: ExceptionRequest, *, version: int) -> int:
        """Replace the request that had this version, and return the new version.

        Raises:
            ConflictError: someone changed it since it was read (`request_changed`); nothing was written.
        """
        changed = self._connection.execute(
            sa.update(exception_requests)
            .where(exception_requests.c.id == request.id, exception_requests.c.version == version)
            .values({**request_row(request), "version": version + 1})
        )
        if changed.rowcount != 1:
            message = f"exception request `{request.id}` was changed by someone else"
            raise ConflictError(message, code="request_changed", hint="show it again and decide on what it says now")
        return version + 1

    def list(self, wanted: RequestFilter, *, limit: int = PAGE) -> tuple[StoredRequest, ...]:
        """List requests, newest first, at most `limit` of them."""
        columns = exception_requests.c
        conditions = [
            column == value
            for column, value in (
                (columns.state, wanted.state and wanted.state.value),
                (columns.repository, wanted.repository),
                (columns.kind, wanted.kind),
                (columns.name, wanted.name),
            )
            if value
        ]
        if wanted.before is not None:
            instant, request_id = wanted.before
            key = sa.tuple_(columns.opened_at, columns.id)
            conditions.append(key < sa.tuple_(sa.literal(format_instant(instant)), sa.literal(request_id)))
        rows = self._connection.execute(
            sa.select(columns.body, columns.version)
            .where(*conditions)
            .order_by(columns.opened_at.desc(), columns.id.desc())
            .limit(limit)
        )
        return tuple(StoredRequest(request=ExceptionRequest.parse(row.body), version=row.version) for row in rows)


def request_row(request: ExceptionRequest) -> dict[str, Any]:
    """Return the columns that keep a request, all but its version."""
    return {
        "id": request.id,
        "state": request.state.value,
        "repository": request.subject.repository,
        "kind": request.subject.kind.value,
        "name": request.subject.name,
        "opened_at": format_instant(request.opened_at),
        "body": request.canonical().decode(),
    }
