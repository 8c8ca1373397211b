"""Which keys may be named to sign verdicts: files, and versions of keys in vaults of the cloud; nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure_world.sim_state import TENANT
from evaluation.worlds import NOW

from gate.cloud_vault import VaultKey, load_signing_key
from gate.config import load_config
from gate.errors import UpstreamError, UsageError
from gate.wiring_signing import statement_signer

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "0123456789abcdef0123456789abcdef"
KEY = f"azurekms://corp-keys.vault.azure.net/verdicts/{VERSION}"


def named(text: str, **more: str) -> Mapping[str, str]:
    return {"GATE_SIGNING_KEY": text, "GATE_AZURE_TENANT": TENANT, **more}


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"azurekms://corp-keys.vault.azure.net/keys/verdicts/{VERSION}",
        f"https://corp-keys.vault.azure.net/keys/verdicts/{VERSION}",
        f"https://Corp-Keys.vault.azure.net/keys/verdicts/{VERSION}",
    ],
)
def test_every_way_to_write_a_key_is_the_same_key(text: str) -> None:
    found = load_signing_key(named(text))
    assert isinstance(found, VaultKey)
    assert found.identifier == f"https://corp-keys.vault.azure.net/keys/verdicts/{VERSION}"
    assert (found.scope, found.tenant) == ("https://vault.azure.net/.default", TENANT)


@pytest.mark.parametrize(
    ("cloud", "suffix"), [("usgovernment", "vault.usgovcloudapi.net"), ("china", "vault.azure.cn")]
)
def test_sovereign_clouds_have_vaults_of_their_own(cloud: str, suffix: str) -> None:
    text = f"azurekms://corp-keys.{suffix}/verdicts/{VERSION}"
    found = load_signing_key(named(text, GATE_AZURE_CLOUD=cloud))
    assert isinstance(found, VaultKey)
    assert found.scope == f"https://{suffix}/.default"
    for other in (named(text), named(KEY, GATE_AZURE_CLOUD=cloud)):
        with pytest.raises(UsageError):
            load_signing_key(other)


def test_a_suffix_stands_for_the_clouds_own_and_may_be_the_one_vault() -> None:
    for host in ("corp.vault.example.org", "vault.example.org"):
        text = f"azurekms://{host}/verdicts/{VERSION}"
        found = load_signing_key(named(text, GATE_AZURE_VAULT_SUFFIX="vault.example.org"))
        assert isinstance(found, VaultKey)
        assert found.scope == "https://vault.example.org/.default"
    with pytest.raises(UsageError):
        load_signing_key(named(KEY, GATE_AZURE_VAULT_SUFFIX="vault.example.org"))


@pytest.mark.parametrize(
    "text",
    [
        "azurekms://corp-keys.vault.azure.net/verdicts",
        "azurekms://corp-keys.vault.azure.net/verdicts/latest",
        "https://corp-keys.vault.azure.net/keys/verdicts",
        f"https://corp-keys.vault.azure.net/secrets/verdicts/{VERSION}",
        f"http://corp-keys.vault.azure.net/keys/verdicts/{VERSION}",
        f"https://corp-keys.vault.azure.net/keys/verdicts/{VERSION}?x=1",
        f"https://corp-keys.vault.azure.net/keys/verdicts/{VERSION}/sign",
        f"https://corp-keys.vault.azure.net:8443/keys/verdicts/{VERSION}",
        f"https://user:secret@corp-keys.vault.azure.net/keys/verdicts/{VERSION}",
        f"https://corp-keys.vault.azure.net.example.org/keys/verdicts/{VERSION}",
        f"https://corp-keysvault.azure.net/keys/verdicts/{VERSION}",
        f"https://vault.azure.net/keys/verdicts/{VERSION}",
        f"https://a.b.vault.azure.net/keys/verdicts/{VERSION}",
        f"https://.vault.azure.net/keys/verdicts/{VERSION}",
        f"https://example.org/keys/verdicts/{VERSION}",
        f"https://example.org#.vault.azure.net/keys/verdicts/{VERSION}",
        f"https://corp_keys.vault.azure.net/keys/verdicts/{VERSION}",
        f"https://corp-keys.vault.azure.net/keys/../{VERSION}",
        f"awskms://corp-keys.vault.azure.net/verdicts/{VERSION}",
    ],
)
def test_what_is_no_version_of_a_key_in_a_vault_of_the_cloud_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_config({"GATE_HOME": "/nowhere", **named(text)})
    assert refused.value.error_code == "config_invalid"
    assert refused.value.hint
    assert "secret" not in refused.value.message or "secrets" in text


def test_the_tenant_must_be_named() -> None:
    with pytest.raises(UsageError) as refused:
        load_signing_key({"GATE_SIGNING_KEY": KEY})
    assert refused.value.facts["key"] == "GATE_AZURE_TENANT"


@pytest.mark.parametrize("suffix", ["https://vault.example.org", "vault.example.org/", "a b", ".example.org", "x:0"])
def test_a_suffix_that_is_no_host_is_refused(suffix: str) -> None:
    with pytest.raises(UsageError):
        load_signing_key(named(KEY, GATE_AZURE_VAULT_SUFFIX=suffix))


@pytest.mark.parametrize("text", ["", "/keys/key.pem"])
def test_a_suffix_without_a_vault_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        load_signing_key({"GATE_SIGNING_KEY": text, "GATE_AZURE_VAULT_SUFFIX": "vault.example.org"})


def test_a_file_is_a_file_and_nothing_is_nothing() -> None:
    assert load_signing_key({"GATE_SIGNING_KEY": "/keys/key.pem"}) == Path("/keys/key.pem")
    assert load_signing_key({}) is None


@pytest.mark.parametrize("absent", ["azure", "azure.identity"])
def test_without_the_azure_libraries_it_is_said_at_once(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    if absent == "azure":
        for name in [name for name in sys.modules if name.startswith("azure.")]:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(UpstreamError) as refused:
        statement_signer(load_config({"GATE_HOME": "/nowhere", **named(KEY)}), lambda: NOW)
    assert refused.value.error_code == "azure_missing"
