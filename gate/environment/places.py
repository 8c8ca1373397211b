"""Names of places: which origin an index address, a conda channel or an image name stands for."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from gate.environment.templates import has_template, has_variable, spans
from gate.model.origin import CONDA_DEFAULTS, DOCKER_HUB, PYPI, Origin, OriginKind
from gate.model.redact import redact_url

_FILES = re.compile(r'file_storage_domain="([a-z0-9.-]+)"')
_ENDPOINT = re.compile(r'^PYPI_SIMPLE_ENDPOINT(?:\s*:\s*str)?\s*=\s*"([^"]+)"', re.MULTILINE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}://")
_LONGEST = 8192
_VARIABLE = re.compile(r"\$\{(?:[^{}]|\{[^{}]*\})*\}|\$\([^()]*\)")
_SUBDIR = re.compile(r"(?:noarch|(?:linux|osx|win|emscripten|wasi|zos|freebsd)-[a-z0-9]+)")

# Registries are named, not addressed: what these two hosts serve goes by the channel's own name.
_ANACONDA_ORG, _ANACONDA_COM = "anaconda.org", "anaconda.com"

PYPI_INDEX = Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI, implicit=True)
IMPLICIT_DEFAULTS = Origin(kind=OriginKind.CONDA_CHANNEL, location=CONDA_DEFAULTS, implicit=True)


@lru_cache(maxsize=1)
def pypi_endpoint() -> str:
    """Return the address of PyPI's simple index as pypi-simple has it.

    The constant is read out of the installed source: importing the package would load an HTTP stack for one string.
    """
    spec = importlib.util.find_spec("pypi_simple")
    source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    match = _ENDPOINT.search(source)
    if match is None:
        from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415 - only when the source has another shape

        return PYPI_SIMPLE_ENDPOINT
    return match[1]


@lru_cache(maxsize=1)
def pypi_file_host() -> str:
    """Return the host that serves PyPI's files as the installed pip names it; nothing if there is no pip to ask.

    Read as text for the same reason. Without it no address is taken for PyPI's, which blocks and lets nothing in.
    """
    spec = importlib.util.find_spec("pip")
    source = Path(spec.origin).parent / "_internal" / "models" / "index.py" if spec and spec.origin else None
    match = _FILES.search(source.read_text(encoding="utf-8")) if source and source.is_file() else None
    return match[1] if match else ""


@lru_cache(maxsize=1)
def _pypi_hosts() -> frozenset[str]:
    host = urlsplit(pypi_endpoint()).hostname or ""
    # PyPI's first name lived below python.org and redirects to today's host; old lock files still say it.
    return frozenset({host, f"{host.partition('.')[0]}.python.org"})


def split_url(address: str) -> SplitResult | None:
    """Split an address; None when it is not one (no scheme, brackets that close nowhere), or could be two."""
    if len(address) > _LONGEST or not _SCHEME.match(address):
        return None
    if "\\" in address:
        # Installers (urllib3, browsers) end the host there, Python's own splitting does not: it has two readings.
        return None
    try:
        parts = urlsplit(address)
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts


def host_of(address: str) -> str:
    """Return the host of an address, lower case, without port and user; empty when there is none."""
    parts = split_url(address)
    return (parts.hostname or "") if parts else ""


def python_index(address: str) -> Origin:
    """Return the origin that an index address stands for; PyPI only by https, its own host and the simple path."""
    address = address.strip().strip("'\"")
    parts = split_url(address)
    if parts is None:
        if address.startswith(("/", ".", "~")):
            return Origin(kind=OriginKind.PATH, location=address)
        return Origin(kind=OriginKind.UNKNOWN, location=redact_url(address))
    if parts.scheme == "file":
        return Origin(kind=OriginKind.PATH, location=parts.path)
    if unresolved(parts.netloc.rpartition("@")[2]):
        return Origin(kind=OriginKind.UNKNOWN, location=redact_url(address))
    plain = parts.port in {None, 443} and parts.path.rstrip("/") in {"/simple", "/pypi"}
    if parts.scheme == "https" and parts.hostname in _pypi_hosts() and plain:
        return Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI)
    return Origin(kind=OriginKind.PYTHON_INDEX, location=redact_url(address).rstrip("/"))


def pypi_file(address: str) -> bool:
    """Say whether an address is that of a file on PyPI's own file host, by https."""
    parts = split_url(address)
    return (
        parts is not None
        and parts.scheme == "https"
        and parts.port in {None, 443}
        and bool(parts.hostname)
        and parts.hostname == pypi_file_host()
        and not unresolved(address)
    )


