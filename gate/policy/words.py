"""Words that all parts of policy share: durations, and what is made of something."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        message = "a duration here is longer than nothing"
        raise ValueError(message)
    return value


Duration = Annotated[
    timedelta, AfterValidator(_positive), PlainSerializer(lambda value: int(value.total_seconds()), return_type=int)
]
"""Written as ISO 8601 (`P7D`, `PT24H`); longer than nothing."""


class Treatment(StrEnum):
    """What policy makes of something that is neither clearly right nor clearly wrong."""

    ALLOW = "allow"
    WARN = "warn"
    BLOCK = "block"
