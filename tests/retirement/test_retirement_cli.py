"""`gate retire` through the real command line, over real folders: exit codes, what is said, and what is left there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from registry.contract_images import image, push

from gate.bounds import ImageBounds
from gate.cli import main
from gate.model.image import ImageRef, Transport
from gate.policy.source import load_policy
from gate.registry.layout import OciLayout
from gate.reports.retirement import RetirementReport

APP, OTHER = image("app"), image("other")
Run = Callable[..., tuple[int, str, str]]

POLICY = """
version: gate.policy/1
promotion:
  - {{staging: "oci:{folder}/staging", release: "oci:{folder}/release"}}
retirement: {{unlock: true, force: {force}, grace: {grace}}}
"""


@pytest.fixture
def store() -> OciLayout:
    return OciLayout(bounds=ImageBounds())


@pytest.fixture
def release(tmp_path: Path, store: OciLayout) -> ImageRef:
    place = ImageRef(transport=Transport.OCI_LAYOUT, repository=str(tmp_path / "release"))
    push(store, place, OTHER, "other")
    return push(store, place, APP, "1")


def write_policy(folder: Path, *, force: bool = False, grace: str = "null") -> Path:
    """Write a policy of these folders beside the defaults."""
    made = folder / "policy"
    known = load_policy(None)
    (made / "allowlist").mkdir(parents=True, exist_ok=True)
    (made / "exceptions").mkdir(exist_ok=True)
    (made / "allowlist" / "safelist.yaml").write_text(known.safelist.model_dump_json())
    (made / "allowlist" / "policy.yaml").write_text(POLICY.format(folder=folder, force=str(force).lower(), grace=grace))
    (made / "exceptions" / "workflow.yaml").write_text(known.workflow.model_dump_json())
    return made


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GATE_POLICY", str(write_policy(tmp_path)))
    monkeypatch.delenv("GATE_PRINCIPAL", raising=False)

    def call(*arguments: str, by: str = "") -> tuple[int, str, str]:
        code = main(["retire", *arguments, *(["--as", by] if by else [])])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def asked(run: Run, release: ImageRef, *more: str) -> dict[str, Any]:
    """Ask for the image to be retired and return what is shown."""
    words = ("--place", release.place, "--reason", "it leaks", "--format", "json", *more)
    code, out, _ = run(APP.digest, *words, by="acme/anna")
    assert code == 0
    shown: dict[str, Any] = json.loads(out)
    RetirementReport.model_validate(shown)
    (found,) = shown["retirements"]
    return dict(found)


def test_two_people_take_it_out_of_service(run: Run, release: ImageRef, store: OciLayout) -> None:
    found = asked(run, release)
    assert (found["state"], found["digest"]) == ("requested", APP.digest)
    code, out, _ = run(APP.digest)
    assert code == 11
    assert f"--approve {found['id']}" in out
    code, _, err = run(APP.digest, "--approve", found["id"], by="acme/anna")
    assert code == 10
    assert "self_approval" in err
    assert store.tags(release) == ("1", "other")
    code, out, err = run(APP.digest, "--approve", found["id"], by="acme/ben")
    assert (code, "RETIRED" in out) == (0, True)
    assert "not verified" in err
    assert store.tags(release) == ("other",)
    assert run(APP.digest)[0] == 0
    assert run()[0] == 0


def test_a_grace_hides_it_and_the_command_alone_goes_on_when_it_is_over(
    run: Run, release: ImageRef, store: OciLayout, tmp_path: Path
) -> None:
    write_policy(tmp_path, grace="PT1S")
    found = asked(run, release)
    code, out, _ = run(APP.digest, "--approve", found["id"], by="acme/ben")
    assert (code, "HIDDEN" in out, "kept until" in out) == (0, True, True)
    assert store.tags(release) == ("other",)


def test_a_look_says_what_would_be_done_and_does_nothing(run: Run, release: ImageRef, store: OciLayout) -> None:
    code, out, _ = run(APP.digest, "--place", release.place, "--dry-run")
    assert code == 0
    assert "WOULD RETIRE" in out
    assert APP.digest in out
    code, out, _ = run(APP.digest, "--place", release.place, "--dry-run", "--format", "json")
    plan = RetirementReport.model_validate_json(out).plan
    assert plan is not None
    assert plan.tags == ("1",)
    assert store.tags(release) == ("1", "other")
    assert run(APP.digest)[0] == 12, "nobody asked for it"


def test_it_is_refused_or_taken_back_in_words(run: Run, release: ImageRef, store: OciLayout) -> None:
    found = asked(run, release)
    code, out, _ = run(APP.digest, "--deny", found["id"], "--reason", "it is needed", by="acme/ben")
    assert (code, "DENIED" in out) == (0, True)
    assert run(APP.digest)[0] == 10
    assert store.tags(release) == ("1", "other")


def test_a_retired_image_is_reinstated_by_two_people(run: Run, release: ImageRef) -> None:
    found = asked(run, release)
    run(APP.digest, "--approve", found["id"], by="acme/ben")
    back = asked(run, release, "--reinstate")
    assert back["id"] != found["id"]
    code, out, _ = run(APP.digest, "--approve", back["id"], by="acme/ben")
    assert (code, "DONE" in out) == (0, True)
    assert "LIFTED" in run(APP.digest)[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nonsense",), 2),
        ((APP.digest, "--reason", "it leaks"), 2),
        (("--reason", "it leaks"), 2),
        ((APP.digest, "--approve", "RTR-x", "--dry-run"), 2),
        ((APP.digest, "--deny", "RTR-x"), 2),
        ((APP.digest, "--reinstate"), 2),
        ((APP.digest, "--force"), 2),
        ((APP.digest, "--place", "oci:/elsewhere", "--dry-run"), 10),
        ((APP.digest, "--place", "{release}", "--reason", "it leaks", "--force"), 10),
        ((OTHER.digest,), 12),
        (("sha256:" + "d" * 64, "--place", "{release}", "--dry-run"), 10),
        ((APP.digest, "--approve", "RTR-x"), 12),
    ],
)
def test_what_can_not_be_is_refused_with_its_code(
    words: tuple[str, ...], code: int, run: Run, release: ImageRef, store: OciLayout
) -> None:
    told = run(*(word.replace("{release}", release.place) for word in words), by="acme/anna")
    assert told[0] == code, told[2]
    assert "next:" in told[2]
    assert store.tags(release) == ("1", "other")


def test_nobody_acts_without_a_name(run: Run, release: ImageRef) -> None:
    code, _, err = run(APP.digest, "--place", release.place, "--reason", "it leaks")
    assert code == 2
    assert "identity_missing" in err


def test_nothing_asked_for_is_said_to_be_nothing(run: Run) -> None:
    code, out, _ = run()
    assert (code, out) == (0, "nothing was ever asked to be taken out of service\n")
