"""Append to the ledger inside the caller's transaction, next to the state that the record describes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.errors import BoundError, ConflictError, StoreError
from gate.ledger.merkle import Frontier, leaf_hash
from gate.ledger.record import LEAF_BYTES, SALT_BYTES, LedgerRecord, commit
from gate.model.base import format_instant
from gate.model.digest import Digest
from gate.store.tables import ledger_head, ledger_leaves, ledger_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection

_NO_HEAD = "the ledger has no head"
_BAD_FRONTIER = "the ledger's head can't be read"
_BAD_SIZE = "the ledger's head does not stand at its last record"
_BAD_ROOT = "the ledger's head does not have the root it claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRef:
    """Where a record stands, and its RFC 6962 leaf hash as `sha256:<hex>`; not `fresh`: it stood there before."""

    index: int
    leaf_hash: Digest
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The ledger as this transaction sees it, and no other can change it until this one ends."""

    origin: str
    frontier: Frontier


def lock(connection: Connection) -> Head:
    """Take the ledger's write lock; the first statement of every transaction that will append.

    An update and not a read: PostgreSQL would let two transactions read the same head, and one append would be lost.

    Raises:
        StoreError: the head is missing or contradicts itself (`ledger_corrupt`).
    """
    statement = (
        sa.update(ledger_head)
        .where(ledger_head.c.id == 1)
        .values(size=ledger_head.c.size)
        .returning(ledger_head.c.origin, ledger_head.c.size, ledger_head.c.root, ledger_head.c.frontier)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise _corrupt(_NO_HEAD)
    try:
        frontier = Frontier.unpack(row.size, row.frontier)
        root = frontier.root()
    except (ValueError, TypeError) as error:  # TypeError: text where numbers or bytes should be
        raise _corrupt(_BAD_FRONTIER) from error
    if root != row.root:
        raise _corrupt(_BAD_ROOT)
    last: int | None = connection.scalar(sa.select(sa.func.max(ledger_leaves.c.leaf_index)))
    if frontier.size != (0 if last is None else last + 1):
        raise _corrupt(_BAD_SIZE)
    return Head(origin=row.origin, frontier=frontier)


def append(connection: Connection, record: LedgerRecord, private: Mapping[str, str] | None = None) -> LeafRef:
    """Append one record; said again with the same content it is the same leaf, whatever the time of saying.

    Args:
        connection: in a transaction, whose first statement was `lock` or is this call's.
        record: without commitments; they are made here.
        private: personal values by field (`actor`), of which the leaf gets salted commitments.

    Raises:
        ConflictError: (evaluation, event, attempt) stands there with another content.
        BoundError: the record is too large.
        StoreError: `ledger_corrupt`; errors of the database stay the driver's (see `translating_store_errors`).
    """
    if record.commitments:
        message = "commitments are made by the writer: pass the values as `private`"
        raise ValueError(message)
    values = dict(private or {})
    head = lock(connection)
    standing = _standing(connection, record)
    if standing is not None:
        return _same(connection, standing, record, values)
    salts = {field: secrets.token_bytes(SALT_BYTES) for field in values}
    sealed = LedgerRecord.model_validate(
        {**record.model_dump(), "commitments": {name: commit(name, values[name], salts[name]) for name in values}}
    )
    data = sealed.canonical()
    if len(data) > LEAF_BYTES:
        message = f"a ledger record of {len(data)} bytes is larger than {LEAF_BYTES}"
        raise BoundError(message, hint="keep the content as a blob and record its digest")
    index = head.frontier.size
    _insert(connection, index, sealed, data)
    for field, commitment in sealed.commitments.items():
        row = {"commitment": commitment, "leaf_index": index, "field": field}
        connection.execute(sa.insert(ledger_private).values(**row, salt=salts[field], value=values[field]))
    hashed = _advance(connection, head.frontier, data)
    return LeafRef(index=index, leaf_hash="sha256:" + hashed.hex(), fresh=True)


def _insert(connection: Connection, index: int, record: LedgerRecord, data: bytes) -> None:
    connection.execute(
        sa.insert(ledger_leaves).values(
            leaf_index=index,
            evaluation=record.evaluation,
            event=record.event.value,
            attempt=record.attempt,
            recorded_at=format_instant(record.recorded_at),
            subject=record.subject or "",
            leaf_bytes=data,
            leaf_hash=leaf_hash(data),
        )
    )


def _advance(connection: Connection, frontier: Frontier, data: bytes) -> bytes:
    hashed = leaf_hash(data)
    grown = frontier.push(hashed)
    connection.execute(
        sa.update(ledger_head)
        .where(ledger_head.c.id == 1)
        .values(size=grown.size, root=grown.root(), frontier=grown.packed())
    )
    return hashed


def _standing(connection: Connection, record: LedgerRecord) -> sa.Row[int, bytes, bytes] | None:
    leaves = ledger_leaves.c
    return connection.execute(
        sa.select(leaves.leaf_index, leaves.leaf_bytes, leaves.leaf_hash).where(
            leaves.evaluation == record.evaluation,
            leaves.event == record.event.value,
            leaves.attempt == record.attempt,
        )
    ).one_or_none()


def _same(
    connection: Connection, standing: sa.Row[int, bytes, bytes], record: LedgerRecord, values: dict[str, str]
) -> LeafRef:
    index, data, hashed = standing
    kept = LedgerRecord.parse(data)
    said = record.model_copy(update={"commitments": kept.commitments, "recorded_at": kept.recorded_at})
    if said != kept or not _opens(connection, kept, values):
        message = f"the ledger already has `{record.event}` of `{record.evaluation}`, with another content"
        raise ConflictError(message, hint="count `attempt` up to record that it happened again", index=index)
    return LeafRef(index=index, leaf_hash="sha256:" + hashed.hex(), fresh=False)


def _opens(connection: Connection, kept: LedgerRecord, values: dict[str, str]) -> bool:
    if kept.commitments.keys() != values.keys():
        return False
    private = ledger_private.c
    rows = connection.execute(
        sa.select(private.commitment, private.salt).where(private.commitment.in_(kept.commitments.values()))
    )
    salts: dict[str, bytes] = {row.commitment: row.salt for row in rows}
    # An erased value can't be compared any more: the fields have to be enough.
    return all(
        commitment not in salts or commit(field, values[field], salts[commitment]) == commitment
        for field, commitment in kept.commitments.items()
    )


def _corrupt(message: str) -> StoreError:
    return StoreError(message, code="ledger_corrupt", hint="stop writing and run `gate audit verify`")
