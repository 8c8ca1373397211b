"""Puts the parts of the live source together, once a process: who signs in, who asks, what is kept between images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import UpstreamError
from gate.findings.defender.arm import Arm
from gate.findings.defender.duties import duty_checks
from gate.findings.defender.graph import Graph
from gate.findings.defender.identity import AzureIdentity
from gate.findings.defender.live import LiveDefender
from gate.findings.defender.preflight import Preflight, Preflights
from gate.findings.defender.preflight_run import PreflightRun
from gate.findings.defender.waiting import Waiting
from gate.findings.proof.artifact import ArtifactProofs
from gate.findings.proof.interface import NoScans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from gate.bounds import DefenderBounds, HttpBounds
    from gate.cloud import AzureConfig
    from gate.findings.defender.duties import Asked
    from gate.findings.defender.preflight import Check
    from gate.findings.interface import FindingsSource
    from gate.findings.proof.interface import Attachments, Scans
    from gate.http.client import HttpClient
    from gate.policy.schema import DefenderPolicy
    from gate.registry.interface import ImageReader


class DefenderConnection:
    """Everything that is asked of Azure, behind three questions: a source, a preflight, and news of waiting images."""

    def __init__(  # noqa: PLR0913 - collaborators, each named
        self,
        config: AzureConfig,
        *,
        client: HttpClient,
        http: HttpBounds,
        bounds: DefenderBounds,
        environ: Mapping[str, str],
        images: ImageReader,
        attachments: Attachments,
        scans: Scans | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Connect nothing yet; every part asks when it is asked.

        Raises:
            UpstreamError: the Azure libraries are not installed (`azure_missing`).
        """
        try:
            from gate.findings.defender.sdk import SecurityCenterPages  # noqa: PLC0415 - an extra, and half a second
        except ImportError as error:
            message = "GATE_DEFENDER_REGISTRIES is set, and the Azure libraries are not installed"
            raise UpstreamError(message, code="azure_missing", hint="install the extra `azure`") from error

        self._config = config
        identity = AzureIdentity(config.cloud, config.tenant, environ, http)
        self._arm = arm = Arm(client, identity, config.cloud, bounds)
        self.graph = Graph(arm, bounds, sleep=sleep) if sleep else Graph(arm, bounds)
        self._pages = SecurityCenterPages(config.cloud, identity, http, bounds)
        self._run = PreflightRun(config=config, identity=identity, arm=arm, graph=self.graph, pages=self._pages)
        self._preflights = Preflights(self._run, fresh=config.preflight)
        self._artifacts = ArtifactProofs(images, attachments, bounds)
        self._attachments = attachments
        self._scans = scans or NoScans()
        self._bounds = bounds

    def source(self, policy: DefenderPolicy) -> FindingsSource:
        """Return the source of findings under a policy."""
        return LiveDefender(
            config=self._config,
            policy=policy,
            preflights=self._preflights,
            graph=self.graph,
            pages=self._pages,
            artifacts=self._artifacts,
            scans=self._scans,
        )

    def preflight(self, now: datetime) -> Preflight:
        """Run the preflight anew, whatever is kept: what `gate doctor` shows."""
        return self._run(now)

    def signed_in(self, now: datetime) -> Preflight:
        """Ask for a token alone."""
        return self._run.sign_in(now)

    def duties(self, asked: Asked, registries: Iterable[str] = ()) -> tuple[Check, ...]:
        """Ask what the identity may do, in the registries of configuration and these further ones, by resource id."""
        return tuple(duty_checks(self._arm, {*(one.id for one in self._config.registries), *registries}, asked))

    def waiting(self) -> Waiting:
        """Return what asks for all waiting images at once."""
        return Waiting(
            graph=self.graph,
            subscriptions=self._config.subscriptions,
            attachments=self._attachments,
            bounds=self._bounds,
        )
