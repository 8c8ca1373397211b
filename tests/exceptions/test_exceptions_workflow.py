"""The workflow refuses whatever would let one person, a service or other bytes through."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from exceptions_world.parts import ALICE, BOB, NOW, POLICY, REASON, ROBOT, STAGING, offered, requested, subject

from gate.bounds import StorageBounds
from gate.errors import GateError
from gate.exceptions.refusals import REFUSALS, Why
from gate.exceptions.workflow import Terms, approve, deny, file_request, grant_id, open_draft
from gate.model.exception import ExceptionRequest, RequestState, Scope
from gate.model.origin import Kind
from gate.model.principal import SYSTEM, Principal, PrincipalKind
from gate.policy.dispose import Bounds, GrantState, grant_state
from gate.policy.schema import WorkflowPolicy

DAY = timedelta(days=1)


def refused(error: pytest.ExceptionInfo[GateError]) -> tuple[str, int]:
    """Return code and exit code of a refusal; its words have no gap left in them."""
    assert "{" not in error.value.message + error.value.hint
    assert error.value.hint
    return error.value.error_code, error.value.exit_code


def refusal_of_approval(
    request: ExceptionRequest,
    approver: Principal = BOB,
    policy: WorkflowPolicy = POLICY,
    files: tuple[object, ...] = (offered(),),
    now: datetime = NOW,
    **terms: object,
) -> tuple[str, int]:
    """Approve, which must be refused, and say how."""
    with pytest.raises(GateError) as error:
        approve(request, files, approver, policy, Terms.model_validate(terms), now=now)  # type: ignore[arg-type]
    return refused(error)


def test_a_draft_has_the_same_id_every_time_and_another_for_every_other_subject() -> None:
    ids = [open_draft(subject(), "", now=NOW + n * DAY, evaluation=f"EVL-{n}").id for n in range(2)]
    others = {
        subject(name="other").request_id(),
        subject(version="1.2.1").request_id(),
        subject(kind=Kind.CONDA).request_id(),
        subject(repository=STAGING + "2").request_id(),
    }
    assert ids[0] == ids[1] == subject().request_id()
    assert len(others) == 4
    assert ids[0] not in others


def test_a_draft_is_the_systems_until_a_person_files_it() -> None:
    draft = open_draft(subject(), "https://user:secret@index.example.org/x\x1b[2J", now=NOW)
    filed = file_request(draft, REASON, ALICE, POLICY, now=NOW + DAY)
    assert (draft.requester, draft.state, draft.reason) == (SYSTEM, RequestState.DRAFT, "")
    assert (filed.requester, filed.state, filed.reason) == (ALICE, RequestState.REQUESTED, REASON)
    assert filed.opened_at == NOW
    assert "secret" not in draft.origin
    assert "\x1b" not in draft.origin


def test_an_origin_of_any_length_opens_a_draft() -> None:
    assert len(open_draft(subject(), "x" * 100_000, now=NOW).origin) == 2000


def test_an_approval_grants_exactly_what_was_asked_for() -> None:
    request, grant = approve(requested(), [offered()], BOB, POLICY, Terms(comment="fine", ticket="T-1"), now=NOW + DAY)
    assert (request.state, request.decided_by, request.grant) == (RequestState.APPROVED, BOB, grant.id)
    assert (grant.kind, grant.name, grant.version) == (Kind.PYPI, "acme-forecast", "1.2.0")
    assert (grant.owner, grant.approver, grant.reason, grant.ticket) == (ALICE, BOB, REASON, "T-1")
    assert grant.scope.repositories == (STAGING,)
    assert (grant.not_before, grant.expires) == (NOW + DAY, NOW + 31 * DAY)
    assert [file.sha256 for file in grant.files] == [offered().file.sha256]
    assert grant.references == ()
    assert not grant.standing


def test_a_grant_ends_at_its_end_and_not_after() -> None:
    _, grant = approve(requested(), [offered()], BOB, POLICY, Terms(duration=DAY), now=NOW)
    instants = [NOW - timedelta(microseconds=1), NOW, NOW + DAY - timedelta(microseconds=1), NOW + DAY]
    states = [grant_state(grant, Bounds(now=now, repository=STAGING)) for now in instants]
    assert states == [GrantState.NOT_YET, GrantState.IN_FORCE, GrantState.IN_FORCE, GrantState.EXPIRED]


@pytest.mark.parametrize("tenant", ["contoso", "CONTOSO"])
@pytest.mark.parametrize("object_id", ["alice", "Alice", "ALICE"])
def test_nobody_approves_their_own_however_they_are_spelt(tenant: str, object_id: str) -> None:
    me = Principal(tenant=tenant, object_id=object_id, claimed=False)
    assert refusal_of_approval(requested(), me) == ("self_approval", 10)


@pytest.mark.parametrize("proved", ["requester", "approver"])
def test_a_claim_and_a_token_are_not_two_people(proved: str) -> None:
    """T-10: who has a token could have filed under any claimed name, and the other way round."""
    alice, bob = (
        who.model_copy(update={"claimed": proved != name}) for who, name in ((ALICE, "requester"), (BOB, "approver"))
    )
    asked = requested().model_copy(update={"requester": alice})
    assert refusal_of_approval(asked, bob) == ("unequally_proved", 10)
    both = asked.model_copy(update={"requester": alice.model_copy(update={"claimed": False})})
    _, grant = approve(both, [offered()], bob.model_copy(update={"claimed": False}), POLICY, Terms(), now=NOW)
    assert (grant.owner.claimed, grant.approver.claimed) == (False, False)


@pytest.mark.parametrize("approver", [ROBOT, SYSTEM, ROBOT.model_copy(update={"object_id": "alice"})])
def test_a_service_approves_and_denies_nothing(approver: Principal) -> None:
    assert refusal_of_approval(requested(), approver) == ("service_cannot_approve", 10)
    with pytest.raises(GateError) as error:
        deny(requested(), approver, "not needed", now=NOW)
    assert refused(error) == ("service_cannot_approve", 10)


def test_a_service_files_nothing_lest_its_operator_approve_it() -> None:
    with pytest.raises(GateError) as error:
        file_request(open_draft(subject(), "", now=NOW), REASON, ROBOT, POLICY, now=NOW)
    assert refused(error) == ("service_cannot_request", 10)


@pytest.mark.parametrize(
    ("tenant", "object_id"),
    [
        ("", "bob"),
        ("contoso", ""),
        ("contoso", "bob "),
        ("contoso", "b\u043eb"),
        ("contoso", "alice\u200b"),
        ("contoso", "x/bob"),
        ("contoso", "bob\n"),
        ("gate", "system"),
        ("GATE", "System"),
    ],
)
def test_an_identity_that_looks_like_another_does_nothing(tenant: str, object_id: str) -> None:
    odd = Principal(tenant=tenant, object_id=object_id, kind=PrincipalKind.USER)
    assert refusal_of_approval(requested(), odd) == ("identity_unclear", 10)
    with pytest.raises(GateError) as error:
        file_request(open_draft(subject(), "", now=NOW), REASON, odd, POLICY, now=NOW)
    assert refused(error) == ("identity_unclear", 10)


def test_a_draft_is_neither_approved_nor_denied() -> None:
    draft = open_draft(subject(), "", now=NOW)
    assert refusal_of_approval(draft) == ("not_requested", 10)
    with pytest.raises(GateError) as error:
        deny(draft, BOB, "not needed", now=NOW)
    assert refused(error) == ("not_requested", 10)


def test_a_request_without_a_reason_is_not_approved_whatever_its_state_says() -> None:
    assert refusal_of_approval(requested().model_copy(update={"reason": ""})) == ("not_requested", 10)


def test_a_filed_request_keeps_its_requester() -> None:
    # Else Alice would have Bob file hers again, and approve it herself.
    with pytest.raises(GateError) as error:
        file_request(requested(), REASON, BOB, POLICY, now=NOW)
    assert refused(error) == ("already_requested", 10)


def test_what_was_decided_is_not_decided_again() -> None:
    approved, _ = approve(requested(), [offered()], BOB, POLICY, Terms(), now=NOW)
    denied = deny(requested(), BOB, "use the public one", now=NOW)
    for request in (approved, denied):
        assert refusal_of_approval(request) == ("already_decided", 10)
        with pytest.raises(GateError) as error:
            deny(request, BOB, "not needed", now=NOW)
        assert refused(error) == ("already_decided", 10)


def test_extending_is_a_new_round_with_a_new_grant_and_nothing_of_the_old_decision() -> None:
    approved, first = approve(requested(), [offered()], BOB, POLICY, Terms(comment="once"), now=NOW)
    again = file_request(approved, "still needed", BOB, POLICY, now=NOW + DAY)
    assert (again.id, again.round, again.state) == (approved.id, 2, RequestState.REQUESTED)
    assert (again.grant, again.comment, again.decided_by, again.decided_at) == ("", "", None, None)
    assert again.opened_at == NOW + DAY
    assert refusal_of_approval(again, BOB) == ("self_approval", 10)
    _, second = approve(again, [offered()], ALICE, POLICY, Terms(), now=NOW + 2 * DAY)
    assert second.id != first.id


def test_a_denial_is_dated_reasoned_and_can_be_followed_by_a_new_request() -> None:
    denied = deny(requested(), BOB, "use the public one", now=NOW + DAY)
    assert (denied.state, denied.decided_by, denied.decided_at) == (RequestState.DENIED, BOB, NOW + DAY)
    assert (denied.comment, denied.grant) == ("use the public one", "")
    assert file_request(denied, "the public one lacks X", ALICE, POLICY, now=NOW + 2 * DAY).round == 2


def test_whoever_filed_it_may_take_it_back() -> None:
    assert deny(requested(), ALICE, "found another way", now=NOW).state is RequestState.DENIED


@pytest.mark.parametrize("reason", ["", "  \n\t", "TBD", "todo.", "n/a", "-", "..", "\x1b[2J", "ok"])
def test_a_filler_is_no_reason(reason: str) -> None:
    with pytest.raises(GateError) as error:
        file_request(open_draft(subject(), "", now=NOW), reason, ALICE, POLICY, now=NOW)
    assert refused(error) == ("reason_missing", 10)
    with pytest.raises(GateError) as error:
        deny(requested(), BOB, reason, now=NOW)
    assert refused(error) == ("reason_missing", 10)


def test_a_reason_is_bounded_and_holds_no_secret_and_no_escape() -> None:
    draft = open_draft(subject(), "", now=NOW)
    with pytest.raises(GateError) as error:
        file_request(draft, "x" * 2001, ALICE, POLICY, now=NOW)
    assert refused(error) == ("reason_too_long", 10)
    said = file_request(draft, "see https://me:hunter2@example.org \x1b[31mred\u202e", ALICE, POLICY, now=NOW).reason
    assert "hunter2" not in said
    assert said.isprintable()


@pytest.mark.parametrize("longer", [timedelta(microseconds=1), timedelta(days=10_000_000)])
def test_nothing_is_granted_for_longer_than_policy_says(longer: timedelta) -> None:
    assert refusal_of_approval(requested(), duration=POLICY.longest + longer) == ("too_long", 10)


def test_the_longest_itself_is_granted() -> None:
    _, grant = approve(requested(), [offered()], BOB, POLICY, Terms(duration=POLICY.longest), now=NOW)
    assert grant.expires == NOW + POLICY.longest


@pytest.mark.parametrize("duration", [timedelta(0), -DAY])
def test_a_grant_lasts_longer_than_nothing(duration: timedelta) -> None:
    assert refusal_of_approval(requested(), duration=duration) == ("duration_not_positive", 10)


@pytest.mark.parametrize("entry", ["pypi/acme-forecast", "PyPI/Acme_Forecast", "pypi/acme.forecast"])
def test_what_can_never_be_excepted_is_neither_filed_nor_approved(entry: str) -> None:
    policy = POLICY.model_copy(update={"never": ("conda/x", entry)})
    with pytest.raises(GateError) as error:
        file_request(open_draft(subject(), "", now=NOW), REASON, ALICE, policy, now=NOW)
    assert refused(error) == ("never_excepted", 10)
    assert refusal_of_approval(requested(), policy=policy) == ("never_excepted", 10)


def test_an_address_does_not_hide_a_package_that_can_never_be_excepted() -> None:
    policy = POLICY.model_copy(update={"never": ("pypi/acme-forecast",)})
    request = requested(subject(kind=Kind.VCS, name="https://git.example.org/acme/forecast", version="main"))
    assert refusal_of_approval(request, policy=policy) == ("never_excepted", 10)


def test_a_package_is_not_granted_without_its_bytes() -> None:
    assert refusal_of_approval(requested(), files=()) == ("no_file", 10)


def test_an_approval_holds_a_bounded_number_of_files() -> None:
    files = [offered(content=bytes([n])) for n in range(3)]
    with pytest.raises(GateError) as error:
        approve(requested(), files, BOB, POLICY, Terms(), now=NOW, bounds=StorageBounds(files=2))
    assert refused(error) == ("too_many_files", 10)


@pytest.mark.parametrize(
    ("name", "version", "wanted"),
    [
        ("acme-forecasts", "1.2.0", "1.2.0"),
        ("acme-forecast", "1.2.1", "1.2.0"),
        ("acme-forecast", "1.2.0+evil", "1.2.0"),
        ("acme-forecast", "1.2.0.post1", "==1.2.0"),
        ("acme-forecast", "2.0", ">=1,<2"),
        ("acme-forecast", "not a version", ""),
        ("acme-forecast", "1.2.0", "something odd"),
    ],
)
def test_the_file_is_of_the_package_that_was_asked_for(name: str, version: str, wanted: str) -> None:
    request = requested(subject(version=wanted))
    assert refusal_of_approval(request, files=(offered(name, version),)) == ("wrong_package", 10)


@pytest.mark.parametrize("wanted", ["1.2.0", "1.2", "==1.2.0", "== 1.2.*", ">=1,<2", "", "===1.2.0"])
def test_a_declared_version_may_be_a_specifier(wanted: str) -> None:
    _, grant = approve(requested(subject(version=wanted)), [offered()], BOB, POLICY, Terms(), now=NOW)
    assert grant.version == "1.2.0"


def test_several_files_are_of_one_version_of_one_package() -> None:
    request = requested(subject(version=""))
    mixed = (offered(content=b"1"), offered(version="1.3.0", content=b"2"))
    assert refusal_of_approval(request, files=mixed) == ("wrong_package", 10)
    twins = (offered(content=b"1"), offered(content=b"2"), offered(content=b"1"))
    _, grant = approve(request, twins, BOB, POLICY, Terms(), now=NOW)
    assert len(grant.files) == 2


@pytest.mark.parametrize("kind", [Kind.VCS, Kind.URL, Kind.LOCAL])
def test_a_wheel_may_stand_for_an_address(kind: Kind) -> None:
    address = "https://git.example.org/acme/forecast"
    _, grant = approve(
        requested(subject(kind=kind, name=address, version="main")), [offered()], BOB, POLICY, Terms(), now=NOW
    )
    assert (grant.kind, grant.name, grant.references) == (Kind.PYPI, "acme-forecast", (address,))
    assert grant.files


@pytest.mark.parametrize(
    "address",
    [
        "https://files.example.org/other-1.2.0-py3-none-any.whl",
        "https://files.example.org/acme_forecast-1.3.0-py3-none-any.whl?x=1",
        "https://files.example.org/odd.whl",
        "https://[broken/acme_forecast-1.2.0-py3-none-any.whl",
        "wheels\\other-1.2.0-py3-none-any.whl",
    ],
)
def test_an_address_of_another_wheel_is_not_granted_by_this_one(address: str) -> None:
    request = requested(subject(kind=Kind.URL, name=address, version=""))
    assert refusal_of_approval(request) == ("wrong_package", 10)


def test_an_address_of_the_same_wheel_is() -> None:
    request = requested(
        subject(kind=Kind.URL, name="https://files.example.org/acme_forecast-1.2.0-py3-none-any.whl", version="")
    )
    _, grant = approve(request, [offered()], BOB, POLICY, Terms(), now=NOW)
    assert grant.references == (request.subject.name,)


@pytest.mark.parametrize("kind", [Kind.CONDA, Kind.IMAGE, Kind.OS, Kind.OTHER])
def test_what_could_only_be_granted_by_name_is_not_granted(kind: Kind) -> None:
    assert refusal_of_approval(requested(subject(kind=kind))) == ("not_yet_grantable", 10)


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        (("registry.example.org/staging/other",), "scope_elsewhere"),
        (("registry.example.org/staging",), "scope_elsewhere"),
        (("registry.example.org/",), "scope_too_wide"),
        ((STAGING, "other.example.org/"), "scope_too_wide"),
        (("oci:/",), "scope_too_wide"),
        (("/",), "scope_too_wide"),
        ((STAGING, ""), "scope_too_wide"),
    ],
)
def test_a_scope_covers_what_was_asked_for_and_no_whole_registry(scope: tuple[str, ...], code: str) -> None:
    assert refusal_of_approval(requested(), scope=Scope(repositories=scope)) == (code, 10)


def test_a_scope_may_be_a_prefix() -> None:
    terms = Terms(scope=Scope(repositories=("registry.example.org/staging/",)))
    _, grant = approve(requested(), [offered()], BOB, POLICY, terms, now=NOW)
    assert grant.scope.covers("registry.example.org/staging/other")
    assert not grant.scope.covers("registry.example.org/staging2/app")


def test_the_grants_id_follows_from_request_round_and_bytes() -> None:
    request = requested()
    assert grant_id(request, ["sha256:b", "sha256:a"]) == grant_id(request, ["sha256:a", "sha256:b", "sha256:a"])
    assert grant_id(request, ["sha256:a"]) != grant_id(request, ["sha256:b"])
    assert grant_id(request, ["sha256:a"]) != grant_id(requested(subject(version="2")), ["sha256:a"])


def test_a_judged_name_reaches_nobodys_terminal_as_it_is() -> None:
    name = "https://me:hunter2@files.example.org/\x1b[2J{request}\u202e/other-1-py3-none-any.whl"
    request = requested().model_copy(update={"subject": subject(kind=Kind.URL, name=name, version="")})
    with pytest.raises(GateError) as error:
        approve(request, [offered()], BOB, POLICY, Terms(), now=NOW)
    assert error.value.error_code == "wrong_package"
    assert error.value.message.isprintable()
    assert all(fact.isprintable() for fact in error.value.facts.values())
    assert "hunter2" not in error.value.message
    assert "{request}" in error.value.message


def test_every_refusal_has_words_and_a_way_out() -> None:
    assert set(REFUSALS) == set(Why)
    assert all(refusal.message and refusal.hint for refusal in REFUSALS.values())
