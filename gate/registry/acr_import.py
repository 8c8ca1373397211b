"""Azure brings an image from one of its registries into another by itself: `importImage` of Resource Manager.

It is asked for by digest and for no tag, in mode `NoForce`, so that it can neither bring other bytes nor move a name.
An import that "succeeded" is known to leave images without their parts: what it says is where to look, and no more.
Sources: Azure REST reference, "Registries - Import Image" (2023-07-01); "Track asynchronous Azure operations".
"""

from __future__ import annotations

import http.client
import itertools
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from gate.errors import NotFoundError, TimeoutUpstreamError, UnauthorizedUpstreamError, UpstreamError, UsageError
from gate.http.address import origin_of, show
from gate.http.answer import parse_json
from gate.model.image import Transport
from gate.model.redact import redact
from gate.registry.acr_tokens import entra_token
from gate.registry.reference import split_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gate.http.answer import Answer
    from gate.http.client import HttpClient, Options
    from gate.model.image import ImageRef
    from gate.registry.acr_tokens import EntraTokens

API_VERSION = "2023-07-01"
_ANSWER_BYTES = 1024 * 1024
_ACCEPTED = int(http.client.ACCEPTED)
_CONFLICT = int(http.client.CONFLICT)
_FIRST, _LONGEST = 1.0, 15.0
"""Seconds between two looks at an import, if Azure names none."""
_ENDS = frozenset({"succeeded", "failed", "canceled"})
_HINT = (
    "give the gate's identity `Container Registry Data Importer and Data Reader` on both registries, or unset"
    " GATE_ACR_IMPORT: without it images go through the gate"
)


class AcrImport:
    """Asks Resource Manager as the gate's identity; its token goes to that one origin."""

    def __init__(  # noqa: PLR0913 - collaborators, each named
        self,
        client: HttpClient,
        tokens: Callable[[], EntraTokens],
        registries: Mapping[str, str],
        *,
        arm: str,
        seconds: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nobody yet.

        Args:
            client: calls Resource Manager.
            tokens: makes what gives Entra tokens.
            registries: resource ids by login server, of the registries between which images are imported.
            arm: Resource Manager's address.
            seconds: longest time that one import may take.
            sleep: waits between two looks.
            clock: counts seconds.
        """
        self._client = client
        self._tokens = tokens
        self._registries = {host.lower(): identifier for host, identifier in registries.items()}
        self._arm = arm.rstrip("/")
        self._seconds = seconds
        self._sleep = sleep
        self._clock = clock

    def between(self, source: ImageRef, target: ImageRef) -> bool:
        """Say whether both places are in registries that are named, and not in the same one."""
        hosts = [_host(ref) for ref in (source, target)]
        return all(host in self._registries for host in hosts) and hosts[0] != hosts[1]

    def bring(self, source: ImageRef, target: ImageRef) -> None:
        """Have the digest imported and wait for the end of that.

        Raises:
            UnauthorizedUpstreamError: `import_forbidden`: the identity may not.
            UpstreamError: `import_conflict`, `import_failed`, `import_registry_unknown`,
                `import_foreign`; or as `HttpClient`.
            TimeoutUpstreamError: `import_unfinished`: it came to no end; it may still.
            UsageError: `digest_needed`: a tag may be on something else by the time that it is imported.
        """
        if source.digest is None:
            message = f"`{source}` has no digest"
            raise UsageError(message, hint="resolve the tag first", code="digest_needed")
        body = {
            "source": {
                "resourceId": self._registries[_host(source)],
                "sourceImage": f"{split_repository(source.repository)[1]}@{source.digest}",
            },
            "untaggedTargetRepositories": [split_repository(target.repository)[1]],
            "mode": "NoForce",
        }
        url = f"{self._arm}{self._registries[_host(target)]}/importImage?api-version={API_VERSION}"
        until = self._clock() + self._seconds
        answer = self._ask("POST", url, json.dumps(body).encode(), target)
        for look in itertools.count(1):
            following = self._ended(answer, url, target)
            if not following:
                return
            wait = max(_asked(answer), min(_FIRST * 1.5**look, _LONGEST))
            if self._clock() + wait > until:
                message = f"the import into `{target.place}` has not ended in {self._seconds:.0f} s"
                hint = "what it may still bring is the same digest, under no tag; see the registry's activity log"
                raise TimeoutUpstreamError(message, hint=hint, code="import_unfinished", place=target.place)
            self._sleep(wait)
            answer = self._ask("GET", following, b"", target)

    def _ask(self, method: str, url: str, body: bytes, target: ImageRef) -> Answer:
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if body else {})}
        headers["Authorization"] = f"Bearer {entra_token(self._tokens(), f'{self._arm}/.default')}"
        options: Options = {"headers": headers, "limit": _ANSWER_BYTES, "accept": {_CONFLICT}, "retried": True}
        options["missing"] = f"the registry of `{target.place}`"
        if body:
            options["body"] = body
        try:
            # Asking twice imports the same digest twice, which is once.
            return self._client.request(method, url, **options)
        except UnauthorizedUpstreamError as error:
            message = f"the gate's identity may not import into `{target.place}`"
            raise UnauthorizedUpstreamError(message, hint=_HINT, code="import_forbidden", **error.facts) from None
        except NotFoundError as error:
            raise UpstreamError(str(error), hint=_HINT, code="import_registry_unknown", **error.facts) from None

    def _ended(self, answer: Answer, asked: str, target: ImageRef) -> str:
        """Return where to look next, or nothing at the good end."""
        if answer.status == _CONFLICT:
            message = f"`{target.place}` is in the way of an import: {_told(answer)}"
            raise UpstreamError(message, code="import_conflict", place=target.place)
        status = ""
        if answer.body.strip():
            told = parse_json(answer.body, answer.url)
            status = str(told.get("status", "")).lower() if isinstance(told, dict) else ""
        if status in _ENDS - {"succeeded"}:
            message = f"the import into `{target.place}` ended as `{status}`: {_told(answer)}"
            raise UpstreamError(message, code="import_failed", place=target.place)
        if status == "succeeded" or (answer.status != _ACCEPTED and not status):
            return ""
        named = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location") or ""
        # A look whose answer names no other place is repeated where it was.
        return self._own(named, answer) if named or answer.url == asked else answer.url

    def _own(self, location: str, answer: Answer) -> str:
        try:
            target = urljoin(answer.url, location) if location else ""
            same = origin_of(target) == origin_of(self._arm)
        except (ValueError, UsageError):
            same = False
        if not same:
            message = f"`{show(answer.url)}` has an import waited for elsewhere, or nowhere"
            raise UpstreamError(message, hint="no token is sent there", code="import_foreign", url=show(answer.url))
        return target


def _host(ref: ImageRef) -> str:
    return split_repository(ref.repository)[0].lower() if ref.transport is Transport.REGISTRY else ""


def _asked(answer: Answer) -> float:
    text = answer.headers.get("Retry-After", "").strip()
    return min(float(text), 600.0) if text.isascii() and text.isdigit() and len(text) < len("1000") else 0.0


def _told(answer: Answer) -> str:
    """Return what Azure says of a failure: a code and a sentence, or the head of whatever came."""
    try:
        parsed = parse_json(answer.body, answer.url)
    except UpstreamError:
        parsed = None
    match parsed:
        case {"error": {"code": str(code), **rest}}:
            text = f"{code}: {rest.get('message', '')}"
        case _:
            text = answer.body[:200].decode("utf-8", "replace")
    return redact(" ".join(text.split()))[:300]