def link_page(address: str) -> Origin:
    """Return the origin that a `--find-links` value stands for: a page, or a folder."""
    address = address.strip().strip("'\"")
    parts = split_url(address)
    if parts is None or parts.scheme == "file":
        return Origin(kind=OriginKind.PATH, location=parts.path if parts else address)
    return Origin(kind=OriginKind.URL, location=redact_url(address))


def unresolved(text: str) -> bool:
    """Say whether a template or a variable keeps the text from being known."""
    return has_template(text) or has_variable(text)


def conda_channel(channel: str) -> Origin:
    """Return the origin that a channel name or address stands for; a platform folder at its end is no part of it."""
    channel = channel.strip().strip("'\"")
    parts = split_url(channel)
    if parts is None:
        if unresolved(channel) or not channel:
            return Origin(kind=OriginKind.UNKNOWN, location=channel)
        if channel.startswith(("/", ".", "~")):
            return Origin(kind=OriginKind.PATH, location=channel)
        return Origin(kind=OriginKind.CONDA_CHANNEL, location=_without_subdir(channel.strip("/")))
    if parts.scheme == "file":
        return Origin(kind=OriginKind.PATH, location=parts.path)
    name = _known_channel(parts) or _redact_token(redact_url(channel).rstrip("/"))
    return Origin(kind=OriginKind.CONDA_CHANNEL, location=name)


def _known_channel(parts: SplitResult) -> str:
    path = unquote(parts.path).strip("/")
    if parts.scheme != "https" or parts.port not in {None, 443} or unresolved(path):
        return ""
    if parts.hostname == f"conda.{_ANACONDA_ORG}" and not path.startswith("t/"):
        return _without_subdir(path)
    if parts.hostname == f"repo.{_ANACONDA_COM}" and path.startswith("pkgs/"):
        return CONDA_DEFAULTS
    return ""


def _without_subdir(channel: str) -> str:
    head, _, tail = channel.rpartition("/")
    return head if head and _SUBDIR.fullmatch(tail) else channel


def _redact_token(address: str) -> str:
    return re.sub(r"/t/[^/]+/", "/t/***/", address)


def image_registry(name: str) -> Origin:
    """Return the registry of an image name as Docker reads it: the first part, if it looks like a host.

    A name that climbs or skips is none that Docker takes, and its origin is unknown.
    """
    first, slash, _ = name.partition("/")
    if {"", ".", ".."} & set(name.split("/")):
        return Origin(kind=OriginKind.UNKNOWN, location=name)
    if slash and ("." in first or ":" in first or first == "localhost"):
        if unresolved(first):
            return Origin(kind=OriginKind.UNKNOWN, location=first)
        return Origin(kind=OriginKind.IMAGE_REGISTRY, location=first.lower())
    if unresolved(first):
        return Origin(kind=OriginKind.UNKNOWN, location=first)
    return Origin(kind=OriginKind.IMAGE_REGISTRY, location=DOCKER_HUB, implicit=True)


def split_image(image: str) -> tuple[str, str]:
    """Split an image reference into name and tag-or-digest (`tag@sha256:…` stays whole).

    A template or a variable is one word: it hides no colon and no slash of its own, and the tag may be one itself.
    """
    plain = _words(image)
    at = plain.find("@")
    head = plain if at < 0 else plain[:at]
    colon = head.find(":", head.rfind("/") + 1)
    cut = colon if colon >= 0 else at
    return (image, "") if cut < 0 else (image[:cut], image[cut + 1 :])


def _words(text: str) -> str:
    """Return the text, as long as it is, with a letter for each character of a template or a variable."""
    out, last = [], 0
    for start, end in spans(text):
        out += [text[last:start], "x" * (end - start)]
        last = end
    return _VARIABLE.sub(lambda match: "x" * len(match[0]), "".join((*out, text[last:])))
