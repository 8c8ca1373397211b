"""An answer that is not whole, or not there, is never the answer that nobody uses the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from azure_ml.azure_ml_world import DIGEST, PLACE, asked, settings
from azure_world.sim_aml import WORKSPACE_ID, AmlWorld
from azure_world.sim_state import OTHER_TENANT, AzureWorld

from gate.cloud_ml import load_azureml
from gate.errors import UsageError
from gate.policy.users import UserKind

EVERYWHERE = (
    "workspaces/ws-models",
    "/environments",
    "/environments/env-0/versions",
    "/onlineEndpoints",
    "/onlineEndpoints/scoring/deployments",
    "/batchEndpoints",
    "/models",
    "/models/model-0/versions",
)


def furnished(aml: AmlWorld) -> None:
    for number in range(3):
        aml.environment(f"env-{number}", image="mcr.microsoft.com/x:1")
        aml.model(f"model-{number}")
    for version in range(2, 6):
        aml.environment("env-0", str(version))
        aml.model("model-0", str(version))
    for number in range(3):
        aml.deployment("scoring", f"d{number}", "azureml:env-0:1")
        aml.deployment("nightly", f"d{number}", "azureml:env-1:1", kind="batch")


def faults(**changes: Any) -> Callable[[AmlWorld], None]:
    def arrange(aml: AmlWorld) -> None:
        for name, value in changes.items():
            setattr(aml.faults, name, value)

    return arrange


def test_the_furnished_workspace_is_read_whole_and_uses_nothing_of_ours(azure: AzureWorld, aml: AmlWorld) -> None:
    furnished(aml)
    found = asked(azure)
    assert (found.users, found.unasked) == ((), ())


@pytest.mark.parametrize("at", EVERYWHERE)
@pytest.mark.parametrize(
    ("arrange", "code"),
    [
        (faults(status=403), None),
        (faults(status=401), "upstream_unauthorized"),
        (faults(status=500), "upstream_failed"),
        (faults(throttled=1000), "upstream_throttled"),
        (faults(cut=True), None),
        (faults(body=b"<html>Sign in</html>"), None),
        (faults(body=b"[]"), "azure_answer_unreadable"),
        (faults(body=b'{"value": null}'), "azure_answer_unreadable"),
        (faults(body=b'{"value": ["a row"]}'), "azure_answer_unreadable"),
        (faults(body=b'{"value": [{"name": "../../x", "properties": {}}]}'), "azure_answer_unreadable"),
        (faults(status=404), "azureml_missing"),
    ],
    ids=["403", "401", "500", "throttled", "cut", "login", "list", "null", "text", "path", "404"],
)
def test_a_fault_anywhere_is_not_an_answer(
    at: str, arrange: Callable[[AmlWorld], None], code: str | None, azure: AzureWorld, aml: AmlWorld
) -> None:
    furnished(aml)
    arrange(aml)
    aml.faults.at = at
    found = asked(azure)
    assert found.users == ()
    assert found.unasked, "nobody was asked, and it looks as if nobody used it"
    assert found.unasked[0].source == "workspace ws-models"
    if code is not None:
        assert {one.code for one in found.unasked} == {code}


def test_a_workspace_that_is_gone_says_what_to_do(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.single.clear()
    (lacking,) = asked(azure).unasked
    assert lacking.code == "azureml_missing"
    assert "GATE_AZUREML_RESOURCES" in lacking.hint


def test_a_server_that_asks_to_slow_down_is_obeyed_and_asked_again(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.environment("train", image=f"{PLACE}@{DIGEST}")
    aml.faults.throttled = 1
    found = asked(azure)
    assert [user.kind for user in found.users] == [UserKind.ENVIRONMENT]
    assert found.unasked == ()


@pytest.mark.parametrize("at", ["/environments", "/models", "/env-0/versions", "/scoring/deployments"])
def test_a_page_that_comes_twice_hides_another(at: str, azure: AzureWorld, aml: AmlWorld) -> None:
    furnished(aml)
    aml.faults.at, aml.faults.repeated_page = at, 0
    assert [one.code for one in asked(azure).unasked] == ["azure_answer_partial"]


@pytest.mark.parametrize("what", ["env-0", "model-0"])
def test_a_list_of_versions_without_the_latest_is_not_whole(what: str, azure: AzureWorld, aml: AmlWorld) -> None:
    furnished(aml)
    aml.faults.at, aml.faults.hidden_latest = f"{what}/versions", True
    assert [one.code for one in asked(azure).unasked] == ["azure_answer_partial"]


@pytest.mark.parametrize("at", ["/environments", "/onlineEndpoints", "/models/model-0/versions"])
def test_no_token_follows_a_next_page_to_another_host(at: str, azure: AzureWorld, aml: AmlWorld) -> None:
    furnished(aml)
    aml.page = 1
    aml.deployment("second", "d", None)
    aml.faults.at, aml.faults.foreign_next = at, "https://elsewhere.example.invalid"
    assert [one.code for one in asked(azure).unasked] == ["page_foreign"]


def test_more_rows_than_the_bound_are_no_answer(azure: AzureWorld, aml: AmlWorld) -> None:
    furnished(aml)
    assert [one.code for one in asked(azure, rows=5).unasked] == ["too_many_rows"]


def test_a_refused_identity_is_no_answer(azure: AzureWorld, aml: AmlWorld) -> None:
    azure.tokens_for = OTHER_TENANT
    assert [one.code for one in asked(azure).unasked] == ["upstream_unauthorized"]
    assert aml.asked == []


def test_one_workspace_that_fails_keeps_no_other_from_being_asked(azure: AzureWorld, aml: AmlWorld) -> None:
    other = WORKSPACE_ID.replace("ws-models", "ws-other")
    aml.resource(other)
    aml.environment("train", image=f"{PLACE}@{DIGEST}", at=other)
    aml.faults.at, aml.faults.status = "ws-models", 403
    found = asked(azure, resources=f"{WORKSPACE_ID} {other}")
    assert [user.name for user in found.users] == ["train:1 (ws-other)"]
    assert [one.source for one in found.unasked] == ["workspace ws-models"]


@pytest.mark.parametrize(
    "resources",
    [
        "ws-models",
        WORKSPACE_ID + "/environments/x",
        WORKSPACE_ID.replace("workspaces", "computes"),
        f"{WORKSPACE_ID} {WORKSPACE_ID.upper()}",
    ],
)
def test_settings_that_can_not_be_read_are_refused(resources: str, azure: AzureWorld) -> None:
    with pytest.raises(UsageError, match="GATE_AZUREML_RESOURCES"):
        load_azureml(settings(azure, resources))


def test_nobody_is_asked_where_nobody_is_named(azure: AzureWorld) -> None:
    assert load_azureml(settings(azure, "")) is None
    with pytest.raises(UsageError, match="GATE_AZURE_TENANT"):
        load_azureml({**settings(azure), "GATE_AZURE_TENANT": ""})


def test_a_workspace_whose_registry_can_not_be_read_is_no_answer(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.single[WORKSPACE_ID.lower()]["properties"]["containerRegistry"] = "somewhere"
    assert [one.code for one in asked(azure).unasked] == ["azure_answer_unreadable"]
