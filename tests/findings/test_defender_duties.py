"""`gate doctor` on the identities that scan, promote, discard and retire: what is missing, and what too much."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure_world.sim_gate import settings
from azure_world.sim_state import (
    ACR_PULL,
    REGISTRY_ID,
    REPOSITORY_READER,
    SECURITY_READER,
    AzureWorld,
    allowance,
    registry_properties,
)

from gate.cli import main
from gate.findings.defender.preflight import CHECKS, DUTY_CHECKS
from gate.findings.defender.rights import NEEDS, Duty

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, dict[str, dict[str, Any]]]]

ROOT = Path(__file__).resolve().parents[2]
RELEASE_ID = REGISTRY_ID.replace("gatestaging", "gaterelease")
RELEASE = "gaterelease.azurecr.io"
ABAC = "AbacRepositoryPermissions"
_REPOSITORIES = "Microsoft.ContainerRegistry/registries/repositories"
ACR_PUSH = allowance(
    "Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write"
)
ACR_DELETE = allowance("Microsoft.ContainerRegistry/registries/artifacts/delete")
LOCKER = allowance("Microsoft.ContainerRegistry/registries/metadata/write")
WRITER = allowance(
    data=(f"{_REPOSITORIES}/content/read", f"{_REPOSITORIES}/content/write", f"{_REPOSITORIES}/metadata/*")
)
CONTRIBUTOR = allowance(data=(f"{_REPOSITORIES}/content/*", f"{_REPOSITORIES}/metadata/*"))
OWNER = allowance("*")
IMPORTER = allowance("Microsoft.ContainerRegistry/registries/importImage/action")
PROMOTER = ([ACR_PULL], [ACR_PUSH, LOCKER])
DISCARDER: tuple[list[Any], list[Any]] = ([ACR_PULL, ACR_DELETE], [])


@pytest.fixture
def run(azure: AzureWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Ask as one identity: what it may do in staging and in release, and which duties are its own."""

    def call(
        staging: list[Any],
        release: list[Any],
        *duties: str,
        unlock: bool = False,
        style: str = "json",
        importer: tuple[list[Any], list[Any]] = ([IMPORTER], [IMPORTER]),
        **more: str,
    ) -> tuple[int, dict[str, dict[str, Any]]]:
        azure.permissions = staging + importer[0]
        mode, policies = azure.registry["roleAssignmentMode"], azure.registry["policies"]
        other = registry_properties(RELEASE, roleAssignmentMode=mode, policies=policies)
        azure.others = {RELEASE_ID: (other, release + importer[1])}
        policy = folder(tmp_path, azure.registry["loginServer"], unlock=unlock)
        host = azure.registry["loginServer"]
        if "127.0.0.1" in host:  # a login server of Azure's has a name; only Resource Manager is asked here
            azure.registry["loginServer"] = "gatestaging.azurecr.io"
            policy = folder(tmp_path, "gatestaging.azurecr.io", unlock=unlock)
        imports = f"gatestaging.azurecr.io={REGISTRY_ID} {RELEASE}={RELEASE_ID}"
        acr = {"GATE_ACR_HOSTS": f"gatestaging.azurecr.io {RELEASE}", "GATE_ACR_IMPORT": imports}
        for key, value in settings(azure, **(acr | more)).items():
            monkeypatch.setenv(key, value)
        words = [word for duty in duties for word in ("--duty", duty)]
        code = main(["doctor", "--format", style, "--policy", str(policy), *words])
        shown = json.loads(capsys.readouterr().out)
        return code, {check["id"] + "@" + check["subject"]: check for check in shown["checks"]}

    return call


def folder(root: Path, staging: str, *, unlock: bool = False, release: str = RELEASE) -> Path:
    """Write a policy that releases from one registry to the other."""
    made = root / "policy"
    shutil.rmtree(made, ignore_errors=True)
    for name in ("allowlist", "exceptions"):
        shutil.copytree(ROOT / name, made / name)
    text = (made / "allowlist" / "policy.yaml").read_text()
    assert "\npromotion: []\n" in text
    places = f'\npromotion:\n  - staging: "{staging}/staging"\n    release: "{release}/models"\n'
    (made / "allowlist" / "policy.yaml").write_text(
        text.replace("\npromotion: []\n", places).replace("unlock: false", f"unlock: {str(unlock).lower()}")
    )
    return made


