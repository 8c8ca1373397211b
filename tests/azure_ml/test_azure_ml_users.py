"""Who uses an image in Azure Machine Learning: every spelling of a name, and no answer that is not whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure_ml.azure_ml_world import DIGEST, NAMED, OTHER, PLACE, asked, settings
from azure_world.sim_aml import REGISTRY_ID, WORKSPACE_ID, AmlWorld
from azure_world.sim_state import AzureWorld

from gate.config import load_config
from gate.policy.users import EVERY_USER, UserKind
from gate.promotion.mentions import Named
from gate.wiring_users import user_sources

HEX = DIGEST.removeprefix("sha256:")
BUILT = Named(place=f"gatestaging.azurecr.io/azureml/azureml_{'c' * 32}", digests=(DIGEST,))


def test_a_workspace_that_names_other_images_alone_has_no_user(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.environment("curated", image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest")
    aml.environment("other", image=f"{PLACE}@{OTHER}")
    aml.environment("sibling", image="gatestaging.azurecr.io/staging/app2:v1")
    aml.environment("moved", image=f"{PLACE}:v2")
    aml.model("model")
    aml.deployment("endpoint", "blue", f"{WORKSPACE_ID}/environments/other/versions/1")
    found = asked(azure)
    assert (found.users, found.unasked) == ((), ())
    assert len(aml.asked) > 8, "it was looked at"


@pytest.mark.parametrize(
    ("image", "how"),
    [
        (f"{PLACE}@{DIGEST}", "digest"),
        (f"{PLACE}:v1", "tag"),
        (f"{PLACE}:whatever@{DIGEST}", "digest"),
        (f"{PLACE}@SHA256:{HEX.upper()}", "digest"),
        (f"GATESTAGING.AzureCR.io/staging/app@{DIGEST.upper()}", "digest"),
        ("GATESTAGING.azurecr.io/staging/app:v1", "tag"),
        ("gatestaging.azurecr.io:443/staging/app:v1", "tag"),
        ("https://gatestaging.azurecr.io/staging/app:v1", "tag"),
        ("docker://gatestaging.azurecr.io/staging/app:v1", "tag"),
        ("gatestaging.privatelink.azurecr.io/staging/app:v1", "tag"),
        ("gatestaging.westeurope.data.azurecr.io/staging/app:v1", "tag"),
        ("gatestaging.westeurope.geo.azurecr.io/staging/app:v1", "tag"),
        (f"  {PLACE}:v1\n", "tag"),
        (f"proxy.example.org/staging/app@{DIGEST}", "digest"),
        (f"{PLACE}!{HEX}", "unclear"),
    ],
)
def test_every_spelling_of_the_image_is_a_use(image: str, how: str, azure: AzureWorld, aml: AmlWorld) -> None:
    aml.environment("train", "3", image=image)
    (user,) = asked(azure).users
    assert (user.kind, user.name, user.how) == (UserKind.ENVIRONMENT, "train:3 (ws-models)", how)


def test_no_tag_is_the_tag_latest(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.environment("train", image=PLACE)
    assert asked(azure).users == ()
    assert [user.how for user in asked(azure, Named(place=PLACE, digests=(DIGEST,), tags=("latest",))).users] == ["tag"]


def test_a_digest_beats_a_tag_that_stands_beside_it(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.environment("train", image=f"{PLACE}:v1@{OTHER}")
    assert asked(azure).users == ()


def test_the_same_tag_in_another_registry_is_another_image(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.environment("train", image="gateprod.azurecr.io/staging/app:v1")
    assert asked(azure).users == ()


def test_an_old_version_an_archived_one_and_the_last_page_are_all_looked_at(azure: AzureWorld, aml: AmlWorld) -> None:
    for version in range(1, 8):
        aml.environment("train", str(version), image=f"{PLACE}@{OTHER}" if version != 2 else f"{PLACE}@{DIGEST}")
    aml.environment("retired", image=f"{PLACE}:v1", archived=True)
    for number in range(5):
        aml.environment(f"more-{number}", image=f"{PLACE}:v1" if number == 4 else None)
    assert sorted(user.name for user in asked(azure).users) == [
        "more-4:1 (ws-models)",
        "retired:1 (ws-models)",
        "train:2 (ws-models)",
    ]


@pytest.mark.parametrize("kind", ["online", "batch"])
@pytest.mark.parametrize(
    "spelling",
    [
        f"{WORKSPACE_ID}/environments/train/versions/1",
        f"{WORKSPACE_ID.upper()}/ENVIRONMENTS/TRAIN/VERSIONS/1",
        f"azureml:{WORKSPACE_ID}/environments/train/versions/1",
        f"{WORKSPACE_ID}/environments/train/labels/latest",
        "azureml:train:1",
        "azureml:train@latest",
    ],
)
def test_a_deployment_uses_the_image_of_its_environment(
    kind: str, spelling: str, azure: AzureWorld, aml: AmlWorld
) -> None:
    aml.environment("train", image=f"{PLACE}:v1")
    aml.deployment("scoring", "blue", spelling, kind=kind)
    found = asked(azure)
    assert found.unasked == ()
    assert [user.name for user in found.users if user.kind is UserKind.DEPLOYMENT] == [
        f"scoring/blue ({kind}, ws-models)"
    ]


def test_a_deployment_of_an_unnamed_environment_is_found_though_no_list_has_that(
    azure: AzureWorld, aml: AmlWorld
) -> None:
    named = aml.environment("CliV2AnonymousEnvironment", "f00", image=f"{PLACE}@{DIGEST}", anonymous=True)
    aml.deployment("scoring", "blue", named)
    assert [user.kind for user in asked(azure).users] == [UserKind.DEPLOYMENT]


def test_an_environment_of_a_registry_reaches_deployments_of_a_workspace(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.resource(REGISTRY_ID, registry="")
    aml.environment("shared", image=f"{PLACE}:v1", at=REGISTRY_ID)
    aml.deployment("scoring", "blue", "azureml://registries/shared-assets/environments/shared/versions/1")
    found = asked(azure, resources=f"{WORKSPACE_ID} {REGISTRY_ID}")
    assert found.unasked == ()
    assert {user.kind for user in found.users} == {UserKind.ENVIRONMENT, UserKind.DEPLOYMENT}


def test_two_workspaces_of_one_name_are_two(azure: AzureWorld, aml: AmlWorld) -> None:
    other = WORKSPACE_ID.replace("rg-models", "rg-other")
    aml.resource(other)
    aml.environment("train", image=f"{PLACE}:v1", at=other)
    aml.environment("train", image="mcr.microsoft.com/x:1")
    aml.deployment("scoring", "blue", f"{WORKSPACE_ID}/environments/train/versions/1")
    aml.deployment("scoring", "green", "azureml:train:1", at=other)
    found = asked(azure, resources=f"{WORKSPACE_ID} {other}", kinds={UserKind.DEPLOYMENT})
    assert [user.name for user in found.users] == ["scoring/green (online, ws-models)"]


@pytest.mark.parametrize(
    "environment",
    [
        "azureml://registries/unknown/environments/train/versions/1",
        WORKSPACE_ID.replace("ws-models", "ws-other") + "/environments/train/versions/1",
        f"{WORKSPACE_ID}/environments/gone/versions/1",
        f"{WORKSPACE_ID}/environments/gone/labels/latest",
        f"{WORKSPACE_ID}/environments/a%2F..%2Fb/versions/1",
        "train",
        "https://example.org/?sig=secret",
    ],
)
def test_a_deployment_whose_environment_was_not_read_is_no_no(
    environment: str, azure: AzureWorld, aml: AmlWorld
) -> None:
    aml.deployment("scoring", "blue", environment)
    found = asked(azure)
    assert found.users == ()
    assert [one.code for one in found.unasked] == ["environment_unread"]
    assert "secret" not in found.model_dump_json()


def test_microsofts_curated_environments_and_models_that_bring_their_own_are_no_question(
    azure: AzureWorld, aml: AmlWorld
) -> None:
    aml.deployment("scoring", "blue", "azureml://registries/azureml/environments/sklearn-1.5/versions/38")
    aml.deployment("scoring", "green", None)
    found = asked(azure)
    assert (found.users, found.unasked) == ((), ())


def test_what_a_workspace_built_is_used_by_deployments_whose_environment_was_built(
    azure: AzureWorld, aml: AmlWorld
) -> None:
    aml.environment("plain", image="mcr.microsoft.com/x:1")
    aml.environment("conda", image="mcr.microsoft.com/x:1", conda="dependencies: [python]")
    aml.environment("context", build="https://store.example.org/context")
    for name in ("plain", "conda", "context"):
        aml.deployment("scoring", name, f"azureml:{name}:1")
    found = asked(azure, BUILT)
    assert [(user.name, user.how) for user in found.users] == [
        ("scoring/conda (online, ws-models)", "built"),
        ("scoring/context (online, ws-models)", "built"),
    ]
    elsewhere = BUILT.model_copy(update={"place": BUILT.place.replace("gatestaging", "gateother")})
    assert asked(azure, elsewhere).users == ()
    assert asked(azure, NAMED).users == ()


def test_a_built_image_that_an_environment_names_is_used_by_it(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.environment("train", image=BUILT.place)
    named = BUILT.model_copy(update={"tags": ("latest",)})
    assert [user.how for user in asked(azure, named).users] == ["tag"]


def test_a_workspace_without_a_registry_built_nothing(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.resource(registry="")
    aml.environment("conda", conda="dependencies: [python]")
    aml.deployment("scoring", "blue", "azureml:conda:1")
    assert asked(azure, BUILT).users == ()


def test_what_a_registrys_environment_was_built_as_may_lie_anywhere(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.resource(REGISTRY_ID, registry="")
    aml.environment("shared", build="https://store.example.org/context", at=REGISTRY_ID)
    aml.deployment("scoring", "blue", "azureml://registries/shared-assets/environments/shared/versions/1")
    found = asked(azure, BUILT, resources=f"{WORKSPACE_ID} {REGISTRY_ID}")
    assert [user.how for user in found.users] == ["built"]


@pytest.mark.parametrize(
    ("properties", "how"),
    [
        ({"image": f"{PLACE}@{DIGEST}"}, "digest"),
        ({"serving": json.dumps({"image": f"{PLACE}:v1", "port": 80})}, "tag"),
        ({"note": f"runs in {PLACE}:v1, see the wiki"}, "tag"),
        ({"digest": HEX.upper()}, "unclear"),
    ],
)
def test_a_model_whose_properties_name_the_image_uses_it(
    properties: dict[str, str], how: str, azure: AzureWorld, aml: AmlWorld
) -> None:
    aml.model("churn", "7", properties=properties)
    (user,) = asked(azure).users
    assert (user.kind, user.name, user.how) == (UserKind.MODEL, "churn:7 (ws-models)", how)


def test_only_what_policy_counts_is_asked_for(azure: AzureWorld, aml: AmlWorld) -> None:
    aml.environment("train", image=f"{PLACE}:v1")
    aml.model("churn", properties={"image": f"{PLACE}:v1"})
    aml.deployment("scoring", "blue", "azureml:train:1")
    assert {user.kind for user in asked(azure, kinds={UserKind.MODEL}).users} == {UserKind.MODEL}
    assert not [path for path in aml.asked if "environments" in path or "Endpoints" in path]
    aml.asked.clear()
    assert asked(azure, kinds={UserKind.GRANT, UserKind.RELEASE}).users == ()
    assert aml.asked == []


def test_a_layout_folder_is_named_by_nobody_there_and_nobody_is_asked(azure: AzureWorld, aml: AmlWorld) -> None:
    found = asked(azure, Named(place="oci:/srv/staging/app", digests=(DIGEST,)))
    assert (found.users, found.unasked, aml.asked) == ((), (), [])


def test_configuration_alone_connects_the_gate(
    azure: AzureWorld, aml: AmlWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {**settings(azure), "GATE_HOME": str(tmp_path)}
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    aml.environment("train", image=f"{PLACE}:v1")
    (source,) = user_sources(load_config(environ))
    assert [user.name for user in source.users(NAMED, EVERY_USER).users] == ["train:1 (ws-models)"]
    assert user_sources(load_config({"GATE_HOME": str(tmp_path)})) == ()
