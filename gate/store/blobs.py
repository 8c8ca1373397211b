"""Content by digest: what a decision was made from, and the decision itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.errors import NotFoundError, StoreError
from gate.model.base import sha256_of
from gate.store.dialect import insert_new
from gate.store.tables import blobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.engine import Connection

    from gate.model.digest import Digest

_CHUNK = 400


class Blobs:
    """The blobs that one transaction sees. Nothing here is ever changed; the same bytes twice are kept once."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def put(self, data: bytes) -> Digest:
        """Keep the bytes and return their digest."""
        digest = sha256_of(data)
        insert_new(self._connection, blobs, {"digest": digest, "size": len(data), "data": data})
        return digest

    def put_all(self, parts: Iterable[bytes]) -> tuple[Digest, ...]:
        """Keep each of the parts; the digests come in the order of the parts."""
        return tuple(self.put(part) for part in parts)

    def has(self, digest: Digest) -> bool:
        """Say whether bytes are kept under the digest, without reading them."""
        return self._connection.scalar(sa.select(blobs.c.digest).where(blobs.c.digest == digest)) is not None

    def get(self, digest: Digest) -> bytes:
        """Return the bytes, checked against their digest.

        Raises:
            NotFoundError: nothing is kept under this digest.
            StoreError: what is kept does not have this digest any more (`blob_altered`).
        """
        data: bytes | None = self._connection.scalar(sa.select(blobs.c.data).where(blobs.c.digest == digest))
        if data is None:
            message = f"no content is kept under `{digest}`"
            raise NotFoundError(message, hint="check the digest; content may be in another database", digest=digest)
        if not _has(data, digest):
            message = f"the content kept under `{digest}` was altered"
            raise StoreError(message, code="blob_altered", hint="run `gate audit verify`", digest=digest)
        return data

    def sizes(self, digests: Iterable[Digest]) -> dict[Digest, int]:
        """Return the size in bytes of each of these that is kept, without reading it."""
        wanted, found = sorted(set(digests)), dict[str, int]()
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            rows = self._connection.execute(sa.select(blobs.c.digest, blobs.c.size).where(blobs.c.digest.in_(chunk)))
            found.update({row.digest: row.size for row in rows})
        return found

    def altered(self) -> Iterator[Digest]:
        """Hash everything that is kept and name each digest whose bytes or size are not its own, in order."""
        rows = self._connection.execution_options(yield_per=16).execute(sa.select(blobs).order_by(blobs.c.digest))
        for row in rows:
            if not _has(row.data, row.digest) or len(row.data) != row.size:
                yield row.digest


def _has(data: object, digest: str) -> bool:
    # SQLite keeps text in a column of bytes if somebody puts it there.
    return isinstance(data, bytes) and sha256_of(data) == digest
