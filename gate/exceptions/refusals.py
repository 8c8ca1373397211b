"""Why the workflow says no: one table of codes, each with the family of its error, its message and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from gate.errors import CallerError, ConflictError, ForbiddenError
from gate.exceptions.plain import plain


class RefusedError(ForbiddenError):
    """This identity may not do this, or nobody may."""

    exit_code = 10


class WrongStateError(ConflictError):
    """The request is in a state that forbids this."""

    exit_code = 10


class WrongContentError(CallerError):
    """What was handed in is not what the request, the policy or the model can take."""

    code = "refused"
    exit_code = 10
    status = 422


class Why(StrEnum):
    """Every code with which the workflow refuses."""

    SELF_APPROVAL = "self_approval"
    UNEQUALLY_PROVED = "unequally_proved"
    SERVICE_CANNOT_APPROVE = "service_cannot_approve"
    SERVICE_CANNOT_REQUEST = "service_cannot_request"
    IDENTITY_UNCLEAR = "identity_unclear"
    NEVER_EXCEPTED = "never_excepted"
    NOT_REQUESTED = "not_requested"
    ALREADY_REQUESTED = "already_requested"
    ALREADY_DECIDED = "already_decided"
    REQUEST_CHANGED = "request_changed"
    REASON_MISSING = "reason_missing"
    REASON_TOO_LONG = "reason_too_long"
    DURATION_NOT_POSITIVE = "duration_not_positive"
    TOO_LONG = "too_long"
    NO_FILE = "no_file"
    TOO_MANY_FILES = "too_many_files"
    WRONG_PACKAGE = "wrong_package"
    NOT_YET_GRANTABLE = "not_yet_grantable"
    SCOPE_ELSEWHERE = "scope_elsewhere"
    SCOPE_TOO_WIDE = "scope_too_wide"
    SCOPE_TOO_LONG = "scope_too_long"
    SUBJECT_UNCLEAR = "subject_unclear"
    JUSTIFICATION_MISSING = "justification_missing"
    JUSTIFICATION_IDLE = "justification_idle"
    WAIVER_HAS_FILE = "waiver_has_file"


class Refusal(NamedTuple):
    """One way to be refused. Message and hint are filled in with the facts."""

    kind: type[RefusedError | WrongStateError | WrongContentError]
    message: str
    hint: str


REFUSALS: Mapping[Why, Refusal] = {
    Why.SELF_APPROVAL: Refusal(
        RefusedError, "request `{request}` was filed by the same identity", "ask a colleague to approve it"
    ),
    Why.UNEQUALLY_PROVED: Refusal(
        RefusedError,
        "of who filed request `{request}` and who would approve it, one is proved by a token, the other only claimed",
        "have it denied and filed anew, and approved, each with a token: a claim may be anybody's, the other's too",
    ),
    Why.SERVICE_CANNOT_APPROVE: Refusal(
        RefusedError, "a service can't decide on request `{request}`", "let a person approve or deny it"
    ),
    Why.SERVICE_CANNOT_REQUEST: Refusal(
        RefusedError, "a service can't file request `{request}`", "let the person who needs it give the reason"
    ),
    Why.IDENTITY_UNCLEAR: Refusal(
        RefusedError,
        "the identity can't be told from others: {problem}",
        "name it as `tenant/object-id`, in letters, digits, `.`, `_`, `@`, `+` and `-`",
    ),
    Why.NEVER_EXCEPTED: Refusal(
        RefusedError, "policy never excepts `{name}`", "replace the package, or ask the owners of the workflow policy"
    ),
    Why.NOT_REQUESTED: Refusal(
        WrongStateError,
        "request `{request}` is a draft: nobody has given a reason",
        "file it first: `gate exception request --for {request} --reason …`",
    ),
    Why.ALREADY_REQUESTED: Refusal(
        WrongStateError,
        "request `{request}` is filed and waits for a decision",
        "show it: `gate exception show {request}`",
    ),
    Why.ALREADY_DECIDED: Refusal(
        WrongStateError,
        "request `{request}` was {state} already",
        "file it again for a new decision: `gate exception request --for {request} --reason …`",
    ),
    Why.REQUEST_CHANGED: Refusal(
        WrongStateError,
        "request `{request}` was changed by someone else meanwhile",
        "read what it says now: `gate exception show {request}`",
    ),
    Why.REASON_MISSING: Refusal(
        WrongContentError,
        "a reason is needed that says something: {problem}",
        "say what it is needed for, in a sentence",
    ),
    Why.REASON_TOO_LONG: Refusal(
        WrongContentError, "the text has more than {limit} characters", "link to the long version with `--ticket`"
    ),
    Why.DURATION_NOT_POSITIVE: Refusal(
        WrongContentError, "a grant must last longer than nothing", "leave the duration out for the policy's default"
    ),
    Why.TOO_LONG: Refusal(
        WrongContentError, "policy grants at most {longest}", "approve for that long at most; nothing renews itself"
    ),
    Why.NO_FILE: Refusal(
        WrongContentError,
        "a Python package is granted by its bytes, and no file was given",
        "name the wheel: `--file WHEEL`",
    ),
    Why.TOO_MANY_FILES: Refusal(
        WrongContentError,
        "{count} files in one approval are more than {limit}",
        "approve only the wheels that are used",
    ),
    Why.WRONG_PACKAGE: Refusal(
        WrongContentError,
        "`{filename}` is {found}, and the request is for {wanted}",
        "hand in the file of the package that was asked for, or have a request filed for this one",
    ),
    Why.NOT_YET_GRANTABLE: Refusal(
        WrongContentError,
        "a thing of the kind `{kind}` can't be granted by its bytes yet",
        "take it from a safelisted origin, or have it packed as a wheel",
    ),
    Why.SCOPE_ELSEWHERE: Refusal(
        WrongContentError,
        "the scope does not cover `{repository}`, for which it was requested",
        "leave the scope out for exactly that place",
    ),
    Why.SCOPE_TOO_WIDE: Refusal(
        WrongContentError,
        "the scope `{entry}` is no place below a registry",
        "name a repository, or a prefix ending in `/`",
    ),
    Why.SCOPE_TOO_LONG: Refusal(
        WrongContentError, "the scope has more than {limit} characters", "name a prefix that ends in `/`"
    ),
    Why.SUBJECT_UNCLEAR: Refusal(
        WrongContentError, "the {field} of what is asked for {problem}", "name it as the gate's report does"
    ),
    Why.JUSTIFICATION_MISSING: Refusal(
        WrongContentError,
        "a waiver of `{vulnerability}` needs to say why it does not affect `{name}`",
        "name one of OpenVEX's justifications: `--justification …`",
    ),
    Why.JUSTIFICATION_IDLE: Refusal(
        WrongContentError,
        "a justification is for a vulnerability, and none is named",
        "name the vulnerability with `--waive`, or leave the justification out",
    ),
    Why.WAIVER_HAS_FILE: Refusal(
        WrongContentError,
        "request `{request}` is for a waiver, which is for no file",
        "approve it without `--file`",
    ),
}
"""What each code means."""

_SHOWN = 300
_FIELD = re.compile(r"\{(\w+)\}")


def refusal(why: Why, **facts: object) -> RefusedError | WrongStateError | WrongContentError:
    """Return the error for a code, its words filled in with the facts.

    What facts hold is never read as a template, and never reaches a terminal as it is: names come from judged files.
    """
    known = REFUSALS[why]
    shown = {name: plain(str(value))[:_SHOWN] for name, value in facts.items()}

    def fill(template: str) -> str:
        return _FIELD.sub(lambda match: shown[match.group(1)], template)

    return known.kind(fill(known.message), hint=fill(known.hint), code=why.value, **shown)
