"""The fault table in Azure's shape: each fault at each request of a whole promotion and a whole discard.

The real client and Microsoft's library over HTTPS, the façade over the real registry, and the whole evaluation with its
ledger. The suite tries each fault at one request of each verb, another one for each fault; `GATE_FAULT_TABLE` says at
how many (`1000`: at every one, which takes the better part of an hour).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from acr_world.client import acr_client, acr_place
from acr_world.state import Happening
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from promotion.promotion_house import BAD, GOOD, SETTLED, WHO, House, submission_for
from promotion.promotion_story import check_always, check_story, entries, scene
from registry.contract_images import image, push

from gate.promotion.statement import KeySigner
from gate.store.engine import make_engine
from gate.store.evaluations import EvaluationState
from gate.store.schema import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acr_world.facade import AcrFacade
    from promotion.promotion_story import Scene
    from sqlalchemy.engine import Engine

    from gate.registry.acr import AcrRegistry

SOME = int(os.environ.get("GATE_FAULT_TABLE", "1"))
"""At how many requests of one run each fault is tried."""

APP, EVIL = image("app"), image("evil")
FAULTS = {
    "401": Happening(status=401),
    "403": Happening(status=403),
    "404": Happening(status=404),
    "409": Happening(status=409),
    "429": Happening(status=429),
    "500": Happening(status=500),
    "cut": Happening(cut=True),
    "lost": Happening(lost=True),
    "killed-before": Happening(cut=True, kill=True),
    "killed-after": Happening(lost=True, kill=True),
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path_factory.mktemp('table')}/g.sqlite")
    # A killed process is played here, and never a machine that loses power.
    sa.event.listen(made, "connect", lambda dbapi, _: dbapi.execute("PRAGMA synchronous=OFF"))
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> KeySigner:
    file = tmp_path_factory.mktemp("key") / "key.pem"
    form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    file.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(encoding, form, serialization.NoEncryption()))
    return KeySigner(file)


class Row:
    """One row of the table: a registry of its own, a gate, and what is submitted."""

    def __init__(self, acr: AcrFacade, engine: Engine, signer: KeySigner, verdict: str) -> None:
        self.acr, self.engine, self.signer, self.verdict = acr, engine, signer, verdict
        self.store: AcrRegistry = acr_client(acr)
        root = acr_place(acr)
        root = root.model_copy(update={"repository": root.repository.removesuffix("/app")})
        self.shown: Scene = scene(self.store, root, APP)
        self.house = House(engine, acr_client(acr), signer=signer)
        self.house.world.found = self.house.world.later = verdict
        self.given = submission_for(self.shown.ref)

    def attempt(self, at: int, happening: Happening) -> EvaluationState:
        """Evaluate once with this at one request, and hold what must hold at any moment."""
        state = self.acr.state
        state.happen({at: happening})
        row = self.house.attempt(self.given, dead=lambda: state.dead)
        state.happen({})
        check_always(self.store, self.shown, {one.record.event for one in entries(self.engine, row.id)})
        return row.state

    def settle(self) -> EvaluationState:
        """Evaluate on until the outcome stands, and hold registry and ledger against it."""
        row = self.house.settle(self.given)
        check_story(self.engine, self.store, self.shown, row)
        return row.state

    def second(self) -> None:
        """Let a second gate, with a client of its own, take the run over and carry it to its end."""
        house = House(self.engine, acr_client(self.acr), signer=self.signer)
        house.kept, house.world.found, house.world.later = self.house.kept, self.house.world.found, self.verdict
        house.now = self.house.now + (self.house.now - self.house.now.replace(hour=0))
        other = house.process("second")
        other.carry_out(other.intake.submit(self.given, WHO).id)
        self.house.now = house.now


@pytest.fixture
def begin(acr: AcrFacade, engine: Engine, signer: KeySigner) -> Callable[[str], Row]:
    return lambda verdict: Row(acr, engine, signer, verdict)


COUNTS: dict[str, int] = {}


def requests(begin: Callable[[str], Row], verdict: str, salt: str) -> range:
    """Return the numbers of the requests that a fault is tried at."""
    if verdict not in COUNTS:
        row = begin(verdict)
        before = len(row.acr.state.requests)
        row.house.attempt(row.given)
        COUNTS[verdict] = len(row.acr.state.requests) - before
    count = COUNTS[verdict]
    assert count > 40
    stride = max(1, count // SOME)
    return range(sum(number * byte for number, byte in enumerate(salt.encode(), 7)) % stride, count, stride)


ENDS = {GOOD: EvaluationState.PROMOTED, BAD: EvaluationState.DISCARDED}


@pytest.mark.parametrize("verdict", ENDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_at_a_request_ends_well_and_registry_and_ledger_tell_one_story(
    begin: Callable[[str], Row], fault: str, verdict: str
) -> None:
    for at in requests(begin, verdict, fault + verdict):
        row = begin(verdict)
        ended = row.attempt(at, FAULTS[fault])
        if ended not in SETTLED:
            ended = row.settle()
        assert ended is ENDS[verdict]


@pytest.mark.parametrize("verdict", ENDS)
def test_a_second_gate_that_takes_over_at_a_request_leaves_one_outcome(
    begin: Callable[[str], Row], verdict: str
) -> None:
    for at in requests(begin, verdict, "second"):
        row = begin(verdict)
        assert row.attempt(at, Happening(act=row.second)) is ENDS[verdict]
        if verdict == GOOD:
            assert row.settle() is EvaluationState.PROMOTED


def test_a_tag_that_moves_at_a_request_changes_nothing_of_what_is_promoted(begin: Callable[[str], Row]) -> None:
    for at in requests(begin, GOOD, "moved"):
        row = begin(GOOD)
        row.attempt(at, Happening(act=lambda: push(row.store, row.shown.ref, EVIL, "1")))  # noqa: B023 - run at once
        assert row.settle() is EvaluationState.PROMOTED


def test_a_tag_that_moves_at_a_request_is_not_deleted_with_what_it_was_on(begin: Callable[[str], Row]) -> None:
    for at in requests(begin, BAD, "moved"):
        row = begin(BAD)
        row.attempt(at, Happening(act=lambda: push(row.store, row.shown.ref, EVIL, "1")))  # noqa: B023 - run at once
        if at > 1:
            assert row.store.resolve(row.shown.ref.model_copy(update={"digest": None})) == EVIL.digest


def test_a_digest_that_others_delete_at_a_request_is_promoted_whole_or_not_at_all(begin: Callable[[str], Row]) -> None:
    for at in requests(begin, GOOD, "gone"):
        row = begin(GOOD)
        plain = row.shown.ref.model_copy(update={"tag": ""})
        row.acr.state.happen({at: Happening(act=lambda: row.store.delete_manifest(plain))})  # noqa: B023 - run at once
        ended = row.house.attempt(row.given)
        row.acr.state.happen({})
        names = {EvaluationState.PROMOTED: {"1", "0.9"}, EvaluationState.FAILED: {"0.9"}}
        assert set(row.store.tags(row.shown.release)) == names[ended.state]


def test_a_digest_that_others_delete_at_a_request_is_discarded_all_the_same(begin: Callable[[str], Row]) -> None:
    for at in requests(begin, BAD, "gone"):
        row = begin(BAD)
        plain = row.shown.ref.model_copy(update={"tag": ""})
        row.acr.state.happen({at: Happening(act=lambda: row.store.delete_manifest(plain))})  # noqa: B023 - run at once
        ended = row.house.attempt(row.given).state
        row.acr.state.happen({})
        assert ended in {EvaluationState.DISCARDED, EvaluationState.FAILED}
        assert row.store.tags(row.shown.ref) == ("2",)
