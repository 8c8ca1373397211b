"""Whatever the HTTP libraries raise becomes an error of the gate's own tree, at creation and while a body is read."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
import urllib3.exceptions

from gate.errors import (
    GateError,
    NotFoundError,
    ThrottledUpstreamError,
    TimeoutUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
)
from gate.http.address import origin_of, show
from gate.model.redact import redact

_TLS = (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError)
_TIMEOUTS = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    urllib3.exceptions.LocationValueError,
    UnicodeError,
)
_ALL = (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError)

UNREACHABLE = "upstream_unreachable"


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn what `requests`, `urllib3` and sockets raise inside the block into an `UpstreamError` that names `url`."""
    try:
        yield
    except GateError:
        raise
    except _ALL as error:
        # The libraries' messages and chains hold the whole address, query and all: they end here.
        raise _translation(error, url) from None


def _translation(error: Exception, url: str) -> UpstreamError:
    place = show(url)
    if isinstance(error, _TLS):
        return UpstreamError(
            f"no trusted connection to `{place}`: {_cause(error)}",
            hint="if the server has a certificate of your own authority, name its file in REQUESTS_CA_BUNDLE",
            code="upstream_tls",
            url=place,
        )
    if isinstance(error, _TIMEOUTS):
        return TimeoutUpstreamError(
            f"`{place}` did not answer in time", hint="try again, or raise the bound", url=place
        )
    if isinstance(error, urllib3.exceptions.DecodeError):
        return UpstreamError(f"`{place}` sent a body that can't be decoded", code="upstream_undecodable", url=place)
    if isinstance(error, _ADDRESS):
        return UpstreamError(f"`{place}` can't be called: {_cause(error)}", code="bad_address", url=place)
    return UpstreamError(
        f"the exchange with `{place}` broke: {_cause(error)}",
        hint="check the address, the network and the proxy settings, then try again",
        code=UNREACHABLE,
        url=place,
    )


def _cause(error: BaseException, depth: int = 10) -> str:
    """Say the innermost reason, without the address that the outer ones repeat."""
    inner = [cause for cause in (getattr(error, "reason", None), *error.args) if isinstance(cause, BaseException)]
    if inner and depth:
        return _cause(inner[0], depth - 1)
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return redact(text.split("url:", 1)[0])[:200] or type(error).__name__


def refusal(status: int, url: str, headers: Mapping[str, str], body: bytes, *, missing: str) -> GateError:
    """Return the error that a status stands for; `missing` says what a 404 means to the caller, in its own words."""
    place, host = show(url), origin_of(url).host
    error: GateError
    if status == http.client.UNAUTHORIZED:
        text = f"`{host}` wants other credentials than the gate has for `{place}`"
        error = UnauthorizedUpstreamError(text, hint=f"give the gate credentials for `{host}`, or renew them")
    elif status == http.client.FORBIDDEN:
        text, hint = (
            f"`{host}` does not let the gate do this at `{place}`",
            "give the gate's identity the right to do it",
        )
        error = UnauthorizedUpstreamError(text, hint=hint, code="upstream_forbidden")
    elif status == http.client.NOT_FOUND and missing:
        error = NotFoundError(f"{missing} does not exist", hint="check the name")
    elif status == http.client.TOO_MANY_REQUESTS:
        error = ThrottledUpstreamError(f"`{host}` keeps asking to slow down (429)", hint="try again later")
        error.facts["retry_after"] = headers.get("Retry-After", "")[:40]
    else:
        error = UpstreamError(f"`{place}` answered {status}", hint="the detail is the server's own word")
    error.facts |= {"url": place, "status": str(status), "detail": redact(body[:500].decode("utf-8", "replace"))}
    return error
