"""The steps that hand a scan in, and those that submit with a token, against a service that takes tokens."""

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
from azure_world.sim_tokens import ALICE
from fastapi import FastAPI
from servers.certificates import Certificate
from servers.registry import RegistryServer
from service.inprocess import serving
from service.live import ground_in
from service.scanned import Scanned, report_on, scanned

PIPELINES = Path(__file__).parents[2] / "pipelines"
LONGEST_USE = 20


def load(name: str) -> Any:
    return yaml.safe_load((PIPELINES / name).read_text())


def scans() -> list[tuple[str, str]]:
    azure, github = load("azure-devops-scan.yml"), load("scan/action.yml")
    return [("azure", azure["steps"][0]["bash"]), ("github", github["runs"]["steps"][0]["run"])]


def evaluations() -> list[tuple[str, str]]:
    azure, github = load("azure-devops.yml"), load("action.yml")
    return [("azure", azure["steps"][0]["bash"]), ("github", github["runs"]["steps"][0]["run"])]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, registry: RegistryServer, tls_certificate: Certificate
) -> Iterator[Scanned]:
    with scanned(ground_in(tmp_path_factory.mktemp("scan-steps")), registry, tls_certificate) as made:
        yield made


@pytest.fixture(scope="module")
def server(world: Scanned) -> Iterator[str]:
    app = world.client.app
    assert isinstance(app, FastAPI)
    with serving(app) as address:
        yield address


def step(folder: Path, script: str, server: str, headers: dict[str, str], **inputs: str) -> tuple[int, str]:
    """Run a step's shell as its agent would; return exit code and output."""
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "AGENT_TEMPDIRECTORY": str(folder),
        "RUNNER_TEMP": str(folder),
        "GITHUB_STEP_SUMMARY": str(folder / "github.md"),
        "GITHUB_OUTPUT": str(folder / "outputs"),
        "INPUT_SERVER": server,
        "INPUT_DEADLINE": "60",
        "INPUT_PACKAGE": "gate==0.1.0",
        "GATE_SERVER_TOKEN": headers.get("Authorization", "").removeprefix("Bearer "),
        "GATE_BOUND_HTTP_ATTEMPTS": "1",
        **inputs,
    }
    done = subprocess.run(
        ["/bin/bash", "-c", script], env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "script"), scans())
def test_a_scanners_report_lets_the_release_go_on(
    world: Scanned, server: str, tmp_path: Path, name: str, script: str
) -> None:
    digest = world.push(f"step-{name}")
    report = tmp_path / "report.sarif"
    report.write_text(json.dumps(report_on(digest)))
    code, output = step(tmp_path, script, server, world.scanner, INPUT_REPORT=str(report), INPUT_DIGEST=digest)
    assert code == 0, output
    assert "PROVES A SCAN" in output

    submit = dict(evaluations())[name]
    inputs = {"INPUT_IMAGE": f"{world.host}/staging/app:step-{name}"}
    definition = {"INPUT_ENVIRONMENT": str(world.live.environment)}
    code, output = step(tmp_path, submit, server, world.pipeline, **inputs, **definition)
    assert code == 0, output
    assert "## gate: promoted" in (tmp_path / "gate-summary.md").read_text()


@pytest.mark.parametrize(("name", "script"), scans())
@pytest.mark.parametrize("lacking", ["scanner", "digest", "role", "token", "service"])
def test_a_report_that_proves_nothing_fails_the_job(  # noqa: PLR0917 - what is lacking, to whom, by which step
    world: Scanned, server: str, tmp_path: Path, lacking: str, name: str, script: str
) -> None:
    digest = "sha256:" + ("1" if name == "azure" else "2") * 64
    report = tmp_path / "report.sarif"
    report.write_text(json.dumps(report_on(digest if lacking != "digest" else "sha256:" + "3" * 64)))
    who = {"scanner": world.person(ALICE, "Gate.Scan"), "role": world.pipeline, "token": {}}.get(lacking, world.scanner)
    address = "http://127.0.0.1:1" if lacking == "service" else server
    code, output = step(tmp_path, script, address, who, INPUT_REPORT=str(report), INPUT_DIGEST=digest)
    assert code == (10 if lacking in {"scanner", "digest"} else 12), output
    assert f"(exit code {code})" in output
    assert "Traceback" not in output
    assert all(
        part not in output for part in who.get("Authorization", "Bearer x.y").split(" ")[1].split(".") if part[3:]
    )


@pytest.mark.parametrize(("name", "script"), evaluations())
def test_without_a_token_nothing_is_released(
    world: Scanned, server: str, tmp_path: Path, name: str, script: str
) -> None:
    digest = world.push(f"unproved-{name}")
    assert world.hand_in(digest, report_on(digest)).json()["counts"]
    inputs = {"INPUT_IMAGE": f"{world.host}/staging/app:unproved-{name}"}
    code, output = step(tmp_path, script, server, {}, INPUT_ENVIRONMENT=str(world.live.environment), **inputs)
    assert code == 12
    assert "claim_refused" in output
    assert not (tmp_path / "gate-summary.md").exists()


@pytest.mark.parametrize("name", ["azure-devops-scan.yml", "scan/action.yml"])
def test_using_a_scan_step_is_shown_in_a_few_lines_and_keeps_the_token_secret(name: str) -> None:
    text = (PIPELINES / name).read_text()
    comments = [line for line in text.splitlines() if line.startswith("#   ")]
    assert 0 < len(comments) <= LONGEST_USE
    assert "--token" not in text
    assert "issecret=true" in text or "::add-mask::" in text


@pytest.mark.skipif("GATE_DATA" not in os.environ, reason="the official schemas lie in GATE_DATA, which is not set")
def test_the_scan_steps_are_valid_by_the_official_schemas() -> None:
    schemas = Path(os.environ["GATE_DATA"]) / "schemas"
    for name, schema_name in (
        ("scan/action.yml", "github-action.json.gz"),
        ("azure-devops-scan.yml", "azure-pipelines.json.gz"),
    ):
        schema = json.loads(gzip.decompress((schemas / schema_name).read_bytes()))
        jsonschema.validators.validator_for(schema)(schema).validate(load(name))
