"""Where a conda package says it came from: its channel, as its record in the image has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.model.origin import Origin, OriginKind
from gate.model.redact import redact_url
from gate.origin.verdict import consistent, contradicted, unknown

if TYPE_CHECKING:
    from gate.model.image import Component, Proof

_SUBDIR = re.compile(r"(?:noarch|(?:linux|osx|win|freebsd|zos|emscripten|wasi)-[a-z0-9_]+)")
_PACKAGE = re.compile(r"[^/]+\.(?:conda|tar\.bz2)")
_TOKEN = re.compile(r"/t/[^/]+(?=/)")


def prove_conda(component: Component) -> Proof:
    """Return the channel that the record names: a claim of the image, hence `consistent` at most.

    Where the record has an address, the origin is the channel's whole address, for anybody can name a channel
    `conda-forge` on a server of their own: policy says which addresses are which channel. A bare name stays a name.
    A record of the base image whose files a later layer changed is a record of something else.
    """
    told = component.facts.get("channel", "")
    channel = channel_of(told)
    address = channel_of(component.facts.get("url", ""))
    if not channel and not address:
        return unknown("no_channel")
    location = address or channel
    origin = Origin(kind=OriginKind.CONDA_CHANNEL, location=location)
    modified = component.facts.get("base_modified", "")
    if modified:
        example = component.facts.get("base_modified_example", "")
        return contradicted("base_modified", {"files": modified, "examples": example}, origin=origin)
    if channel and address and channel not in {address, address.rpartition("/")[2], _path(address)}:
        return contradicted("channel_differs", {"channel": channel, "url": address}, origin=origin)
    facts = {key: component.facts.get(key, "") for key in ("build", "sha256", "md5")}
    return consistent("channel_recorded", origin, {"channel": channel} | facts)


def channel_of(text: str) -> str:
    """Return a channel's name or address, without platform, file name, credentials and tokens."""
    text = _TOKEN.sub("", redact_url(text.strip())).partition("?")[0].partition("#")[0].rstrip("/")
    head, _, leaf = text.rpartition("/")
    if head and _PACKAGE.fullmatch(leaf):
        text = head
    head, _, leaf = text.rpartition("/")
    return head if head and _SUBDIR.fullmatch(leaf) else text


def _path(address: str) -> str:
    """Return what follows the host: a channel's name may have several segments."""
    return address.partition("://")[2].partition("/")[2]
