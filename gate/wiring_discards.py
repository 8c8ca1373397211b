"""What keeps, holds and deletes what was discarded: the concrete parts, from configuration and database."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from gate.config import Config
    from gate.due import DueDiscards
    from gate.findings.defender.arm import Arm
    from gate.model.image import ImageRef, Transport
    from gate.policy.schema import Policy
    from gate.promotion.receipt import TombstoneReceipt
    from gate.registry.interface import ImageWriter
    from gate.registry.retention import SoftDelete


def held_in(engine: Engine, clock: Callable[[], datetime]) -> Callable[[Collection[str]], bool]:
    """Return what says whether somebody holds one of some digests now."""
    from gate.holds import Holds  # noqa: PLC0415 - each loads what only a discard needs

    holds = Holds(engine)

    def held(digests: Collection[str]) -> bool:
        return holds.standing(digests, now=clock()) is not None

    return held


def soft_delete_of(config: Config) -> Callable[[ImageRef], SoftDelete]:
    """Return what says what a place keeps of what is deleted: Azure, of the registries named for it; else unknown."""
    from gate.findings.defender.retention import RegistryRetention  # noqa: PLC0415 - as above

    named = config.azure
    if named is None:
        from gate.registry.retention import SoftDelete  # noqa: PLC0415 - as above

        return lambda _: SoftDelete()

    def arm() -> Arm:
        from gate.findings.defender.arm import Arm  # noqa: PLC0415 - as above
        from gate.findings.defender.identity import AzureIdentity  # noqa: PLC0415
        from gate.http.client import HttpClient  # noqa: PLC0415

        identity = AzureIdentity(named.cloud, named.tenant, os.environ, config.http)
        return Arm(HttpClient(config.http), identity, named.cloud, config.defender)

    return RegistryRetention(arm, [registry.id for registry in named.registries]).of


class DiscardOutside:
    """What is asked and told outside the registries before and after a deletion; implements `gate.due.Outside`."""

    def __init__(self, config: Config, engine: Engine, stores: Mapping[Transport, ImageWriter]) -> None:
        """Ask and tell nobody yet."""
        from gate.notify import AppriseNotifier  # noqa: PLC0415 - as above
        from gate.wiring_users import lookout_of  # noqa: PLC0415

        self._stores = stores
        self._lookout = lookout_of(config, engine)
        self._retention = soft_delete_of(config)
        self._notifier = AppriseNotifier(config.notify)

    def refuse_used(self, tombstone: TombstoneReceipt, policy: Policy, *, now: datetime) -> None:
        """See the interface; the names that it had count too, for somebody may still know it by them."""
        from gate.due import places_of  # noqa: PLC0415 - as above
        from gate.promotion.lookout import Watched  # noqa: PLC0415

        watched = Watched(
            place=tombstone.place,
            digests=tuple(one.digest for one in tombstone.manifests),
            tags=tombstone.tags,
            store=self._stores[tombstone.place.transport],
            places=places_of(policy),
        )
        self._lookout.refuse(watched, kinds=policy.decision.discard.users, policy=policy, now=now)

    def soft_delete(self, place: ImageRef) -> SoftDelete:
        """See the interface."""
        return self._retention(place)

    def say(self, title: str, body: str) -> str:
        """See the interface."""
        return self._notifier.say(title, body)


def due_of(
    config: Config,
    policy: Policy,
    engine: Engine,
    stores: Mapping[Transport, ImageWriter],
    clock: Callable[[], datetime],
) -> DueDiscards:
    """Return what deletes what falls due, under the policy in force."""
    from gate.due import DueDiscards  # noqa: PLC0415 - as above

    return DueDiscards(
        engine=engine,
        stores=stores,
        policy=policy,
        outside=DiscardOutside(config, engine, stores),
        owner=f"due-{uuid.uuid4().hex}",
        clock=clock,
        bounds=config.image,
    )
