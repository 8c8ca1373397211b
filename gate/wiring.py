"""The one module that knows all concrete classes: it builds what the command line and the service run on."""

from __future__ import annotations

import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from gate.bounds import GIB
from gate.errors import GateError, StoreError
from gate.model.failure import Failure
from gate.model.image import ImageRef, Transport
from gate.model.origin import PYPI
from gate.policy.source import load_policy
from gate.wiring_azure import connect_defender, defender_source
from gate.wiring_discards import held_in, soft_delete_of
from gate.wiring_resolving import ImageResolver, resolve_config
from gate.wiring_signing import statement_signer
from gate.wiring_stores import Stores, http_client, staged_reader
from gate.wiring_users import guarded_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from gate.config import Config
    from gate.data.interface import ReferenceData
    from gate.desk import ExceptionDesk
    from gate.evaluation import EvaluationWorkflow, Submission
    from gate.findings.defender.connect import DefenderConnection
    from gate.findings.interface import FindingsSource
    from gate.image.reporter import InspectReporter
    from gate.intake import Intake
    from gate.model.principal import Principal
    from gate.model.reference import Declared
    from gate.origin.interface import Channels, Index
    from gate.policy.schema import Policy
    from gate.store.layers_local import LocalLayers
    from gate.world import RealWorld

_FACTS_BYTES = 2 * GIB
"""What is kept in a folder of what indexes and channels answered; the oldest goes first."""


def clock() -> datetime:
    """Return the time. Nothing below this module asks for it by itself."""
    return datetime.now(UTC)


def policy_of(config: Config, folder: Path | None = None) -> Policy:
    """Return the policy in force: the folder that the caller names, else the configured one, else the defaults."""
    from gate.promotion.places import Places  # noqa: PLC0415 - keeps `gate check` light

    policy = load_policy(folder or config.policy)
    # Places that overlap are refused now and not at the first discard.
    Places.of((place.staging, place.release) for place in policy.decision.promotion)
    return policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Everything that submitting and carrying out evaluations needs, over one database."""

    config: Config
    engine: Engine
    world: RealWorld
    desk: ExceptionDesk
    intake: Intake
    workflow: EvaluationWorkflow
    defender: DefenderConnection | None = None

    def take_in(self, ref: ImageRef, read: Callable[[], Declared], policy: Policy, requester: Principal) -> Submission:
        """Read the environment and resolve the image to its digest; what can't be taken in is put on record.

        Raises:
            GateError: why not; its fact `evaluation` is the id under which the ledger has the attempt.
        """
        from gate.evaluation import Submission  # noqa: PLC0415 - as above

        try:
            environment = read()
            waiting = self.intake.resolved(ref, lambda: self.world.waiting(ref, policy))
            return Submission(ref=waiting, environment=environment, policy=policy)
        except Exception as error:
            refused = error if isinstance(error, GateError) else _unforeseen(error)
            refused.facts["evaluation"] = self.intake.refuse(ref.place, ref.tag, requester, refused)
            if refused is error:
                raise
            raise refused from error


def _unforeseen(error: Exception) -> GateError:
    failure = Failure.of(error)
    return GateError(failure.message, code=failure.code, hint=failure.hint)


@contextmanager
def imported_data(config: Config) -> Iterator[Callable[[], ReferenceData | None]]:
    """Offer the imported reference data: opened when it is first asked for, None where there is no database yet."""
    with ExitStack() as stack:

        @cache
        def opened() -> ReferenceData | None:
            from gate.store.engine import make_engine, reading  # noqa: PLC0415 - as above
            from gate.store.reference import StoredReferenceData  # noqa: PLC0415
            from gate.store.schema import check_schema  # noqa: PLC0415

            try:
                engine = make_engine(config.database, read_only=True, busy_seconds=config.busy_seconds)
                stack.callback(engine.dispose)
                with reading(engine) as connection:
                    check_schema(connection)
            except StoreError as error:
                if error.error_code == "store_missing":
                    return None
                raise
            return StoredReferenceData(engine)

        yield opened


@contextmanager
def open_database(config: Config) -> Iterator[Engine]:
    """Open the gate's database and bring it up to date; closed at the end."""
    from gate.store.engine import make_engine  # noqa: PLC0415 - 0.4 s, which only what uses the database pays
    from gate.store.schema import upgrade  # noqa: PLC0415

    engine = make_engine(config.database, busy_seconds=config.busy_seconds)
    try:
        upgrade(engine)
        yield engine
    finally:
        engine.dispose()


def exception_desk(config: Config, engine: Engine, policy: Policy) -> ExceptionDesk:
    """Return the exception workflow over the database and the configured storage."""
    from gate.desk import ExceptionDesk  # noqa: PLC0415 - as above
    from gate.exceptions.storage import FolderStorage  # noqa: PLC0415

    storage = FolderStorage(config.storage, config.stored)
    return ExceptionDesk(engine=engine, storage=storage, policy=policy.workflow, bounds=config.stored)


