"""Whatever is changed in a ledger, verification says so and says where; nothing that it can't read is believed."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_servers.ledger_world import record

import gate.ledger.verify
from gate.errors import InputError
from gate.ledger.checkpoint import Checkpoint
from gate.ledger.leaf import ClaimedHead, Opening, StoredLeaf
from gate.ledger.merkle import EMPTY_ROOT, Frontier, leaf_hash
from gate.ledger.record import LEAF_BYTES, LedgerRecord, commit
from gate.ledger.verify import Corrupt, Flaw, Verified, explain, verify
from gate.model.base import canonical_json, format_instant

SALT = bytes(range(32))
Tampering = Callable[[list[StoredLeaf], ClaimedHead], tuple[list[StoredLeaf], ClaimedHead]]


def _leaf(index: int, said: LedgerRecord, *openings: Opening) -> StoredLeaf:
    data = said.canonical()
    return StoredLeaf(
        index=index,
        evaluation=said.evaluation,
        event=said.event.value,
        attempt=said.attempt,
        recorded_at=format_instant(said.recorded_at),
        subject=said.subject or "",
        leaf_bytes=data,
        leaf_hash=leaf_hash(data),
        openings=openings,
    )


def _head(leaves: list[StoredLeaf], origin: str = "gate/test") -> ClaimedHead:
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.push(leaf_hash(leaf.leaf_bytes))
    return ClaimedHead(origin=origin, size=frontier.size, root=frontier.root(), frontier=frontier.packed())


def _ledger(count: int = 5) -> tuple[list[StoredLeaf], ClaimedHead]:
    leaves = []
    for index in range(count):
        sealed = commit("actor", f"t/{index}", SALT)
        said = LedgerRecord.model_validate({**record(f"ev-{index}").model_dump(), "commitments": {"actor": sealed}})
        leaves.append(_leaf(index, said, Opening(commitment=sealed, field="actor", salt=SALT, value=f"t/{index}")))
    return leaves, _head(leaves)


def _checkpoint(leaves: list[StoredLeaf], origin: str = "gate/test") -> Checkpoint:
    head = _head(leaves, origin)
    return Checkpoint(origin=origin, size=head.size, root=head.root.hex())


def test_a_ledger_as_it_was_written_verifies() -> None:
    leaves, head = _ledger()
    seen: list[tuple[int, str]] = []
    result = verify(iter(leaves), head, visit=lambda index, said: seen.append((index, said.evaluation)))
    assert result == Verified(origin="gate/test", size=5, root=head.root.hex(), opened=5, erased=0, checkpoints=0)
    assert seen == [(index, f"ev-{index}") for index in range(5)]
    assert "verified: 5 records" in explain(result)


def test_an_erased_person_is_counted_and_not_an_error() -> None:
    leaves, head = _ledger()
    leaves[1] = replace(leaves[1], openings=())
    result = verify(leaves, head)
    assert isinstance(result, Verified)
    assert (result.opened, result.erased) == (4, 1)


def _replaced(at: int, /, **change: object) -> Tampering:
    def tamper(leaves: list[StoredLeaf], head: ClaimedHead) -> tuple[list[StoredLeaf], ClaimedHead]:
        leaves[at] = replace(leaves[at], **change)  # type: ignore[arg-type]  # a tamperer keeps to no type
        return leaves, head

    return tamper


def _opening(index: int, **change: object) -> Tampering:
    def tamper(leaves: list[StoredLeaf], head: ClaimedHead) -> tuple[list[StoredLeaf], ClaimedHead]:
        altered = replace(leaves[index].openings[0], **change)  # type: ignore[arg-type]  # as above
        leaves[index] = replace(leaves[index], openings=(altered,))
        return leaves, head

    return tamper


def _claimed(**change: object) -> Tampering:
    return lambda leaves, head: (leaves, replace(head, **change))  # type: ignore[arg-type]  # as above


def _rewritten(index: int, data: bytes) -> Tampering:
    """Replace a record and make hash, root and frontier fit again."""

    def tamper(leaves: list[StoredLeaf], head: ClaimedHead) -> tuple[list[StoredLeaf], ClaimedHead]:
        del head
        leaves[index] = replace(leaves[index], leaf_bytes=data, leaf_hash=leaf_hash(data))
        return leaves, _head(leaves)

    return tamper


def _removed(index: int) -> Tampering:
    return lambda leaves, head: (leaves[:index] + leaves[index + 1 :], head)


def _swapped(leaves: list[StoredLeaf], head: ClaimedHead) -> tuple[list[StoredLeaf], ClaimedHead]:
    leaves[1], leaves[2] = replace(leaves[2], index=1), replace(leaves[1], index=2)
    return leaves, head


PLAIN = record("ev-2").model_dump(mode="json")
TAMPERINGS: list[tuple[str, Tampering, Flaw, int | None]] = [
    ("first removed", _removed(0), Flaw.LEAF_MISSING, 0),
    ("one removed", _removed(2), Flaw.LEAF_MISSING, 2),
    ("last removed", _removed(4), Flaw.SIZE_DIFFERS, 4),
    ("same index twice", _replaced(3, index=2), Flaw.LEAF_MISSING, 3),
    ("index of another kind", _replaced(3, index="3"), Flaw.LEAF_MISSING, 3),
    ("swapped", _swapped, Flaw.ROOT_DIFFERS, None),
    ("bytes", _replaced(2, leaf_bytes=record("ev-2", attempt=7).canonical()), Flaw.COLUMNS_DIFFER, 2),
    ("bytes and columns", _replaced(2, leaf_bytes=record("ev-2", facts={"a": "b"}).canonical()), Flaw.PRIVATE_STRAY, 2),
    ("hash", _replaced(2, leaf_hash=b"x" * 32), Flaw.LEAF_HASH_DIFFERS, 2),
    ("evaluation column", _replaced(2, evaluation="ev-9"), Flaw.COLUMNS_DIFFER, 2),
    ("event column", _replaced(2, event="promoted"), Flaw.COLUMNS_DIFFER, 2),
    ("attempt column", _replaced(2, attempt=9), Flaw.COLUMNS_DIFFER, 2),
    ("time column", _replaced(2, recorded_at="2026-01-01T00:00:00.000000Z"), Flaw.COLUMNS_DIFFER, 2),
    ("subject column", _replaced(2, subject=""), Flaw.COLUMNS_DIFFER, 2),
    ("text for bytes", _replaced(2, leaf_bytes=record("ev-2").canonical().decode()), Flaw.RECORD_NOT_CANONICAL, 2),
    ("not json", _rewritten(2, b"\xff\x00"), Flaw.RECORD_UNREADABLE, 2),
    ("deep json", _rewritten(2, b"[" * 50_000), Flaw.RECORD_UNREADABLE, 2),
    ("json of another kind", _rewritten(2, b"[]"), Flaw.VERSION_UNKNOWN, 2),
    ("no version", _rewritten(2, b"{}"), Flaw.VERSION_UNKNOWN, 2),
    ("next version", _rewritten(2, canonical_json({**PLAIN, "version": "gate.ledger/2"})), Flaw.VERSION_UNKNOWN, 2),
    ("unknown key", _rewritten(2, canonical_json({**PLAIN, "more": 1})), Flaw.RECORD_UNREADABLE, 2),
    ("unknown event", _rewritten(2, canonical_json({**PLAIN, "event": "blessed"})), Flaw.RECORD_UNREADABLE, 2),
    ("spaces", _rewritten(2, json.dumps(PLAIN).encode()), Flaw.RECORD_NOT_CANONICAL, 2),
    ("huge", _rewritten(2, b" " * (LEAF_BYTES + 1)), Flaw.RECORD_TOO_LARGE, 2),
    ("person changed", _opening(3, value="t/mallory"), Flaw.PRIVATE_ALTERED, 3),
    ("salt changed", _opening(3, salt=bytes(32)), Flaw.PRIVATE_ALTERED, 3),
    ("salt cut", _opening(3, salt=b""), Flaw.PRIVATE_ALTERED, 3),
    ("salt of another kind", _opening(3, salt="x" * 32), Flaw.PRIVATE_ALTERED, 3),
    ("field changed", _opening(3, field="owner"), Flaw.PRIVATE_STRAY, 3),
    ("commitment changed", _opening(3, commitment="sha256:" + "0" * 64), Flaw.PRIVATE_STRAY, 3),
    ("head's size up", _claimed(size=6), Flaw.SIZE_DIFFERS, 5),
    ("head's size down", _claimed(size=4), Flaw.SIZE_DIFFERS, 5),
    ("head's size of another kind", _claimed(size="5"), Flaw.SIZE_DIFFERS, 5),
    ("head's root", _claimed(root=EMPTY_ROOT), Flaw.ROOT_DIFFERS, None),
    ("head's frontier", _claimed(frontier=b"x" * 64), Flaw.FRONTIER_DIFFERS, None),
]


@pytest.mark.parametrize(
    ("tamper", "flaw", "index"), [row[1:] for row in TAMPERINGS], ids=[row[0] for row in TAMPERINGS]
)
def test_every_change_is_found_where_it_is(tamper: Tampering, flaw: Flaw, index: int | None) -> None:
    leaves, head = tamper(*_ledger())
    seen: list[int] = []
    result = verify(leaves, head, visit=lambda at, _: seen.append(at))
    assert isinstance(result, Corrupt)
    assert (result.code, result.index) == (flaw, index)
    assert f"`{flaw}`" in explain(result)
    assert seen == list(range(len(seen)))
    assert index is None or index not in seen


def test_nothing_but_a_checkpoint_shows_that_all_was_rewritten_or_cut() -> None:
    leaves, _ = _ledger()
    kept = _checkpoint(leaves[:4])
    forged = [_leaf(0, record("forged")), *leaves[1:]]
    assert isinstance(verify(forged, _head(forged)), Verified)
    assert verify(forged, _head(forged), [kept]) == Corrupt(
        code=Flaw.CHECKPOINT_DIFFERS, detail="the first 4 records are not those of then"
    )
    cut = leaves[:3]
    assert isinstance(verify(cut, _head(cut)), Verified)
    found = verify(cut, _head(cut), [kept])
    assert isinstance(found, Corrupt)
    assert (found.code, found.index) == (Flaw.CHECKPOINT_AHEAD, 3)


def test_checkpoints_of_every_size_hold_for_a_ledger_that_only_grew() -> None:
    leaves, head = _ledger()
    kept = [_checkpoint(leaves[:size]) for size in range(6)]
    result = verify(leaves, head, [*kept, kept[3]])
    assert isinstance(result, Verified)
    assert result.checkpoints == 7


@pytest.mark.parametrize("size", [0, 3, 5])
def test_a_checkpoint_of_another_ledger_proves_nothing_here(size: int) -> None:
    leaves, head = _ledger()
    found = verify(leaves, head, [_checkpoint(leaves[:size], "gate/other")])
    assert isinstance(found, Corrupt)
    assert found.code is Flaw.CHECKPOINT_OF_ANOTHER_LEDGER


def test_an_empty_ledger_that_claims_to_be_empty_is_consistent() -> None:
    assert isinstance(verify([], _head([])), Verified)
    lost = verify([], _ledger()[1])
    assert isinstance(lost, Corrupt)
    assert lost.code is Flaw.SIZE_DIFFERS


def test_the_verifier_trusts_neither_writer_nor_database() -> None:
    source = Path(gate.ledger.verify.__file__)
    seen: set[str] = set()
    todo = [source]
    while todo:
        for node in ast.walk(ast.parse(todo.pop().read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in set(names) - seen:
                seen.add(name)
                path = source.parents[2] / (name.replace(".", "/") + ".py")
                if name.startswith("gate.") and path.exists():
                    todo.append(path)
    assert not {name for name in seen if name.startswith(("sqlalchemy", "gate.store", "gate.service"))}
    assert "gate.ledger.writer" not in seen
    assert "gate.ledger.merkle" in seen


@given(st.integers(0, 10**17), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back_from_its_text(size: int, root: bytes) -> None:
    kept = Checkpoint(origin="gate/x", size=size, root=(root if size else EMPTY_ROOT).hex())
    assert Checkpoint.read(kept.text()) == kept


GOOD = Checkpoint(origin="gate/x", size=7, root="ab" * 32).text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gate/x\n",
        GOOD.rstrip("\n"),
        GOOD + "\n",
        GOOD + "more\n",
        GOOD.replace("7", "07"),
        GOOD.replace("7", "-7"),
        GOOD.replace("7", "7.0"),
        GOOD.replace("7", "٧"),  # noqa: RUF001 - a digit that `int` would take
        GOOD.replace("7\n", "0\n"),
        GOOD.replace("7", "9" * 19),
        GOOD.replace("gate/x", ""),
        GOOD.replace("gate/x", "gate x"),
        GOOD.replace("gate/x", "gate+x"),
        GOOD.replace("gate/x", "x" * 2000),
        GOOD.replace("=\n", "\n"),
        GOOD.replace("q6ur", "!!!!"),
        "gate/x\n7\nYWI=\n",
        GOOD.replace("6s=\n", "6t=\n"),
        GOOD.replace("\n", "\r\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    assert text != GOOD
    with pytest.raises(InputError) as refused:
        Checkpoint.read(text)
    assert refused.value.error_code == "checkpoint_unreadable"
    assert refused.value.exit_code == 12


@pytest.mark.parametrize("root", ["", "AB" * 32, "ab" * 31, "zz" * 32])
def test_a_root_is_64_lower_case_hexadecimal_digits(root: str) -> None:
    with pytest.raises(ValueError, match="root"):
        Checkpoint(origin="gate/x", size=1, root=root)
