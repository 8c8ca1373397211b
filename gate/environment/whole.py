"""What goes into a decision was read whole: a definition with an error is refused before anything is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.model.reference import Severity

if TYPE_CHECKING:
    from gate.model.reference import Declared


def whole(declared: Declared) -> Declared:
    """Return what was declared.

    Raises:
        InputError: `definition_unreadable`: some of it could not be read.
    """
    problem = next((one for one in declared.problems if one.severity is Severity.ERROR), None)
    if problem is not None:
        message = f"`{problem.file}` line {problem.line} can't be read: {problem.message}"
        hint = "mend the file; `gate check` shows every problem"
        raise InputError(message, code="definition_unreadable", hint=hint, problem=problem.code)
    return declared
