"""The life of a retirement: requested → approved or denied → carried out. Pure, `now` passed in.

Four eyes as for exceptions: nobody agrees to their own request, a service agrees to nothing, and identities are
compared by what their owners can't change. Every function returns a new value or refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.exceptions.identity import checked, same
from gate.exceptions.refusals import RefusedError, WrongContentError, WrongStateError
from gate.exceptions.words import line, sentence
from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.principal import Principal, PrincipalKind
from gate.model.retirement import ENDED, Retirement, RetirementAction, RetirementState, retirement_id

if TYPE_CHECKING:
    from datetime import datetime

    from gate.policy.retiring import RetirementPolicy


class Asked(Value):
    """What somebody asks for: this digest, out of this place or back, and why. `forced`: whoever uses it."""

    action: RetirementAction
    place: str
    digest: Digest
    reason: str
    forced: bool = False

    @property
    def id(self) -> str:
        """The retirement that it is about."""
        return retirement_id(self.action, self.place, self.digest)


def request(
    asked: Asked, before: Retirement | None, requester: Principal, policy: RetirementPolicy, *, now: datetime
) -> Retirement:
    """Ask for it, as the first round or as the next one after what has ended.

    Raises:
        RefusedError: `identity_unclear`, `identity_unproved`, `service_cannot_request`, `force_not_allowed`.
        WrongStateError: `already_requested`: one stands, and is never replaced by another.
        WrongContentError: `reason_missing`, `reason_too_long`.
    """
    _person(requester, policy, code="service_cannot_request", verb="ask for")
    if before is not None and before.state not in ENDED:
        message = f"`{before.id}` stands already and is {before.state.value}"
        raise WrongStateError(message, code="already_requested", hint=f"look: `gate retire {before.digest}`")
    if asked.forced and not policy.force:
        message = "policy does not let anybody retire an image in spite of those who use it"
        raise RefusedError(message, code="force_not_allowed", hint="have each user name another image first")
    return Retirement(
        id=asked.id,
        action=asked.action,
        place=asked.place,
        digest=asked.digest,
        reason=sentence(asked.reason),
        requester=requester,
        requested_at=now,
        forced=asked.forced,
        round=1 if before is None else before.round + 1,
    )


def approve(
    standing: Retirement, approver: Principal, policy: RetirementPolicy, *, comment: str = "", now: datetime
) -> Retirement:
    """Agree to it, as a second person.

    Raises:
        RefusedError: as `request`; `service_cannot_approve`, `self_approval`, `unequally_proved`.
        WrongStateError: `already_decided`.
    """
    _open(standing, approver, policy)
    if same(standing.requester, approver):
        message = f"`{standing.id}` was asked for by the same identity"
        raise RefusedError(message, code="self_approval", hint="ask a colleague to approve it")
    if standing.requester.claimed != approver.claimed:
        # Whoever is proved could have claimed the other name: they can't be told apart.
        message = f"of who asked for `{standing.id}` and who would approve it, one is proved and the other only claimed"
        hint = "let both sign in, or both act by the command line"
        raise RefusedError(message, code="unequally_proved", hint=hint)
    if standing.forced and not policy.force:
        message = "policy does not let anybody retire an image in spite of those who use it any more"
        raise RefusedError(message, code="force_not_allowed", hint="deny it, and ask for it without `--force`")
    return decided(standing, RetirementState.APPROVED, approver, comment, now)


def deny(standing: Retirement, approver: Principal, policy: RetirementPolicy, reason: str, now: datetime) -> Retirement:
    """Refuse it, with a reason; whoever asked for it may: that takes it back. Errors as `approve`."""
    _open(standing, approver, policy)
    return decided(standing, RetirementState.DENIED, approver, sentence(reason), now)


def changed(standing: Retirement, state: RetirementState, **facts: object) -> Retirement:
    """Return it in another state, with more facts; an error of an earlier try is forgotten unless it is one of them."""
    return Retirement.model_validate({**standing.model_dump(), "error_code": "", **facts, "state": state})


def decided(standing: Retirement, state: RetirementState, by: Principal, comment: str, now: datetime) -> Retirement:
    """Return it as decided on."""
    return changed(standing, state, decided_by=by, decided_at=now, comment=line(comment))


def expect_digest(standing: Retirement, digest: str) -> None:
    """Refuse a decision that names another digest than was asked for.

    Raises:
        WrongContentError: `wrong_digest`.
    """
    if standing.digest != digest:
        message = f"`{standing.id}` is about {standing.digest}, not {digest}"
        raise WrongContentError(message, code="wrong_digest", hint="look at what was asked for, then decide on that")


def _open(standing: Retirement, approver: Principal, policy: RetirementPolicy) -> None:
    _person(approver, policy, code="service_cannot_approve", verb="decide on")
    if standing.state is not RetirementState.REQUESTED:
        message = f"`{standing.id}` is {standing.state.value} already"
        raise WrongStateError(message, code="already_decided", hint=f"look: `gate retire {standing.digest}`")


def _person(principal: Principal, policy: RetirementPolicy, *, code: str, verb: str) -> None:
    if principal.kind is not PrincipalKind.USER:
        message = f"a service can't {verb} a retirement"
        raise RefusedError(message, code=code, hint="let a person do it")
    checked(principal)
    if policy.proved and principal.claimed:
        message = f"policy lets nobody {verb} a retirement whose identity is only claimed"
        raise RefusedError(message, code="identity_unproved", hint="sign in to the gate service and do it there")
