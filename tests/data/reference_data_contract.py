"""What every place that keeps reference data must do. A test module subclasses this and provides `kept`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gate.data.interface import DataRow, ReferenceData
from gate.errors import NotFoundError
from gate.model.finding import DataSnapshot

IMPORTED = datetime(2026, 11, 1, 12, tzinfo=UTC)


def a_snapshot(letter: str, *, kind: str = "osv-pypi", days: int = 0) -> DataSnapshot:
    """Return a snapshot whose digest is one letter, imported so many days after the first."""
    return DataSnapshot(
        kind=kind,
        digest="sha256:" + letter * 64,
        source=f"https://example.org/{letter}",
        published_at=IMPORTED - timedelta(days=1),
        imported_at=IMPORTED + timedelta(days=days),
    )


def a_row(key: str, identifier: str, record: str = "{}") -> DataRow:
    """Return a row."""
    return DataRow(key=key, id=identifier, record=record)


class ReferenceDataContract:
    """The contract."""

    @pytest.fixture
    def kept(self) -> ReferenceData:
        """Return an empty place."""
        raise NotImplementedError

    def test_nothing_is_active_before_the_first_import(self, kept: ReferenceData) -> None:
        assert kept.active("osv-pypi") is None
        assert kept.snapshots() == ()

    def test_what_was_imported_is_active_with_its_facts(self, kept: ReferenceData) -> None:
        stored = kept.import_snapshot(a_snapshot("a"), [a_row("x", "1"), a_row("y", "2")])
        assert (stored.rows, stored.active, stored.snapshot) == (2, True, a_snapshot("a"))
        assert kept.active("osv-pypi") == a_snapshot("a")
        assert kept.active("conda-names") is None

    def test_an_import_replaces_the_whole_and_keeps_the_older_by_digest(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row("x", "1", '"old"')])
        kept.import_snapshot(a_snapshot("b", days=1), [a_row("y", "2", '"new"')])
        assert kept.active("osv-pypi") == a_snapshot("b", days=1)
        assert kept.lookup("osv-pypi", "sha256:" + "b" * 64, ["x", "y"]) == {"x": (), "y": ('"new"',)}
        assert kept.lookup("osv-pypi", "sha256:" + "a" * 64, ["x", "y"]) == {"x": ('"old"',), "y": ()}

    def test_the_same_digest_again_keeps_the_first_facts_and_is_active_again(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row("x", "1")])
        kept.import_snapshot(a_snapshot("b", days=1), [a_row("y", "2")])
        stored = kept.import_snapshot(a_snapshot("a", days=2), [a_row("z", "9"), a_row("z", "10")])
        assert (stored.snapshot, stored.rows, stored.active) == (a_snapshot("a"), 1, True)
        assert kept.active("osv-pypi") == a_snapshot("a")
        assert kept.lookup("osv-pypi", "sha256:" + "a" * 64, ["x", "z"]) == {"x": ("{}",), "z": ()}

    def test_rows_that_break_off_change_nothing(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row("x", "1")])

        def broken() -> Iterator[DataRow]:
            for number in range(2500):
                yield a_row("y", str(number))
            message = "the source broke off"
            raise ValueError(message)

        with pytest.raises(ValueError, match="broke off"):
            kept.import_snapshot(a_snapshot("b", days=1), broken())
        assert kept.active("osv-pypi") == a_snapshot("a")
        assert [one.snapshot for one in kept.snapshots()] == [a_snapshot("a")]
        with pytest.raises(NotFoundError):
            kept.lookup("osv-pypi", "sha256:" + "b" * 64, ["y"])

    def test_a_first_import_that_breaks_off_leaves_nothing_active(self, kept: ReferenceData) -> None:
        def broken() -> Iterator[DataRow]:
            yield a_row("y", "1")
            raise KeyError

        with pytest.raises(KeyError):
            kept.import_snapshot(a_snapshot("a"), broken())
        assert kept.active("osv-pypi") is None
        assert kept.snapshots() == ()

    def test_every_key_asked_for_is_answered_and_no_other(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row("x", "1"), a_row("y", "2")])
        assert kept.lookup("osv-pypi", a_snapshot("a").digest, iter(["y", "absent", "y"])) == {
            "y": ("{}",),
            "absent": (),
        }
        assert kept.lookup("osv-pypi", a_snapshot("a").digest, []) == {}

    def test_records_of_a_key_come_sorted_by_id(self, kept: ReferenceData) -> None:
        rows = [a_row("x", "b", '"2"'), a_row("x", "c", '"3"'), a_row("x", "a", '"1"')]
        kept.import_snapshot(a_snapshot("a"), rows)
        assert kept.lookup("osv-pypi", a_snapshot("a").digest, ["x"])["x"] == ('"1"', '"2"', '"3"')

    def test_keys_are_exact_and_never_patterns(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row("numpy", "1")])
        asked = ["NumPy", "nump_", "nump%", "numpy ", "'; --"]
        assert kept.lookup("osv-pypi", a_snapshot("a").digest, asked) == dict.fromkeys(asked, ())

    def test_thousands_of_keys_are_answered_at_once(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row(f"n{number}", "1", str(number)) for number in range(3000)])
        answer = kept.lookup("osv-pypi", a_snapshot("a").digest, [f"n{number}" for number in range(3001)])
        assert len(answer) == 3001
        assert answer["n2999"] == ("2999",)
        assert answer["n3000"] == ()

    def test_an_unknown_snapshot_is_an_error_and_not_an_empty_answer(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row("x", "1")])
        with pytest.raises(NotFoundError):
            kept.lookup("osv-pypi", "sha256:" + "f" * 64, ["x"])
        with pytest.raises(NotFoundError):
            kept.lookup("conda-names", a_snapshot("a").digest, ["x"])
        with pytest.raises(NotFoundError):
            kept.lookup("osv-pypi", "sha256:" + "f" * 64, [])

    def test_kinds_do_not_touch_each_other(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row("x", "1", '"osv"')])
        kept.import_snapshot(a_snapshot("a", kind="conda-names"), [a_row("x", "1", '"conda"')])
        assert kept.active("osv-pypi") == a_snapshot("a")
        assert kept.lookup("osv-pypi", a_snapshot("a").digest, ["x"])["x"] == ('"osv"',)
        assert kept.lookup("conda-names", a_snapshot("a").digest, ["x"])["x"] == ('"conda"',)

    def test_snapshots_are_listed_by_kind_then_newest_import_first(self, kept: ReferenceData) -> None:
        kept.import_snapshot(a_snapshot("a"), [a_row("x", "1")])
        kept.import_snapshot(a_snapshot("c", kind="conda-names", days=5), [])
        kept.import_snapshot(a_snapshot("b", days=3), [a_row("x", "1"), a_row("y", "1")])
        listed = [(one.snapshot.kind, one.snapshot.digest[7], one.rows, one.active) for one in kept.snapshots()]
        assert listed == [("conda-names", "c", 0, True), ("osv-pypi", "b", 2, True), ("osv-pypi", "a", 1, False)]
