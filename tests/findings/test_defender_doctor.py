"""`gate doctor` through the real command line, against the simulated Azure: every failure has its mend and its code."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure_world import sim_rows
from azure_world.sim_gate import NOW, settings
from azure_world.sim_state import ACR_PULL, REPOSITORY_READER, SECURITY_READER, AzureWorld, plan
from jsonschema import Draft202012Validator

from gate.cli import main
from gate.doctor import Diagnosis, diagnose, render_text
from gate.errors import UpstreamError
from gate.findings.defender.preflight import CHECKS, Preflight
from gate.policy.schema import DefenderPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "doctor-1.schema.json"
CANARY = "sha256:" + "c" * 64
SCANS, ARTIFACTS = "ContainerRegistriesVulnerabilityAssessments", "ContainerIntegrityContribution"
ABAC = "AbacRepositoryPermissions"


@pytest.fixture
def run(
    azure: AzureWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any]]]:
    def call(**more: str) -> tuple[int, dict[str, Any]]:
        for key, value in settings(azure, **more).items():
            monkeypatch.setenv(key, value)
        code = main(["doctor", "--format", "json"])
        shown: dict[str, Any] = json.loads(capsys.readouterr().out)
        Draft202012Validator(json.loads(SCHEMA.read_text())).validate(shown)
        return code, shown

    return call


def red(shown: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["status"] for check in shown["checks"] if check["state"]}


def test_all_in_order_is_green_and_exits_zero(run: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    code, shown = run(GATE_DEFENDER_CANARY=CANARY)
    assert (code, shown["green"], red(shown)) == (0, True, {})
    assert {check["id"] for check in shown["checks"]} == {*CHECKS, "signers"}


BROKEN: dict[str, tuple[Callable[[AzureWorld], object], str]] = {
    "plan": (lambda world: world.plans.update(Containers=plan("Free")), "failed"),
    "provider": (lambda world: setattr(world, "provider", "NotRegistered"), "failed"),
    "tenant": (lambda world: setattr(world, "subscription_state", "Disabled"), "failed"),
    "registry-visible": (lambda world: setattr(world.faults, "registry_hidden", True), "failed"),
    "security-reader": (lambda world: setattr(world, "permissions", [ACR_PULL]), "failed"),
    "registry-reader": (lambda world: setattr(world, "permissions", [SECURITY_READER]), "failed"),
    "quarantine": (
        lambda world: world.registry.update(policies={"quarantinePolicy": {"status": "enabled"}}),
        "failed",
    ),
    "network": (
        lambda world: world.registry.update(publicNetworkAccess="Disabled", networkRuleBypassOptions="None"),
        "failed",
    ),
    "canary": (lambda world: setattr(world, "assessments", [sim_rows.individual("sha256:" + "d" * 64)]), "failed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_thing_that_is_off_is_named_with_its_mend_and_nothing_else(
    name: str, azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    BROKEN[name][0](azure)
    code, shown = run(GATE_DEFENDER_CANARY=CANARY)
    assert (code, shown["green"], red(shown)) == (11, False, {name: BROKEN[name][1]})
    found = next(check for check in shown["checks"] if check["id"] == name)
    assert found["mend"] == CHECKS[name].mend.replace("{subject}", found["subject"]) != ""
    assert found["detail"]


def test_hidden_rows_are_a_lack_of_permission_and_not_a_subscription_without_findings(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    azure.faults.hidden = True
    code, shown = run()
    assert (code, red(shown)) == (11, {"rows-visible": "failed"})


def test_findings_that_are_not_signed_are_a_warning_and_no_failure(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    azure.plans = {"Containers": plan(**{SCANS: "True", ARTIFACTS: "False"}), "CloudPosture": plan("Free")}
    code, shown = run()
    assert (code, red(shown)) == (0, {})
    warned = {check["id"] for check in shown["checks"] if check["status"] == "warn"}
    assert warned == {"artifacts", "signers"}


def test_the_other_plan_scans_registries_too(azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    azure.plans = {"Containers": plan("Free"), "CloudPosture": plan(**{SCANS: "True"})}
    assert run()[0] == 0


@pytest.mark.parametrize(
    ("mode", "permissions", "sound"),
    [
        ("LegacyRegistryPermissions", [SECURITY_READER, ACR_PULL], True),
        ("LegacyRegistryPermissions", [SECURITY_READER, REPOSITORY_READER], False),
        (ABAC, [SECURITY_READER, REPOSITORY_READER], True),
        (ABAC, [SECURITY_READER, ACR_PULL], False),
    ],
)
def test_roles_count_by_the_kind_that_the_registry_honours(
    mode: str,
    permissions: list[dict[str, Any]],
    sound: bool,
    azure: AzureWorld,
    run: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    azure.registry["roleAssignmentMode"] = mode
    azure.permissions = permissions
    assert red(run()[1]) == ({} if sound else {"registry-reader": "failed"})


def test_a_cloud_that_does_not_tell_the_kind_of_roles_is_asked_in_its_own_version_and_warned_of(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    azure.registry_apis = ("2023-07-01",)
    del azure.registry["roleAssignmentMode"]
    code, shown = run()
    assert (code, red(shown)) == (0, {})
    assert next(check for check in shown["checks"] if check["id"] == "registry-reader")["status"] == "warn"
    azure.permissions = [SECURITY_READER]
    assert red(run()[1]) == {"registry-reader": "failed"}


def test_an_action_that_is_taken_out_again_is_not_allowed(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    azure.permissions = [{**SECURITY_READER, "notActions": ["microsoft.security/assessments/*"]}, ACR_PULL]
    assert red(run()[1]) == {"security-reader": "failed"}


def test_what_could_not_be_asked_is_unknown_and_exits_twelve(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    azure.faults.not_json = True
    code, shown = run()
    assert (code, shown["green"]) == (12, False)
    assert set(red(shown).values()) == {"unknown"}


def test_what_azure_refuses_to_say_is_mended_by_roles_and_not_by_switching_something_on(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    azure.faults.status = 403
    code, shown = run(GATE_DEFENDER_CANARY=CANARY)
    assert code == 11
    mends = {check["id"]: check["mend"] for check in shown["checks"] if check["state"]}
    assert {"tenant", "provider", "plan", "registry-visible", "rows-visible", "canary"} == set(mends)
    assert all("Reader" in mend for mend in mends.values())
    assert not any("switch" in mends[name] or "register" in mends[name] for name in ("provider", "plan", "canary"))


def test_what_can_not_be_asked_is_mended_by_asking_again(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    azure.faults.status = 500
    code, shown = run()
    assert code == 12
    assert {check["mend"][:9] for check in shown["checks"] if check["status"] == "unknown"} == {"try again"}


def test_who_is_not_signed_in_learns_nothing_more_and_every_check_says_so(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    code, shown = run(AZURE_CLIENT_SECRET="wrong")  # noqa: S106 - what is refused
    assert code == 11
    statuses = red(shown)
    assert statuses.pop("sign-in") == "failed"
    assert set(statuses.values()) == {"skipped"}
    assert "wrong" not in json.dumps(shown)
    assert not azure.bearers


def test_a_subscription_of_another_tenant_is_named(
    azure: AzureWorld, run: Callable[..., tuple[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    del monkeypatch
    azure.tokens_for = "11111111-2222-4333-8444-555555555555"
    code, shown = run()
    assert code == 11
    assert "tenant" in red(shown)


def test_without_a_registry_nothing_is_asked_and_the_mend_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GATE_DEFENDER_REGISTRIES", raising=False)
    assert main(["doctor"]) == 11
    shown = capsys.readouterr().out
    assert "next: set GATE_DEFENDER_REGISTRIES" in shown
    assert shown.endswith("not in order: every image is held\n")


def test_a_recording_beside_the_live_source_is_refused(
    azure: AzureWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for key, value in settings(azure, GATE_DEFENDER_RECORDING=str(tmp_path / "r.json")).items():
        monkeypatch.setenv(key, value)
    assert main(["doctor"]) == 2
    assert "both set" in capsys.readouterr().err
    assert not azure.asked


def test_the_schema_is_that_of_the_report() -> None:
    made = Diagnosis.model_json_schema(by_alias=True, mode="serialization")
    assert json.loads(SCHEMA.read_text()) == {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def test_a_diagnosis_that_breaks_off_is_no_green_one_and_shows_no_secret() -> None:
    def ask(now: datetime) -> Preflight:
        message = f"no answer at {now:%Y} from https://user:hush@arm.example/?sig=hush"
        raise UpstreamError(message)

    told = diagnose(ask, DefenderPolicy(scanners=("acme/scanner",)), now=NOW)
    assert (told.exit_code, told.green) == (12, False)
    shown = render_text(told)
    assert "? sign-in:" in shown
    assert "hush" not in shown
    assert shown.endswith("not in order: every image is held\n")


def test_the_text_names_each_check_once_with_its_subject_and_says_that_all_is_well(
    azure: AzureWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, value in settings(azure).items():
        monkeypatch.setenv(key, value)
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n+ plan: ") == 1
    assert shown.endswith("\nin order\n")
