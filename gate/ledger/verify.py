"""Recompute a ledger from its rows and say whether it is what it claims. Neither writer nor database is trusted.

Steps for each row: 1. it stands where it should; 2. its bytes are a record of a known version in canonical form;
3. the columns beside it say the same; 4. its hash is that of its bytes; 5. the personal values kept for it open its
commitments. At the end: 6. size, root and frontier are those of the head; 7. every checkpoint that was kept elsewhere
is a prefix. Only the last sees a ledger that was rewritten as a whole, or cut.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from pydantic import ValidationError

from gate.ledger.merkle import Frontier, leaf_hash
from gate.ledger.record import LEAF_BYTES, LedgerRecord
from gate.model.base import Value, format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gate.ledger.checkpoint import Checkpoint
    from gate.ledger.leaf import ClaimedHead, StoredLeaf


class Flaw(StrEnum):
    """Everything that can be wrong with a ledger, and with what it names."""

    LEAF_MISSING = "leaf_missing"
    RECORD_TOO_LARGE = "record_too_large"
    RECORD_UNREADABLE = "record_unreadable"
    VERSION_UNKNOWN = "version_unknown"
    RECORD_NOT_CANONICAL = "record_not_canonical"
    COLUMNS_DIFFER = "columns_differ"
    LEAF_HASH_DIFFERS = "leaf_hash_differs"
    PRIVATE_STRAY = "private_stray"
    PRIVATE_ALTERED = "private_altered"
    SIZE_DIFFERS = "size_differs"
    ROOT_DIFFERS = "root_differs"
    FRONTIER_DIFFERS = "frontier_differs"
    CHECKPOINT_OF_ANOTHER_LEDGER = "checkpoint_of_another_ledger"
    CHECKPOINT_DIFFERS = "checkpoint_differs"
    CHECKPOINT_AHEAD = "checkpoint_ahead"
    LEDGER_EMPTY = "ledger_empty"
    CONTENT_MISSING = "content_missing"
    CONTENT_ALTERED = "content_altered"
    DECISION_UNRECORDED = "decision_unrecorded"
    DECISION_ROW_DIFFERS = "decision_row_differs"
    EVALUATION_UNRECORDED = "evaluation_unrecorded"
    REQUEST_UNRECORDED = "request_unrecorded"
    REQUEST_DIFFERS = "request_differs"
    GRANT_UNRECORDED = "grant_unrecorded"
    GRANT_DIFFERS = "grant_differs"
    BURIAL_UNRECORDED = "burial_unrecorded"
    BURIAL_DIFFERS = "burial_differs"
    RETIREMENT_UNRECORDED = "retirement_unrecorded"
    RETIREMENT_DIFFERS = "retirement_differs"


class Verified(Value):
    """The ledger is what it claims.

    Attributes:
        root: of the whole, in hexadecimal.
        opened: personal values that open their commitments; `erased`: commitments whose values are gone.
        checkpoints: how many checkpoints it was held against.
    """

    origin: str
    size: int
    root: str
    opened: int
    erased: int
    checkpoints: int


class Corrupt(Value):
    """The ledger is not what it claims: what is wrong first, and at which index if it is at one."""

    code: Flaw
    index: int | None = None
    detail: str = ""


class _Found(Exception):  # noqa: N818 - leaves this module as a value
    def __init__(self, code: Flaw, index: int | None = None, detail: str = "") -> None:
        self.corrupt = Corrupt(code=code, index=index, detail=detail)


def verify(
    leaves: Iterable[StoredLeaf],
    head: ClaimedHead,
    checkpoints: Sequence[Checkpoint] = (),
    visit: Callable[[int, LedgerRecord], None] | None = None,
) -> Verified | Corrupt:
    """Recompute everything.

    Args:
        leaves: every row, by index, in order; read once.
        head: what the ledger claims to be.
        checkpoints: what it was found to be before.
        visit: called with each index and its record, once that is believed.
    """
    wanted: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        wanted.setdefault(checkpoint.size, []).append(checkpoint)
    frontier, opened, erased = Frontier(), 0, 0
    try:
        _hold(wanted, frontier, head)
        for leaf in leaves:
            record = _record(leaf, frontier.size)
            opened += _open(leaf, record)
            erased += len(record.commitments) - len(leaf.openings)
            frontier = frontier.push(_hash(leaf))
            _hold(wanted, frontier, head)
            if visit is not None:
                visit(leaf.index, record)
        _end(frontier, head, wanted)
    except _Found as found:
        return found.corrupt
    return Verified(
        origin=head.origin,
        size=frontier.size,
        root=frontier.root().hex(),
        opened=opened,
        erased=erased,
        checkpoints=len(checkpoints),
    )


def explain(result: Verified | Corrupt) -> str:
    """Say it in one line."""
    match result:
        case Verified():
            return f"verified: {result.size} records, root {result.root}"
        case Corrupt():
            where = "" if result.index is None else f" at index {result.index}"
            return f"not verified: `{result.code}`{where}" + (f": {result.detail}" if result.detail else "")
        case _:
            assert_never(result)


def _record(leaf: StoredLeaf, expected: int) -> LedgerRecord:
    if leaf.index != expected:  # 1
        raise _Found(Flaw.LEAF_MISSING, expected, f"found index {leaf.index}")
    record = _parse(leaf)  # 2
    columns = (leaf.evaluation, leaf.event, leaf.attempt, leaf.recorded_at, leaf.subject)  # 3
    instant = format_instant(record.recorded_at)
    if columns != (record.evaluation, record.event.value, record.attempt, instant, record.subject or ""):
        raise _Found(Flaw.COLUMNS_DIFFER, leaf.index)
    return record


def _parse(leaf: StoredLeaf) -> LedgerRecord:
    if len(leaf.leaf_bytes) > LEAF_BYTES:
        raise _Found(Flaw.RECORD_TOO_LARGE, leaf.index)
    try:
        plain = json.loads(leaf.leaf_bytes)
        version = plain.get("version") if isinstance(plain, dict) else None
        if version != LedgerRecord.model_fields["version"].default:
            raise _Found(Flaw.VERSION_UNKNOWN, leaf.index, str(version)[:80])
        record = LedgerRecord.parse(leaf.leaf_bytes)
    except (ValidationError, ValueError, RecursionError) as error:
        raise _Found(Flaw.RECORD_UNREADABLE, leaf.index, type(error).__name__) from error
    if record.canonical() != leaf.leaf_bytes:
        raise _Found(Flaw.RECORD_NOT_CANONICAL, leaf.index)
    return record


def _hash(leaf: StoredLeaf) -> bytes:
    computed = leaf_hash(leaf.leaf_bytes)
    if computed != leaf.leaf_hash:  # 4
        raise _Found(Flaw.LEAF_HASH_DIFFERS, leaf.index)
    return computed


def _open(leaf: StoredLeaf, record: LedgerRecord) -> int:
    for opening in leaf.openings:  # 5
        if record.commitments.get(opening.field) != opening.commitment:
            raise _Found(Flaw.PRIVATE_STRAY, leaf.index, opening.field)
        if not opening.opens():
            raise _Found(Flaw.PRIVATE_ALTERED, leaf.index, opening.field)
    return len(leaf.openings)


def _hold(wanted: dict[int, list[Checkpoint]], frontier: Frontier, head: ClaimedHead) -> None:
    for checkpoint in wanted.pop(frontier.size, []):  # 7
        if checkpoint.origin != head.origin:
            raise _Found(Flaw.CHECKPOINT_OF_ANOTHER_LEDGER, None, checkpoint.origin)
        if checkpoint.root != frontier.root().hex():
            raise _Found(Flaw.CHECKPOINT_DIFFERS, None, f"the first {checkpoint.size} records are not those of then")


def _end(frontier: Frontier, head: ClaimedHead, wanted: dict[int, list[Checkpoint]]) -> None:
    if frontier.size != head.size:  # 6
        raise _Found(Flaw.SIZE_DIFFERS, frontier.size, f"found {frontier.size}, claimed {head.size}")
    if frontier.root() != head.root:
        raise _Found(Flaw.ROOT_DIFFERS)
    if frontier.packed() != head.frontier:
        raise _Found(Flaw.FRONTIER_DIFFERS)
    for size in sorted(wanted):
        raise _Found(Flaw.CHECKPOINT_AHEAD, frontier.size, f"it had {size} records before")
