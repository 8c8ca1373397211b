"""The one tree of errors, split by who is at fault; each has a stable code, facts and a hint.

The command line and the service translate this tree once each (`gate.cli.run`, `gate.service.problems`).
Nothing else turns an error into an exit code or a status.
"""

from __future__ import annotations

from typing import ClassVar


class GateError(Exception):
    """Anything the gate refuses or fails at, in a form that a person can act on.

    Attributes:
        code: stable, snake case; a contract with scripts.
        facts: what the message was made from, redacted, for the JSON form.
        hint: what to do next, one sentence.
    """

    code: ClassVar[str] = "gate_error"
    exit_code: ClassVar[int] = 12
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "", code: str | None = None, **facts: object) -> None:
        """Keep the message apart from the facts, so that a log can show one without the other."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = {key: str(value) for key, value in facts.items()}
        self.error_code = code or self.code


class CallerError(GateError):
    """What was asked for can't be: the caller mends it."""

    code = "bad_request"
    status = 400


class UsageError(CallerError):
    """The words of the call are off."""

    code = "usage"
    exit_code = 2


class InputError(CallerError):
    """A file that was handed in can't be read as what it claims to be."""

    code = "input_unreadable"
    status = 422


class NotFoundError(CallerError):
    """The thing named does not exist."""

    code = "not_found"
    status = 404


class ConflictError(CallerError):
    """The thing exists in a state that forbids this."""

    code = "conflict"
    status = 409


class UnauthorizedError(CallerError):
    """Who calls is not proved: the token is missing, or is none that counts here."""

    code = "unauthorized"
    status = 401


class ForbiddenError(CallerError):
    """The identity may not do this; an approval of one's own request is one."""

    code = "forbidden"
    status = 403


class PolicyError(GateError):
    """The policy can't be read or contradicts itself: the security team mends it."""

    code = "policy_invalid"
    status = 500


class UpstreamError(GateError):
    """A server that the gate depends on failed or answered what it must not."""

    code = "upstream_failed"
    status = 502


class UnauthorizedUpstreamError(UpstreamError):
    """A server refused the gate's credentials."""

    code = "upstream_unauthorized"


class ThrottledUpstreamError(UpstreamError):
    """A server keeps asking the gate to slow down."""

    code = "upstream_throttled"


class TimeoutUpstreamError(UpstreamError):
    """A server did not answer in the time that configuration grants."""

    code = "upstream_timeout"


class UnavailableUpstreamError(UpstreamError):
    """A server without which no caller can be told from another can't be asked now."""

    code = "upstream_unavailable"
    status = 503


class IntegrityError(UpstreamError):
    """Bytes do not have the digest under which they were asked for."""

    code = "digest_mismatch"


class BoundError(GateError):
    """A bound of the configuration was hit: size, count, depth or time."""

    code = "bound_exceeded"
    status = 422


class StoreError(GateError):
    """The gate's own database or storage can't be read or written."""

    code = "store_failed"
    status = 503


class BusyError(StoreError):
    """Someone else holds what is needed; trying again later may succeed."""

    code = "store_busy"
