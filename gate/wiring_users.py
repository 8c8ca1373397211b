"""Who is asked who uses an image before it is deleted: the concrete sources, made from configuration and database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

    from gate.config import Config
    from gate.findings.defender.arm import Arm
    from gate.model.exception import Grant
    from gate.policy.schema import Policy
    from gate.promotion.lookout import Lookout
    from gate.promotion.users import UserSource


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
