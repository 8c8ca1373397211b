"""The OpenAPI document: the models of the routes, with every failure as a problem and nothing left to guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gate.service.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from fastapi import FastAPI

_JSON = "application/json"


def install(app: FastAPI) -> None:
    """Have the application describe itself as it is."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = generated()
        if fresh:
            for operations in document["paths"].values():
                for operation in operations.values():
                    _problems(operation["responses"]["default"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending the document


def _problems(response: dict[str, Any]) -> None:
    """Name the media type that problems have: FastAPI knows one for all models of a route."""
    response["content"] = {MEDIA_TYPE: response["content"].pop(_JSON)}
