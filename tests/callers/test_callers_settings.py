"""Whose tokens a service takes, and with which it is called: what is set wrong is refused and never guessed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from azure_world.sim_state import OTHER_TENANT, TENANT

from gate.callers.roles import ROLES
from gate.config import Config, load_config
from gate.errors import UsageError

CLIENT_ID = "9A7E0000-0000-4000-8000-000000000abc"


def config(**environ: str) -> Config:
    return load_config({"GATE_HOME": "/nowhere", **environ})


def test_without_settings_nobody_proves_anything() -> None:
    made = config()
    assert made.tokens is None
    assert not made.access.proves


def test_audiences_and_tenants_are_taken() -> None:
    made = config(GATE_TOKEN_AUDIENCES=f" api://gate  {CLIENT_ID} ", GATE_TOKEN_TENANTS=TENANT.upper()).tokens
    assert made is not None
    assert (made.audiences, made.tenants) == (("api://gate", CLIENT_ID), (TENANT,))
    elsewhere = {
        "GATE_TOKEN_AUDIENCES": "api://gate",
        "GATE_AZURE_TENANT": OTHER_TENANT,
        "GATE_AZURE_CLOUD": "usgovernment",
    }
    own = config(**elsewhere).tokens
    assert own is not None
    assert (own.tenants, own.cloud.authority) == ((OTHER_TENANT,), "https://login.microsoftonline.us")


@pytest.mark.parametrize(
    "environ",
    [
        {"GATE_TOKEN_AUDIENCES": "gate", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "*", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "http://gate.example", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "api://", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "https://management.azure.com", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "https://graph.microsoft.com/", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "https://management.core.windows.net/", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "api://gate https://x.azurecr.io", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "00000003-0000-0000-c000-000000000000", "GATE_TOKEN_TENANTS": TENANT},
        {"GATE_TOKEN_AUDIENCES": "api://gate"},
        {"GATE_TOKEN_AUDIENCES": "api://gate", "GATE_TOKEN_TENANTS": "common"},
        {"GATE_TOKEN_AUDIENCES": "api://gate", "GATE_TOKEN_TENANTS": f"{TENANT} organizations"},
        {"GATE_TOKEN_AUDIENCES": "api://gate", "GATE_AZURE_TENANT": TENANT, "GATE_AZURE_CLOUD": "mars"},
        {"GATE_TOKEN_TENANTS": TENANT},
        {"GATE_SERVER_TOKEN": "a.b.c", "GATE_SERVER_TOKEN_FILE": "/t"},
        {"GATE_SERVER_TOKEN": "a.b.c", "GATE_SERVER_AUDIENCE": "api://gate", "GATE_AZURE_TENANT": TENANT},
        {"GATE_SERVER_AUDIENCE": "api://gate"},
        {"GATE_SERVER_AUDIENCE": "gate", "GATE_AZURE_TENANT": TENANT},
    ],
    ids=str,
)
def test_settings_that_could_let_in_somebody_else_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError) as error:
        config(**environ)
    assert error.value.error_code == "config_invalid"
    assert error.value.hint
    assert "a.b.c" not in error.value.message


def test_one_way_to_call_a_service_is_taken_and_its_token_is_not_shown() -> None:
    made = config(GATE_SERVER_TOKEN="a.secret.c").access  # noqa: S106 - what must not be shown
    assert made.proves
    assert "secret" not in repr(made)
    assert config(GATE_SERVER_TOKEN_FILE="/run/token").access.token_file == Path("/run/token")  # noqa: S106 - a name
    access = config(GATE_SERVER_AUDIENCE="api://gate", GATE_AZURE_TENANT=TENANT).access
    assert access.identity is not None
    assert (access.identity.audience, access.identity.tenant, access.proves) == ("api://gate", TENANT, True)


def test_the_page_on_callers_names_every_role_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "callers.md").read_text()
    assert set(re.findall(r"^\| `(Gate\.\w+)` \|", page, re.MULTILINE)) == set(ROLES)
