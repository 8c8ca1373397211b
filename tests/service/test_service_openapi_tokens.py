"""The contract where callers send tokens: what is sent is answered by it, and nothing passes without a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from azure_world.sim_state import TENANT
from azure_world.sim_tokens import ALICE, AUDIENCE
from fastapi import FastAPI
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks
from servers.certificates import Certificate
from service.inprocess import serving
from service.live import ground_in
from service.tokened import Tokened, tokened

from gate.callers.roles import ROLES
from gate.config import load_config
from gate.service.app import create_app
from gate.wiring import policy_of

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.ignored_auth,
]
SETTINGS = hypothesis.settings(
    max_examples=8,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


def document() -> dict[str, Any]:
    config = load_config({"GATE_HOME": "/nowhere", "GATE_TOKEN_AUDIENCES": AUDIENCE, "GATE_TOKEN_TENANTS": TENANT})
    described: dict[str, Any] = create_app(config, policy_of(config)).openapi()
    return described


schema = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tls_certificate: Certificate) -> Iterator[Tokened]:
    with tokened(ground_in(tmp_path_factory.mktemp("contract")), tls_certificate) as made:
        yield made


@pytest.fixture(scope="module")
def address(world: Tokened) -> Iterator[str]:
    app = world.client.app
    assert isinstance(app, FastAPI)
    with serving(app) as served:
        yield served


@schema.parametrize()
@SETTINGS
def test_whatever_is_sent_with_a_token_is_answered_by_the_contract(
    case: schemathesis.Case[Any], address: str, world: Tokened
) -> None:
    headers = world.person(ALICE, *ROLES)
    case.call_and_validate(base_url=address, checks=CHECKS, headers=headers, timeout=60)


def test_the_document_is_the_same_wherever_it_is_made(world: Tokened) -> None:
    assert world.client.get("/openapi.json").json() == document()
