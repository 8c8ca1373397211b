"""Answers in JSON, with a tag by which a caller can ask whether anything changed (RFC 9110 §13.1.2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fastapi import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

_NOT_MODIFIED = 304
_OK = 200
_TAG_CHARACTERS = 32


def tag_of(body: bytes) -> str:
    """Return a tag for these bytes."""
    return hashlib.sha256(body).hexdigest()[:_TAG_CHARACTERS]


def answer(
    request: Request, body: bytes, *, tag: str = "", status: int = _OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the body, or 304 without it if the caller has what the tag stands for.

    Args:
        request: what is answered.
        body: JSON.
        tag: of the state that the body shows; its own bytes' if empty.
        status: 304 is only said in place of 200.
        headers: further ones.
    """
    quoted = f'"{tag or tag_of(body)}"'
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    given = {**(headers or {}), "ETag": quoted}
    if status == _OK and known & {quoted, "*"}:
        return Response(status_code=_NOT_MODIFIED, headers=given)
    return Response(body, status_code=status, media_type="application/json", headers=given)
