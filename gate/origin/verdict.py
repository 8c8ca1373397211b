"""The few shapes that a proof of origin has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from gate.errors import BoundError, UpstreamError
from gate.model.image import Proof, ProofLevel
from gate.model.redact import redact

if TYPE_CHECKING:
    from gate.errors import GateError
    from gate.model.origin import Origin

Evidence: TypeAlias = Mapping[str, str]
"""What a proof was made from; entries without text are left out."""

_DETAIL = 300


def unknown(code: str, evidence: Evidence | None = None, *, transient: bool = False) -> Proof:
    """Return the proof of something whose origin can't be told."""
    return Proof(level=ProofLevel.UNKNOWN, code=code, transient=transient, evidence=_told(evidence or {}))


def contradicted(code: str, evidence: Evidence, *, origin: Origin | None = None) -> Proof:
    """Return the proof of something that is not what it seems to be."""
    return Proof(level=ProofLevel.CONTRADICTED, code=code, origin=origin, evidence=_told(evidence))


def consistent(code: str, origin: Origin, evidence: Evidence, *, transient: bool = False) -> Proof:
    """Return the proof of something that nothing contradicts, with less than all of its bytes compared."""
    return Proof(level=ProofLevel.CONSISTENT, code=code, origin=origin, transient=transient, evidence=_told(evidence))


def proven(code: str, origin: Origin, evidence: Evidence) -> Proof:
    """Return the proof of something all of whose bytes are those that its origin publishes."""
    return Proof(level=ProofLevel.PROVEN, code=code, origin=origin, evidence=_told(evidence))


def failed(error: GateError, evidence: Evidence | None = None) -> Proof:
    """Return the proof of something that could not be looked up.

    `unreachable` is transient, for the other side may yet answer; `bound_exceeded` and `unreadable` are about bytes
    that stay as they are, in the image or in a wheel that is refused. The error's own code is evidence.
    """
    told = {"error": error.error_code, "detail": redact(error.message)[:_DETAIL], **(evidence or {})}
    match error:
        case UpstreamError():
            return unknown("unreachable", told, transient=True)
        case BoundError():
            return unknown("bound_exceeded", told)
        case _:
            return unknown("unreadable", told)


def _told(evidence: Evidence) -> dict[str, str]:
    return {key: value for key, value in evidence.items() if value}
