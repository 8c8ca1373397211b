"""The OpenAPI document: the models of the routes, with every failure as a problem and nothing left to guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gate.callers.roles import roles_for
from gate.exceptions.remote import CLAIMED
from gate.service.problems import MEDIA_TYPE
from gate.service.tokens import needed

if TYPE_CHECKING:
    from fastapi import FastAPI

_JSON = "application/json"
_SCHEME = "entra"


_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An Entra access token (v1 or v2) for this service, with one of its app roles.",
}


def install(app: FastAPI, *, tokens: bool) -> None:
    """Have the application describe itself as it is; `tokens` says whether callers prove who they are."""
    generated = app.openapi
    done: dict[str, Any] | None = None

    def openapi() -> dict[str, Any]:
        nonlocal done
        document = generated()
        if document is not done:  # made anew whenever a route was added
            done = document
            for operations in document["paths"].values():
                for operation in operations.values():
                    _problems(operation["responses"]["default"])
                    if tokens:
                        _token(operation)
            if tokens:
                document["components"]["securitySchemes"] = {_SCHEME: dict(_BEARER)}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending the document


def _problems(response: dict[str, Any]) -> None:
    """Name the media type that problems have: FastAPI knows one for all models of a route."""
    response["content"] = {MEDIA_TYPE: response["content"].pop(_JSON)}


def _token(operation: dict[str, Any]) -> None:
    """Say that the operation takes a token, with which roles, and no claim."""
    wanted = needed(operation)
    if not wanted:
        return
    operation["security"] = [{_SCHEME: []}]
    operation["description"] = f"{operation['description']}\n\nRoles: {', '.join(roles_for(wanted))}."
    kept = [one for one in operation.get("parameters", ()) if one["name"] != CLAIMED]
    operation.pop("parameters", None)
    if kept:
        operation["parameters"] = kept
