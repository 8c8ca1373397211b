"""Who works on which run: a lease that its holder renews, so that a dead process's runs can be told and adopted."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gate.errors import ConflictError, StoreError
from gate.store.engine import writing
from gate.store.evaluations import Evaluations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Engine

_RENEWALS = 4
"""How often a lease is renewed in its length; three renewals may be late before it lapses."""


class Leases:
    """The leases of one process."""

    def __init__(self, engine: Engine, *, owner: str, length: timedelta, clock: Callable[[], datetime]) -> None:
        """Keep leases as `owner`, each for `length` from its last renewal."""
        self.owner = owner
        self._engine = engine
        self._length = length
        self._clock = clock
        self._attempts: dict[str, int] = {}

    def until(self, now: datetime) -> datetime:
        """Return when a lease that begins or is renewed now will lapse."""
        return now + self._length

    def take(self, evaluation: str, attempt: int) -> None:
        """Note that this process claimed a run, as its `attempt`-th worker."""
        self._attempts[evaluation] = attempt

    def attempt(self, evaluation: str) -> int:
        """Return which worker of the run this process is.

        Raises:
            ConflictError: it is none (`evaluation_lost`): someone else's run must not be changed.
        """
        if evaluation not in self._attempts:
            message = f"evaluation `{evaluation}` is not this process's"
            raise ConflictError(message, code="evaluation_lost", hint="another worker has it")
        return self._attempts[evaluation]

    @contextmanager
    def held(self, evaluation: str) -> Iterator[None]:
        """Renew the lease in the background while the block runs; the block's writes fail once it is lost."""
        stop = threading.Event()
        beat = threading.Thread(target=self._renew, args=(evaluation, stop), name=f"lease-{evaluation}", daemon=True)
        beat.start()
        try:
            yield
        finally:
            stop.set()
            beat.join()

    def _renew(self, evaluation: str, stop: threading.Event) -> None:
        while not stop.wait(self._length.total_seconds() / _RENEWALS):
            try:
                with writing(self._engine) as connection:
                    kept = Evaluations(connection).renew(
                        evaluation,
                        owner=self.owner,
                        attempt=self.attempt(evaluation),
                        until=self.until(self._clock()),
                    )
            except StoreError:
                continue  # the next beat may find the database again; if none does, the lease lapses as it should
            if not kept:
                return
