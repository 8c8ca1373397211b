"""The pipeline steps' own shell, run against a live service: the right exit code and a summary, whatever happens."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from service.live import Live, free_port, live_service

PIPELINES = Path(__file__).parents[2] / "pipelines"
LONGEST_USE = 10


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("live")) as service:
        yield service


def azure() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PIPELINES / "azure-devops.yml").read_text())
    return loaded


def github() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PIPELINES / "action.yml").read_text())
    return loaded


def scripts() -> list[tuple[str, str]]:
    return [("azure", azure()["steps"][0]["bash"]), ("github", github()["runs"]["steps"][0]["run"])]


def step(live: Live, script: str, folder: Path, image: str, **inputs: str) -> tuple[int, str, str]:
    """Run a step's shell as its agent would; return exit code, output and summary."""
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "AGENT_TEMPDIRECTORY": str(folder),
        "RUNNER_TEMP": str(folder),
        "GITHUB_STEP_SUMMARY": str(folder / "github.md"),
        "GITHUB_OUTPUT": str(folder / "outputs"),
        "INPUT_IMAGE": image,
        "INPUT_ENVIRONMENT": str(live.environment),
        "INPUT_SERVER": live.url,
        "INPUT_DEADLINE": "60",
        "INPUT_PACKAGE": "gate==0.1.0",
        "GATE_BOUND_HTTP_ATTEMPTS": "1",
        **inputs,
    }
    done = subprocess.run(
        ["/bin/bash", "-c", script], env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    summary = folder / "gate-summary.md"
    return done.returncode, done.stdout + done.stderr, summary.read_text() if summary.exists() else ""


@pytest.mark.parametrize(("name", "script"), scripts())
def test_a_promoted_image_lets_the_job_go_on(live: Live, tmp_path: Path, name: str, script: str) -> None:
    live.push(f"good-{name}")
    code, output, summary = step(live, script, tmp_path, f"oci:{live.staging}:good-{name}")
    assert code == 0, output
    assert "## gate: promoted" in summary
    assert (live.release / "index.json").exists()
    shown = (tmp_path / "github.md").read_text() if name == "github" else output
    assert "gate: promoted" in shown or "task.uploadsummary" in shown


@pytest.mark.parametrize(("name", "script"), scripts())
def test_a_discarded_image_fails_the_job_with_its_reasons(live: Live, tmp_path: Path, name: str, script: str) -> None:
    live.push(f"bad-{name}", private=True)
    code, output, summary = step(live, script, tmp_path, f"oci:{live.staging}:bad-{name}")
    assert code == 10
    assert "## gate: discarded" in summary
    assert "gate exception request --for EXR-" in summary
    assert "exit code 10" in output


@pytest.mark.parametrize(("name", "script"), scripts())
def test_a_held_image_fails_the_job_as_held(live: Live, tmp_path: Path, name: str, script: str) -> None:
    live.push(f"held-{name}", scanned=False)
    code, _, summary = step(live, script, tmp_path, f"oci:{live.staging}:held-{name}")
    assert code == 11
    assert "## gate: held" in summary


@pytest.mark.parametrize(("name", "script"), scripts())
def test_a_service_that_is_not_there_never_lets_the_job_go_on(
    live: Live, tmp_path: Path, name: str, script: str
) -> None:
    server = f"http://127.0.0.1:{free_port()}"
    code, output, summary = step(live, script, tmp_path, f"oci:{live.staging}:{name}", INPUT_SERVER=server)
    assert code == 12
    assert summary == ""
    assert "Traceback" not in output


@pytest.mark.parametrize(("name", "script"), scripts())
def test_an_image_that_is_not_there_fails_the_job(live: Live, tmp_path: Path, name: str, script: str) -> None:
    code, output, _ = step(live, script, tmp_path, f"oci:{live.staging}:nothing-{name}")
    assert code == 12
    assert "tag_absent" in output


@pytest.mark.parametrize("name", ["azure-devops.yml", "action.yml"])
def test_using_a_step_takes_at_most_ten_lines(name: str) -> None:
    comments = [line for line in (PIPELINES / name).read_text().splitlines() if line.startswith("#   ")]
    assert 0 < len(comments) <= LONGEST_USE


@pytest.mark.skipif("GATE_DATA" not in os.environ, reason="the official schemas lie in GATE_DATA, which is not set")
def test_the_steps_are_valid_by_the_official_schemas() -> None:
    schemas = Path(os.environ["GATE_DATA"]) / "schemas"

    def validate(document: dict[str, Any], name: str) -> None:
        schema = json.loads(gzip.decompress((schemas / name).read_bytes()))
        jsonschema.validators.validator_for(schema)(schema).validate(document)

    validate(github(), "github-action.json.gz")
    validate(azure(), "azure-pipelines.json.gz")
