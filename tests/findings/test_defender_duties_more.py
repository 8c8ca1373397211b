"""`gate doctor` on what no role in a registry tells: what deleting leaves, and whether Azure may bring images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure_world.sim_state import allowance
from findings.test_defender_duties import (
    DISCARDER,
    IMPORTER,
    PROMOTER,
    RELEASE,
    failed,
    status,
)
from findings.test_defender_duties import run as run  # noqa: PLC0414 - a fixture is used by its name

if TYPE_CHECKING:
    from azure_world.sim_state import AzureWorld
    from findings.test_defender_duties import Run

STAGING = "gatestaging.azurecr.io"
RETIRER: tuple[list[Any], list[Any]] = ([], [*DISCARDER[0], *PROMOTER[1]])


def keeps(azure: AzureWorld, soft: object) -> None:
    """Have both registries say this of their soft delete."""
    azure.registry["policies"] = {**azure.registry["policies"], "softDeletePolicy": soft}


@pytest.mark.parametrize(
    ("importer", "missing"),
    [
        (([], [IMPORTER]), {STAGING}),
        (([IMPORTER], []), {RELEASE}),
        (([], []), {STAGING, RELEASE}),
        (([IMPORTER], [allowance("*", taken=tuple(IMPORTER["actions"]))]), {RELEASE}),
        (([IMPORTER], [allowance("*")]), set()),
    ],
)
def test_azure_brings_images_only_for_who_has_the_role_on_both_registries(
    run: Run, importer: tuple[list[object], list[object]], missing: set[str]
) -> None:
    code, shown = run(*PROMOTER, "promote", importer=importer)
    assert (code, failed(shown)) == (11 if missing else 0, {f"promote-import@{host}" for host in missing})
    for host in missing:
        assert IMPORTER["actions"][0] in shown[f"promote-import@{host}"]["detail"]
        assert "Container Registry Data Importer and Data Reader" in shown[f"promote-import@{host}"]["mend"]


def test_a_role_for_imports_under_a_condition_is_a_warning(run: Run) -> None:
    narrowed = {**IMPORTER, "condition": "@Request[…]"}
    code, shown = run(*PROMOTER, "promote", importer=([IMPORTER], [narrowed]))
    assert (code, shown[f"promote-import@{RELEASE}"]["status"]) == (0, "warn")
    assert shown[f"promote-import@{STAGING}"]["status"] == "ok"


def test_nobody_is_asked_for_a_role_that_nothing_needs(run: Run) -> None:
    """Who only discards imports nothing, and without GATE_ACR_IMPORT images go through the gate."""
    assert "promote-import" not in status(run(*DISCARDER, "discard", importer=([], []))[1])
    assert "promote-import" not in status(run(*PROMOTER, "promote", importer=([], []), GATE_ACR_IMPORT="")[1])


@pytest.mark.parametrize(
    ("soft", "detail"),
    [
        ({"status": "disabled", "retentionDays": 7}, ""),
        ({"status": "enabled", "retentionDays": 7}, "soft delete keeps what is deleted for 7 days"),
        ({"status": "enabled", "retentionDays": 0}, "the registry does not say whether soft delete is on"),
        ({}, "the registry does not say whether soft delete is on"),
    ],
)
@pytest.mark.parametrize("duty", ["discard", "retire"])
def test_who_deletes_is_told_what_that_leaves(
    azure: AzureWorld, run: Run, duty: str, soft: object, detail: str
) -> None:
    keeps(azure, soft)
    code, shown = run(*(DISCARDER if duty == "discard" else RETIRER), duty)
    check = shown[f"soft-delete@{STAGING if duty == 'discard' else RELEASE}"]
    said = "warn" if detail else "ok"
    assert (code, check["status"], check["detail"]) == (0, said, detail), "it keeps nobody from deleting"
    assert ("deleted is not erased" in check["mend"]) == bool(detail)
    assert sum(name.startswith("soft-delete@") for name in shown) == 1


def test_a_cloud_that_does_not_know_the_preview_is_not_taken_for_one_without_soft_delete(
    azure: AzureWorld, run: Run
) -> None:
    keeps(azure, {"status": "disabled"})
    azure.registry_apis = ("2025-04-01", "2023-07-01")
    code, shown = run(*DISCARDER, "discard")
    assert (code, shown[f"soft-delete@{STAGING}"]["status"]) == (0, "warn")


def test_who_only_promotes_is_told_nothing_of_deleting(azure: AzureWorld, run: Run) -> None:
    keeps(azure, {"status": "enabled", "retentionDays": 7})
    assert "soft-delete" not in status(run(*PROMOTER, "promote")[1])
