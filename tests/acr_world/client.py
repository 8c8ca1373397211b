"""The production client of a façade: the real library and the real wire, with an Entra token of the tests' own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from azure.core.credentials import AccessToken

from gate.bounds import HttpBounds, ImageBounds
from gate.findings.defender.sdk import bounded_transport
from gate.http.client import HttpClient
from gate.model.image import ImageRef, Transport
from gate.registry.acr import AcrRegistry
from gate.registry.acr_tokens import EntraCredentials
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

    from acr_world.facade import AcrFacade

AUDIENCE = "https://containerregistry.azure.net"
QUICK = HttpBounds(attempts=2, wait=0.2, total=20.0)


@dataclass(kw_only=True)
class Tokens:
    """Gives one Entra token, and remembers for which scopes it was asked."""

    token: str
    scopes: list[str] = field(default_factory=list)

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes.extend(scopes)
        return AccessToken(self.token, 2**31)


def http_of(facade: AcrFacade, http: HttpBounds = QUICK) -> HttpClient:
    """Return a client that is closed with the façade."""
    client = HttpClient(replace(http), sleep=lambda _: None)
    facade.closing.callback(client.close)
    return client


def acr_client(
    facade: AcrFacade,
    tokens: Tokens | None = None,
    *,
    http: HttpBounds = QUICK,
    bounds: ImageBounds | None = None,
    clock: Callable[[], float] | None = None,
) -> AcrRegistry:
    """Return a client that signs in to the façade."""
    signed = tokens or Tokens(token=facade.state.sign_in())
    client = http_of(facade, http)
    more = {"clock": clock} if clock else {}
    credentials = EntraCredentials(client, lambda: signed, [facade.host], audience=AUDIENCE, **more)
    limits = bounds or ImageBounds()
    return AcrRegistry(
        RemoteRegistry(client, credentials, limits, chunk_bytes=1_000_000),
        lambda: signed,
        [facade.host],
        audience=AUDIENCE,
        transport=lambda: bounded_transport(http),
        http=http,
        bounds=limits,
    )


def acr_place(facade: AcrFacade, name: str = "app") -> ImageRef:
    """Name a repository that no other test uses."""
    return ImageRef(transport=Transport.REGISTRY, repository=f"{facade.host}/{uuid.uuid4().hex}/{name}")
