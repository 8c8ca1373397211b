"""Whether a text that somebody wrote elsewhere names an image of ours. Pure.

Texts are others' (an environment's `image`, a model's property) and are spelt in many ways: a login server in upper
case, with a port, with an address of its data or private endpoint; a digest in upper case; a tag beside a digest; no
tag, which is `latest`. In doubt it is named: a use that is overlooked breaks somebody's deployment for good, and one
too many is a question.
"""

from __future__ import annotations

import re
from typing import Literal

from gate.model.base import Value
from gate.model.digest import Digest

How = Literal["digest", "tag", "unclear"]
"""By its digest; by a tag that is on it; or by words that hold the digest and can't be read as a name."""

_LOCAL_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?:(?:https?|docker|oci)://)?(?P<host>[a-z0-9.-]+(?::[0-9]{{1,5}})?)/(?P<path>{_LOCAL_PATH})"
    r"(?::(?P<tag>[a-z0-9_][a-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_ACR = re.compile(
    r"(?P<name>[a-z0-9-]+)(?:\.privatelink|\.[a-z0-9]+\.(?:data|geo|privatelink))?\.azurecr\.(?P<end>io|us|cn)"
)
"""Source: Microsoft's pages on dedicated data endpoints, private links and regional endpoints of a registry."""
_DEFAULT_TAG = "latest"
_BREAKS = re.compile(r"[\s\"'`,;(){}\[\]<>]+")
_LONGEST_NAME = 1000
"""Longer words are no names; they are looked through for digests alone."""


class Named(Value):
    """What is looked for: one repository (`host/path`), digests in it, and the tags that are on any of them."""

    place: str
    digests: tuple[Digest, ...]
    tags: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The registry's host in its one spelling; the whole place if that has none."""
        return plain_host(self.place.partition("/")[0])

    @property
    def path(self) -> str:
        """What follows the host, in lower case."""
        return self.place.partition("/")[2].lower()


def mention(text: str, named: Named) -> How | None:
    """Say how a text names one of the digests, or None if it does not.

    A digest decides where there is one, as it does for whoever pulls; a tag beside it is a comment. The same digest
    under another path is another copy. Under the same path it counts whatever the host: one registry has many names.
    """
    folded = text.strip().lower()
    match = _NAME.fullmatch(folded) if len(folded) <= _LONGEST_NAME else None
    if match is None:
        return "unclear" if any(_hex(digest) in folded for digest in named.digests) else None
    if match["path"] != named.path:
        return None
    if match["digest"]:
        return "digest" if match["digest"] in named.digests else None
    tags = {tag.lower() for tag in named.tags}
    here = plain_host(match["host"]) == named.host
    return "tag" if here and (match["tag"] or _DEFAULT_TAG) in tags else None


def mention_within(text: str, named: Named) -> How | None:
    """Say how any word of a longer text names one of the digests: an address in a sentence or in JSON."""
    return next((how for word in _BREAKS.split(text) if (how := mention(word, named))), None)


def plain_host(host: str) -> str:
    """Return the one spelling of a registry's host: lower case, no default port, no address of an endpoint of it."""
    plain = host.lower().removesuffix(":443").removesuffix(":80").rstrip(".")
    match = _ACR.fullmatch(plain)
    return f"{match['name']}.azurecr.{match['end']}" if match else plain


def _hex(digest: Digest) -> str:
    return digest.removeprefix("sha256:")
