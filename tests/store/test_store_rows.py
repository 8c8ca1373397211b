"""Content, decisions, requests and grants: nothing is overwritten, nothing altered is handed out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from store_servers.ledger_world import DIGEST, decision

from gate.errors import ConflictError, NotFoundError, StoreError
from gate.model.base import sha256_of
from gate.model.decision import Outcome
from gate.model.exception import ExceptionRequest, Grant, GrantedFile, RequestState, Scope, Subject
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.store.blobs import Blobs
from gate.store.decisions import DecisionFilter, Decisions
from gate.store.engine import reading, writing
from gate.store.grants import Grants
from gate.store.requests import RequestFilter, Requests
from gate.store.tables import blobs

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALICE = Principal(tenant="t", object_id="alice")
BOB = Principal(tenant="t", object_id="bob")
PLACE = "r.example.org/staging/app"


def _request(name: str = "acme", *, hours: int = 0, state: RequestState = RequestState.DRAFT) -> ExceptionRequest:
    subject = Subject(kind=Kind.PYPI, name=name, version="1.0", repository=PLACE)
    return ExceptionRequest(
        id=subject.request_id(), subject=subject, state=state, requester=ALICE, opened_at=NOW + hours * HOUR
    )


def _grant(name: str = "acme", identifier: str = "GR-1", *, reason: str = "needed") -> Grant:
    return Grant(
        id=identifier,
        kind=Kind.PYPI,
        name=name,
        version="1.0",
        files=(GrantedFile(filename=f"{name}-1.0-py3-none-any.whl", sha256=DIGEST, size=7),),
        scope=Scope(repositories=(PLACE,)),
        owner=ALICE,
        approver=BOB,
        reason=reason,
        not_before=NOW,
        expires=NOW + HOUR,
    )


def _unguarded(engine: Engine, table: str, statement: str) -> None:
    on = f" ON {table}" if engine.dialect.name == "postgresql" else ""
    with writing(engine) as connection:
        connection.execute(sa.text(f"DROP TRIGGER {table}_no_update{on}"))
        connection.execute(sa.text(statement))


def test_content_comes_back_under_its_digest_and_once(engine: Engine) -> None:
    parts = [b"", b"x", b"\x00\xff" * 70_000, b"x"]
    with writing(engine) as connection:
        kept = Blobs(connection).put_all(parts)
    assert kept == tuple(sha256_of(part) for part in parts)
    with reading(engine) as connection:
        found = Blobs(connection)
        assert [found.get(digest) for digest in kept] == parts
        assert found.sizes(kept) == {sha256_of(part): len(part) for part in parts}
        assert found.has(kept[0])
        assert list(found.altered()) == []
        assert connection.scalar(sa.select(sa.func.count()).select_from(blobs)) == 3


def test_absent_content_is_not_empty_content(engine: Engine) -> None:
    with reading(engine) as connection:
        assert not Blobs(connection).has(DIGEST)
        assert Blobs(connection).sizes([DIGEST]) == {}
        assert Blobs(connection).sizes([]) == {}
        with pytest.raises(NotFoundError):
            Blobs(connection).get(DIGEST)


def test_many_sizes_are_asked_for_at_once(engine: Engine) -> None:
    with writing(engine) as connection:
        kept = Blobs(connection).put_all(str(number).encode() for number in range(900))
        assert len(Blobs(connection).sizes([*kept, DIGEST])) == 900


@pytest.mark.parametrize("change", ["data = digest", "digest = 'sha256:0'", "size = 9"])
def test_altered_content_is_found(sqlite_engine: Engine, change: str) -> None:
    with writing(sqlite_engine) as connection:
        digest = Blobs(connection).put(b"x")
    _unguarded(sqlite_engine, "blobs", f"UPDATE blobs SET {change}")  # noqa: S608 - the test's own
    with reading(sqlite_engine) as connection:
        assert len(list(Blobs(connection).altered())) == 1
        if change.startswith("data"):
            with pytest.raises(StoreError) as refused:
                Blobs(connection).get(digest)
            assert refused.value.error_code == "blob_altered"


def test_a_decision_is_found_by_what_it_says_and_comes_back_whole(engine: Engine) -> None:
    made = decision(DIGEST)
    with writing(engine) as connection:
        assert Decisions(connection).put("ev-1", made) == Decisions(connection).put("ev-1", made)
        Decisions(connection).put("ev-2", made)
        promoted = Decisions(connection).put("ev-3", decision(DIGEST, Outcome.PROMOTE, at=NOW + HOUR))
    with reading(engine) as connection:
        kept = Decisions(connection)

        def found(**wanted: object) -> list[str]:
            return [row.evaluation for row in kept.find(DecisionFilter.model_validate(wanted))]

        assert kept.get(made.fingerprint()) == made
        assert found() == ["ev-3", "ev-2", "ev-1"]
        assert found(evaluation="ev-1") == ["ev-1"]
        assert found(subject=DIGEST, repository=PLACE, outcome="promote") == ["ev-3"]
        assert found(subject="sha256:" + "0" * 64) == []
        assert found(repository=PLACE + "x") == []
        assert found(since=NOW + HOUR) == ["ev-3"]
        assert found(until=NOW + HOUR) == ["ev-2", "ev-1"]
        with pytest.raises(NotFoundError):
            kept.get("sha256:" + "0" * 64)
        with pytest.raises(NotFoundError):
            kept.get(Blobs(connection).get(promoted)[:10].hex())


def test_content_that_is_no_decision_is_not_handed_out_as_one(engine: Engine) -> None:
    with writing(engine) as connection:
        digest = Blobs(connection).put(b"{}")
        with pytest.raises(NotFoundError):
            Decisions(connection).get(digest)


def test_pages_of_decisions_hold_each_once(engine: Engine) -> None:
    with writing(engine) as connection:
        for number in range(7):
            Decisions(connection).put(f"ev-{number}", decision(DIGEST, at=NOW + (number // 3) * HOUR))
    seen: list[str] = []
    before = None
    with reading(engine) as connection:
        while page := Decisions(connection).find(DecisionFilter(before=before), limit=2):
            seen += [row.evaluation for row in page]
            before = (page[-1].decided_at, page[-1].digest, page[-1].evaluation)
    assert sorted(seen) == [f"ev-{number}" for number in range(7)]
    assert seen[0] == "ev-6"


def test_a_request_is_opened_once(engine: Engine) -> None:
    with writing(engine) as connection:
        assert Requests(connection).open(_request())
    with writing(engine) as connection:
        assert not Requests(connection).open(_request(state=RequestState.APPROVED))
        stored = Requests(connection).get(_request().id)
    assert (stored.request, stored.version) == (_request(), 1)


def test_a_change_made_from_an_older_version_is_refused(engine: Engine) -> None:
    with writing(engine) as connection:
        Requests(connection).open(_request())
        assert Requests(connection).change(_request(state=RequestState.REQUESTED), version=1) == 2
    for version in (0, 1, 3):
        with pytest.raises(ConflictError) as refused, writing(engine) as connection:
            Requests(connection).change(_request(state=RequestState.APPROVED), version=version)
        assert refused.value.error_code == "request_changed"
    with reading(engine) as connection:
        stored = Requests(connection).get(_request().id)
    assert (stored.request.state, stored.version) == (RequestState.REQUESTED, 2)


def test_a_change_of_nothing_is_refused(engine: Engine) -> None:
    with pytest.raises(ConflictError), writing(engine) as connection:
        Requests(connection).change(_request(), version=1)
    with reading(engine) as connection:
        assert Requests(connection).find(_request().id) is None
        with pytest.raises(NotFoundError):
            Requests(connection).get(_request().id)


def test_requests_are_listed_newest_first_by_filter_and_page(engine: Engine) -> None:
    with writing(engine) as connection:
        for number in range(5):
            state = RequestState.DRAFT if number % 2 else RequestState.REQUESTED
            Requests(connection).open(_request(f"p{number}", hours=number // 2, state=state))
    with reading(engine) as connection:
        kept = Requests(connection)

        def names(**wanted: object) -> set[str]:
            return {row.request.subject.name for row in kept.list(RequestFilter.model_validate(wanted))}

        assert names(state="draft") == {"p1", "p3"}
        assert names(name="p2", kind="pypi", repository=PLACE) == {"p2"}
        assert names(kind="conda") == set()
        assert names(repository="x") == set()
        seen: list[str] = []
        before = None
        while page := kept.list(RequestFilter(before=before), limit=2):
            seen += [row.request.subject.name for row in page]
            before = (page[-1].request.opened_at, page[-1].request.id)
    assert sorted(seen) == ["p0", "p1", "p2", "p3", "p4"]
    assert seen[0] == "p4"


def test_a_grant_is_kept_once_and_never_replaced(engine: Engine) -> None:
    with writing(engine) as connection:
        Grants(connection).put(_grant())
        Grants(connection).put(_grant())
    with pytest.raises(ConflictError) as refused, writing(engine) as connection:
        Grants(connection).put(_grant(reason="another"))
    assert refused.value.error_code == "grant_exists"
    with reading(engine) as connection:
        assert Grants(connection).get("GR-1") == _grant()
        with pytest.raises(NotFoundError):
            Grants(connection).get("GR-2")


def test_grants_are_found_by_exact_name_whatever_their_dates(engine: Engine) -> None:
    with writing(engine) as connection:
        for identifier, name in (("GR-2", "acme"), ("GR-1", "acme"), ("GR-3", "acme_")):
            Grants(connection).put(_grant(name, identifier))
    with reading(engine) as connection:
        kept = Grants(connection)
        assert [grant.id for grant in kept.all()] == ["GR-1", "GR-2", "GR-3"]
        assert [grant.id for grant in kept.for_names(Kind.PYPI, ["acme", "none"])] == ["GR-1", "GR-2"]
        assert kept.for_names(Kind.CONDA, ["acme"]) == ()
        assert kept.for_names(Kind.PYPI, ["acm%", "ACME"]) == ()
        assert kept.for_names(Kind.PYPI, []) == ()
        assert len(kept.for_names(Kind.PYPI, ["acme", *(f"n{number}" for number in range(999)), "acme_"])) == 3
