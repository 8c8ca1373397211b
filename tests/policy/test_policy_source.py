"""A policy is read whole or refused; where from is nobody's choice but the caller's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gate.errors import PolicyError
from gate.policy.source import embedded, load_policy

GRANT = """
id: GRT-1
kind: pypi
name: acme
version: "1.0"
files: [{filename: acme-1.0-py3-none-any.whl, sha256: "sha256:%s", size: 3}]
scope: {repositories: [registry.example/staging/]}
owner: {tenant: t, object_id: a}
approver: {tenant: t, object_id: %s}
reason: needed
not_before: 2026-01-01T00:00:00Z
expires: 2026-06-01T00:00:00Z
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("allowlist", "exceptions"):
        shutil.copytree(embedded() / name, tmp_path / name)
    return tmp_path


def code_of(folder: Path) -> str:
    with pytest.raises(PolicyError) as refused:
        load_policy(folder)
    assert refused.value.exit_code == 12
    assert refused.value.facts["file"]
    return refused.value.error_code


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_embedded_defaults_and_a_copy_of_them_are_one_policy(folder: Path) -> None:
    assert load_policy(folder).fingerprint() == load_policy().fingerprint()


def test_the_defaults_let_in_the_three_public_sources_and_nothing_else() -> None:
    policy = load_policy()
    assert [index.name for index in policy.safelist.python_indexes] == ["pypi"]
    assert [channel.name for channel in policy.safelist.conda_channels] == ["conda-forge"]
    assert [registry.host for registry in policy.safelist.image_registries] == ["mcr.microsoft.com"]
    assert policy.safelist.os_archives == ()
    assert not policy.decision.findings.defender.allow_recorded


def test_a_typo_in_a_key_is_refused(folder: Path) -> None:
    edit(folder / "allowlist/policy.yaml", "deadline:", "dead_line:")
    assert code_of(folder) == "policy_invalid"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("deadline: PT24H", "deadline: PT0S"),
        ("deadline: PT24H", "deadline: -PT1H"),
        ("pypi: proven", "pypi: unknown"),
        ("hard_age: P14D", "hard_age: P1D"),
        ("max_age: P7D", "max_age: soon"),
        ("version: gate.policy/1", "version: gate.policy/2"),
        ("block: [critical, high, unknown]", "block: [severe]"),
    ],
)
def test_a_value_that_means_nothing_is_refused(folder: Path, old: str, new: str) -> None:
    edit(folder / "allowlist/policy.yaml", old, new)
    assert code_of(folder) == "policy_invalid"


@pytest.mark.parametrize(
    "line",
    [
        "python_indexes: [{name: pypi}]\n",
        "implicit_defaults: warn\n",
    ],
)
def test_a_key_said_twice_is_refused(folder: Path, line: str) -> None:
    path = folder / "allowlist/safelist.yaml"
    path.write_text(path.read_text() + line)
    assert code_of(folder) == "policy_not_yaml"


@pytest.mark.parametrize(
    "content", ["a: &x 1\nb: *x\n", "a: [", "!!python/object:os.system x", "\x00", b"\xff\xfe\x00".decode("latin1")]
)
def test_aliases_tags_and_garbage_are_refused(folder: Path, content: str) -> None:
    (folder / "allowlist/policy.yaml").write_text(content)
    assert code_of(folder) == "policy_not_yaml"


def test_a_missing_file_and_a_huge_one_are_refused(folder: Path) -> None:
    (folder / "allowlist/policy.yaml").write_text("#" * (4 * 1024 * 1024 + 1))
    assert code_of(folder) == "policy_too_large"
    (folder / "allowlist/policy.yaml").unlink()
    assert code_of(folder) == "policy_missing"


@pytest.mark.parametrize("url", ["http://mirror.example/simple", "https://u:p@mirror.example/simple"])
def test_a_mirror_without_tls_or_with_credentials_is_refused(folder: Path, url: str) -> None:
    edit(folder / "allowlist/safelist.yaml", "- name: pypi", f"- {{name: pypi, url: '{url}'}}")
    assert code_of(folder) == "policy_invalid"


def test_a_standing_grant_is_read_and_marked(folder: Path) -> None:
    (folder / "exceptions/grants/GRT-1.yaml").write_text(GRANT % ("a" * 64, "b"))
    (grant,) = load_policy(folder).grants
    assert grant.standing
    assert load_policy(folder).fingerprint() != load_policy().fingerprint()


def test_a_standing_grant_that_its_owner_approved_is_refused(folder: Path) -> None:
    (folder / "exceptions/grants/GRT-1.yaml").write_text(GRANT % ("a" * 64, "A"))
    assert code_of(folder) == "policy_invalid"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("expires: 2026-06-01T00:00:00Z", "expires: 2025-06-01T00:00:00Z"),
        ("expires: 2026-06-01T00:00:00Z", "expires: 2026-06-01T00:00:00"),
        ("expires: 2026-06-01T00:00:00Z\n", ""),
        ('[{filename: acme-1.0-py3-none-any.whl, sha256: "sha256:%s", size: 3}]', "[]"),
        ("repositories: [registry.example/staging/]", "repositories: []"),
        ("reason: needed", "reason: ''"),
    ],
)
def test_a_standing_grant_without_end_bytes_scope_or_reason_is_refused(folder: Path, old: str, new: str) -> None:
    text = GRANT.replace(old, new)
    assert text != GRANT
    (folder / "exceptions/grants/GRT-1.yaml").write_text(
        text.replace("sha256:%s", "sha256:" + "a" * 64).replace("%s", "b")
    )
    assert code_of(folder) == "policy_invalid"


def test_a_grant_under_another_name_than_its_id_is_refused(folder: Path) -> None:
    (folder / "exceptions/grants/GRT-2.yaml").write_text(GRANT % ("a" * 64, "b"))
    assert code_of(folder) == "grant_misnamed"


def test_a_workflow_whose_default_is_longer_than_its_longest_is_refused(folder: Path) -> None:
    edit(folder / "exceptions/workflow.yaml", "default: P90D", "default: P900D")
    assert code_of(folder) == "policy_invalid"


def test_the_same_grant_in_two_files_is_refused(folder: Path) -> None:
    for suffix in ("yaml", "yml"):
        (folder / f"exceptions/grants/GRT-1.{suffix}").write_text(GRANT % ("a" * 64, "b"))
    with pytest.raises(PolicyError, match="same id"):
        load_policy(folder)


def test_a_policy_in_the_working_directory_is_not_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(folder / "allowlist/safelist.yaml", "- host: mcr.microsoft.com", "- host: evil.example")
    monkeypatch.chdir(folder)
    assert [registry.host for registry in load_policy().safelist.image_registries] == ["mcr.microsoft.com"]
