"""What may be said of an address before it is called: its origin, whether it is this machine, how it is shown."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from gate.errors import UpstreamError, UsageError
from gate.model.redact import redact_url

_BLANK = re.compile(r"[\x00-\x20\x7f]")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Scheme, host and port: what credentials belong to."""

    scheme: str
    host: str
    port: int

    @property
    def private(self) -> bool:
        """Say whether what is sent there can't be read on the way: TLS, or this very machine."""
        return self.scheme == "https" or is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether the host name or address is this machine, without asking any name server."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def show(url: str) -> str:
    """Write an address for people: no user info, no query, no fragment, for any of them may hold a secret."""
    return redact_url(url.split("#", 1)[0].split("?", 1)[0])


def _split(url: str) -> tuple[SplitResult, Origin] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or _BLANK.search(url):
        return None
    origin = Origin(scheme=parts.scheme, host=parts.hostname, port=_PORTS[parts.scheme] if port is None else port)
    return parts, origin


def origin_of(url: str) -> Origin:
    """Return the origin of an `http` or `https` address.

    Raises:
        UsageError: the address is of another kind or can't be read.
    """
    split = _split(url)
    if split is None:
        message = f"`{show(url)[:200]}` is no http or https address"
        raise UsageError(message, hint="write it as https://host/path", code="bad_address")
    return split[1]


def strip_credentials(url: str) -> tuple[str, str]:
    """Return the address without user info, and the `Authorization` value that the user info stands for, or nothing.

    Raises:
        UsageError: as `origin_of`.
    """
    origin_of(url)
    parts = urlsplit(url)
    user_info, at, place = parts.netloc.rpartition("@")
    if not at:
        return url, ""
    pair = ":".join(unquote(part) for part in (user_info if ":" in user_info else user_info + ":").split(":", 1))
    return urlunsplit(parts._replace(netloc=place)), "Basic " + base64.b64encode(pair.encode()).decode()


def redirected(url: str, location: str) -> str:
    """Return the absolute address a redirect leads to, without user info.

    Raises:
        UpstreamError: `bad_redirect` if it leads to no http or https address, `redirect_downgrade` if it leaves TLS,
            `redirect_inward` if another machine leads to this one.
    """
    try:
        target = urljoin(url, location)
    except ValueError:
        target = ""
    split = _split(target)
    if split is None:
        message = f"`{show(url)}` redirects to something that is no http or https address"
        raise UpstreamError(message, code="bad_redirect", url=show(url))
    parts, origin = split
    if origin.scheme == "http" and origin_of(url).scheme == "https":
        message = f"`{show(url)}` redirects from https to plain http at `{origin.host}`"
        raise UpstreamError(message, hint="the server must redirect to https", code="redirect_downgrade", url=show(url))
    if is_loopback(origin.host) and not is_loopback(origin_of(url).host):
        message = f"`{show(url)}` redirects to this very machine"
        raise UpstreamError(message, code="redirect_inward", url=show(url))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
