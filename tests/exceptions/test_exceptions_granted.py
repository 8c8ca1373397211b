"""What a grant of the desk lets pass: that thing, those bytes, there, then, and nothing beside it."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from exceptions_world.decisions import DIGEST, VCS, declared, whole_policy
from exceptions_world.parts import ALICE, BOB, NOW, POLICY, REASON, STAGING, filename, subject, wheel

from gate.desk import ExceptionDesk
from gate.exceptions.interface import Filing, Upload
from gate.exceptions.workflow import Terms
from gate.model.image import Component, Proof, ProofLevel
from gate.model.origin import Disposition, Kind
from gate.policy.dispose import Bounds, dispose_components, dispose_reference
from gate.store.engine import reading

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from gate.exceptions.storage import FolderStorage
    from gate.model.exception import Grant, Subject
    from gate.model.reference import Reference

END = NOW + timedelta(days=1)
LAST = END - timedelta(microseconds=1)


@pytest.fixture
def desk(sqlite_engine: Engine, storage: FolderStorage) -> ExceptionDesk:
    return ExceptionDesk(engine=sqlite_engine, storage=storage, policy=POLICY)


def granted(desk: ExceptionDesk, engine: Engine, about: Subject) -> tuple[Grant, ...]:
    """Have it approved until END, and return what the next evaluation looks at."""
    name, version = ("private_0", "1.0") if about.kind is Kind.PYPI else ("acme_forecast", "1.2.0")
    upload = Upload(filename=filename(name, version), stream=io.BytesIO(wheel(name, version)))
    request = desk.request(Filing(subject=about, reason=REASON), ALICE, now=NOW).request
    desk.approve(request.id, [upload], BOB, Terms(duration=END - NOW), now=NOW)
    with reading(engine) as connection:
        return desk.all_grants(connection, whole_policy())


def disposition(
    reference: Reference, grants: tuple[Grant, ...], now: datetime = LAST, repository: str = STAGING
) -> Disposition:
    return dispose_reference(reference, whole_policy(), grants, now, repository).disposition


def component(grants: tuple[str, ...]) -> Component:
    proof = Proof(level=ProofLevel.CONTRADICTED, code="no_such_project", grants=grants)
    return Component(kind=Kind.PYPI, name="private-0", version="1.0", path="x", layer=0, proof=proof)


def test_a_declared_pin_is_granted_there_and_then_alone(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    vcs, package = declared()
    assert disposition(package, ()) is Disposition.BLOCKED
    grants = granted(desk, sqlite_engine, subject(name="private-0", version="==1.0"))
    assert disposition(package, grants) is Disposition.GRANTED
    assert disposition(package, grants, END) is Disposition.BLOCKED
    assert disposition(package, grants, NOW - timedelta(microseconds=1)) is Disposition.BLOCKED
    assert disposition(package, grants, repository=STAGING + "2") is Disposition.BLOCKED
    assert disposition(package.model_copy(update={"spec": "==1.1"}), grants) is Disposition.BLOCKED
    assert disposition(package.model_copy(update={"spec": ""}), grants) is Disposition.BLOCKED
    assert disposition(package.model_copy(update={"name": "private-1"}), grants) is Disposition.BLOCKED
    assert disposition(package.model_copy(update={"hashes": (DIGEST,)}), grants) is Disposition.BLOCKED
    assert disposition(vcs, grants) is Disposition.BLOCKED


def test_an_address_is_granted_with_the_wheel_that_stands_for_it(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    vcs, package = declared()
    grants = granted(desk, sqlite_engine, subject(kind=Kind.VCS, name=VCS, version="main"))
    assert disposition(vcs, grants) is Disposition.GRANTED
    assert disposition(vcs, grants, END) is Disposition.BLOCKED
    assert disposition(vcs.model_copy(update={"name": VCS + "2"}), grants) is Disposition.BLOCKED
    assert disposition(package, grants) is Disposition.BLOCKED


def test_a_component_is_granted_by_its_bytes_and_never_by_its_name(desk: ExceptionDesk, sqlite_engine: Engine) -> None:
    grants = granted(desk, sqlite_engine, subject(name="private-0", version="1.0"))
    bytes_match, name_matches = component((grants[0].id,)), component(())
    at = Bounds(now=LAST, repository=STAGING)
    found = dispose_components([bytes_match, name_matches], whole_policy(), grants, at)
    assert [one.disposition for one in found] == [Disposition.GRANTED, Disposition.BLOCKED]
    for late in (Bounds(now=END, repository=STAGING), Bounds(now=LAST, repository="elsewhere.example.org/x")):
        (one,) = dispose_components([bytes_match], whole_policy(), grants, late)
        assert one.disposition is Disposition.BLOCKED