def layer_cache(config: Config, engine: Engine | None = None) -> LocalLayers:
    """Return what is kept of layers in the gate's database: `engine`, or opened when there is something to keep."""
    from gate.store.layers_local import local_layers  # noqa: PLC0415 - as above

    return local_layers(config.database, config.image, engine, clock=clock, busy_seconds=config.busy_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What all that asks outside shares: the stores, and the connection to Azure where it is asked."""

    stores: Stores
    defender: DefenderConnection | None


def outside_of(config: Config, engine: Engine) -> Outside:
    """Open nothing yet; say what is asked. Raises as `connect_defender`."""
    stores = Stores(config)
    return Outside(stores=stores, defender=connect_defender(config, lambda: stores[Transport.REGISTRY], engine))


def real_world(
    config: Config, engine: Engine, reporter: InspectReporter | None = None, outside: Outside | None = None
) -> RealWorld:
    """Return the outside of an evaluation; what layers say is kept in the database."""
    from gate.bills import EvidenceBills  # noqa: PLC0415 - as above
    from gate.exceptions.storage import FolderStorage  # noqa: PLC0415
    from gate.index.client import PythonIndex  # noqa: PLC0415
    from gate.index.folder import FolderCache  # noqa: PLC0415
    from gate.index.packages import CondaPackages  # noqa: PLC0415
    from gate.notify import AppriseNotifier  # noqa: PLC0415
    from gate.origin.channels import CondaChannels  # noqa: PLC0415
    from gate.origin.kept import KeptChannels, KeptIndex  # noqa: PLC0415
    from gate.world import RealWorld  # noqa: PLC0415

    client, cache = http_client(config), FolderCache(config.facts, _FACTS_BYTES)
    shared = outside or outside_of(config, engine)
    advisories = advisory_source(engine)

    def index(policy: Policy) -> Index | None:
        found = next((one for one in policy.safelist.python_indexes if one.name == PYPI), None)
        if found is None:
            return None
        asked = PythonIndex(client, found.url, name=PYPI, bounds=config.wheel, cache=cache)
        return KeptIndex(asked, cache, offline=config.offline)

    def channels(policy: Policy) -> Channels | None:
        if not policy.safelist.conda_channels:
            return None
        packages = CondaPackages(client, bounds=config.conda, zips=config.wheel, cache=cache)
        repodata = config.home / "repodata"
        listed = policy.safelist.conda_channels
        asked = CondaChannels(listed, resolve_config(config, policy), packages, cache=repodata)
        return KeptChannels(asked, cache, offline=config.offline)

    def sources(policy: Policy) -> Sequence[FindingsSource]:
        return findings_sources(config, engine, policy, shared.defender, advisories)

    return RealWorld(
        stores=shared.stores,
        index=index,
        channels=channels,
        sources=sources,
        storage=FolderStorage(config.storage, config.stored),
        notifier=AppriseNotifier(config.notify),
        bounds=config.image,
        reporter=reporter,
        cache=layer_cache(config, engine),
        signer=statement_signer(config, clock),
        bills=EvidenceBills(engine, most_bytes=config.image.sbom_bytes),
        resolver=ImageResolver(config, engine),
        reading=lambda store, ref, policy: staged_reader(store, ref, config, policy),
        held=held_in(engine, clock),
        soft_delete=soft_delete_of(config),
    )


def findings_sources(
    config: Config,
    engine: Engine,
    policy: Policy,
    connection: DefenderConnection | None = None,
    advisories: FindingsSource | None = None,
) -> Sequence[FindingsSource]:
    """Return Defender's source and the advisories', in this order; `advisories` is one that has read records before."""
    from gate.findings.facts import WithFacts  # noqa: PLC0415 - as above
    from gate.store.fixes import StoredFixes  # noqa: PLC0415
    from gate.store.reference import StoredReferenceData  # noqa: PLC0415

    data, fixes = StoredReferenceData(engine), StoredFixes(engine)
    told = (defender_source(config, policy, connection), advisories or advisory_source(engine))
    return tuple(WithFacts(source, data=data, fixes=fixes) for source in told)


def advisory_source(engine: Engine) -> FindingsSource:
    """Return the advisories' source; what it reads of a snapshot it keeps for as long as that one is in use."""
    from gate.findings.advisories.source import AdvisorySource  # noqa: PLC0415 - as above
    from gate.store.reference import StoredReferenceData  # noqa: PLC0415

    return AdvisorySource(StoredReferenceData(engine))


@contextmanager
def open_gate(config: Config, policy: Policy, reporter: InspectReporter | None = None) -> Iterator[Gate]:
    """Open the database, launch the durable engine, and close both at the end.

    Runs that are under way at the end are left to whoever adopts them.
    """
    from gate.durable import Durable  # noqa: PLC0415 - DBOS takes 1 s
    from gate.evaluation import EvaluationWorkflow  # noqa: PLC0415
    from gate.intake import Intake  # noqa: PLC0415
    from gate.leases import Leases  # noqa: PLC0415

    executor = f"gate-{uuid.uuid4().hex}"
    with open_database(config) as engine:
        desk = exception_desk(config, engine, policy)
        outside = outside_of(config, engine)
        world = real_world(config, engine, reporter, outside)
        durable = Durable(engine, executor=executor)
        leases = Leases(engine, owner=executor, length=config.lease, clock=clock)
        watched = guarded_world(config, engine, world, outside.stores)
        workflow = EvaluationWorkflow(
            engine=engine, durable=durable, leases=leases, world=watched, exceptions=desk, clock=clock
        )
        intake = Intake(engine=engine, durable=durable, leases=leases, clock=clock)
        durable.launch(workflow.run)
        try:
            yield Gate(
                config=config,
                engine=engine,
                world=world,
                desk=desk,
                intake=intake,
                workflow=workflow,
                defender=outside.defender,
            )
        finally:
            durable.close()
