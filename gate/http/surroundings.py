"""What the environment says of the way to servers: proxies and the CA bundle, as `requests` documents both."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from requests.utils import get_environ_proxies

from gate.errors import UpstreamError
from gate.http.address import is_loopback

if TYPE_CHECKING:
    from gate.http.address import Origin

_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_ASKED = (*_NAMES, *(name.upper() for name in _NAMES), "REQUEST_METHOD")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_MOST = 256


class Surroundings:
    """Keeps the proxies of each origin until a variable that decides on them changes.

    To find them out anew costs more than all else that is done for a small request.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self._table: tuple[tuple[str | None, ...], dict[Origin, dict[str, str]]] = ((), {})

    def __len__(self) -> int:
        """Say of how many origins the way is kept."""
        return len(self._table[1])

    def proxies(self, origin: Origin, url: str) -> dict[str, str]:
        """Return the proxies for an address of the origin.

        What is meant for this machine stays on it: a proxy would read what may go in clear only there.
        """
        if is_loopback(origin.host):
            return {}
        seen = tuple(map(os.environ.get, _ASKED))
        known, kept = self._table
        if seen != known or len(kept) >= _MOST:
            self._table = seen, (kept := {})
        if origin not in kept:
            kept[origin] = get_environ_proxies(url)
        return kept[origin]


def bundle() -> bool | str:
    """Return the CA bundle of the environment, or True for the one that comes with `requests`; never False.

    Raises:
        UpstreamError: `ca_bundle_missing`: the file that is named does not exist.
    """
    named = next((value for name in _BUNDLES if (value := os.environ.get(name))), "")
    if named and not Path(named).exists():
        message = f"the CA bundle `{named}` does not exist"
        hint = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE must name a file of certificates, or be unset"
        raise UpstreamError(message, hint=hint, code="ca_bundle_missing")
    return named or True
