"""Defender, asked live: rows by digest, proof of a scan, and the preflight without which neither means anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.cloud import DefenderModel
from gate.errors import GateError, UnauthorizedUpstreamError
from gate.findings.defender import queries
from gate.findings.defender.answer import Gathered, answer, report
from gate.findings.defender.collect import Collected
from gate.findings.defender.model import NAME, RowError
from gate.findings.proof.sarif import look as look_at_reports
from gate.model.finding import ScanState
from gate.model.image import ImageRef, Transport
from gate.registry.reference import split_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from gate.cloud import AzureConfig
    from gate.findings.defender.graph import Graph
    from gate.findings.defender.preflight import Preflight, Preflights
    from gate.findings.defender.sdk import SecurityCenterPages
    from gate.findings.proof.artifact import ArtifactProofs
    from gate.findings.proof.interface import Scans
    from gate.model.finding import SourceReport
    from gate.model.image import Inventory
    from gate.policy.schema import DefenderPolicy


class LiveDefender:
    """Answers for one image at a time; the clients behind it are shared and keep no state of an image."""

    def __init__(  # noqa: PLR0913 - collaborators, each named
        self,
        *,
        config: AzureConfig,
        policy: DefenderPolicy,
        preflights: Preflights,
        graph: Graph,
        pages: SecurityCenterPages,
        artifacts: ArtifactProofs,
        scans: Scans,
    ) -> None:
        """Take the collaborators."""
        self._config = config
        self._policy = policy
        self._preflights = preflights
        self._graph = graph
        self._pages = pages
        self._artifacts = artifacts
        self._scans = scans

    @property
    def name(self) -> str:
        """The source's name in policy and reports."""
        return NAME

    def report(self, inventory: Inventory, *, now: datetime) -> SourceReport:
        """Answer for the image; see the interface."""
        subject = inventory.image.digest
        ref = ImageRef.of_place(inventory.image.repository, digest=subject)
        try:
            gathered = self._gathered(ref, subject, now)
            return answer(gathered, max_age=self._policy.max_age, now=now)
        except UnauthorizedUpstreamError as error:
            return report(subject, ScanState.NO_PERMISSION, message=f"{error.error_code}: {error.message}")
        except GateError as error:
            return report(subject, ScanState.SOURCE_ERROR, message=f"{error.error_code}: {error.message}")
        except RowError as error:
            return report(subject, ScanState.SOURCE_ERROR, message=f"a row can't be read: {error}")
        except Exception as error:  # noqa: BLE001 - a source that fails in any way is a state, never a missing row
            return report(subject, ScanState.SOURCE_ERROR, message=f"{type(error).__name__}: {error}")

    def _gathered(self, ref: ImageRef, subject: str, now: datetime) -> Gathered:
        """Ask, in the order of trust; what is not needed any more is not asked."""
        preflight = self._preflights.at(now)
        if not preflight.green:
            return Gathered(subject=subject, preflight=preflight, models=())
        _check_place(ref, preflight)
        models = tuple(self._models(subject))
        return Gathered(
            subject=subject,
            preflight=preflight,
            models=models,
            artifacts=self._artifacts.look(ref, self._policy.signers, now=now),
            reports=look_at_reports(self._scans, subject, self._policy, now=now),
        )

    def _models(self, subject: str) -> Iterator[Collected]:
        if self._config.model is not DefenderModel.GROUPED:
            yield self._individual(subject)
        if self._config.model is not DefenderModel.INDIVIDUAL:
            yield self._grouped(subject)

    def _individual(self, subject: str) -> Collected:
        collected = Collected(subject, self._config.grouped_keys)
        for page in self._graph.rows(queries.about_digest(subject), self._config.subscriptions):
            collected.individual(page)
        return collected

    def _grouped(self, subject: str) -> Collected:
        collected = Collected(subject)
        for registry in self._config.registries:
            for key in self._config.grouped_keys:
                for page in self._pages.sub_assessments(registry.id, key):
                    collected.grouped(page)
        return collected


def _check_place(ref: ImageRef, preflight: Preflight) -> None:
    """Refuse an image of a registry that the preflight did not look at: about it, no answer means nothing at all.

    Raises:
        GateError: `registry_not_asked`.
    """
    host = split_repository(ref.repository)[0].lower() if ref.transport is Transport.REGISTRY else ref.place
    if host not in preflight.hosts:
        message = f"`{host}` is none of the registries whose scans are asked for"
        raise GateError(message, code="registry_not_asked", hint="add its id to GATE_DEFENDER_REGISTRIES")
