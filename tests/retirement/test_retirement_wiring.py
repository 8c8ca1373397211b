"""What configuration alone connects: the service's turns, and the watch that keeps a retired image away."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure_ml.azure_ml_world import settings
from azure_world.sim_aml import AmlWorld
from azure_world.sim_server import azure_server
from evaluation.index_world import policy_over, push_index, world_over
from evaluation.worlds import NOW, submission
from registry.contract_images import push
from retirement.retirement_world import ANNA, APP, BEN

from gate.config import load_config
from gate.errors import ConflictError, GateError, NotFoundError
from gate.evaluation import Submission
from gate.model.decision import Decision, Outcome
from gate.model.image import ImageRef, Transport
from gate.model.retirement import Retirement, RetirementAction, RetirementState
from gate.policy.decide import decide
from gate.policy.schema import Promotion
from gate.policy.source import load_policy
from gate.promotion.receipt import PromotionReceipt
from gate.registry.layout import OciLayout
from gate.retirement.workflow import Asked
from gate.wiring import open_database
from gate.wiring_stores import Stores
from gate.wiring_users import guarded_world, retirement_turns, retirements_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from servers.certificates import Certificate
    from servers.registry import RegistryServer
    from sqlalchemy.engine import Engine

    from gate.guarded import GuardedWorld
    from gate.policy.schema import Policy

GRACE = timedelta(days=30)


class Ground:
    """An index in a staging folder, a release folder, a database, and what configuration makes of them."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder, self.engine = folder, engine
        self.config = load_config({"GATE_HOME": str(folder / "home")})
        self.ref = self.push()
        known = policy_over(folder)
        retirement = known.decision.retirement.model_copy(update={"grace": GRACE})
        decision = known.decision.model_copy(update={"retirement": retirement})
        self.policy: Policy = known.model_copy(update={"decision": decision})
        self.given = Submission(ref=self.ref, environment=submission().environment, policy=self.policy)
        evidence = world_over(folder).gather(self.given, (), submitted_at=NOW, now=NOW)
        self.decision: Decision = decide(evidence, self.policy, NOW)
        assert self.decision.outcome is Outcome.PROMOTE

    def push(self) -> ImageRef:
        return push_index(self.folder / "staging", "1", {"amd64": (), "arm64": ()})

    def watched(self) -> GuardedWorld:
        return guarded_world(self.config, self.engine, world_over(self.folder), Stores(self.config))

    def promote(self) -> ImageRef:
        world = self.watched()
        receipt = world.act(self.given, self.decision, world.plan(self.given, self.decision).canonical())
        assert isinstance(receipt, PromotionReceipt)
        return receipt.target

    def agreed(self, released: ImageRef) -> Retirement:
        desk, _ = retirements_of(self.config, self.engine, self.policy, lambda: NOW)
        wanted = Asked(
            action=RetirementAction.RETIRE, place=released.place, digest=self.decision.subject, reason="it leaks data"
        )
        asked = desk.request(wanted, ANNA, now=NOW).retirement
        return desk.approve(asked.id, asked.digest, BEN, now=NOW).retirement

    def standing(self, retirement: Retirement) -> RetirementState:
        desk, _ = retirements_of(self.config, self.engine, self.policy, lambda: NOW)
        return desk.get(retirement.id).retirement.state


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    (tmp_path / "home").mkdir()
    with open_database(load_config({"GATE_HOME": str(tmp_path / "home")})) as engine:
        yield Ground(tmp_path, engine)


def test_a_service_hides_what_was_agreed_on_and_deletes_it_in_its_time(ground: Ground) -> None:
    released = ground.promote()
    clock: list[datetime] = [NOW]
    turns = retirement_turns(ground.config, ground.engine, ground.policy, lambda: clock[0])
    assert turns.once() == 0, "nobody asked for anything"
    assert OciLayout().resolve(released.model_copy(update={"digest": None})) == ground.decision.subject
    agreed = ground.agreed(released)
    assert turns.once() == 1
    assert ground.standing(agreed) is RetirementState.HIDDEN
    with pytest.raises(NotFoundError):
        OciLayout().manifest(released)
    assert OciLayout().manifest(ground.ref).digest == ground.decision.subject, "staging is none of its business"
    clock[0] = NOW + GRACE
    assert turns.once() == 1
    assert ground.standing(agreed) is RetirementState.RETIRED
    assert not list((ground.folder / "release").rglob(ground.decision.subject.removeprefix("sha256:")))


def test_what_was_retired_is_neither_planned_nor_brought_again_by_a_plan_from_before(ground: Ground) -> None:
    before = ground.watched().plan(ground.given, ground.decision).canonical()
    released = ground.promote()
    ground.agreed(released)
    retirement_turns(ground.config, ground.engine, ground.policy, lambda: NOW).once()
    ways: tuple[Callable[[], object], ...] = (
        lambda: ground.watched().plan(ground.given, ground.decision),
        lambda: ground.watched().act(ground.given, ground.decision, before),
    )
    for again in ways:
        with pytest.raises(ConflictError) as refused:
            again()
        assert refused.value.error_code == "digest_retired"
    assert OciLayout().tags(released) == ()
    with pytest.raises(NotFoundError):
        OciLayout().manifest(released)


def test_what_azure_machine_learning_runs_is_not_retired_by_a_gate_that_configuration_connects_to_it(
    registry: RegistryServer, tls_certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = f"{registry.host}/{uuid.uuid4().hex}"
    places = (Promotion(staging=f"{root}/staging", release=f"{root}/release"),)
    known = load_policy()
    policy = known.model_copy(update={"decision": known.decision.model_copy(update={"promotion": places})})
    place = ImageRef(transport=Transport.REGISTRY, repository=f"{root}/release/app")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_certificate.authority))
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with azure_server(tls_certificate) as world:
        world.aml = AmlWorld()
        world.aml.resource()
        environ = {**settings(world), "GATE_HOME": str(tmp_path)}
        for key, value in environ.items():
            monkeypatch.setenv(key, value)
        config = load_config(environ)
        with open_database(config) as engine:
            store = Stores(config)[Transport.REGISTRY]
            released = push(store, place, APP, "1")
            desk, run = retirements_of(config, engine, policy, lambda: NOW)
            wanted = Asked(action=RetirementAction.RETIRE, place=place.place, digest=APP.digest, reason="it leaks data")
            asked = desk.request(wanted, ANNA, now=NOW).retirement
            desk.approve(asked.id, asked.digest, BEN, now=NOW)
            world.aml.environment("train", image=f"{place.place}@{APP.digest}")
            with pytest.raises(ConflictError, match="train:1") as refused:
                run.carry_on(asked.id, now=NOW)
            assert refused.value.error_code == "digest_in_use"
            assert store.manifest(released) == APP.manifest
            assert store.tags(place) == ("1",)
            world.aml = None
            with pytest.raises(GateError):  # nobody answers for the workspace any more: that is not nobody who uses it
                run.carry_on(asked.id, now=NOW)
            assert store.manifest(released) == APP.manifest


def test_stores_are_those_of_configuration(ground: Ground) -> None:
    assert ground.watched().gone(ground.given) is False
    OciLayout().delete_manifest(ground.ref)
    assert ground.watched().gone(ground.given) is True
    assert ground.given.ref.transport is Transport.OCI_LAYOUT
