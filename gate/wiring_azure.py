"""The concrete parts that ask Azure about scans: made where a registry is named for that, and not else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from gate.config import Config
    from gate.findings.defender.connect import DefenderConnection
    from gate.findings.defender.duties import Asked
    from gate.findings.defender.rights import Duty
    from gate.findings.interface import FindingsSource
    from gate.http.client import HttpClient
    from gate.intake import Intake
    from gate.policy.schema import Policy
    from gate.registry.auth import CredentialProvider
    from gate.registry.interface import ImageReader
    from gate.revisit import Revisits


def connect_defender(
    config: Config, images: Callable[[], ImageReader], engine: Engine | None = None
) -> DefenderConnection | None:
    """Return the connection to Azure that configuration describes, or None if it names no registry.

    `engine` is where handed-in scan reports are kept; without it there are none.

    Raises:
        UsageError: a recording is configured as well: which of the two decides must not depend on an order.
        UpstreamError: the Azure libraries are not installed (`azure_missing`).
    """
    if config.azure is None:
        return None
    if config.defender_recording is not None:
        message = "GATE_DEFENDER_RECORDING and GATE_DEFENDER_REGISTRIES are both set"
        raise UsageError(message, code="config_invalid", hint="unset one: a recording is for demonstrations and tests")
    from gate.findings.defender.connect import DefenderConnection  # noqa: PLC0415 - as above
    from gate.http.client import HttpClient  # noqa: PLC0415 - 0.3 s, which only what talks to servers pays
    from gate.registry.attachments import RemoteAttachments  # noqa: PLC0415 - as above
    from gate.scans import LedgeredScans  # noqa: PLC0415 - as above

    client = HttpClient(config.http)
    return DefenderConnection(
        config.azure,
        client=client,
        http=config.http,
        bounds=config.defender,
        environ=os.environ,
        images=images(),
        attachments=RemoteAttachments(client, _credentials(config, client), most=config.defender.referrers),
        scans=None if engine is None else LedgeredScans(engine, most_bytes=config.defender.artifact_bytes),
    )


def _credentials(config: Config, client: HttpClient) -> CredentialProvider:
    """Return what proves to registries who asks: Entra tokens for those named as Azure's, and for no other."""
    from gate.findings.defender.identity import AzureIdentity  # noqa: PLC0415 - as above
    from gate.registry.acr_tokens import EntraCredentials  # noqa: PLC0415
    from gate.registry.auth import FirstOf, default_credentials  # noqa: PLC0415

    known, azure = default_credentials(os.environ), config.acr
    if azure is None:
        return known
    identity = AzureIdentity(azure.cloud, azure.tenant, os.environ, config.http)
    entra = EntraCredentials(client, lambda: identity.credential, azure.hosts, audience=azure.audience)
    return FirstOf([entra, known])


def revisits_of(
    connection: DefenderConnection | None, engine: Engine, intake: Intake, clock: Callable[[], datetime]
) -> Revisits:
    """Return what looks again at held images: Azure is asked for news of them where it is asked at all."""
    from gate.revisit import NoNews, Revisits  # noqa: PLC0415 - as above
    from gate.scans import NewsOfScans  # noqa: PLC0415

    # Without Defender asked live, nobody asks for a scanner's report either.
    news = NoNews() if connection is None else NewsOfScans(engine, connection.waiting())
    return Revisits(engine=engine, intake=intake, news=news, clock=clock)


def asked_of(config: Config, policy: Policy, duties: Iterable[Duty]) -> Asked:
    """Return what to ask about the rights of an identity: in the registries that policy releases from and to."""
    from gate.findings.defender.duties import Asked  # noqa: PLC0415 - as above

    places = tuple((_host(one.staging), _host(one.release)) for one in policy.decision.promotion)
    return Asked(
        duties=frozenset(duties),
        places=tuple(pair for pair in places if any(pair)),
        unlock=policy.decision.discard.unlock,
        azure=frozenset(config.acr.hosts if config.acr is not None else ()),
        imports=frozenset(config.acr.imports if config.acr is not None else ()),
    )


def _host(place: str) -> str:
    """Return a place's registry; nothing for a folder."""
    from gate.model.image import ImageRef, Transport  # noqa: PLC0415 - as above
    from gate.registry.reference import split_repository  # noqa: PLC0415

    ref = ImageRef.of_place(place)
    return split_repository(ref.repository)[0].lower() if ref.transport is Transport.REGISTRY else ""


def defender_source(config: Config, policy: Policy, connection: DefenderConnection | None) -> FindingsSource:
    """Return Defender's source: live, recorded where policy allows it, or one that says that nobody looked.

    Raises:
        PolicyError: a recording is configured and policy does not allow it.
    """
    from gate.findings.defender.none import NoDefender  # noqa: PLC0415 - as above
    from gate.findings.defender.recorded import RecordedDefender  # noqa: PLC0415

    if connection is not None:
        return connection.source(policy.decision.findings.defender)
    if config.defender_recording is None:
        return NoDefender()
    allowed = policy.decision.findings.defender.allow_recorded
    return RecordedDefender(config.defender_recording, allow_recorded=allowed, bounds=config.data)
