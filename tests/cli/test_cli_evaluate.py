"""`gate evaluate` ends in the right code, says why in every format, and writes what it was asked to write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from evaluation.input_world import Said
from service.inprocess import events
from service.live import Live

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "evaluation-1.schema.json"

ENDINGS = {
    "promoted": ({}, "requirements.txt", 0, "PROMOTED"),
    "discarded": ({"private": True}, "requirements-churn.txt", 10, "DISCARDED"),
    "held": ({"scanned": False}, "requirements.txt", 11, "HELD"),
}


def words(ground: Live, tag: str, environment: str = "requirements.txt") -> list[str]:
    return ["evaluate", f"oci:{ground.staging}:{tag}", "--environment", str(ground.folder / environment)]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ENDINGS)
def test_every_ending_has_its_code_and_every_report_says_it(
    gate: Callable[..., Said], ground: Live, tmp_path: Path, name: str
) -> None:
    how, environment, code, headline = ENDINGS[name]
    ground.push(f"all-{name}", **how)
    outputs = {suffix: tmp_path / f"report{suffix}" for suffix in (".json", ".md", ".txt", "")}
    given = [word for path in outputs.values() for word in ("--output", str(path))]
    said = gate(*words(ground, f"all-{name}", environment), *given)
    assert (said.code, said.err) == (code, "")
    assert said.out.startswith(f"{headline}  oci:")
    assert outputs[".txt"].read_text() == outputs[""].read_text() == said.out
    account = json.loads(outputs[".json"].read_text())
    jsonschema.validate(account, json.loads(SCHEMA.read_text()))
    assert (account["state"], account["exit_code"]) == (name, code)
    summary = outputs[".md"].read_text()
    assert summary.startswith(f"## gate: {name}\n")
    assert "is a recording" in summary
    assert "RECORDING" in said.out
    for reason in account["reasons"]:
        assert reason["reason"] in said.out
    assert ("exception request --for EXR-" in said.out) == (name == "discarded")


def test_the_same_once_more_gives_the_same(gate: Callable[..., Said], ground: Live) -> None:
    ground.push("twice")
    first, second = (gate(*words(ground, "twice"), "--format", "json") for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    one, two = json.loads(first.out), json.loads(second.out)
    assert one["id"] != two["id"]
    assert two["receipt"]["already_there"] is True
    for name in ("digest", "outcome", "exit_code", "repository", "tag"):
        assert one[name] == two[name]
    assert [answer["code"] for answer in one["decision"]["results"]] == [
        answer["code"] for answer in two["decision"]["results"]
    ]


@pytest.mark.parametrize("name", ENDINGS)
def test_a_dry_run_decides_changes_nothing_and_is_on_record_as_intent(
    gate: Callable[..., Said], ground: Live, tmp_path: Path, name: str
) -> None:
    how, environment, code, headline = ENDINGS[name]
    ground.push(f"dry-{name}", **how)
    before, known = (snapshot(ground.staging), snapshot(ground.folder / "release")), events(ground, "")
    said = gate(*words(ground, f"dry-{name}", environment), "--dry-run", "--format", "json")
    account: dict[str, Any] = json.loads(said.out)
    jsonschema.validate(account, json.loads(SCHEMA.read_text()))
    assert (said.code, account["state"], account["submitted_at"]) == (code, "dry_run", None)
    assert bool(account["receipt"]) == (name != "held")
    assert (snapshot(ground.staging), snapshot(ground.folder / "release")) == before
    assert events(ground, "")[len(known) :] == ["dry_run"]
    assert account["id"].startswith("DRY-")
    assert events(ground, account["id"]) == ["dry_run"]
    assert account["decision_digest"] in gate("audit", "show", account["id"], "--format", "json").out
    summary = tmp_path / "summary.md"
    text = gate(*words(ground, f"dry-{name}", environment), "--dry-run", "--output", str(summary))
    told = summary.read_text()
    assert account["id"] not in text.out + told, "each dry run has a record of its own"
    assert ("plan, of which nothing was done" in told) == (name != "held")
    assert "\n  dry run     DRY-" in text.out
    assert "\nDry run `DRY-" in told
    assert text.out.startswith(f"WOULD {headline.removesuffix('D').removesuffix('HEL') or 'HOLD'}"[:7])
    assert ("plan, of which nothing was done" in text.out) == (name != "held")
    assert ("set tag" in text.out) == (name == "promoted")


def test_a_run_that_fails_writes_its_reports_too(gate: Callable[..., Said], ground: Live, tmp_path: Path) -> None:
    ground.push("broken", fresh=True)
    for path in (ground.staging / "blobs" / "sha256").iterdir():
        if path.read_bytes()[:2] == b"\x1f\x8b":
            path.chmod(0o644)
            path.rename(tmp_path / path.name)
    try:
        said = gate(*words(ground, "broken"), "--output", str(tmp_path / "a.json"), "--output", str(tmp_path / "a.md"))
    finally:
        for path in tmp_path.glob("?" * 64):
            path.rename(ground.staging / "blobs" / "sha256" / path.name)
    assert said.code == 12
    assert said.out.startswith("COULD NOT DECIDE")
    account = json.loads((tmp_path / "a.json").read_text())
    assert f"error[{account['failure']['code']}]" in said.out
    assert f"**{account['failure']['code']}**".replace("_", "\\_") in (tmp_path / "a.md").read_text()


@pytest.mark.parametrize("path", ["nowhere/report.json", ".", "/proc/version/report.md"])
def test_a_report_that_could_not_be_kept_is_refused_before_anything_is_begun(
    gate: Callable[..., Said], ground: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = events(ground, "")
    said = gate(*words(ground, "any"), "--output", path)
    assert (said.code, said.error, said.out) == (2, "usage", "")
    assert events(ground, "") == before


def test_a_report_that_can_not_be_written_in_the_end_does_not_hide_what_was_done(
    gate: Callable[..., Said], ground: Live, tmp_path: Path
) -> None:
    ground.push("full")
    said = gate(*words(ground, "full"), "--output", "/dev/full", "--output", str(tmp_path / "kept.txt"))
    assert said.code == 12
    assert said.out.startswith("PROMOTED")
    assert said.error == "report_not_written"
    assert (tmp_path / "kept.txt").read_text() == said.out


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (["--server", "http://127.0.0.1:1", "--dry-run"], "usage"),
        (["--server", "http://127.0.0.1:1", "--policy", "."], "usage"),
        (["--server", "nonsense"], "bad_address"),
        (["--as", "nobody"], "identity_unclear"),
    ],
)
def test_words_that_contradict_each_other_are_wrong_usage(
    gate: Callable[..., Said], ground: Live, more: list[str], error: str
) -> None:
    said = gate(*words(ground, "any"), *more)
    assert (said.code, said.error, said.out) == (2, error, "")


def test_who_submits_stands_in_the_ledger_as_a_claim(gate: Callable[..., Said], ground: Live) -> None:
    ground.push("claimed", scanned=False)
    said = gate(*words(ground, "claimed"), "--as", "contoso/alice", "--format", "json")
    run = json.loads(said.out)["id"]
    assert "contoso/alice" in gate("audit", "show", run, "--format", "json").out
