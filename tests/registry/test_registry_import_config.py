"""Imports between Azure's registries are set up by naming both, and by nothing else."""

from __future__ import annotations

import pytest

from gate.config import load_config
from gate.errors import UsageError
from gate.model.image import ImageRef, Transport
from gate.registry.importing import importer_of
from gate.wiring_stores import open_writer

GROUP = "/subscriptions/5a5a5a5a-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerRegistry"
ONE, OTHER = f"{GROUP}/registries/staging", f"{GROUP}/registries/release"
BASE = {
    "GATE_HOME": "/nonexistent/gate",
    "GATE_AZURE_TENANT": "11111111-1111-4111-8111-111111111111",
    "GATE_ACR_HOSTS": "staging.azurecr.io release.azurecr.io third.azurecr.io",
}
BOTH = f"staging.azurecr.io={ONE} release.azurecr.io={OTHER}"


def place(host: str) -> ImageRef:
    return ImageRef(transport=Transport.REGISTRY, repository=f"{host}/app")


def test_the_two_registries_that_are_named_import_from_each_other() -> None:
    config = load_config({**BASE, "GATE_ACR_IMPORT": BOTH})
    assert config.acr is not None
    assert config.acr.imports == {"staging.azurecr.io": ONE, "release.azurecr.io": OTHER}
    store = open_writer(Transport.REGISTRY, config)
    assert importer_of(store, place("staging.azurecr.io"), place("release.azurecr.io")) is not None
    assert importer_of(store, place("staging.azurecr.io"), place("third.azurecr.io")) is None


def test_nothing_is_imported_where_nothing_says_so() -> None:
    config = load_config(BASE)
    assert config.acr is not None
    assert config.acr.imports == {}
    store = open_writer(Transport.REGISTRY, config)
    assert importer_of(store, place("staging.azurecr.io"), place("release.azurecr.io")) is None
    assert load_config({"GATE_HOME": "/nonexistent/gate"}).acr is None


@pytest.mark.parametrize(
    "text",
    [
        f"staging.azurecr.io={ONE}",
        "staging.azurecr.io",
        f"{BOTH} release.azurecr.io={ONE}",
        f"staging.azurecr.io={ONE} elsewhere.azurecr.io={OTHER}",
        f"staging.azurecr.io={ONE} release.azurecr.io={OTHER}/importImage",
        "staging.azurecr.io=/subscriptions/x release.azurecr.io=/subscriptions/y",
    ],
)
def test_half_a_pair_or_an_unknown_registry_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_config({**BASE, "GATE_ACR_IMPORT": text})
    assert (refused.value.error_code, refused.value.facts["key"]) == ("config_invalid", "GATE_ACR_IMPORT")


def test_an_import_without_azures_registries_is_refused() -> None:
    with pytest.raises(UsageError) as refused:
        load_config({"GATE_HOME": "/nonexistent/gate", "GATE_ACR_IMPORT": BOTH})
    assert refused.value.facts["key"] == "GATE_ACR_IMPORT"
