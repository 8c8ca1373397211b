"""What a project page says, out of its bytes: the places that it names, what stands beside its files, some files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import SchemaValidator, from_json
from pydantic_core import core_schema as schema

from gate.http.answer import Answer
from gate.index.page import JSON, read_page

if TYPE_CHECKING:
    from gate.index.project import IndexFile

_PLACE = re.compile(rb'"url"\s*:\s*"(https?://[^/"\\?#]+(?=/)|)')
"""The place that each file's address begins with; empty for one that is relative, or spelled in an odd way."""

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_ZEROS = re.compile(r"(?:\.0+)+\Z")
_SAID = ("meta", "name", "project-status")
_RECENT = 150
"""How many of a page's last files are kept: those of the version that is wanted, most often."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A page that was read: what it says beside its files, the name of each file, and the last files whole."""

    said: dict[str, Any]
    names: list[str]
    recent: list[dict[str, Any]]


def read_through(body: bytes) -> Read | None:
    """Return a page as it was read; None if it is no such page, which its reading for facts will then say.

    Of a hundred thousand files one in a hundred will be asked for, most often of the latest: the others are let go.
    """
    try:
        page = from_json(body, cache_strings="keys")
    except ValueError:
        return None
    files = page.get("files") if isinstance(page, dict) else None
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        return None
    names = [file.get("filename") for file in files]
    if not all(isinstance(name, str) for name in names):
        return None
    said = {key: page[key] for key in _SAID if key in page}
    return Read(said=said, names=names, recent=files[-_RECENT:])


def only_version(answer: Answer, read: Read | None, version: str) -> Answer:
    """Return the page with the files that may be of one version: turning all of them into values takes far longer.

    A file that spells its version in a way of its own (`v1.0`, `01.0`) is left out, and then no file fits.
    """
    numbers = _NUMBERS.match(version)
    if read is None or numbers is None:
        return answer
    mark = "-" + _ZEROS.sub("", numbers[0])
    wanted = [place for place, name in enumerate(read.names) if mark in name]
    before = len(read.names) - len(read.recent)
    if all(place >= before for place in wanted):
        return with_files(answer, read.said, [read.recent[place - before] for place in wanted])
    return with_files(answer, read.said, _files(answer.body, mark))


def _files(body: bytes, mark: str) -> list[Any]:
    """Return the files of a page that was read before whose names hold the mark, and make no values of the others."""
    named = schema.typed_dict_field(schema.str_schema(strict=True, pattern=re.escape(mark)))
    file = schema.typed_dict_schema({"filename": named}, extra_behavior="allow")
    files = schema.list_schema(schema.with_default_schema(file, on_error="omit"), strict=True)
    page = SchemaValidator(schema.typed_dict_schema({"files": schema.typed_dict_field(files)}))
    found: list[Any] = page.validate_json(body)["files"]
    return found


def with_files(answer: Answer, page: dict[str, Any], files: list[Any]) -> Answer:
    """Return the answer with a page of these files alone."""
    body = json.dumps(page | {"files": files}).encode()
    return Answer(url=answer.url, status=200, headers=answer.headers, body=body)
