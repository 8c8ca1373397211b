"""What a project page says, out of its bytes: the places that it names, what stands beside its files, some files."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import SchemaValidator, ValidationError
from pydantic_core import core_schema as schema

from gate.http.answer import Answer
from gate.index.page import JSON, read_page

if TYPE_CHECKING:
    from gate.index.project import IndexFile

_PLACE = re.compile(rb'"url"\s*:\s*"(https?://[^/"\\?#]+(?=/)|)')
"""The place that each file's address begins with; empty for one that is relative, or spelled in an odd way."""

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_ZEROS = re.compile(r"(?:\.0+)+\Z")


def begins(body: bytes) -> set[bytes]:
    """Return what the addresses of a page's files begin with; counting is much faster than finding each."""
    first = _PLACE.search(body)
    if first is None:
        return set()
    key = first[0][: first.start(1) - first.start()]
    alike = bool(first[1]) and body.count(b'"url"') == body.count(key + first[1] + b"/")
    return {first[1]} if alike else set(_PLACE.findall(body))


def place_of(address: str) -> tuple[str, int] | None:
    """Return host and port of the beginning of an address; None if it can't be read."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    return ((parts.hostname or "").lower(), port or (443 if parts.scheme == "https" else 80))


def rewritten(answer: Answer, name: str) -> Answer:
    """Return the page as JSON with whole addresses: the resolver gets it from another place than the index."""
    project = read_page(answer, name)
    page = {
        "meta": {"api-version": "1.1"},
        "name": name,
        "files": [_entry(file) for file in project.files],
        "project-status": {"status": project.status, "reason": project.status_reason} if project.status else {},
    }
    # A header of our own: what is kept is the page that was handed on.
    return Answer(url=answer.url, status=200, headers={"Content-Type": JSON}, body=json.dumps(page).encode())


def _entry(file: IndexFile) -> dict[str, object]:
    entry: dict[str, object] = {
        "filename": file.filename,
        "url": file.url.partition("#")[0],
        "hashes": {"sha256": file.sha256.removeprefix("sha256:")} if file.sha256 else {},
        "yanked": False if file.yanked is None else (file.yanked or True),
    }
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    if file.size is not None:
        entry["size"] = file.size
    if file.upload_time is not None:
        entry["upload-time"] = file.upload_time.isoformat()
    if file.has_metadata:
        entry["core-metadata"] = {"sha256": file.metadata_sha256} if file.metadata_sha256 else True
    return entry


def beside_files(body: bytes) -> dict[str, Any] | None:
    """Return what a page says beside its files; None if it is no such page, which its reading for facts will then say.

    No file becomes a value here: of a hundred thousand, one in a hundred will be asked for.
    """
    try:
        page: dict[str, Any] = _page_of_names().validate_json(body)
    except ValidationError:
        return None
    return page | {"files": []}


@lru_cache(maxsize=1)
def _page_of_names() -> SchemaValidator:
    return _page(schema.typed_dict_schema({"filename": schema.typed_dict_field(schema.str_schema(strict=True))}))


def _page(file: schema.CoreSchema) -> SchemaValidator:
    said = {name: schema.typed_dict_field(schema.any_schema(), required=False) for name in ("name", "project-status")}
    must = {"meta": schema.any_schema(), "files": schema.list_schema(file, strict=True)}
    return SchemaValidator(
        schema.typed_dict_schema(said | {name: schema.typed_dict_field(is_) for name, is_ in must.items()})
    )


def only_version(answer: Answer, version: str) -> Answer:
    """Return the page with the files that may be of one version: turning all of them into values takes far longer.

    A file that spells its version in a way of its own (`v1.0`, `01.0`) is left out, and then no file fits.
    """
    numbers = _NUMBERS.match(version)
    if numbers is None:
        return answer
    mark = re.escape("-" + _ZEROS.sub("", numbers[0]))
    named = schema.typed_dict_field(schema.str_schema(strict=True, pattern=mark))
    file = schema.typed_dict_schema({"filename": named}, extra_behavior="allow")
    try:
        page = _page(schema.with_default_schema(file, on_error="omit")).validate_json(answer.body)
    except ValidationError:
        return answer
    return with_files(answer, page, page["files"])


def with_files(answer: Answer, page: dict[str, Any], files: list[Any]) -> Answer:
    """Return the answer with a page of these files alone."""
    body = json.dumps(page | {"files": files}).encode()
    return Answer(url=answer.url, status=200, headers=answer.headers, body=body)
