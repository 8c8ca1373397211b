"""What was declared, resolved for the images of one evaluation: each platform and Python once, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gate.model.failure import Failure
from gate.model.resolution import ImageSet
from gate.origin.target import target_of
from gate.policy.words import Demand

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gate.model.image import Inventory
    from gate.model.reference import Declared
    from gate.policy.schema import Policy


class Resolver(Protocol):
    """Resolves a declaration, or says why it could not: `gate.wiring_resolving.ImageResolver` is one."""

    def __call__(self, declared: Declared, policy: Policy, *, platform: str, python: str, now: datetime) -> ImageSet:
        """Return the closed set; GateError if something fails, which becomes the set's own result."""
        ...


class ClosedSets:
    """The sets of one declaration. An image is one environment: all that was declared for it is resolved together."""

    def __init__(
        self,
        resolver: Resolver | None,
        declared: Declared,
        policy: Policy,
        now: datetime,
        told: Callable[[str, str], None] = lambda _platform, _python: None,
    ) -> None:
        """Resolve nothing yet.

        Args:
            resolver: None if this gate has none, which is a failure of its own for every image.
            declared: what was handed in with the images.
            policy: the policy in force; it says whether anything is resolved at all.
            now: the instant that the sets are as of.
            told: hears for which platform and Python a set is about to be resolved.
        """
        self._resolver = resolver
        self._declared = declared
        self._policy = policy
        self._now = now
        self._told = told
        self._known: dict[tuple[str, str], ImageSet] = {}

    def of(self, inventory: Inventory) -> ImageSet | None:
        """Return the set for an image, resolved at the first question; None if policy has nothing resolved.

        Nothing is raised: what goes wrong is the set's own result, so that no image is decided on in silence.
        """
        if self._policy.decision.resolution.evaluations is Demand.NEVER:
            return None
        try:
            target = target_of(inventory, self._declared)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here must be told and not stop the evaluation
            return ImageSet(failure=Failure.of(error))
        if target not in self._known:
            self._known[target] = self._resolved(*target)
        return self._known[target]

    def _resolved(self, platform: str, python: str) -> ImageSet:
        self._told(platform, python)
        if self._resolver is None:
            hint = "set up the resolver, or have policy demand nothing of it"
            message = "this gate has nothing that resolves"
            return ImageSet(failure=Failure(code="no_resolver", message=message, hint=hint))
        try:
            return self._resolver(self._declared, self._policy, platform=platform, python=python, now=self._now)
        except Exception as error:  # noqa: BLE001 - as above
            return ImageSet(failure=Failure.of(error))
