"""What is attached to a digest in a registry, and since when the registry has it.

Sources: OCI distribution specification 1.1, "Listing Referrers" and the tag that stands in for it; Azure Container
Registry's own `/acr/v1` interface for the time of the push, which the distribution specification does not know.
"""

from __future__ import annotations

import http.client
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from gate.errors import BoundError, InputError, NotFoundError, UpstreamError, UsageError
from gate.http.answer import parse_json
from gate.registry.content import OCI_INDEX, read_descriptor, strict_object
from gate.registry.remote_tokens import Authorizer
from gate.registry.remote_wire import Wire, next_page

if TYPE_CHECKING:
    from gate.http.client import HttpClient
    from gate.model.image import ImageRef
    from gate.registry.auth import CredentialProvider
    from gate.registry.interface import Descriptor
    from gate.registry.remote_wire import Place

_NOT_FOUND = int(http.client.NOT_FOUND)
_ACCEPT = {"Accept": OCI_INDEX}
_ANSWER_BYTES = 4 * 1024 * 1024


class RemoteAttachments:
    """Asks any registry; errors are those of `RemoteRegistry`.

    Whoever may push may attach, and in registries without the referrers API may write the list itself. So the list is
    only where to look: each manifest in it must be read, and what it says of its own subject held against the digest.
    """

    def __init__(
        self, client: HttpClient, credentials: CredentialProvider, *, most: int = 100, wire: Wire | None = None
    ) -> None:
        """Use the client for everything, over `wire` if there is one; more than `most` attachments are an error."""
        self._wire = wire or Wire(client, Authorizer(client, credentials))
        self._most = most

    def referrers(self, ref: ImageRef, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """List what is attached to the ref's digest: of one artifact type, or of none that is told; without one, all.

        Raises:
            UpstreamError: the registry failed, or its answer is no list (`bad_referrers`).
            BoundError: `too_many_referrers`.
        """
        place, digest = self._wire.place(ref), _digest_of(ref)
        query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
        url = f"{place.url}/referrers/{digest}{query}"
        found: list[Descriptor] = []
        for page in range(self._most + 1):
            answer = self._wire.request(
                "GET", place, url, (place.scope("pull"),), headers=_ACCEPT, accept={_NOT_FOUND}, limit=_ANSWER_BYTES
            )
            if answer.status == _NOT_FOUND:
                if page:
                    raise _bad(place)
                return self._by_tag(place, ref, digest, artifact_type)
            found += self._listed(answer.body, place, artifact_type)
            self._check(len(found), ref)
            following = next_page(answer)
            if not following:
                return tuple(found)
            url = place.onward(answer, following, "page_foreign")
        raise self._too_many(ref)

    def pushed_at(self, ref: ImageRef) -> datetime | None:
        """Return when this repository got the ref's digest (UTC); None if the registry has no word for that."""
        place, digest = self._wire.place(ref), _digest_of(ref)
        url = f"{place.base}/acr/v1/{place.path}/_manifests/{digest}"
        scopes = (f"repository:{place.path}:metadata_read",)
        answer = self._wire.request("GET", place, url, scopes, accept={_NOT_FOUND}, limit=_ANSWER_BYTES)
        if answer.status == _NOT_FOUND:
            return None
        match parse_json(answer.body, answer.url):
            case {"manifest": {"digest": str(named), "createdTime": str(created)}} if named == digest:
                pass
            case _:
                raise _bad(place)
        try:
            instant = datetime.fromisoformat(_microseconds(created))
        except ValueError:
            raise _bad(place) from None
        return instant.astimezone(UTC) if instant.tzinfo is not None else None

    def _by_tag(self, place: Place, ref: ImageRef, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        url = f"{place.url}/manifests/{quote(digest.replace(':', '-'), safe='')}"
        try:
            answer = self._wire.request(
                "GET", place, url, (place.scope("pull"),), headers=_ACCEPT, missing=str(ref), limit=_ANSWER_BYTES
            )
        except NotFoundError:
            return ()
        found = self._listed(answer.body, place, artifact_type)
        self._check(len(found), ref)
        return tuple(found)

    def _listed(self, body: bytes, place: Place, artifact_type: str) -> list[Descriptor]:
        try:
            listed = strict_object(body, what="the list of what is attached")
            entries = listed.get("manifests")
            if listed.get("schemaVersion") != 2 or not isinstance(entries, list):  # noqa: PLR2004 - the one version
                raise _bad(place)
            return [
                read_descriptor(entry, what="the list of what is attached")
                for entry in entries
                if not (artifact_type and isinstance(entry, dict))
                or entry.get("artifactType", artifact_type) == artifact_type
            ]
        except InputError as error:
            raise _bad(place) from error

    def _check(self, count: int, ref: ImageRef) -> None:
        if count > self._most:
            raise self._too_many(ref)

    def _too_many(self, ref: ImageRef) -> BoundError:
        message = f"`{ref}` has more attachments than the {self._most} that are looked at"
        return BoundError(message, code="too_many_referrers", hint="raise the bound if this is expected")


def _digest_of(ref: ImageRef) -> str:
    if ref.digest is None:
        message = f"`{ref}` has no digest"
        raise UsageError(message, hint="resolve the tag first", code="digest_needed")
    return ref.digest


def _microseconds(text: str) -> str:
    """Cut the digits of a second to six: Azure writes seven."""
    head, dot, tail = text.partition(".")
    return f"{head}.{tail.rstrip('Z')[:6]}+00:00" if dot and tail.endswith("Z") else text


def _bad(place: Place) -> UpstreamError:
    message = f"`{place.host}` answered something else than what is attached to an image"
    return UpstreamError(message, code="bad_referrers", hint="check the registry's address")
