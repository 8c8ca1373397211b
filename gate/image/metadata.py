"""What is read out of the small text files of a Python distribution: METADATA, WHEEL, direct_url.json.

Sources: PyPA "Core metadata", "Recording installed projects", PEP 610 (direct URL), PEP 427 (WHEEL).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from gate.bounds import MIB
from gate.errors import InputError
from gate.image.jsontext import read_json
from gate.model.origin import Kind
from gate.model.redact import redact_url

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_~-]{0,199}")
_TAG = re.compile(r"[A-Za-z0-9_.]{1,100}-[A-Za-z0-9_.]{1,100}-[A-Za-z0-9_.]{1,200}")
_HEADER = re.compile(r"([!-9;-~]+):")
_TEXT = 2000
HEADER_BYTES = MIB
"""Longest headers that are read; real ones have a few kilobytes, and what follows them is only hashed."""


class MetadataError(ValueError):
    """A metadata file that can't be believed."""


def headers_of(data: bytes) -> dict[str, list[str]]:
    """Return the headers up to the first line that is none, names in lower case, folded lines joined.

    That is where Python's own reader (`email.parser`) ends them: what stands below is a description, and may look like
    headers again.

    Raises:
        MetadataError: it begins with a folded line, or has more headers than are read.
    """
    headers: dict[str, list[str]] = {}
    values: list[str] = []
    end = min((at for gap in (b"\n\n", b"\n\r\n") if (at := data.find(gap)) >= 0), default=len(data))
    if end > HEADER_BYTES:
        message = f"its headers are longer than {HEADER_BYTES} bytes"
        raise MetadataError(message)
    for line in data[:end].decode("utf-8", "replace").removeprefix("\ufeff").split("\n"):
        text = line.removesuffix("\r")
        if not text:
            break
        if text[0] in " \t":
            if not values:
                message = "it begins with a continuation"
                raise MetadataError(message)
            values[-1] += f"\n{text}"
            continue
        header = _HEADER.match(text)
        if header is None:
            break
        values = headers.setdefault(header[1].lower(), [])
        values.append(text[header.end() :].strip())
    return headers


def name_and_version(headers: dict[str, list[str]]) -> tuple[str, str]:
    """Return the name and version as written; each must stand exactly once and look like one.

    Raises:
        MetadataError: missing, repeated or malformed.
    """
    found = []
    for key, pattern in (("name", _NAME), ("version", _VERSION)):
        values = headers.get(key, [])
        if len(values) != 1:
            message = f"`{key}` stands {len(values)} times in its headers"
            raise MetadataError(message)
        if not pattern.fullmatch(values[0]):
            message = f"`{key}` is {values[0][:60]!r}"
            raise MetadataError(message)
        found.append(values[0])
    return found[0], found[1]


def agrees_with_folder(name: str, version: str, folder: str) -> bool:
    """Say whether a `NAME-VERSION.dist-info` folder speaks of the same name and version."""
    stem = folder.removesuffix(".dist-info")
    said_name, dash, said_version = stem.rpartition("-")
    return bool(dash) and canonicalize_name(said_name) == canonicalize_name(name) and _same(said_version, version)


def _same(one: str, other: str) -> bool:
    try:
        return Version(one.replace("_", "+", 1) if "+" in other else one) == Version(other)
    except InvalidVersion:
        return re.sub(r"[-_+.~]+", ".", one.lower()) == re.sub(r"[-_+.~]+", ".", other.lower())


def wheel_tags(data: bytes) -> str:
    """Return the tags of a WHEEL file, as written, separated by a space.

    Raises:
        MetadataError: no tag, or one that is none.
    """
    tags = headers_of(data).get("tag", [])
    if not tags:
        message = "it has no `Tag`"
        raise MetadataError(message)
    for tag in tags:
        if not _TAG.fullmatch(tag):
            message = f"`Tag` is {tag[:60]!r}"
            raise MetadataError(message)
    return " ".join(tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectUrl:
    """PEP 610: where a distribution was installed from, if not from an index; `url` without credentials."""

    kind: Kind
    url: str
    facts: dict[str, str] = field(default_factory=dict)


def direct_url_of(data: bytes) -> DirectUrl:
    """Parse a `direct_url.json`.

    Raises:
        MetadataError: not what PEP 610 says; then nobody knows where the distribution is from.
    """
    try:
        document = read_json(data, what="direct_url.json", code="direct_url_unreadable")
    except InputError as error:
        raise MetadataError(error.message) from error
    url = document.get("url") if isinstance(document, dict) else None
    if not isinstance(url, str) or not url or len(url) > _TEXT:
        message = "it has no `url`"
        raise MetadataError(message)
    infos = [(key, document[key]) for key in ("vcs_info", "archive_info", "dir_info") if key in document]
    if len(infos) != 1 or not isinstance(infos[0][1], dict):
        message = "it does not say what the URL is"
        raise MetadataError(message)
    key, info = infos[0]
    facts = {f"direct_url_{name}": value for name, value in _texts(document, ("subdirectory",)).items()}
    if key == "vcs_info":
        facts |= {
            f"vcs_{name}": value for name, value in _texts(info, ("vcs", "commit_id", "requested_revision")).items()
        }
        return DirectUrl(kind=Kind.VCS, url=redact_url(url), facts=facts)
    if key == "dir_info":
        facts |= {"editable": "true"} if info.get("editable") is True else {}
        return DirectUrl(kind=Kind.LOCAL, url=redact_url(url), facts=facts)
    facts |= _archive(info)
    return DirectUrl(kind=Kind.LOCAL if url.startswith("file:") else Kind.URL, url=redact_url(url), facts=facts)


def _archive(info: dict[str, object]) -> dict[str, str]:
    hashes = info.get("hashes")
    facts = {}
    if isinstance(hashes, dict):
        facts = {f"archive_{name}": value for name, value in _texts(hashes, ("sha256",)).items()}
    old = info.get("hash")
    if not facts and isinstance(old, str) and old.startswith("sha256="):
        facts = {"archive_sha256": old.removeprefix("sha256=")[:_TEXT]}
    return facts


def _texts(document: dict[str, object], keys: tuple[str, ...]) -> dict[str, str]:
    return {key: value[:_TEXT] for key in keys if isinstance(value := document.get(key), str) and value}
