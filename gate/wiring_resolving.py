"""What resolves for evaluations: the closed set of an image's own platform, from the places that policy knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import UpstreamError, UsageError
from gate.model.failure import Failure
from gate.model.reference import Problem, Severity
from gate.model.resolution import MENDS_UNKNOWN, ImageSet

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from gate.config import Config
    from gate.model.finding import Finding
    from gate.model.reference import Declared
    from gate.model.resolution import Resolution
    from gate.policy.schema import Policy
    from gate.resolve.judged import JudgedSet
    from gate.resolve.settings import ResolveConfig


def resolve_config(config: Config, policy: Policy) -> ResolveConfig:
    """Return how this machine resolves: where it reaches what policy safelists, and which indexes are private.

    Raises:
        UsageError: an index and a channel of one name are given an address each.
    """
    from gate.resolve.settings import ResolveConfig  # noqa: PLC0415 - keeps `gate check` light

    twice = sorted(set(config.indexes) & set(config.channels))
    if twice:
        message = f"`{twice[0]}` is an index in `GATE_INDEX_ADDRESSES` and a channel in `GATE_CHANNEL_ADDRESSES`"
        raise UsageError(message, code="config_invalid", hint="have policy call one of them by another name")
    return ResolveConfig(
        bounds=config.resolve,
        http=config.http,
        addresses={**config.indexes, **config.channels},
        private_indexes=frozenset(index.name for index in policy.safelist.python_indexes if index.private),
        file_hosts=config.file_hosts,
    )


class ImageResolver:
    """Resolves for one machine; `gate.origin.closed_sets.Resolver`."""

    def __init__(self, config: Config, engine: Engine) -> None:
        """Take the settings, and the database with the imported advisories."""
        self._config = config
        self._engine = engine

    def __call__(self, declared: Declared, policy: Policy, *, platform: str, python: str, now: datetime) -> ImageSet:
        """Resolve, and look up what the releases that are still cooling off would mend.

        Raises:
            UpstreamError: `resolver_offline`: this machine asks nobody.
            GateError: as `closed_set`.
        """
        from gate.resolve.judged import judge_closed_set  # noqa: PLC0415 - as above
        from gate.resolve.older import cooling  # noqa: PLC0415

        if self._config.offline:
            message = "this machine is offline (`GATE_OFFLINE`), and a closed set is resolved by asking"
            hint = "have policy demand none (`resolution.evaluations: never`), or evaluate where indexes can be asked"
            raise UpstreamError(message, hint=hint, code="resolver_offline")
        settings = resolve_config(self._config, policy)
        judged = judge_closed_set(
            declared, policy, definition="", platform=platform, python=python, now=now, config=settings
        )
        if judged.failure is not None:
            return ImageSet(failure=judged.failure)
        if not cooling(judged):
            return ImageSet(resolution=judged.resolution)
        try:
            return ImageSet(resolution=judged.resolution, mends=self._mends(judged, declared, policy, settings))
        except Exception as error:  # noqa: BLE001 - a look-up that fails in any way waives nothing, and that is told
            return ImageSet(resolution=_with(judged.resolution, Failure.of(error)))

    def _mends(
        self, judged: JudgedSet, declared: Declared, policy: Policy, settings: ResolveConfig
    ) -> tuple[Finding, ...]:
        """Look up what blocks the same environment without the young files, as `gate check --resolve` does."""
        from gate.findings.advisories.fixes import imported_advisories  # noqa: PLC0415 - as above
        from gate.findings.advisories.waiver import waived_for_fixes  # noqa: PLC0415
        from gate.store.reference import StoredReferenceData  # noqa: PLC0415

        data, now = StoredReferenceData(self._engine), judged.resolution.resolved_at
        advisories = imported_advisories(data, policy.decision.findings, now)
        return waived_for_fixes(judged, declared, policy, settings, advisories).mends


def _with(resolution: Resolution, failure: Failure) -> Resolution:
    message = f"what the releases that are still cooling off would mend could not be looked up: {failure.message}"
    problem = Problem(code=MENDS_UNKNOWN, message=message[:1000], file="", severity=Severity.WARNING)
    return resolution.model_copy(update={"problems": (*resolution.problems, problem)})
