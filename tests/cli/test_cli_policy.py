"""`gate policy`: what it shows is what decides, and a folder that it calls sound is one that the gate can use."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import pytest

from gate.cli import main
from gate.errors import PolicyError
from gate.model.base import Value
from gate.model.finding import FindingSeverity
from gate.policy.decide import OWN
from gate.policy.rules import ALL
from gate.policy.ruleset import RULESET
from gate.policy.scanners import ScanSigner
from gate.policy.sets import ALL as SET_RULES
from gate.policy.source import embedded, load_policy, policy_problems
from gate.reports.policy_show_text import render
from gate.reports.policy_shown import ShownPolicy, rule_pages

GRANT = """\
id: GRT-one
kind: pypi
name: acme-features
version: "1.0"
files:
  - filename: acme_features-1.0-py3-none-any.whl
    sha256: sha256:{digest}
    size: 10
scope:
  repositories: [example.org/staging/churn]
owner: {{tenant: acme, object_id: scientist}}
approver: {{tenant: acme, object_id: steward}}
reason: reviewed
not_before: "2026-01-01T00:00:00Z"
expires: "2026-07-01T00:00:00Z"
""".format(digest="1" * 64)


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATE_POLICY", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("allowlist", "exceptions"):
        shutil.copytree(embedded() / part, tmp_path / "policy" / part)
    return tmp_path / "policy"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["policy", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_the_policy_shown_is_the_one_that_decides(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "show")
    assert code == 0
    assert load_policy().fingerprint() in out
    assert RULESET in out
    assert "the defaults that travel with the package" in out


def test_the_option_goes_before_the_environment_and_each_is_named(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_POLICY", str(folder))
    _, out, _ = said(capsys, "show")
    assert f"{folder} (`GATE_POLICY`)" in out
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    _, out, _ = said(capsys, "show", "--policy", str(other))
    assert f"{other} (`--policy`)" in out


def test_a_policy_in_the_working_directory_is_not_taken(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-09: the judged project would bring its own judge."""
    append(folder / "allowlist" / "safelist.yaml", "\nreserved_names: [judged]\n")
    monkeypatch.chdir(folder)
    _, out, _ = said(capsys, "show")
    assert "judged" not in out
    assert str(embedded()) in out


