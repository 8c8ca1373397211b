"""Credentials belong to one host each; helpers are not run, and what can't be read is not taken for nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from gate.errors import InputError, UsageError
from gate.registry.auth import (
    Credential,
    DockerConfigCredentials,
    EnvironmentCredentials,
    FirstOf,
    NoCredentials,
    default_credentials,
)

ENVIRON = {
    "GATE_REGISTRY_HOST": "Registry.example.org:5000",
    "GATE_REGISTRY_USER": "ci",
    "GATE_REGISTRY_PASSWORD": "hunter2",
}


def _auth(pair: str) -> str:
    return base64.b64encode(pair.encode()).decode()


def _config(folder: Path, content: object) -> DockerConfigCredentials:
    file = folder / "config.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return DockerConfigCredentials(file)


def test_a_credential_does_not_show_its_secrets() -> None:
    shown = repr(Credential(user="ci", password="hunter2", refresh_token="refresh"))  # noqa: S106 - made up
    assert "hunter2" not in shown
    assert "refresh'" not in shown


def test_the_environments_credential_is_bound_to_its_host() -> None:
    provider = EnvironmentCredentials(ENVIRON)
    assert provider.credential("registry.example.org:5000") == Credential(user="ci", password="hunter2")  # noqa: S106
    for other in ("registry.example.org", "registry.example.org:5001", "example.org:5000", "", "evil.example.net"):
        assert provider.credential(other) is None


def test_an_environment_without_variables_knows_nobody() -> None:
    assert EnvironmentCredentials({}).credential("") is None
    assert EnvironmentCredentials({}).credential("registry.example.org") is None


@pytest.mark.parametrize("name", sorted(ENVIRON))
def test_a_credential_in_part_is_a_mistake_that_is_named(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        EnvironmentCredentials({**ENVIRON, name: ""})
    assert caught.value.error_code == "credentials_in_part"
    assert name in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "registry.example.org",
        "https://registry.example.org",
        "https://registry.example.org/v1/",
        "REGISTRY.example.org",
    ],
)
def test_a_log_in_of_docker_is_found_under_each_spelling_of_its_host(tmp_path: Path, key: str) -> None:
    provider = _config(tmp_path, {"auths": {key: {"auth": _auth("ci:hun:ter2")}}})
    assert provider.credential("registry.example.org") == Credential(user="ci", password="hun:ter2")  # noqa: S106
    assert provider.credential("registry.example.org:5000") is None
    assert provider.credential("other.example.org") is None


def test_docker_hubs_log_in_belongs_to_docker_hub(tmp_path: Path) -> None:
    provider = _config(tmp_path, {"auths": {"https://index.docker.io/v1/": {"auth": _auth("me:pw")}}})
    assert provider.credential("docker.io") == Credential(user="me", password="pw")  # noqa: S106 - made up
    assert provider.credential("index.docker.io") is None


def test_user_and_password_may_be_written_out(tmp_path: Path) -> None:
    provider = _config(tmp_path, {"auths": {"registry.example.org": {"username": "ci", "password": "pw"}}})
    assert provider.credential("registry.example.org") == Credential(user="ci", password="pw")  # noqa: S106 - made up


def test_a_refresh_token_as_azures_log_in_writes_it_is_kept_as_one(tmp_path: Path) -> None:
    entry = {"auth": _auth("00000000-0000-0000-0000-000000000000:"), "identitytoken": "refresh"}
    found = _config(tmp_path, {"auths": {"registry.example.org": entry}}).credential("registry.example.org")
    assert found is not None
    assert (found.refresh_token, found.password) == ("refresh", "")


@pytest.mark.parametrize(
    "config", [{}, {"auths": {}}, {"auths": {"registry.example.org": {}}}, {"auths": {"other.example.org": {}}}]
)
def test_no_log_in_is_nobody(tmp_path: Path, config: object) -> None:
    assert _config(tmp_path, config).credential("registry.example.org") is None


def test_no_file_is_nobody(tmp_path: Path) -> None:
    assert DockerConfigCredentials(tmp_path / "none" / "config.json").credential("registry.example.org") is None
    (tmp_path / "file").write_text("")
    assert DockerConfigCredentials(tmp_path / "file" / "config.json").credential("registry.example.org") is None


@pytest.mark.parametrize(
    "config",
    [
        {"credHelpers": {"registry.example.org": "acr-env"}},
        {"credHelpers": {"registry.example.org": "x"}, "auths": {"registry.example.org": {"auth": _auth("a:b")}}},
        {"credsStore": "desktop", "auths": {"registry.example.org": {}}},
    ],
)
def test_a_helper_is_not_run_and_the_error_says_what_to_do(tmp_path: Path, config: object) -> None:
    provider = _config(tmp_path, config)
    with pytest.raises(InputError) as caught:
        provider.credential("registry.example.org")
    assert caught.value.error_code == "credential_helper"
    assert "GATE_REGISTRY_HOST" in caught.value.hint
    assert provider.credential("other.example.org") is None


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 500_000,
        b'{"a":"' + b"x" * 1_100_000 + b'"}',
        {"auths": []},
        {"credHelpers": "x"},
        {"auths": {"registry.example.org": "secret"}},
        {"auths": {"registry.example.org": {"auth": "secret!"}}},
        {"auths": {"registry.example.org": {"auth": _auth("secret-without-colon")}}},
        {"auths": {"registry.example.org": {"auth": base64.b64encode(b"\xff:secret").decode()}}},
        {"auths": {"registry.example.org": {"username": 1}}},
        {"auths": {"registry.example.org": {"identitytoken": ["secret"]}}},
    ],
)
def test_a_file_not_written_by_docker_is_an_error_that_repeats_nothing_of_it(tmp_path: Path, config: object) -> None:
    with pytest.raises(InputError) as caught:
        _config(tmp_path, config).credential("registry.example.org")
    assert caught.value.error_code == "docker_config_invalid"
    assert "secret" not in str(caught.value) + str(caught.value.facts)


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(InputError) as caught:
        DockerConfigCredentials(tmp_path / "config.json").credential("registry.example.org")
    assert caught.value.error_code == "docker_config_invalid"


def test_the_first_provider_that_knows_the_host_answers() -> None:
    provider = FirstOf([NoCredentials(), EnvironmentCredentials(ENVIRON)])
    assert provider.credential("registry.example.org:5000") is not None
    assert provider.credential("other.example.org") is None


def test_dockers_configuration_is_looked_for_where_docker_looks(tmp_path: Path) -> None:
    folder = tmp_path / ".docker"
    folder.mkdir()
    _config(folder, {"auths": {"registry.example.org": {"auth": _auth("home:pw")}}})
    named = tmp_path / "named"
    named.mkdir()
    _config(named, {"auths": {"registry.example.org": {"auth": _auth("named:pw")}}})
    by_home = default_credentials({"HOME": str(tmp_path)}).credential("registry.example.org")
    by_name = default_credentials({"HOME": str(tmp_path), "DOCKER_CONFIG": str(named)}).credential(
        "registry.example.org"
    )
    assert by_home is not None
    assert by_name is not None
    assert (by_home.user, by_name.user) == ("home", "named")
