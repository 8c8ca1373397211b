"""Microsoft's own library for Defender, azure-mgmt-security, held to the gate's bounds and to one host.

The library signs in, retries and turns pages; what it makes of them is not used, for its models drop the very fields
that tell which image a row is about. So every page is taken raw. Three things of its defaults are left out: it follows
a next page to any host with the token, it follows redirects, and it may register a provider, which is a change.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import requests
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline import policies
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from gate.errors import GateError, NotFoundError, UpstreamError
from gate.http.address import origin_of, show
from gate.http.body import Body
from gate.http.translate import refusal
from gate.http.watch import WatchedAdapter
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gate.bounds import DefenderBounds, HttpBounds
    from gate.cloud import Cloud
    from gate.findings.defender.identity import Identity

Page = list[object]
_NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
"""The client wants one for calls that have none in their scope; every call here names its own."""


class _Bounded(WatchedAdapter):
    """Reads each body whole, within a bound of bytes and of time, before the library gets to see it."""

    def __init__(self, bounds: HttpBounds, most: int) -> None:
        super().__init__()
        self._bounds = bounds
        self._most = most

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - handed through
        deadline = time.monotonic() + self._bounds.total
        kwargs["stream"] = True
        with self.within(self._bounds.total):
            response = super().send(request, *args, **kwargs)
        with Body(response, deadline=deadline, clock=time.monotonic, decode=True) as body:
            data = body.take(self._most)
        response._content = data  # noqa: SLF001 - where `requests` keeps what it has read
        response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        response.close()
        return response


class _OneHost(policies.SansIOHTTPPolicy[Any, Any]):
    """Refuses every request to another origin, before anything signs it."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._origin = origin_of(base)

    def on_request(self, request: Any) -> None:  # noqa: ANN401 - azure-core's own type of request
        url = request.http_request.url
        if origin_of(url) != self._origin:
            message = f"`{self._origin.host}` names a next page on another host"
            hint = "no token is sent there; if a proxy rewrites addresses, let it keep them"
            raise UpstreamError(message, code="page_foreign", hint=hint, url=show(url))


def bounded_transport(bounds: HttpBounds, most: int = 0) -> RequestsTransport:
    """Return a transport for any of Microsoft's libraries; `most` bytes of an answer, else the bound."""
    session = requests.Session()
    session.mount("https://", _Bounded(bounds, most or bounds.answer_bytes))
    return RequestsTransport(
        session=session, session_owner=False, connection_timeout=bounds.connect, read_timeout=bounds.read
    )


class SecurityCenterPages:
    """Raw answers of the security centre: the plan of a subscription, and sub-assessments page by page."""

    def __init__(self, cloud: Cloud, identity: Identity, http: HttpBounds, bounds: DefenderBounds) -> None:
        """Keep the parts; the client is made for each call, so that no state of it grows old."""
        self._cloud = cloud
        self._identity = identity
        self._http = http
        self._bounds = bounds

    def pricing(self, subscription: str, plan: str) -> object:
        """Return the plan as Azure answers it.

        Raises:
            UnauthorizedUpstreamError: 401 or 403.
            NotFoundError: there is no such plan.
            UpstreamError: any other failure.
        """
        pages: list[object] = []
        self._call(lambda client, hook: client.pricings.get(f"subscriptions/{subscription}", plan, **hook), pages)
        return pages[-1]

    def sub_assessments(self, scope: str, key: str) -> Iterator[Page]:
        """Yield the rows of every sub-assessment of a scope, a page at a time; an unknown assessment has none.

        Raises:
            UpstreamError: a page failed, is no page, or lies on another host: the whole is then unusable.
        """
        pages: list[object] = []

        def turn(client: Any, hook: dict[str, Any]) -> Iterator[Any]:  # noqa: ANN401 - the library's own type
            return iter(client.sub_assessments.list(scope.lstrip("/"), key, **hook).by_page())

        turned = self._call(turn, pages)
        for _ in range(self._bounds.pages):
            try:
                # The library's own page is read to its end: only then does it know of the next one.
                self._translated(lambda: list(next(turned)))
            except StopIteration:
                return
            except NotFoundError:
                if pages:
                    raise
                return
            yield _rows(pages.pop())
        message = f"`{scope}` has more than {self._bounds.pages} pages of sub-assessments"
        raise UpstreamError(message, code="too_many_pages", hint="raise the bound if this is expected")

    def _call(self, call: Callable[[Any, dict[str, Any]], Any], pages: list[object]) -> Any:  # noqa: ANN401 - as above
        from azure.mgmt.security import SecurityCenter  # noqa: PLC0415 - half a second, which only a call pays

        def keep(response: Any) -> None:  # noqa: ANN401 - azure-core's own type of response
            raw = response.http_response
            if raw.status_code == requests.codes.ok:
                pages.append(_json(raw.text(), raw.request.url))

        client = SecurityCenter(
            self._identity.credential, _NO_SUBSCRIPTION, base_url=self._cloud.arm, policies=self._policies(),
            transport=bounded_transport(self._http, self._bounds.page_bytes),
        )  # fmt: skip
        return self._translated(lambda: call(client, {"raw_response_hook": keep}))

    def _policies(self) -> list[Any]:
        return [
            policies.UserAgentPolicy("gate"),
            _OneHost(self._cloud.arm),
            policies.ContentDecodePolicy(),
            policies.RetryPolicy(retry_total=self._http.attempts - 1, retry_backoff_max=self._http.wait),
            ARMChallengeAuthenticationPolicy(self._identity.credential, self._cloud.scope),
            policies.CustomHookPolicy(),
        ]

    def _translated(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        try:
            return call()
        except (GateError, StopIteration):
            raise
        except ResourceNotFoundError as error:
            message = f"Azure does not know it: {_short(error)}"
            raise NotFoundError(message, hint="check the resource id") from None
        except HttpResponseError as error:
            raise self._refused(error) from None
        except AzureError as error:
            message = f"`{origin_of(self._cloud.arm).host}` can't be asked: {_short(error)}"
            raise UpstreamError(message, code="upstream_unreachable", hint="check the network") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # What the library can't make sense of, it says in any of these.
            message = f"the Azure library failed at an answer: {type(error).__name__}"
            raise UpstreamError(message, code="azure_answer_unreadable") from None

    def _refused(self, error: HttpResponseError) -> GateError:
        status = error.status_code
        if status is None:
            message = f"`{origin_of(self._cloud.arm).host}` answered what can't be read: {_short(error)}"
            return UpstreamError(message, code="azure_answer_unreadable")
        return refusal(status, self._cloud.arm, {}, _short(error).encode(), missing="")


def _rows(page: object) -> Page:
    match page:
        case {"value": [*rows]}:
            return rows
        case _:
            message = "Azure answered something that is no page of sub-assessments"
            raise UpstreamError(message, code="azure_answer_unreadable")


def _json(text: str, url: str) -> object:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        message = f"`{show(url)}` answered something that is not JSON"
        raise UpstreamError(message, code="upstream_not_json", url=show(url)) from None
    return parsed


def _short(error: Exception) -> str:
    return redact(" ".join(str(error).split()))[:300] or type(error).__name__
