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


class Demand(StrEnum):
    """Whether something is looked at, and what its lack is worth."""

    REQUIRED = "required"
    """It is looked at; what can't be told holds the image, and what is wrong is judged as policy says."""
    ADVISORY = "advisory"
    """It is looked at and told; neither a lack nor what is wrong is more than a warning."""
    NEVER = "never"
    """It is not looked at, and the decision says so."""