def status(shown: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name.partition("@")[0]: check["status"] for name, check in shown.items()}


def failed(shown: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, check in shown.items() if check["status"] == "failed"}


def test_three_identities_with_least_rights_are_in_order_each_for_its_own_duty(run: Run) -> None:
    for duty, (staging, release) in (
        ("promote", PROMOTER),
        ("discard", DISCARDER),
        ("scan", ([SECURITY_READER, ACR_PULL], [])),
        ("retire", ([], [ACR_PULL, ACR_DELETE, LOCKER])),
    ):
        code, shown = run(staging, release, duty)
        assert (code, failed(shown)) == (0, set()), duty
        assert status(shown)["duties-apart"] == "ok"


MISSING = {
    "promote-staging-read@gatestaging.azurecr.io": ("promote", [], [ACR_PUSH, LOCKER], "AcrPull"),
    f"promote-release-read@{RELEASE}": (
        "promote",
        [ACR_PULL],
        [allowance("Microsoft.ContainerRegistry/registries/push/write"), LOCKER],
        "AcrPull",
    ),
    f"promote-release-write@{RELEASE}": ("promote", [ACR_PULL], [ACR_PULL, LOCKER], "AcrPush"),
    f"promote-release-lock@{RELEASE}": ("promote", [ACR_PULL], [ACR_PUSH], "registries/metadata/write"),
    "discard-staging-read@gatestaging.azurecr.io": ("discard", [ACR_DELETE], [], "AcrPull"),
    "discard-staging-delete@gatestaging.azurecr.io": ("discard", [ACR_PULL], [], "AcrDelete"),
    f"retire-release-delete@{RELEASE}": ("retire", [], [ACR_PULL, LOCKER], "AcrDelete"),
    f"retire-release-lock@{RELEASE}": ("retire", [], [ACR_PULL, ACR_DELETE], "registries/metadata/write"),
}


@pytest.mark.parametrize("name", MISSING)
def test_each_right_that_is_missing_is_named_with_its_registry_and_the_role_that_grants_it(name: str, run: Run) -> None:
    duty, staging, release, role = MISSING[name]
    code, shown = run(staging, release, duty)
    assert (code, failed(shown)) == (11, {name})
    check = shown[name]
    assert role in check["mend"]
    assert "attribute-based access: Container Registry Repository" in check["mend"]
    assert "not allowed" in check["detail"]
    assert check["state"] is None


def test_in_a_registry_with_attribute_based_access_the_classic_roles_count_for_nothing(
    azure: AzureWorld, run: Run
) -> None:
    azure.registry["roleAssignmentMode"] = ABAC
    code, shown = run([ACR_PULL, ACR_DELETE], [ACR_PUSH, LOCKER, OWNER], "promote", "discard")
    assert code == 11
    assert {name.partition("@")[0] for name in failed(shown)} == {
        one for one in NEEDS if not one.startswith("retire-") and one != "discard-staging-lock"
    }
    assert run([CONTRIBUTOR], [WRITER], "promote", "discard")[0] == 0
    code, shown = run([REPOSITORY_READER], [REPOSITORY_READER], "promote")
    assert failed(shown) == {f"promote-release-write@{RELEASE}", f"promote-release-lock@{RELEASE}"}


def test_a_right_under_a_condition_is_a_warning_for_nobody_works_it_out(azure: AzureWorld, run: Run) -> None:
    azure.registry["roleAssignmentMode"] = ABAC
    narrowed = {**WRITER, "condition": "@Request[…repositories:name] StringStartsWith 'models/'"}
    code, shown = run([REPOSITORY_READER], [narrowed], "promote")
    assert code == 0
    assert status(shown)["promote-release-write"] == "warn"
    assert "under a condition" in shown[f"promote-release-write@{RELEASE}"]["detail"]


@pytest.mark.parametrize(
    ("duty", "staging", "release", "said"),
    [
        ("scan", [SECURITY_READER, ACR_PUSH], [], "write in the staging place"),
        ("scan", [SECURITY_READER, ACR_PULL], [ACR_DELETE], "delete in the release place"),
        ("promote", [ACR_PULL, ACR_DELETE], [ACR_PUSH, LOCKER], "delete in the staging place"),
        ("discard", [ACR_PULL, ACR_DELETE], [ACR_DELETE], "delete in the release place"),
        ("discard", [OWNER], [OWNER], "write in the release place"),
    ],
)
def test_an_identity_that_may_do_more_than_its_duty_is_warned_of(
    duty: str, staging: list[Any], release: list[Any], said: str, run: Run
) -> None:
    code, shown = run(staging, release, duty)
    assert code == 0
    assert shown["duties-apart@"]["status"] == "warn"
    assert said in shown["duties-apart@"]["detail"]
    assert "gate doctor --duty" in shown["duties-apart@"]["mend"]


