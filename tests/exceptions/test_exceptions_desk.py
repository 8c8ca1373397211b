"""The desk changes state and ledger together, keeps only what was approved, and lets one decision win."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from exceptions_world.ledgers import entries, events
from exceptions_world.parts import ALICE, BOB, NOW, POLICY, REASON, ROBOT, STAGING, filename, subject, wheel

from gate.bounds import StorageBounds
from gate.desk import ExceptionDesk
from gate.errors import BoundError, GateError, InputError, IntegrityError, NotFoundError, PolicyError, StoreError
from gate.exceptions.interface import Filing, Upload, Wanted
from gate.exceptions.storage import FolderStorage
from gate.exceptions.workflow import Terms
from gate.model.exception import Grant, GrantedFile, RequestState, Scope, Subject
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.policy.dispose import Bounds, GrantState, grant_state
from gate.policy.schema import DecisionPolicy, Policy, Safelist
from gate.store.engine import reading, writing
from gate.store.grants import Grants
from gate.store.tables import exception_requests, grants

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from sqlalchemy.engine import Engine

    from gate.exceptions.interface import Shown

CAROL = Principal(tenant="contoso", object_id="carol")
DAY = timedelta(days=1)


@pytest.fixture
def desk(sqlite_engine: Engine, storage: FolderStorage) -> ExceptionDesk:
    return ExceptionDesk(engine=sqlite_engine, storage=storage, policy=POLICY)


def file(desk: ExceptionDesk, about: Subject | None = None, reason: str = REASON, by: Principal = ALICE) -> Shown:
    return desk.request(Filing(subject=about or subject(), reason=reason), by, now=NOW)


def upload(data: bytes | None = None, name: str = "") -> Upload:
    return Upload(filename=name or filename(), stream=io.BytesIO(wheel() if data is None else data))


def all_grants(engine: Engine, policy: Policy) -> tuple[Grant, ...]:
    desk = ExceptionDesk(engine=engine, storage=FolderStorage(None), policy=policy.workflow)  # type: ignore[arg-type]  # never touched
    with reading(engine) as connection:
        return desk.all_grants(connection, policy)


def whole_policy(*standing: Grant) -> Policy:
    safelist = Safelist(version="gate.safelist/1", python_indexes=(), conda_channels=(), image_registries=())
    return Policy(safelist=safelist, decision=DecisionPolicy(version="gate.policy/1"), workflow=POLICY, grants=standing)


def state(engine: Engine) -> tuple[object, ...]:
    """Everything that an exception could change in the database."""
    with reading(engine) as connection:
        rows = [tuple(connection.execute(sa.select(table))) for table in (exception_requests, grants)]
    return (*rows, entries(engine))


def code_of(error: pytest.ExceptionInfo[GateError]) -> str:
    return error.value.error_code


def test_filing_is_on_record_and_says_nothing_of_the_person(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    shown = file(desk)
    assert (shown.request.state, shown.request.requester, shown.version) == (RequestState.REQUESTED, ALICE, 1)
    assert desk.show(shown.request.id) == shown
    (entry,) = entries(sqlite_engine)
    assert entry.record.event == "exception_requested"
    assert entry.record.evaluation == shown.request.id
    assert entry.record.repository == STAGING
    leaf = entry.record.canonical().decode()
    assert "alice" not in leaf
    assert REASON not in leaf
    assert entry.private["actor"] == ALICE.key
    assert entry.private["request"] == shown.request.canonical().decode()


def test_filing_the_same_again_is_the_same_request(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    first = file(desk)
    before = state(sqlite_engine)
    assert file(desk) == first
    assert state(sqlite_engine) == before
    for reason, by in (("another reason", ALICE), (REASON, BOB)):
        with pytest.raises(GateError) as error:
            file(desk, reason=reason, by=by)
        assert code_of(error) == "already_requested"
    assert state(sqlite_engine) == before


def test_a_name_is_spelt_as_the_gate_spells_it(desk: ExceptionDesk) -> None:
    assert file(desk, subject(name="Acme_Forecast")).request.id == subject().request_id()


@pytest.mark.parametrize(
    "about",
    [
        subject(name=" "),
        subject(repository=""),
        subject(name="a\x1b[2J"),
        subject(version="x" * 2001),
        subject(kind=Kind.URL, name="https://me:secret@files.example.org/x.whl"),
    ],
)
def test_a_subject_that_is_unclear_or_holds_a_secret_is_not_filed(
    desk: ExceptionDesk, sqlite_engine: Engine, about: Subject
) -> None:
    with pytest.raises(GateError) as error:
        file(desk, about)
    assert code_of(error) == "subject_unclear"
    assert "secret@" not in error.value.message
    assert state(sqlite_engine) == ((), (), ())


def test_an_unknown_request_is_not_found(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: desk.show("EXR-none"),
        lambda: desk.request(Filing(request="EXR-none", reason=REASON), ALICE, now=NOW),
        lambda: desk.approve("EXR-none", [upload()], BOB, Terms(), now=NOW),
        lambda: desk.deny("EXR-none", BOB, "not needed", now=NOW),
    ]
    for attempt in attempts:
        with pytest.raises(NotFoundError):
            attempt()
    assert state(sqlite_engine) == ((), (), ())


def test_an_approval_keeps_the_file_grants_its_bytes_and_is_on_record(
    desk: ExceptionDesk, sqlite_engine: Engine, storage: FolderStorage
) -> None:
    request = file(desk).request
    shown = desk.approve(request.id, [upload()], BOB, Terms(comment="fine"), now=NOW + DAY)
    grant = shown.grant
    assert grant is not None
    assert (shown.request.state, shown.request.grant, shown.version) == (RequestState.APPROVED, grant.id, 2)
    assert storage.list() == grant.files
    with storage.open(grant.files[0].sha256) as stored:
        assert stored.read() == wheel()
    assert all_grants(sqlite_engine, whole_policy()) == (grant,)
    assert desk.show(request.id) == shown
    record = entries(sqlite_engine)[1].record
    assert (record.event, record.facts["grant"]) == ("exception_approved", grant.id)
    assert record.facts["files"] == grant.files[0].sha256
    assert record.facts["package"] == "acme-forecast==1.2.0"
    assert "bob" not in record.canonical().decode()
    assert entries(sqlite_engine)[1].private["grant"] == grant.canonical().decode()


def test_a_grant_in_the_database_ends_at_its_end(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    desk.approve(file(desk).request.id, [upload()], BOB, Terms(duration=DAY), now=NOW)
    (grant,) = all_grants(sqlite_engine, whole_policy())
    at = [grant_state(grant, Bounds(now=now, repository=STAGING)) for now in (NOW + DAY - DAY / 10**9, NOW + DAY)]
    assert at == [GrantState.IN_FORCE, GrantState.EXPIRED]


@pytest.mark.parametrize(
    ("approver", "terms", "files", "code"),
    [
        (ALICE, Terms(), [upload()], "self_approval"),
        (Principal(tenant="CONTOSO", object_id="Alice"), Terms(), [upload()], "self_approval"),
        (ROBOT, Terms(), [upload()], "service_cannot_approve"),
        (BOB, Terms(duration=POLICY.longest + DAY), [upload()], "too_long"),
        (BOB, Terms(scope=Scope(repositories=("elsewhere.example.org/x/y",))), [upload()], "scope_elsewhere"),
        (BOB, Terms(scope=Scope(repositories=(STAGING, "x" * 4000))), [upload()], "scope_too_long"),
        (BOB, Terms(expected=7), [upload()], "request_changed"),
        (BOB, Terms(), [], "no_file"),
        (BOB, Terms(), [upload()] * 33, "too_many_files"),
        (BOB, Terms(), [upload(wheel(version="1.3.0"), filename(version="1.3.0"))], "wrong_package"),
        (BOB, Terms(), [upload(wheel(name="other"), filename(name="other"))], "wrong_package"),
        (BOB, Terms(), [upload(wheel(name="other"), filename())], "wheel_dist_info"),
        (BOB, Terms(), [upload(name="acme-forecast-1.2.0.tar.gz")], "wheel_filename"),
        (BOB, Terms(), [upload(name="../" + filename())], "wheel_filename"),
        (BOB, Terms(), [upload(b"")], "zip_end"),
        (BOB, Terms(), [upload(b"not a wheel at all" * 100)], "zip_end"),
    ],
)
def test_what_is_refused_leaves_nothing_in_the_storage_and_nothing_on_record(  # noqa: PLR0917 - pytest's way
    desk: ExceptionDesk,
    sqlite_engine: Engine,
    tmp_path: Path,
    approver: Principal,
    terms: Terms,
    files: list[Upload],
    code: str,
) -> None:
    request = file(desk).request
    before = state(sqlite_engine)
    with pytest.raises(GateError) as error:
        desk.approve(request.id, files, approver, terms, now=NOW)
    assert code_of(error) == code
    assert state(sqlite_engine) == before
    assert not (tmp_path / "storage").exists()


def test_what_can_only_be_granted_by_name_is_refused_before_its_file_is_read(desk: ExceptionDesk) -> None:
    request = file(desk, subject(kind=Kind.CONDA)).request
    with pytest.raises(GateError) as error:
        desk.approve(request.id, [upload(b"")], BOB, Terms(), now=NOW)
    assert code_of(error) == "not_yet_grantable"


def test_of_whoever_is_refused_not_even_the_file_is_read(desk: ExceptionDesk) -> None:
    request = file(desk).request
    with pytest.raises(GateError) as error:
        desk.approve(request.id, [upload(b"no wheel")], ALICE, Terms(), now=NOW)
    assert code_of(error) == "self_approval"


def test_a_file_beyond_the_bound_is_not_read(sqlite_engine: Engine, storage: FolderStorage) -> None:
    desk = ExceptionDesk(
        engine=sqlite_engine, storage=storage, policy=POLICY, bounds=StorageBounds(file_bytes=len(wheel()) - 1)
    )
    with pytest.raises(BoundError) as error:
        desk.approve(file(desk).request.id, [upload()], BOB, Terms(), now=NOW)
    assert code_of(error) == "file_too_large"
    assert storage.list() == ()


def test_a_file_that_can_not_be_read_is_an_input_error(desk: ExceptionDesk, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    request = file(desk).request
    with (tmp_path / "x").open("wb") as unreadable, pytest.raises(InputError):
        desk.approve(request.id, [Upload(filename=filename(), stream=unreadable)], BOB, Terms(), now=NOW)


def test_a_pipe_is_no_file_to_approve(desk: ExceptionDesk) -> None:
    request = file(desk).request
    reading_end, writing_end = os.pipe()
    with os.fdopen(reading_end, "rb") as pipe, os.fdopen(writing_end, "wb"), pytest.raises(InputError) as error:
        desk.approve(request.id, [Upload(filename=filename(), stream=pipe)], BOB, Terms(), now=NOW)
    assert code_of(error) == "input_unreadable"


def test_a_file_that_changes_while_it_is_read_is_not_granted(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    class Shifting(FolderStorage):
        def put(self, stream: BinaryIO, filename: str) -> GrantedFile:
            return super().put(io.BytesIO(stream.read() + b"x"), filename)

    request = file(desk).request
    shifting = ExceptionDesk(engine=sqlite_engine, storage=Shifting(desk._storage._path), policy=POLICY)  # type: ignore[attr-defined]  # noqa: SLF001 - the same folder
    with pytest.raises(IntegrityError) as error:
        shifting.approve(request.id, [upload()], BOB, Terms(), now=NOW)
    assert code_of(error) == "upload_changed"
    assert all_grants(sqlite_engine, whole_policy()) == ()


def test_a_denial_is_on_record_and_grants_nothing(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    shown = desk.deny(file(desk).request.id, BOB, "use the public one", now=NOW)
    assert (shown.request.state, shown.grant, shown.version) == (RequestState.DENIED, None, 2)
    assert events(sqlite_engine) == [("exception_requested", 1), ("exception_denied", 1)]
    assert all_grants(sqlite_engine, whole_policy()) == ()
    assert "public one" not in entries(sqlite_engine)[1].record.canonical().decode()


def test_a_denial_of_another_version_than_was_read_is_refused(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    request = file(desk).request
    before = state(sqlite_engine)
    with pytest.raises(GateError) as error:
        desk.deny(request.id, BOB, "use the public one", now=NOW, expected=2)
    assert code_of(error) == "request_changed"
    assert state(sqlite_engine) == before


def test_each_round_is_on_record_and_old_grants_stand(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    request = file(desk).request
    first = desk.approve(request.id, [upload()], BOB, Terms(), now=NOW).grant
    again = desk.request(Filing(request=request.id, reason="still needed"), ALICE, now=NOW + DAY)
    assert (again.request.round, again.grant) == (2, None)
    second = desk.approve(request.id, [upload()], BOB, Terms(), now=NOW + 2 * DAY).grant
    assert {grant.id for grant in all_grants(sqlite_engine, whole_policy())} == {
        first and first.id,
        second and second.id,
    }
    assert events(sqlite_engine) == [
        ("exception_requested", 1),
        ("exception_approved", 1),
        ("exception_requested", 2),
        ("exception_approved", 2),
    ]


def test_a_request_filed_anew_while_its_file_was_read_is_not_approved(
    desk: ExceptionDesk, sqlite_engine: Engine, storage: FolderStorage
) -> None:
    request = file(desk).request

    class Interrupted(FolderStorage):
        def put(self, stream: BinaryIO, filename: str) -> GrantedFile:
            desk.deny(request.id, ALICE, "found another way", now=NOW)
            desk.request(Filing(request=request.id, reason="for something else now"), CAROL, now=NOW)
            return super().put(stream, filename)

    slow = ExceptionDesk(engine=sqlite_engine, storage=Interrupted(storage._path), policy=POLICY)  # noqa: SLF001 - the same folder
    with pytest.raises(GateError) as error:
        slow.approve(request.id, [upload()], BOB, Terms(), now=NOW)
    assert code_of(error) == "request_changed"
    assert all_grants(sqlite_engine, whole_policy()) == ()
    assert [event for event, _ in events(sqlite_engine)][-1] == "exception_requested"


def test_lists_are_paged_newest_first_and_filtered(desk: ExceptionDesk) -> None:
    for n in range(5):
        desk.request(Filing(subject=subject(name=f"p{n}"), reason=REASON), ALICE, now=NOW + n * DAY / 2)
    desk.deny(subject(name="p3").request_id(), BOB, "not needed", now=NOW)
    names, cursor = [], ""
    while True:
        page = desk.list(Wanted(limit=2, cursor=cursor))
        names.append([request.subject.name for request in page.requests])
        cursor = page.next
        if not cursor:
            break
    assert names == [["p4", "p3"], ["p2", "p1"], ["p0"]]
    assert [one.subject.name for one in desk.list(Wanted(state=RequestState.DENIED)).requests] == ["p3"]
    assert desk.list(Wanted(name="p1", kind=Kind.PYPI, repository=STAGING)).requests[0].subject.name == "p1"
    assert desk.list(Wanted(kind=Kind.CONDA)).requests == ()


@pytest.mark.parametrize(
    "cursor", ["x", "~", "2026-11-23T10:00:00Z", "2026-11-23T10:00:00~EXR-a", "2026-11-23T10:00:00Z~x"]
)
def test_a_cursor_that_was_never_given_out_is_refused(desk: ExceptionDesk, cursor: str) -> None:
    with pytest.raises(GateError) as error:
        desk.list(Wanted(cursor=cursor))
    assert (code_of(error), error.value.exit_code) == ("bad_cursor", 2)


def test_a_filing_names_one_thing() -> None:
    for wrong in ({"reason": REASON}, {"reason": REASON, "request": "EXR-a", "subject": subject()}):
        with pytest.raises(ValueError, match="either a request or a subject"):
            Filing.model_validate(wrong)


def test_standing_and_stored_grants_are_one_list(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    stored = desk.approve(file(desk).request.id, [upload()], BOB, Terms(), now=NOW).grant
    assert stored is not None
    standing = stored.model_copy(update={"id": "GRT-standing", "standing": True})
    assert all_grants(sqlite_engine, whole_policy(standing)) == (standing, stored)
    with pytest.raises(PolicyError) as error:
        all_grants(sqlite_engine, whole_policy(stored.model_copy(update={"standing": True})))
    assert code_of(error) == "grant_twice"


@pytest.mark.parametrize("table", [exception_requests, grants])
def test_a_stored_value_that_was_tampered_with_is_an_error_and_never_left_out(
    desk: ExceptionDesk, sqlite_engine: Engine, table: sa.Table
) -> None:
    request = desk.approve(file(desk).request.id, [upload()], BOB, Terms(), now=NOW).request
    with writing(sqlite_engine) as connection:
        body = connection.scalar(sa.select(table.c.body))
        connection.execute(sa.text("DROP TRIGGER IF EXISTS grants_no_update"))
        connection.execute(sa.update(table).values(body=str(body).replace('"pypi"', '"made-up"')))
    with pytest.raises(StoreError) as error:
        desk.show(request.id)
    assert code_of(error) == "exception_unreadable"
    if table is grants:
        with pytest.raises(StoreError):
            all_grants(sqlite_engine, whole_policy())


def test_a_grant_is_not_put_past_the_workflow(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    # The same id with other content is no second grant.
    shown = desk.approve(file(desk).request.id, [upload()], BOB, Terms(), now=NOW)
    assert shown.grant is not None
    longer = shown.grant.model_copy(update={"expires": NOW + 1000 * DAY})
    with pytest.raises(GateError), writing(sqlite_engine) as connection:
        Grants(connection).put(longer)
    assert all_grants(sqlite_engine, whole_policy()) == (shown.grant,)
