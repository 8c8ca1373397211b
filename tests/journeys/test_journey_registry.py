"""Whole journeys on the real registry with images that the real engine built and pushed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from index.index_server import IndexServer
from index.wheel_maker import WheelRecipe
from journeys.journey_world import ADVISORY, PINS, VULNERABLE, Yard, git_install, write_recording
from servers.certificates import Certificate
from servers.wheels import download_wheels

from gate.cli import main
from gate.http.client import HttpClient
from gate.model.image import ImageRef
from gate.registry.auth import NoCredentials
from gate.registry.remote import RemoteRegistry


@dataclass(frozen=True)
class Run:
    """What one command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.out)
        return data

    @property
    def codes(self) -> set[str]:
        return {reason["code"] for reason in self.json["reasons"] if reason["status"] in {"fail", "unknown"}}


@pytest.fixture
def gate(
    yard: Yard, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """Call the command line in this process, with a home of its own and advisories imported."""
    monkeypatch.setenv("GATE_HOME", str(home / "gate"))
    monkeypatch.setenv("GATE_POLICY", str(yard.policy))
    monkeypatch.setenv("GATE_DEFENDER_RECORDING", str(tmp_path / "defender.json"))
    (tmp_path / "osv.jsonl").write_text(json.dumps(ADVISORY) + "\n")
    (tmp_path / "requirements.txt").write_text("\n".join(PINS) + "\n")

    def call(*words: str) -> Run:
        capfd.readouterr()
        code = main(list(words))
        out, err = capfd.readouterr()
        return Run(code, out, err)

    assert call("data", "import", "osv-pypi", str(tmp_path / "osv.jsonl")).code == 0
    return call


@pytest.fixture
def evaluate(gate: Callable[..., Run], yard: Yard, tmp_path: Path) -> Callable[..., Run]:
    def call(repository: str, digest: str, *words: str, tag: str = "1") -> Run:
        if digest:
            write_recording(tmp_path / "defender.json", digest)
        name = f"{yard.host}/staging/{repository}:{tag}"
        definition = str(tmp_path / "requirements.txt")
        return gate("evaluate", name, "--environment", definition, "--format", "json", *words)

    return call


def store() -> RemoteRegistry:
    return RemoteRegistry(HttpClient(), NoCredentials())


def tags(yard: Yard, place: str) -> tuple[str, ...]:
    return store().tags(ImageRef.of_place(f"{yard.host}/{place}"))


@pytest.fixture(scope="session")
def complying(yard: Yard) -> str:
    return yard.build("complying", install=f"--no-index --find-links /wheels {' '.join(PINS)}")


def test_a_complying_image_is_promoted_with_an_identical_digest_and_can_be_pulled(
    yard: Yard, complying: str, evaluate: Callable[..., Run], gate: Callable[..., Run]
) -> None:
    digest = yard.push(complying, "good")
    run = evaluate("good", digest)
    assert (run.code, run.json["outcome"]) == (0, "promote"), run.out + run.err
    released = ImageRef.of_place(f"{yard.host}/release/good", tag="1")
    assert store().resolve(released) == digest == run.json["digest"]
    image = yard.engine.image_id(complying)
    yard.engine.remove(complying, f"{yard.host}/staging/good:1")
    assert yard.engine.pull(f"{yard.host}/release/good:1") == image
    yard.engine.docker("tag", f"{yard.host}/release/good:1", complying)
    assert gate("audit", "verify").code == 0
    again = evaluate("good", digest)
    assert (again.code, again.json["receipt"]["already_there"]) == (0, True)


def test_an_image_without_proof_of_scan_is_held_and_stays(
    yard: Yard, complying: str, evaluate: Callable[..., Run], tmp_path: Path
) -> None:
    yard.push(complying, "unscanned")
    write_recording(tmp_path / "defender.json", "sha256:" + "0" * 64)
    run = evaluate("unscanned", "")
    assert (run.code, run.json["outcome"]) == (11, "hold")
    assert run.codes == {"not_scanned"}
    assert tags(yard, "staging/unscanned") == ("1",)
    assert tags(yard, "release/unscanned") == ()


def discarded(yard: Yard, run: Run, repository: str, digest: str) -> None:
    """See that the image is gone from staging, by tag and digest, and never came to the release repository."""
    assert (run.code, run.json["outcome"]) == (10, "discard"), run.out + run.err
    assert tags(yard, f"staging/{repository}") == ()
    assert tags(yard, f"release/{repository}") == ()
    registry = HttpClient()
    for place in ("staging", "release"):
        url = f"http://{yard.host}/v2/{place}/{repository}/manifests/{digest}"
        assert registry.request("GET", url, accept={404}).status == 404


def test_a_package_out_of_git_is_discarded(
    yard: Yard, evaluate: Callable[..., Run], tmp_path: Path, tls_certificate: Certificate
) -> None:
    tree = git_install(tmp_path, tls_certificate)
    local = yard.build("git", install=f"--no-index --find-links /wheels {PINS[0]}", files={"tree": tree})
    digest = yard.push(local, "git")
    run = evaluate("git", digest)
    discarded(yard, run, "git", digest)
    assert "direct_url" in run.codes
    assert run.json["requests"]


def test_a_name_that_pypi_does_not_have_out_of_a_second_index_is_discarded(
    yard: Yard, evaluate: Callable[..., Run]
) -> None:
    wheel = WheelRecipe(name="gate_journey_private_zzq", version="1.0")
    with IndexServer() as index:
        index.publish("gate-journey-private-zzq", wheel.filename, wheel.build_bytes())
        install = f"--index-url {index.root}/simple/ gate-journey-private-zzq==1.0"
        local = yard.build("unknown", install=install, network="host")
    digest = yard.push(local, "unknown")
    run = evaluate("unknown", digest)
    discarded(yard, run, "unknown", digest)
    assert "no_such_project" in run.codes


def test_a_name_and_version_of_pypi_with_other_bytes_is_discarded(yard: Yard, evaluate: Callable[..., Run]) -> None:
    wheel = WheelRecipe(name="six", version="1.17.0", tag="py2.py3-none-any", files={"six.py": b"evil = 1\n"})
    with IndexServer() as index:
        index.publish("six", wheel.filename, wheel.build_bytes())
        install = f"--index-url {index.root}/simple/ six==1.17.0"
        local = yard.build("other-bytes", install=install, network="host")
    digest = yard.push(local, "other-bytes")
    run = evaluate("other-bytes", digest)
    discarded(yard, run, "other-bytes", digest)
    assert run.codes & {"metadata_differs", "record_differs"}


def test_a_vulnerable_pin_is_discarded(yard: Yard, evaluate: Callable[..., Run], tmp_path: Path) -> None:
    download_wheels(tmp_path / "house", VULNERABLE)
    local = yard.build(
        "vulnerable", install=f"--no-index --find-links / {VULNERABLE}", files={"house": tmp_path / "house"}
    )
    digest = yard.push(local, "vulnerable")
    run = evaluate("vulnerable", digest)
    discarded(yard, run, "vulnerable", digest)
    assert "vulnerable" in run.codes


def test_a_dry_run_decides_is_on_record_and_touches_no_registry(
    yard: Yard, complying: str, evaluate: Callable[..., Run], gate: Callable[..., Run]
) -> None:
    digest = yard.push(complying, "dry")
    before = gate("audit", "list").out
    run = evaluate("dry", digest, "--dry-run")
    assert (run.code, run.json["state"], run.json["outcome"]) == (0, "dry_run", "promote")
    assert tags(yard, "release/dry") == ()
    assert tags(yard, "staging/dry") == ("1",)
    after = gate("audit", "list").out
    assert after.startswith(before.rstrip("\n"))
    assert after.removeprefix(before.rstrip("\n")).count("dry_run") == 1
    assert gate("audit", "verify").code == 0


def test_a_tag_that_does_not_exist_changes_nothing_and_is_on_record(
    yard: Yard, evaluate: Callable[..., Run], gate: Callable[..., Run]
) -> None:
    run = evaluate("nothing", "")
    assert run.code == 12
    assert "error[" in run.err
    assert "Traceback" not in run.err
    assert "failed" in gate("audit", "list").out
    assert tags(yard, "release/nothing") == ()


def test_an_image_outside_staging_is_refused(yard: Yard, gate: Callable[..., Run], tmp_path: Path) -> None:
    definition = str(tmp_path / "requirements.txt")
    run = gate("evaluate", f"{yard.host}/elsewhere/app:1", "--environment", definition)
    assert run.code == 12
    assert "not_staging" in run.err