def test_the_json_form_is_the_policy_by_its_digest(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, _ = said(capsys, "show", "--policy", str(folder), "--format", "json")
    shown = json.loads(out)
    policy = load_policy(folder)
    assert code == 0
    assert shown["schema"] == "gate.policy-show/1"
    assert (shown["named_by"], shown["folder"]) == ("--policy", str(folder))
    assert shown["digest"] == policy.fingerprint()
    assert shown["policy"] == policy.model_dump(mode="json")


def test_what_the_policy_allows_loudly_is_said_loudly(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    decision = folder / "allowlist" / "policy.yaml"
    text = decision.read_text().replace("allow_recorded: false", "allow_recorded: true")
    decision.write_text(text.replace("max_age: P7D", "max_age: PT90M"))
    (folder / "exceptions" / "grants" / "GRT-one.yaml").write_text(GRANT)
    _, out, _ = said(capsys, "show", "--policy", str(folder))
    assert "allow_recorded: true  (for demonstrations and tests alone)" in out
    assert "max_age: 1 h 1800 s\n" in out
    assert "  GRT-one: pypi acme-features 1.0 until 2026-07-01\n" in out
    assert "  promotion: (none)\n" in out


def fill(folder: Path) -> None:
    """Say something in every list of the policy."""
    words = {
        "allowlist/safelist.yaml": {
            "- name: pypi": "- {name: pypi, url: 'https://mirror.example.org/simple'}",
            "host: mcr.microsoft.com": "host: example.org\n    path: team",
            "base_images: []": f"base_images: [{{reference: base, diff_ids: ['sha256:{'a' * 64}']}}]",
            "os_archives: []": "os_archives: [{name: debian}]",
            "reserved_names: []": "reserved_names: [acme-*]",
            "azureml_registries: []": "azureml_registries: [azureml]",
        },
        "allowlist/policy.yaml": {
            "promotion: []": "promotion: [{staging: example.org/s, release: example.org/r}]",
            "  unfixed: block\n": "  unfixed: block\n  base: {block: [critical], unfixed: warn}\n",
            "  grace: {}\n": "  grace: {high: P30D}\n",
            "scanners: []": "scanners: [contoso/scanner]",
        },
        "exceptions/workflow.yaml": {"never: []": "never: [pypi/leftpad]"},
    }
    for name, replaced in words.items():
        text = (folder / name).read_text()
        for before, after in replaced.items():
            assert before in text
            text = text.replace(before, after)
        (folder / name).write_text(text)


def changed(value: object) -> object:
    """Return another value of the same kind."""
    match value:
        case bool():
            return not value
        case timedelta() | None:  # what may be left unsaid is a length of time
            return (value or timedelta()) + timedelta(hours=1)
        case StrEnum():
            return next(other for other in type(value) if other is not value)
        case dict():
            return {**value, FindingSeverity.HIGH: timedelta(days=900)}
        case tuple():
            assert value, "say something in every list, so that its absence can be told"
            return value[:-1]
        case _:
            return f"{value}-another"


def variants(part: Value) -> Iterator[tuple[str, Value]]:
    """Return the part once for each of its settings, with that one changed."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Value):
            yield from ((f"{name}.{inner}", part.model_copy(update={name: new})) for inner, new in variants(value))
        elif name == "signers":  # to list one takes a certificate
            yield name, part.model_copy(update={name: (ScanSigner.model_construct(name="a", roots=(), subject={}),)})
        else:
            yield name, part.model_copy(update={name: changed(value)})


@pytest.mark.parametrize("part", ["safelist", "decision", "workflow"])
def test_no_setting_is_left_out(folder: Path, part: str) -> None:
    fill(folder)
    policy = load_policy(folder)
    shown = ShownPolicy(policy=policy, folder=embedded(), named_by="a test")
    before = render(shown)
    lines = before.count("\n")
    seen = 0
    for name, other in variants(getattr(policy, part)):
        text = render(replace(shown, policy=policy.model_copy(update={part: other})))
        differing = [line for line in text.splitlines()[4:] if line not in before.splitlines()]
        assert [line.split(":")[0].strip() for line in differing] == [name]
        assert text.count("\n") == lines
        seen += 1
    assert seen >= 4


def test_every_field_of_an_entry_is_shown(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    fill(folder)
    _, out, _ = said(capsys, "show", "--policy", str(folder))
    for line in (
        "python_indexes: pypi https://mirror.example.org/simple",
        "image_registries: example.org team",
        f"base_images: base sha256:{'a' * 64}",
        "promotion: example.org/s example.org/r",
        "findings.grace: high 30 days",
    ):
        assert f"  {line}\n" in out


def test_a_policy_that_can_not_be_read_is_not_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = said(capsys, "show", "--policy", str(tmp_path))
    assert (code, out) == (12, "")
    assert "policy_missing" in err


def test_a_sound_folder_is_called_so_with_its_digest(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "exceptions" / "grants" / "GRT-one.yaml").write_text(GRANT)
    code, out, _ = said(capsys, "check", str(folder))
    assert (code, out) == (0, f"sound: {load_policy(folder).fingerprint()}\n")


def test_all_that_is_wrong_is_named_at_once(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    append(folder / "allowlist" / "safelist.yaml", "\npython_indices: []\n")
    append(folder / "allowlist" / "policy.yaml", "\nfindings: {}\n")
    (folder / "exceptions" / "workflow.yaml").unlink()
    (folder / "exceptions" / "grants" / "GRT-two.yaml").write_text(GRANT)
    (folder / "exceptions" / "grants" / "GRT-three.yaml").write_text(GRANT.replace("1" * 64, "1"))
    code, out, _ = said(capsys, "check", str(folder))
    assert code == 12
    for word in ("`python_indices`", "policy_not_yaml", "policy_missing", "grant_misnamed", "`files.0.sha256`"):
        assert word in out
    assert "5 problem(s): this policy is refused" in out
    assert "sound" not in out


def test_a_folder_that_is_not_there_is_no_sound_policy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = said(capsys, "check", str(tmp_path / "nothing"))
    assert code == 12
    assert "3 problem(s)" in out


@pytest.mark.parametrize(
    "name",
    [
        "allowlist/safelists.yaml",
        "allowlist/extra.YML",
        "exceptions/GRT-one.yaml",
        "exceptions/grants/old/GRT-one.yaml",
    ],
)
def test_a_file_that_nobody_reads_is_a_problem(capsys: pytest.CaptureFixture[str], folder: Path, name: str) -> None:
    """T-44: whoever wrote it believes that it counts."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("version: 1\n")
    code, out, _ = said(capsys, "check", str(folder))
    assert code == 12
    assert "policy_file_unread" in out
    assert name in out


def test_two_grants_of_one_id_are_a_problem(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    for suffix in ("yaml", "yml"):
        (folder / "exceptions" / "grants" / f"GRT-one.{suffix}").write_text(GRANT)
    code, out, _ = said(capsys, "check", str(folder))
    assert code == 12
    assert "grant_twice" in out


def places(folder: Path) -> None:
    path = folder / "allowlist" / "policy.yaml"
    overlapping = "promotion: [{staging: example.org/a, release: example.org/a/b}]"
    path.write_text(path.read_text().replace("promotion: []", overlapping))


def never(folder: Path) -> None:
    path = folder / "exceptions" / "workflow.yaml"
    path.write_text(path.read_text().replace("never: []", "never: [python/leftpad]"))


def never_nothing(folder: Path) -> None:
    path = folder / "exceptions" / "workflow.yaml"
    path.write_text(path.read_text().replace("never: []", "never: [pypi]"))


def reserved(folder: Path) -> None:
    path = folder / "allowlist" / "safelist.yaml"
    path.write_text(path.read_text().replace("reserved_names: []", 'reserved_names: ["acme*-x", "*"]'))


@pytest.mark.parametrize(
    ("spoil", "code", "count"),
    [
        (places, "places_overlap", 1),
        (never, "never_unclear", 1),
        (never_nothing, "never_unclear", 1),
        (reserved, "reserved_unclear", 2),
    ],
)
def test_a_typo_that_would_switch_a_rule_off_is_a_problem(
    capsys: pytest.CaptureFixture[str], folder: Path, spoil: Callable[[Path], None], code: str, count: int
) -> None:
    """T-44."""
    spoil(folder)
    exit_code, out, _ = said(capsys, "check", str(folder))
    assert exit_code == 12
    assert out.count(code) == count


def test_what_is_called_sound_can_be_loaded_and_what_is_not_can_not(folder: Path) -> None:
    assert policy_problems(folder) == ()
    append(folder / "exceptions" / "workflow.yaml", "\nlongets: P1D\n")
    (problem,) = policy_problems(folder)
    with pytest.raises(PolicyError, match="longets"):
        load_policy(folder)
    assert problem.error_code == "policy_invalid"


def test_every_rule_is_explained_and_the_decisions_own_codes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "rules")
    assert code == 0
    for rule in rule_pages():
        assert f"{rule.id}\n  {rule.title}\n" in out
        assert all(f"[{known}]" in out for known in rule.codes)
    assert {rule.id for rule in rule_pages()} == {*(rule.id for rule in ALL), *(rule.id for rule in SET_RULES), OWN}
    assert f"{OWN}\n" in out


def test_the_json_form_of_the_rules_names_the_rule_set(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "rules", "--format", "json")
    told = json.loads(out)
    assert (told["schema"], told["ruleset"]) == ("gate.policy-rules/1", RULESET)
    assert [rule["id"] for rule in told["rules"]] == [*(rule.id for rule in ALL), OWN, *(rule.id for rule in SET_RULES)]
    assert all(rule["why"] and rule["codes"] for rule in told["rules"])


def test_one_rule_is_shown_where_one_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "rules", "scan-proof", "--format", "markdown")
    assert code == 0
    assert out.startswith("# scan-proof\n")
    assert "# findings" not in out


def test_a_rule_that_there_is_not_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "rules", "scan-prof")
    assert (code, out) == (2, "")
    assert "known: environment-read" in err


def test_pages_go_into_a_folder_and_not_to_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = said(capsys, "rules", "--pages", str(tmp_path / "new" / "pages"))
    assert (code, out) == (0, "")
    assert len(list((tmp_path / "new" / "pages").iterdir())) == len(ALL) + len(SET_RULES) + 2


def test_a_folder_that_can_not_be_written_is_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = said(capsys, "rules", "--pages", str(tmp_path / "file"))
    assert code == 2
    assert "can't be written" in err


def test_a_schema_that_there_is_not_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "schema", "grants")
    assert (code, out) == (2, "")


def test_a_schema_is_printed_as_json_and_says_which_file_it_is_of(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "schema", "grant")
    assert code == 0
    assert json.loads(out)["$id"] == "urn:gate:schema:policy-grant"
