"""A failure as a value, so that it can be kept, shown and counted like any other result."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from gate.errors import GateError
from gate.model.base import Value
from gate.model.redact import redact

UNFORESEEN = "unforeseen"
_CANNOT_DECIDE = 12


class Failure(Value):
    """What stopped a run: the code of its family, words without secrets, facts, and what to do."""

    code: str
    message: str
    hint: str = ""
    facts: dict[str, str] = Field(default_factory=dict)
    exit_code: int = _CANNOT_DECIDE

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Describe an error; one that nobody foresaw is a family of its own, and its text stays in the log."""
        if isinstance(error, GateError):
            return cls(
                code=error.error_code,
                message=redact(error.message),
                hint=error.hint,
                facts={name: redact(value) for name, value in error.facts.items()},
                exit_code=error.exit_code,
            )
        message = f"the gate failed in a way that nobody foresaw: {type(error).__name__}"
        return cls(code=UNFORESEEN, message=message, hint="report this; nothing was promoted")
