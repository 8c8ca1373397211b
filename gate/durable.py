"""Run one kind of workflow durably on DBOS: each step's result is kept, a killed run goes on where it stopped.

What DBOS is and is not used for stands in docs/decisions.md. Its singletons live in this module alone. Everything that
it keeps is JSON: functions given to it take text and return plain JSON data.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID, SQLAlchemyDatasource

from gate.errors import ConflictError
from gate.store.engine import isolation_of, make_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

APPLICATION = "gate"
WORKFLOW = "gate.evaluation"
VERSION = "gate.evaluation/3"
"""The shape of the workflow. DBOS resumes only runs of the same version, so a change of steps changes this."""

_POLL_SECONDS = 0.2
_BROKEN = frozenset({"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})

Json = dict[str, Any]


class Durable:
    """The durable engine of one process. One at a time, for DBOS keeps its state in the process."""

    def __init__(self, engine: Engine, *, executor: str) -> None:
        """Prepare; nothing is opened before `launch`.

        Args:
            engine: the gate's own database, in which state and ledger change together with DBOS's step results.
            executor: an id that no other process and no earlier start has.
        """
        self.executor = executor
        self._engine = engine
        self._system = _system_url(engine)
        self._datasource: SQLAlchemyDatasource | None = None
        self._workflow: Callable[[str], Json] | None = None
        self._adopts = False

    def launch(self, workflow: Callable[[str], Json]) -> None:
        """Start the engine; runs that this process does not start or adopt are left to others."""
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._system,
                "application_version": VERSION,
                "executor_id": self.executor,
                "serializer": DBOSPortableJSONSerializer(),
                "enable_otlp": False,
                "log_level": "CRITICAL",
            }
        )

        def carry(run: str) -> Json:
            return workflow(run)

        self._workflow = DBOS.workflow(name=WORKFLOW)(carry)
        DBOS.listen_queues([self.executor])
        self._datasource = SQLAlchemyDatasource.create(
            self._engine.url.render_as_string(hide_password=False),
            engine=self._engine,
            serializer=DBOSPortableJSONSerializer(),
        )
        DBOS.launch()

    def start(self, run: str, *, attempt: int = 1) -> None:
        """Begin a run in the background; beginning the same attempt twice is beginning it once."""
        if self._workflow is None:
            message = "the durable engine is not launched"
            raise ConflictError(message, code="not_launched")
        with SetWorkflowID(_name(run, attempt)):
            DBOS.start_workflow(self._workflow, run)

    def adopt(self, run: str, *, attempt: int) -> None:
        """Go on with a run whose process died, here and in no other process.

        The former process, should it live after all, loses the right to write any further step. A run that broke off
        because nothing could be kept begins anew under the attempt's number: its steps are idempotent.
        """
        status = DBOS.get_workflow_status(run)
        if status is None or status.status in _BROKEN:
            self.start(run, attempt=attempt)
            return
        if not self._adopts:
            DBOS.register_queue(self.executor, polling_interval_sec=_POLL_SECONDS)
            self._adopts = True
        DBOS.resume_workflow(run, queue_name=self.executor)

    def broken(self, run: str, *, attempt: int) -> bool:
        """Say whether the run broke off without an outcome, so that waiting for it is in vain."""
        for name in {run, _name(run, attempt)}:
            status = DBOS.get_workflow_status(name)
            if status is not None and status.status not in _BROKEN:
                return False
        return True

    def step(self, name: str, function: Callable[..., Json], *arguments: str) -> Json:
        """Run a function with effects outside the database, keep its result; after a crash it may run again."""
        return DBOS.run_step({"name": name}, function, *arguments)

    def transaction(self, name: str, function: Callable[..., Json], *arguments: str) -> Json:
        """Run `function(connection, *arguments)` and keep its result in one transaction: exactly once."""
        datasource = self._datasource
        if datasource is None:
            message = "the durable engine is not launched"
            raise ConflictError(message, code="not_launched")

        def within() -> Json:
            connection: Connection = datasource.sql_session().connection()
            return function(connection, *arguments)

        return datasource.run_tx_step({"name": name, "isolation_level": isolation_of(self._engine)}, within)

    def close(self, *, patience: int = 0) -> None:
        """Stop; runs under way get `patience` seconds to end, and whoever adopts them later goes on."""
        if self._adopts:
            DBOS.delete_queue(self.executor)
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=patience)
        logger = logging.getLogger("dbos")
        for handler in list(logger.handlers):  # each holds the stderr of its start, which may be closed by the next
            logger.removeHandler(handler)


def _name(run: str, attempt: int) -> str:
    return run if attempt == 1 else f"{run}.{attempt}"


def _system_url(engine: Engine) -> str:
    """Return the address of DBOS's own tables: a second file beside a SQLite file, else the same database."""
    if engine.dialect.name != "sqlite":
        return engine.url.render_as_string(hide_password=False)
    file = unquote((engine.url.database or "").removeprefix("file:").split("?")[0]) + "-workflow"
    # DBOS opens the file itself and does not ask for WAL, which stays with a file once it is set; nor for its mode.
    make_engine(f"sqlite:///{file}").connect().close()
    return f"sqlite:///{file}"
