"""Where images are: the concrete stores behind `gate.registry.interface`, opened by transport and by host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.model.image import ImageRef, Transport

if TYPE_CHECKING:
    from azure.core.pipeline.transport import RequestsTransport

    from gate.config import Config
    from gate.http.client import HttpClient
    from gate.policy.schema import Policy
    from gate.registry.acr_tokens import EntraTokens
    from gate.registry.interface import ImageReader, ImageWriter


def http_client(config: Config) -> HttpClient:
    """Return a client for any server."""
    from gate.http.client import HttpClient  # noqa: PLC0415 - 0.3 s, which only what talks to servers pays

    return HttpClient(config.http)


def open_reader(ref: ImageRef, config: Config, policy: Policy) -> ImageReader:
    """Return what reads images of the ref's transport, from the mirror that configuration and policy agree on.

    Raises:
        PolicyError: configuration names a mirror that policy does not list (`mirror_not_listed`).
    """
    if ref.transport is Transport.DOCKER_ENGINE:
        from gate.registry.engine import DockerEngine  # noqa: PLC0415 - the docker SDK is an extra

        return DockerEngine(bounds=config.image, http=config.http)
    from gate.registry.mirrors import MirroredReader, mirrors_for  # noqa: PLC0415 - as above

    mirrors = mirrors_for(ref, config.mirrors, policy.safelist, policy.decision.promotion)
    store = open_writer(ref.transport, config)
    return MirroredReader(store, mirrors) if mirrors else store


def staged_reader(store: ImageReader, ref: ImageRef, config: Config, policy: Policy) -> ImageReader:
    """Return what an evaluation reads a staged image with: the store, after a mirror of it if there is one.

    Raises:
        PolicyError: as `open_reader`.
    """
    from gate.registry.mirrors import MirroredReader, MirrorFirst, mirrors_for  # noqa: PLC0415 - as above

    mirrors = mirrors_for(ref, config.mirrors, policy.safelist, policy.decision.promotion)
    return MirrorFirst(MirroredReader(store, mirrors), store) if mirrors else store


def open_writer(transport: Transport, config: Config) -> ImageWriter:
    """Return what reads and changes images of a transport.

    Raises:
        UsageError: the local engine, which has neither staging nor release (`no_staging`).
    """
    if transport is Transport.OCI_LAYOUT:
        from gate.registry.layout import OciLayout  # noqa: PLC0415 - as above

        return OciLayout(bounds=config.image)
    if transport is Transport.REGISTRY:
        return _registries(config)
    message = "an image of the local engine can be inspected, but not promoted or discarded"
    raise UsageError(message, code="no_staging", hint="push it to a staging repository and evaluate that")


def _registries(config: Config) -> ImageWriter:
    """Return the client of all registries; those named as Azure's are given Entra tokens, and no other is."""
    from gate.registry.auth import FirstOf, default_credentials  # noqa: PLC0415 - as above
    from gate.registry.remote import RemoteRegistry  # noqa: PLC0415

    client, known, azure = http_client(config), default_credentials(os.environ), config.acr
    if azure is None:
        return RemoteRegistry(client, known, config.image)
    from gate.findings.defender.identity import AzureIdentity  # noqa: PLC0415
    from gate.registry.acr import AcrRegistry  # noqa: PLC0415
    from gate.registry.acr_import import AcrImport  # noqa: PLC0415
    from gate.registry.acr_tokens import EntraCredentials  # noqa: PLC0415

    identity = AzureIdentity(azure.cloud, azure.tenant, os.environ, config.http)

    def tokens() -> EntraTokens:
        found: EntraTokens = identity.credential
        return found

    def transport() -> RequestsTransport:
        from gate.findings.defender.sdk import bounded_transport  # noqa: PLC0415 - an extra, and slow

        return bounded_transport(config.http)

    entra = EntraCredentials(client, tokens, azure.hosts, audience=azure.audience)
    limit = config.image.import_seconds
    importer = AcrImport(client, tokens, azure.imports, arm=azure.cloud.arm, seconds=limit) if azure.imports else None
    return AcrRegistry(
        RemoteRegistry(client, FirstOf([entra, known]), config.image),
        tokens,
        azure.hosts,
        audience=azure.audience,
        transport=transport,
        http=config.http,
        bounds=config.image,
        importer=importer,
    )


class Stores(dict[Transport, "ImageWriter"]):
    """Image stores by transport, each opened when it is first asked for."""

    def __init__(self, config: Config) -> None:
        """Open none yet."""
        super().__init__()
        self._config = config

    def __missing__(self, transport: Transport) -> ImageWriter:
        """Open the store."""
        self[transport] = store = open_writer(transport, self._config)
        return store
