"""Carry on with retirements again and again, as a service does: each in its turn, and not at every beat of a clock."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gate.errors import GateError
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.retirement.run import RetirementRun

PACE = timedelta(hours=1)
"""Time between two tries at one that fails: each asks everybody who may know a user."""

_log = logging.getLogger("gate.retirement")


class RetirementTurns:
    """Remembers when each was tried last, in this process alone; trying twice does no harm."""

    def __init__(self, run: RetirementRun, clock: Callable[[], datetime], pace: timedelta = PACE) -> None:
        """Take what carries out, and the time."""
        self._run = run
        self._clock = clock
        self._pace = pace
        self._tried: dict[str, datetime] = {}

    def once(self) -> int:
        """Try each that waits and was not tried lately; return how many moved. What fails is on record."""
        moved = 0
        for stored in self._run.waiting(self._clock()):
            now, name = self._clock(), stored.retirement.id
            if name in self._tried and now < self._tried[name] + self._pace:
                continue
            self._tried[name] = now
            try:
                moved += self._run.carry_on(name, now=now).version > stored.version
            except GateError as error:
                _log.warning("`%s` could not be carried on: %s", name, redact(error.message))
        return moved
