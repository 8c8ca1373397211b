"""What `--resolve` adds to the command: a set for each definition, a lock of one, a code that never softens."""

from __future__ import annotations

import pytest
from resolve.resolve_world import NOW, declared, policy, python_reference

from gate.bounds import HttpBounds
from gate.cli.resolving import exit_code, is_lock, judged_sets, lock_text
from gate.errors import InputError, UsageError
from gate.model.origin import Kind
from gate.resolve.judged import JudgedSet


def sets(*names: str) -> tuple[JudgedSet, ...]:
    """Return sets that nobody has to be asked for: what they declare comes from no index."""
    away = declared(python_reference("https://packages.example/one.whl", kind=Kind.URL))
    return judged_sets(
        [(name, away) for name in names],
        policy(),
        platform="linux-x86_64",
        python="3.11",
        now=NOW,
        http=HttpBounds(),
    )


def test_each_definition_has_a_set_of_its_own() -> None:
    assert [one.definition for one in sets("a.txt", "b.txt")] == ["a.txt", "b.txt"]
    assert sets() == ()


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("pylock.toml", True),
        ("pylock.dev.toml", True),
        ("pylock..toml", False),
        ("pylock.a.b.toml", False),
        ("pyproject.toml", False),
        ("pylock", False),
    ],
)
def test_lock_files_are_known_by_their_names(name: str, lock: bool) -> None:
    assert is_lock(name) is lock


@pytest.mark.parametrize("names", [(), ("a.txt", "b.txt")])
def test_a_lock_is_of_one_set(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        lock_text(sets(*names))


def test_a_set_that_is_not_closed_is_not_locked() -> None:
    with pytest.raises(InputError):
        lock_text(sets("a.txt"))


def test_a_refused_set_refuses_and_nothing_is_softened() -> None:
    refused = sets("a.txt")
    assert [one.verdict for one in refused] == ["refused"]
    assert [exit_code(code, refused) for code in (0, 10, 12)] == [10, 10, 12]
    assert [exit_code(code, ()) for code in (0, 10, 12)] == [0, 10, 12]
    sound = refused[0].model_copy(update={"verdict": "sound"})
    assert exit_code(0, (sound,)) == 0