def test_one_identity_for_all_is_asked_for_all_and_warned_of(run: Run) -> None:
    code, shown = run([SECURITY_READER, ACR_PULL, ACR_DELETE], [ACR_PUSH, LOCKER])
    assert code == 0
    assert {name.partition("@")[0] for name in shown} == {
        one
        for one in (*CHECKS, *DUTY_CHECKS, "signers")
        if not one.startswith("retire-") and one not in {"canary", "duty-registry", "discard-staging-lock"}
    }
    assert "discard, promote, scan" in shown["duties-apart@"]["detail"]


def test_lifting_locks_is_asked_for_where_policy_has_them_lifted(run: Run) -> None:
    assert failed(run(*DISCARDER, "discard", unlock=True)[1]) == {"discard-staging-lock@gatestaging.azurecr.io"}
    assert run([*DISCARDER[0], LOCKER], [], "discard", unlock=True)[0] == 0


def test_who_does_not_scan_is_asked_nothing_about_scans_and_needs_no_security_reader(
    azure: AzureWorld, run: Run
) -> None:
    azure.faults.hidden = True
    code, shown = run(*PROMOTER, "promote")
    assert code == 0
    assert {name.partition("@")[0] for name in shown} & (set(CHECKS) | {"signers"}) == {"configured", "sign-in"}
    assert azure.queries == []


def test_a_registry_that_can_not_be_read_is_no_registry_in_order(azure: AzureWorld, run: Run) -> None:
    azure.faults.status = 403
    code, shown = run(*PROMOTER, "promote")
    assert code == 12, "what nobody can be asked about is unknown"
    registry = shown[f"duty-registry@{RELEASE_ID}"]
    assert registry["status"] == "failed"
    assert "role Reader" in registry["mend"]
    assert "promote-release-write" not in status(shown)


def test_a_registry_of_azures_without_a_resource_id_is_unknown_and_another_is_left_alone(run: Run) -> None:
    code, shown = run(*PROMOTER, "promote", GATE_ACR_IMPORT="")
    assert code == 12
    assert shown[f"duty-registry@{RELEASE}"]["status"] == "unknown"
    assert "GATE_ACR_IMPORT" in shown[f"duty-registry@{RELEASE}"]["mend"]
    code, shown = run(*PROMOTER, "promote", GATE_ACR_IMPORT="", GATE_ACR_HOSTS="gatestaging.azurecr.io")
    assert (code, shown[f"duty-registry@{RELEASE}"]["status"]) == (0, "skipped")


def test_a_registry_that_does_not_say_which_roles_it_honours_is_not_taken_for_either(
    azure: AzureWorld, run: Run
) -> None:
    azure.registry["roleAssignmentMode"] = ""
    assert status(run(*PROMOTER, "promote")[1])["promote-release-write"] == "warn"
    assert status(run([ACR_PULL, WRITER], [ACR_PUSH, LOCKER, WRITER], "promote")[1])["promote-release-write"] == "ok"
    assert status(run([], [], "promote")[1])["promote-release-write"] == "failed"


def test_who_is_not_signed_in_learns_nothing_of_rights(azure: AzureWorld, run: Run) -> None:
    code, shown = run(*PROMOTER, "promote", AZURE_CLIENT_SECRET="wrong")  # noqa: S106 - what is refused
    assert code == 11
    assert status(shown) == {"configured": "ok", "sign-in": "failed", "duty-registry": "skipped"}
    assert not azure.bearers


def test_every_need_has_a_title_a_mend_and_both_kinds_of_roles() -> None:
    assert {need.duty for need in NEEDS.values()} == set(Duty) - {Duty.SCAN}
    for name, need in NEEDS.items():
        meaning = DUTY_CHECKS[name]
        assert need.right.classic_role in meaning.mend
        assert need.right.abac_role in meaning.mend
        assert meaning.state is None
