"""A desk in this process and one behind a server are the same desk."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from exceptions_world.parts import ALICE, BOB, NOW, POLICY, REASON, ROBOT, STAGING, filename, subject, wheel
from exceptions_world.service import service_over
from servers.faulty import Reply

from gate.bounds import HttpBounds
from gate.desk import ExceptionDesk
from gate.errors import ForbiddenError, GateError, UpstreamError, UsageError
from gate.exceptions.interface import Filing, Shown, Upload, Wanted
from gate.exceptions.multipart import Multipart
from gate.exceptions.remote import RemoteDesk
from gate.exceptions.workflow import Terms
from gate.http.client import HttpClient
from gate.model.exception import RequestState, Scope
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers.faulty import FaultyServer
    from sqlalchemy.engine import Engine

    from gate.exceptions.interface import Desk
    from gate.exceptions.storage import FolderStorage

DAY = timedelta(days=1)
ODD = "EXR-../../x?y#z"


@pytest.fixture(params=["here", "remote"])
def desk(request: pytest.FixtureRequest, sqlite_engine: Engine, storage: FolderStorage) -> Iterator[Desk]:
    here = ExceptionDesk(engine=sqlite_engine, storage=storage, policy=POLICY)
    if request.param == "here":
        yield here
        return
    with service_over(here) as server:
        client = HttpClient()
        yield RemoteDesk(client, server + "/")
        client.close()


def upload(data: bytes | None = None, name: str = "") -> Upload:
    return Upload(filename=name or filename(), stream=io.BytesIO(wheel() if data is None else data))


def file(desk: Desk) -> Shown:
    return desk.request(Filing(subject=subject(), origin="somewhere", reason=REASON), ALICE, now=NOW)


def test_a_request_is_filed_shown_listed_and_approved(desk: Desk, storage: FolderStorage) -> None:
    filed = file(desk)
    assert filed == desk.show(filed.request.id) == file(desk)
    assert desk.list(Wanted()).requests == (filed.request,)
    scope = Scope(repositories=(STAGING, "registry.example.org/other/"))
    terms = Terms(duration=DAY, scope=scope, comment='fine\r\n"really"', ticket="T-1", expected=1)
    shown = desk.approve(filed.request.id, [upload()], BOB, terms, now=NOW)
    assert shown == desk.show(filed.request.id)
    assert shown.grant is not None
    assert (shown.grant.scope, shown.grant.expires - shown.grant.not_before) == (scope, DAY)
    assert (shown.grant.ticket, shown.request.comment) == ("T-1", 'fine "really"')
    assert storage.list() == shown.grant.files
    with storage.open(shown.grant.files[0].sha256) as stored:
        assert stored.read() == wheel()


def test_several_large_files_arrive_whole(desk: Desk, storage: FolderStorage) -> None:
    wheels = [wheel(content=bytes([n]) * 3_000_000) for n in range(2)]
    uploads = [
        upload(wheels[0]),
        Upload(filename="acme_forecast-1.2.0-cp311-cp311-linux_x86_64.whl", stream=io.BytesIO(wheels[1])),
    ]
    desk.approve(file(desk).request.id, uploads, BOB, Terms(), now=NOW)
    assert {storage.open(kept.sha256).read() for kept in storage.list()} == set(wheels)


def test_a_request_is_denied(desk: Desk) -> None:
    shown = desk.deny(file(desk).request.id, BOB, "use the public one", now=NOW, expected=1)
    assert (shown.request.state, shown.request.comment) == (RequestState.DENIED, "use the public one")


def test_pages_follow_each_other(desk: Desk) -> None:
    for n in range(3):
        desk.request(Filing(subject=subject(name=f"p{n}"), reason=REASON), ALICE, now=NOW)
    wanted = Wanted(limit=2, kind=Kind.PYPI, state=RequestState.REQUESTED, repository=STAGING)
    first = desk.list(wanted)
    second = desk.list(wanted.model_copy(update={"cursor": first.next}))
    assert len({request.id for request in (*first.requests, *second.requests)}) == 3
    assert second.next == ""


@pytest.mark.parametrize(
    ("attempt", "code", "exit_code"),
    [
        (lambda desk, one: desk.approve(one, [upload()], ALICE, Terms(), now=NOW), "self_approval", 10),
        (lambda desk, one: desk.approve(one, [], BOB, Terms(), now=NOW), "no_file", 10),
        (lambda desk, one: desk.approve(one, [upload(b"")], BOB, Terms(), now=NOW), "zip_end", 12),
        (
            lambda desk, one: desk.approve(one, [upload()], BOB, Terms(duration=-DAY), now=NOW),
            "duration_not_positive",
            10,
        ),
        (lambda desk, one: desk.approve(one, [upload()], BOB, Terms(expected=9), now=NOW), "request_changed", 10),
        (lambda desk, one: desk.deny(one, BOB, "no", now=NOW), "reason_missing", 10),
        (lambda desk, one: desk.deny(one, BOB, "not needed", now=NOW, expected=3), "request_changed", 10),
        (lambda desk, one: desk.request(Filing(request=one, reason=REASON), BOB, now=NOW), "already_requested", 10),
        (lambda desk, _: desk.show("EXR-none"), "not_found", 12),
        (lambda desk, _: desk.show(ODD), "not_found", 12),
        (lambda desk, _: desk.list(Wanted(cursor="odd")), "bad_cursor", 2),
    ],
)
def test_a_refusal_is_the_same_refusal(
    desk: Desk, attempt: Callable[[Desk, str], object], code: str, exit_code: int
) -> None:
    filed = file(desk)
    with pytest.raises(GateError) as error:
        attempt(desk, filed.request.id)
    assert (error.value.error_code, error.value.exit_code) == (code, exit_code)
    assert error.value.message
    assert desk.show(filed.request.id) == filed


def test_a_name_that_could_be_a_header_is_not_sent(desk: Desk) -> None:
    filed = file(desk)
    with pytest.raises(GateError):
        desk.approve(filed.request.id, [upload(name='x"\r\nX-Evil: 1.whl')], BOB, Terms(), now=NOW)
    assert desk.show(filed.request.id) == filed


def test_a_service_does_not_become_a_person_on_the_way(sqlite_engine: Engine, storage: FolderStorage) -> None:
    here = ExceptionDesk(engine=sqlite_engine, storage=storage, policy=POLICY)
    with pytest.raises(GateError) as error:
        here.request(Filing(subject=subject(), reason=REASON), ROBOT, now=NOW)
    assert error.value.error_code == "service_cannot_request"


@pytest.mark.parametrize("status", [200, 404, 422])
@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}", b'{"version": "gate.exceptions/2", "requests": []}'])
def test_what_is_no_gates_answer_is_no_empty_list(faulty: FaultyServer, body: bytes, status: int) -> None:
    faulty.on("/v1/exceptions", Reply(status=status, body=body))
    with pytest.raises(UpstreamError) as error:
        RemoteDesk(HttpClient(), faulty.url).list(Wanted())
    assert error.value.error_code == "service_answer"


def test_a_refusal_that_is_not_the_workflows_own_stays_one(faulty: FaultyServer) -> None:
    body = b'{"code": "not_loopback", "detail": "this machine alone\\u001b[2J", "hint": "call 127.0.0.1"}'
    faulty.on("/v1/exceptions", Reply(status=403, body=body))
    with pytest.raises(ForbiddenError) as error:
        RemoteDesk(HttpClient(), faulty.url).list(Wanted())
    assert (error.value.error_code, error.value.hint) == ("not_loopback", "call 127.0.0.1")
    assert error.value.message.isprintable()


def test_a_form_is_sent_once_whatever_happens(faulty: FaultyServer) -> None:
    request_id = subject().request_id()
    path = f"/v1/exceptions/{request_id}/approve"
    faulty.on(path, Reply(status=503), method="POST")
    with pytest.raises(UpstreamError):
        RemoteDesk(HttpClient(), faulty.url).approve(request_id, [upload()], BOB, Terms(), now=NOW)
    (seen,) = faulty.requests(path)
    assert seen.headers["content-length"] == str(len(seen.body))
    assert seen.headers["gate-claimed-principal"] == BOB.key
    assert wheel() in seen.body


def test_a_form_is_as_long_as_it_says() -> None:
    form = Multipart([("comment", "fünf")], [upload()])
    assert form.readable()
    assert form.tell() == 0
    body = form.read()
    assert len(body) == len(form) == form.tell()
    assert form.read() == form.read(5) == b""


def test_an_address_that_is_none_is_wrong_usage() -> None:
    with pytest.raises(UsageError):
        RemoteDesk(HttpClient(), "gate.example.org")


def test_a_service_that_is_not_there_is_an_upstream_failure() -> None:
    client = HttpClient(HttpBounds(attempts=1))
    with pytest.raises(UpstreamError):
        RemoteDesk(client, "http://127.0.0.1:9").show(subject().request_id())
