"""Azure Resource Manager over the gate's own client: plain reads, lists page by page, and questions by POST."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gate.errors import UpstreamError, UsageError
from gate.http.address import origin_of, show
from gate.http.answer import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.bounds import DefenderBounds
    from gate.cloud import Cloud
    from gate.findings.defender.identity import Identity
    from gate.http.answer import Answer
    from gate.http.client import HttpClient

_MISSING = "the resource"


class Arm:
    """Asks Resource Manager as one identity. The token goes to this one origin and never on to another.

    Raises (all methods): what `HttpClient` and `Identity` raise; NotFoundError for a 404.
    """

    def __init__(self, client: HttpClient, identity: Identity, cloud: Cloud, bounds: DefenderBounds) -> None:
        """Keep the parts; nothing is asked yet."""
        self._client = client
        self._identity = identity
        self._base = cloud.arm
        self._bounds = bounds

    def get(self, path: str, api_version: str) -> object:
        """Return the JSON under a path."""
        return self._json(self._get(self._url(path, api_version)))

    def pages(self, path: str, api_version: str, *, query: str = "") -> Iterator[list[object]]:
        """Yield the values of a list, a page at a time. `query` is what else is asked, as `&name=value`.

        Raises:
            UpstreamError: `page_foreign` if the next page is said to be elsewhere, `azure_answer_unreadable` if one is
                no page, `too_many_pages` past the bound. The whole is then unusable.
        """
        url = self._url(path, api_version) + query
        for _ in range(self._bounds.pages):
            match self._json(self._get(url)):
                case {"value": [*values], **rest}:
                    yield values
                    following = rest.get("nextLink")
                case _:
                    message = f"`{show(url)}` answered something that is no list"
                    raise UpstreamError(message, code="azure_answer_unreadable", url=show(url))
            if following is None or following == "":
                return
            url = self._onward(following)
        message = f"`{show(url)}` has more pages than the {self._bounds.pages} that are read"
        raise UpstreamError(message, code="too_many_pages", hint="raise the bound if this is expected")

    def post(self, path: str, api_version: str, body: object) -> Answer:
        """Ask a question that changes nothing, so that asking again is safe."""
        headers = {**self._headers(), "Content-Type": "application/json"}
        return self._client.request(
            "POST",
            self._url(path, api_version),
            headers=headers,
            body=json.dumps(body).encode(),
            retried=True,
            limit=self._bounds.page_bytes,
        )

    def _get(self, url: str) -> Answer:
        return self._client.get_bytes(url, headers=self._headers(), missing=_MISSING, limit=self._bounds.page_bytes)

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._identity.token()}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }

    def _json(self, answer: Answer) -> object:
        return parse_json(answer.body, answer.url)

    def _url(self, path: str, api_version: str) -> str:
        return f"{self._base}/{path.lstrip('/')}?api-version={api_version}"

    def _onward(self, following: object) -> str:
        try:
            same = isinstance(following, str) and origin_of(following) == origin_of(self._base)
        except UsageError:
            same = False
        if not same:
            message = f"`{origin_of(self._base).host}` names a next page on another host"
            hint = "no token is sent there; if a proxy rewrites addresses, let it keep them"
            raise UpstreamError(message, code="page_foreign", hint=hint, url=show(str(following))[:200])
        return str(following)
