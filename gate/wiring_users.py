"""Who is asked who uses an image before it is deleted: the concrete sources, made from configuration and database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gate.wiring_stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from gate.config import Config
    from gate.findings.defender.arm import Arm
    from gate.guarded import GuardedWorld
    from gate.model.exception import Grant
    from gate.model.image import Transport
    from gate.policy.schema import Policy
    from gate.promotion.lookout import Lookout
    from gate.promotion.users import UserSource
    from gate.registry.interface import ImageWriter
    from gate.retirement.desk import RetirementDesk
    from gate.retirement.run import RetirementRun
    from gate.retirement.turns import RetirementTurns
    from gate.submission import World


def lookout_of(config: Config, engine: Engine) -> Lookout:
    """Return what looks for users: grants of the database, releases, and whoever configuration names."""
    from gate.promotion.lookout import Lookout  # noqa: PLC0415 - each loads what only a deletion needs

    def grants(policy: Policy) -> Sequence[Grant]:
        from gate.desk import ExceptionDesk  # noqa: PLC0415 - as above
        from gate.exceptions.storage import FolderStorage  # noqa: PLC0415
        from gate.store.engine import reading  # noqa: PLC0415

        storage = FolderStorage(config.storage, config.stored)
        with reading(engine) as connection:
            return ExceptionDesk(engine=engine, storage=storage, policy=policy.workflow).all_grants(connection, policy)

    return Lookout(sources=user_sources(config), grants=grants)


def user_sources(config: Config) -> tuple[UserSource, ...]:
    """Return the sources outside the gate and its registries: Azure Machine Learning, where any of it is named."""
    named = config.azureml
    if named is None:
        return ()
    from gate.azureml.users import MlUsers  # noqa: PLC0415 - as above

    def arm() -> Arm:
        from gate.findings.defender.arm import Arm  # noqa: PLC0415 - as above
        from gate.findings.defender.identity import AzureIdentity  # noqa: PLC0415
        from gate.http.client import HttpClient  # noqa: PLC0415

        identity = AzureIdentity(named.cloud, named.tenant, os.environ, config.http)
        return Arm(HttpClient(config.http), identity, named.cloud, config.defender)

    return (MlUsers(arm, named.resources, config.defender),)


def guarded_world(
    config: Config, engine: Engine, world: World, stores: Mapping[Transport, ImageWriter]
) -> GuardedWorld:
    """Return the world under watch: nothing that is used is deleted, nothing that is retired is released."""
    from gate.guarded import GuardedWorld  # noqa: PLC0415 - as above
    from gate.retirement.guard import RetiredGuard  # noqa: PLC0415

    lookout = lookout_of(config, engine)
    return GuardedWorld(world, stores=stores, lookout=lookout, refuse_retired=RetiredGuard(engine))


def retirements_of(
    config: Config, engine: Engine, policy: Policy, clock: Callable[[], datetime]
) -> tuple[RetirementDesk, RetirementRun]:
    """Return where a retirement is asked for and agreed on, and what carries it out."""
    from gate.holds import Holds  # noqa: PLC0415 - as above
    from gate.retirement.carrying import Carrying  # noqa: PLC0415 - as above
    from gate.retirement.desk import RetirementDesk  # noqa: PLC0415
    from gate.retirement.run import RetirementRun  # noqa: PLC0415

    holds = Holds(engine)
    carrying = Carrying(
        stores=Stores(config),
        lookout=lookout_of(config, engine),
        policy=policy,
        bounds=config.image,
        held=lambda digests: holds.standing(digests, now=clock()) is not None,
    )
    desk = RetirementDesk(engine=engine, policy=policy, carrying=carrying)
    return desk, RetirementRun(engine=engine, policy=policy, carrying=carrying)


def retirement_turns(config: Config, engine: Engine, policy: Policy, clock: Callable[[], datetime]) -> RetirementTurns:
    """Return what carries on with retirements for as long as a service runs."""
    from gate.retirement.turns import RetirementTurns  # noqa: PLC0415 - as above

    return RetirementTurns(retirements_of(config, engine, policy, clock)[1], clock)
