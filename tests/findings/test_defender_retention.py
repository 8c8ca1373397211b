"""Deleted is not erased: what a registry keeps is its own word, and what can't be asked is unknown; rows may linger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure_world.sim_gate import DIGEST, OTHER, QUICK, ask, settings
from azure_world.sim_rows import individual
from azure_world.sim_state import REGISTRY_ID, TENANT, registry_properties

from gate.bounds import DefenderBounds
from gate.cloud import load_azure
from gate.config import load_config
from gate.errors import UnauthorizedUpstreamError
from gate.findings.defender.arm import Arm
from gate.findings.defender.identity import AzureIdentity
from gate.findings.defender.retention import RegistryRetention
from gate.http.client import HttpClient
from gate.model.finding import ScanState
from gate.model.image import ImageRef, Transport
from gate.registry.retention import SoftDelete
from gate.wiring_discards import soft_delete_of

if TYPE_CHECKING:
    from azure_world.sim_state import AzureWorld

HOST = "gatestaging.azurecr.io"
PLACE = ImageRef(transport=Transport.REGISTRY, repository=f"{HOST}/staging/app")
ON = {"status": "enabled", "retentionDays": 7, "lastUpdatedTime": "2026-11-01T00:00:00Z"}


def tells(azure: AzureWorld, soft: object) -> None:
    """Have the registry say this of its soft delete."""
    azure.registry = registry_properties(HOST, policies={"softDeletePolicy": soft} if soft is not None else {})


def arm(azure: AzureWorld) -> Arm:
    environ = settings(azure)
    config = load_azure(environ)
    assert config is not None
    return Arm(HttpClient(QUICK), AzureIdentity(config.cloud, TENANT, environ, QUICK), config.cloud, DefenderBounds())


def asked(azure: AzureWorld, place: ImageRef = PLACE, registries: tuple[str, ...] = (REGISTRY_ID,)) -> SoftDelete:
    return RegistryRetention(lambda: arm(azure), registries).of(place)


@pytest.mark.parametrize(
    ("soft", "found"),
    [
        (ON, SoftDelete(state="on", days=7)),
        ({**ON, "status": "Enabled", "retentionDays": 90}, SoftDelete(state="on", days=90)),
        ({**ON, "status": "disabled"}, SoftDelete(state="off")),
        (None, SoftDelete()),
        ({}, SoftDelete()),
        ("enabled", SoftDelete()),
        ({**ON, "status": 1}, SoftDelete()),
        ({**ON, "status": "paused"}, SoftDelete()),
        ({**ON, "retentionDays": 0}, SoftDelete()),
        ({**ON, "retentionDays": 91}, SoftDelete()),
        ({**ON, "retentionDays": True}, SoftDelete()),
        ({**ON, "retentionDays": "7"}, SoftDelete()),
        ({"status": "enabled"}, SoftDelete()),
    ],
    ids=str,
)
def test_a_registry_is_believed_what_it_says_and_nothing_is_made_up(
    azure: AzureWorld, soft: Any, found: SoftDelete
) -> None:
    tells(azure, soft)
    assert asked(azure) == found


def test_another_registry_answers_for_none(azure: AzureWorld) -> None:
    tells(azure, ON)
    other = PLACE.model_copy(update={"repository": "other.azurecr.io/staging/app"})
    assert asked(azure, other) == SoftDelete()
    assert asked(azure, PLACE.model_copy(update={"repository": f"{HOST.upper()}/staging/app"})).state == "on"


def test_a_folder_and_an_unnamed_registry_are_unknown_and_nobody_is_asked(azure: AzureWorld) -> None:
    tells(azure, ON)
    layout = ImageRef(transport=Transport.OCI_LAYOUT, repository="/staging")
    assert asked(azure, layout) == asked(azure, PLACE, ()) == SoftDelete()
    assert azure.asked == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_registry_that_can_not_be_asked_is_unknown(azure: AzureWorld, status: int) -> None:
    tells(azure, ON)
    azure.faults.status, azure.faults.code = status, "No"
    assert asked(azure) == SoftDelete()


def test_a_cloud_without_the_preview_is_unknown(azure: AzureWorld) -> None:
    tells(azure, ON)
    azure.registry_apis = ("2025-04-01",)
    assert asked(azure) == SoftDelete()


def test_a_registry_that_answers_without_a_name_is_passed_over_for_the_next(azure: AzureWorld) -> None:
    tells(azure, ON)
    missing = REGISTRY_ID.replace("gatestaging", "gateother")
    assert asked(azure, registries=(missing, REGISTRY_ID)).state == "on"


def test_without_an_identity_it_is_unknown(azure: AzureWorld) -> None:
    def nobody() -> Arm:
        message = "no token"
        raise UnauthorizedUpstreamError(message)

    tells(azure, ON)
    assert RegistryRetention(nobody, (REGISTRY_ID,)).of(PLACE) == SoftDelete()


def test_configuration_alone_connects_it(azure: AzureWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = settings(azure)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    tells(azure, ON)
    assert soft_delete_of(load_config(environ))(PLACE) == SoftDelete(state="on", days=7)
    assert soft_delete_of(load_config({"GATE_HOME": "/nowhere"}))(PLACE) == SoftDelete()


def test_rows_that_linger_on_a_deleted_image_are_joined_to_no_other(azure: AzureWorld) -> None:
    """Azure takes rows off late. The same repository and tag on another digest are another image."""
    azure.assessments.append(individual(OTHER, severity="Critical"))
    report = ask(azure)
    assert report.state is ScanState.NOT_SCANNED
    assert report.findings == ()


def test_rows_that_linger_add_nothing_to_the_rows_of_a_live_image(azure: AzureWorld) -> None:
    azure.assessments += [individual(OTHER, 2, severity="Critical"), individual(DIGEST, 1, severity="Low")]
    (finding,) = ask(azure).findings
    assert finding.ids == ("CVE-2026-1001",)
