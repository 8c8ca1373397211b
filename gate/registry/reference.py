"""Read the words by which people name images; one strict grammar, and a refusal that says what it would have taken.

Registry names follow the grammar of the distribution project's `reference` package and of the OCI distribution
specification (`<name>`, `<reference>`); Docker Hub's short names are written out, so that one image has one name.
"""

from __future__ import annotations

import ipaddress
import os
import re

from gate.errors import UsageError
from gate.model.digest import is_digest
from gate.model.image import ImageRef, Transport
from gate.model.origin import DOCKER_HUB
from gate.model.redact import redact

DEFAULT_TAG = "latest"
NAME_CHARACTERS = 255
"""Longest repository, host included, as the distribution project has it."""

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?P<name>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.]+\])(?::(?P<port>[0-9]{{1,5}}))?")
_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_HIGHEST_PORT = 65535
_HINT = "write `host/path:tag`, `host/path@sha256:…`, `oci:FOLDER:TAG` or `docker:NAME:TAG`"


def parse_image_ref(text: str) -> ImageRef:
    """Return the image that the text names: in a registry, an OCI layout folder (`oci:`) or the engine (`docker:`).

    Without a tag and without a digest the tag is `latest`. A relative folder is taken from the working directory.

    Raises:
        UsageError: `bad_image_reference`; the text is outside the grammar, and nothing is guessed.
    """
    if _CONTROL.search(text):
        raise _refusal(text, "it holds a control character")
    if text.startswith("oci:"):
        return _layout(text, text.removeprefix("oci:"))
    if text.startswith("docker:"):
        rest = text.removeprefix("docker:")
        if rest.startswith("//"):
            raise _refusal(text, "it is written as an address")
        name, tag, digest = _cut(text, rest)
        _path(text, name if _host_of(name) is None else name.partition("/")[2])
        return ImageRef(transport=Transport.DOCKER_ENGINE, repository=name, tag=tag, digest=digest)
    if "://" in text:
        raise _refusal(text, "it is written as an address")
    name, tag, digest = _cut(text, text)
    return ImageRef(transport=Transport.REGISTRY, repository=_registry_name(text, name), tag=tag, digest=digest)


def split_repository(repository: str) -> tuple[str, str]:
    """Return host (with port) and path of a registry's repository as `parse_image_ref` writes it."""
    host, _, path = repository.partition("/")
    return host, path


def _layout(text: str, rest: str) -> ImageRef:
    folder, at, digest = rest.rpartition("@")
    if at and digest.startswith("sha256:"):
        pinned: str | None = _digest(text, digest)
        tag = ""
    else:
        pinned = None
        folder, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:
            folder, tag = rest, DEFAULT_TAG
        elif not _TAG.fullmatch(tag):
            raise _refusal(text, "its tag is outside the grammar")
    if not folder:
        raise _refusal(text, "it names no folder")
    # The name stays as it was typed: `resolve` would ask the disk and follow links that may change later.
    absolute = os.path.abspath(folder)  # noqa: PTH100 - see above
    return ImageRef(transport=Transport.OCI_LAYOUT, repository=absolute, tag=tag, digest=pinned)


def _cut(text: str, rest: str) -> tuple[str, str, str | None]:
    """Return name, tag and digest; a digest makes the tag optional, nothing else does but the default."""
    rest, at, tail = rest.partition("@")
    digest = _digest(text, tail) if at else None
    slash = rest.rfind("/")
    colon = rest.find(":", slash + 1)
    if colon < 0:
        return rest, "" if digest else DEFAULT_TAG, digest
    tag = rest[colon + 1 :]
    if not _TAG.fullmatch(tag):
        raise _refusal(text, "its tag is outside the grammar")
    return rest[:colon], tag, digest


def _digest(text: str, digest: str) -> str:
    if not is_digest(digest):
        raise _refusal(text, "its digest is not `sha256:` and 64 lower-case hexadecimal digits")
    return digest


def _registry_name(text: str, name: str) -> str:
    host = _host_of(name)
    if host is None:
        host, path = DOCKER_HUB, name
    else:
        path = name.partition("/")[2]
    if host in _HUB_NAMES:
        host = DOCKER_HUB
        path = path if "/" in path else f"library/{path}"
    _path(text, path)
    if len(host) + 1 + len(path) > NAME_CHARACTERS:
        raise _refusal(text, f"its name is longer than {NAME_CHARACTERS} characters")
    return f"{host}/{path}"


def _host_of(name: str) -> str | None:
    """Return the host in lower case if the first part is one (a dot, a port, or `localhost`), as Docker reads it."""
    first, slash, _ = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return None
    match = _HOST.fullmatch(first)
    if match is None or (match["port"] and not 0 < int(match["port"]) <= _HIGHEST_PORT):
        raise _refusal(name, "its host is outside the grammar")
    if match["name"].startswith("["):
        try:
            ipaddress.IPv6Address(match["name"][1:-1])
        except ValueError:
            raise _refusal(name, "its host is outside the grammar") from None
    return first.lower()


def _path(text: str, path: str) -> None:
    if not all(_PART.fullmatch(part) for part in path.split("/")):
        raise _refusal(text, "its path is outside the grammar (lower case, digits, single separators)")


def _refusal(text: str, why: str) -> UsageError:
    return UsageError(f"`{redact(text)[:200]}` names no image: {why}", hint=_HINT, code="bad_image_reference")
