"""What is made from the code is what is committed (`make docs`), and the schemas hold the files that they are of."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from docs.made import ROOT, documents, groups, meanings, prefix_of, write

from gate.bounds import DefinitionBounds
from gate.cli import main
from gate.config import KEYS, load_config
from gate.errors import UsageError
from gate.policy.rules import ALL
from gate.policy.sets import ALL as SET_RULES
from gate.policy.source import load_policy, policy_problems
from gate.reports.policy_schema import MODELS, schema_of

YAML = {
    "safelist": ROOT / "allowlist" / "safelist.yaml",
    "policy": ROOT / "allowlist" / "policy.yaml",
    "workflow": ROOT / "exceptions" / "workflow.yaml",
}
GRANT = {
    "id": "GRT-one",
    "kind": "pypi",
    "name": "acme-features",
    "version": "1.0",
    "files": [{"filename": "a-1.0-py3-none-any.whl", "sha256": "sha256:" + "1" * 64, "size": 10}],
    "scope": {"repositories": ["example.org/staging/churn"]},
    "owner": {"tenant": "acme", "object_id": "scientist"},
    "approver": {"tenant": "acme", "object_id": "steward"},
    "reason": "reviewed",
    "not_before": "2026-01-01T00:00:00Z",
    "expires": "2026-07-01T00:00:00Z",
}


@pytest.mark.parametrize(("name", "text"), documents().items(), ids=list(documents()))
def test_a_made_document_is_as_the_code_makes_it(name: str, text: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == text, "run `make docs`"


def test_there_is_no_page_of_a_rule_that_is_no_more() -> None:
    pages = {path.name for path in (ROOT / "docs" / "rules").iterdir()}
    known = [*(rule.id for rule in ALL), *(rule.id for rule in SET_RULES)]
    assert pages == {"README.md", "decision.md", *(f"{rule}.md" for rule in known)}


def test_making_the_documents_writes_them_and_takes_old_pages_away(tmp_path: Path) -> None:
    old = tmp_path / "docs" / "rules" / "no-more.md"
    old.parent.mkdir(parents=True)
    old.write_text("")
    write(tmp_path)
    assert not old.exists()
    assert {name: (tmp_path / name).read_text() for name in documents()} == documents()


@pytest.mark.parametrize("group", groups(), ids=lambda group: str(group.__name__))
def test_every_bound_is_explained_and_can_be_set_where_its_group_has_keys(group: type) -> None:
    assert set(meanings(group)) == {field.name for field in fields(group)}
    prefix = prefix_of(group)
    for field in fields(group):
        if prefix:
            load_config({"HOME": "/nowhere", f"{prefix}{field.name.upper()}": "7"})


def test_a_bound_that_there_is_not_is_refused() -> None:
    assert DefinitionBounds in groups()
    with pytest.raises(UsageError):
        load_config({"HOME": "/nowhere", "GATE_BOUND_DEFINITION_FILE": "7"})


def test_every_key_of_bounds_has_its_group() -> None:
    known = {f"{prefix_of(group)}…" for group in groups()}
    assert {key for key in KEYS if key.startswith("GATE_BOUND_")} <= known


def loaded(name: str) -> Any:
    return yaml.safe_load(YAML[name].read_text())


@pytest.mark.parametrize("name", YAML)
def test_the_schema_takes_the_projects_own_file(name: str) -> None:
    jsonschema.Draft202012Validator(schema_of(name)).validate(loaded(name))


@pytest.mark.parametrize("name", MODELS)
def test_the_schema_refuses_a_typo_as_the_gate_does(name: str) -> None:
    content = GRANT if name == "grant" else loaded(name)
    validator = jsonschema.Draft202012Validator(schema_of(name))
    assert validator.is_valid(content)
    assert not validator.is_valid({**content, "unknwon": 1})


def test_the_schema_of_a_grant_refuses_one_without_an_end_bytes_or_scope() -> None:
    validator = jsonschema.Draft202012Validator(schema_of("grant"))
    for name in ("expires", "files", "scope", "reason", "approver"):
        assert not validator.is_valid({key: value for key, value in GRANT.items() if key != name})
    assert not validator.is_valid({**GRANT, "scope": {"repositories": []}})


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "schemas").glob("*.json")), ids=lambda path: str(path.name))
def test_every_schema_is_one(path: Path) -> None:
    schema = yaml.safe_load(path.read_text())
    jsonschema.validators.validator_for(schema).check_schema(schema)


def test_every_standing_grant_has_the_schemas_form() -> None:
    validator = jsonschema.Draft202012Validator(schema_of("grant"))
    for path in (ROOT / "exceptions" / "grants").glob("*.y*ml"):
        content = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - everything stays text
        validator.validate(content)


def test_the_example_of_a_grant_is_one(tmp_path: Path) -> None:
    text = (ROOT / "exceptions" / "grants" / "README.md").read_text().split("```yaml\n")[1].split("```")[0]
    for part in ("allowlist", "exceptions"):
        shutil.copytree(ROOT / part, tmp_path / part)
    (tmp_path / "exceptions" / "grants" / "GRT-churn-features.yaml").write_text(text)
    assert policy_problems(tmp_path) == ()
    assert [grant.id for grant in load_policy(tmp_path).grants][-1] == "GRT-churn-features"


@pytest.mark.parametrize("command", ["show", "rules"])
def test_what_the_policy_commands_print_is_of_the_schema(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", command, "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    schema = json.loads((ROOT / "docs" / "schemas" / f"policy-{command}-1.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(printed)
    assert not validator.is_valid({**printed, "more": 1})
    assert not validator.is_valid({key: value for key, value in printed.items() if key != "ruleset"})
