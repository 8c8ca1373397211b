"""The OpenAPI document is a contract: what is sent by it, or against it, is answered by it, and never with a 5xx."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema
import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks
from service.inprocess import ALICE, TestClient, bundle, evaluate, serving
from service.live import Live

from gate.account import Account
from gate.config import load_config
from gate.service.app import create_app
from gate.service.problems import MEDIA_TYPE
from gate.wiring import policy_of

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.unsupported_method,
    openapi_checks.allow_header_conformance,
]
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def document() -> dict[str, Any]:
    """Describe the application without starting it."""
    config = load_config({"GATE_HOME": "/nowhere"})
    described: dict[str, Any] = create_app(config, policy_of(config)).openapi()
    return described


# schemathesis draws at random inside its own strategies, and hypothesis says so.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

DOCUMENT = document()
schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def address(client: TestClient) -> Iterator[str]:
    app = client.app
    assert isinstance(app, FastAPI)
    with serving(app) as served:
        yield served


@pytest.fixture(scope="module")
def known(client: TestClient, ground: Live) -> dict[str, str]:
    """Return what stands, by the name of the parameter that names it."""
    ground.push("contract", private=True)
    account = evaluate(client, ground, "contract", environment="requirements-churn.txt")
    return {
        "evaluation": account["id"],
        "digest": account["decision_digest"],
        "request_id": account["decision"]["requests"][0],
    }


SETTINGS = hypothesis.settings(
    max_examples=20,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)


@schema.parametrize()
@SETTINGS
def test_whatever_is_sent_is_answered_by_the_contract(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, checks=CHECKS, timeout=60)


@schema.parametrize()
@SETTINGS
def test_whatever_is_sent_about_what_stands_is_answered_by_the_contract(
    case: schemathesis.Case[Any], address: str, known: dict[str, str]
) -> None:
    case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
    case.call_and_validate(base_url=address, checks=CHECKS[:-3], headers=ALICE, timeout=60)


def test_every_route_says_what_it_answers_and_that_failures_are_problems() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            success = next(answers[status] for status in answers if status.startswith("2"))
            assert success["content"]["application/json"]["schema"], (method, path)
            assert set(answers["default"]["content"]) == {MEDIA_TYPE}, (method, path)
            assert "422" not in answers, (method, path)
            assert operation["description"], (method, path)
    names = set(DOCUMENT["components"]["schemas"])
    assert {"ProblemDetails", "Shown", "Page", "DecisionPage", "Decision", "Submitted", "Bundle"} <= names


def test_the_document_is_that_of_the_running_service(client: TestClient) -> None:
    assert client.get("/openapi.json").json() == DOCUMENT
    assert client.get("/openapi.json").json() == DOCUMENT  # it is made once, and changed once


def validate(value: object, name: str) -> None:
    """Hold a value to one of the document's schemas."""
    jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})


def test_real_answers_are_of_the_documents_schemas(client: TestClient, known: dict[str, str]) -> None:
    account = client.get(f"/v1/evaluations/{known['evaluation']}").json()
    validate(account, "Account")
    validate(client.get(f"/v1/decisions/{known['digest']}").json(), "Decision")
    validate(client.get("/v1/decisions").json(), "DecisionPage")
    validate(client.get(f"/v1/exceptions/{known['request_id']}").json(), "Shown")
    validate(client.get("/v1/exceptions").json(), "Page")
    checked = client.post("/v1/checks", json=bundle(requirements_txt="six\n--index-url https://x.example/\nfoo\n"))
    validate(checked.json(), "Checked")
    validate(client.get("/nothing").json(), "ProblemDetails")


def test_the_schema_of_an_evaluation_is_that_of_the_code_and_of_real_output(
    client: TestClient, known: dict[str, str]
) -> None:
    kept = json.loads((SCHEMAS / "evaluation-1.schema.json").read_text())
    assert kept == Account.model_json_schema(mode="serialization", by_alias=True)
    account = client.get(f"/v1/evaluations/{known['evaluation']}").json()
    jsonschema.validate(account, kept)
    assert account["schema"] == "gate.evaluation/1"
    for wrong in ({"schema": "gate.evaluation/2"}, {"state": "fine"}, {"more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(account | wrong, kept)
