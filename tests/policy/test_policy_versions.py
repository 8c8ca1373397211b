"""Two spellings of one version are one; what no rule can read is compared letter by letter."""

from __future__ import annotations

import pytest

from gate.policy.versions import same_version


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "1"), ("1.0rc1", "1.0-RC.1"), ("2024a", "2024A "), ("1.1.1w", "1.1.1W"), ("v2", "2.0.0")]
)
def test_one_version_however_it_is_spelled(one: str, other: str) -> None:
    assert same_version(one, other)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0.post1"), ("1.0", "1.0+cu121"), ("1.1.1w", "1.1.1"), ("x", "")])
def test_two_versions_that_only_look_alike(one: str, other: str) -> None:
    assert not same_version(one, other)
