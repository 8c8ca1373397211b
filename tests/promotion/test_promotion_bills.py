"""The bill of materials of what is released: attached before the tag, named by the signed verdict."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from promotion.promotion_house import House, Killed, submission_for
from promotion.promotion_memory import Fault, FaultyStore, KeepingStore
from promotion.promotion_story import entries, scene
from registry.contract_images import image

from gate.bills import EvidenceBills
from gate.errors import ConflictError, NotFoundError
from gate.evaluation import load_evidence
from gate.ledger.record import Event
from gate.model.base import sha256_of
from gate.model.decision import Decision
from gate.model.image import ImageRef, Transport
from gate.promotion.bills import SBOM_TYPE, with_bills
from gate.promotion.plan_promotion import PlannedBill, PromotionPlan
from gate.promotion.receipt import PromotionReceipt
from gate.promotion.statement import ENVELOPE_TYPE, KeySigner
from gate.registry.interface import Descriptor
from gate.registry.referring import listed_referrers
from gate.sbom import sbom
from gate.store.blobs import Blobs
from gate.store.engine import make_engine, reading
from gate.store.evaluations import EvaluationState
from gate.store.schema import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from promotion.promotion_story import Scene
    from sqlalchemy.engine import Engine

    from gate.evaluation import Submission
    from gate.store.evaluations import Evaluation

ROOT = ImageRef(transport=Transport.REGISTRY, repository="registry.example.org/bills")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path}/g.sqlite")
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def signer(tmp_path: Path) -> KeySigner:
    file = tmp_path / "key.pem"
    form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    file.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(encoding, form, serialization.NoEncryption()))
    return KeySigner(file)


class Place:
    """A registry, a gate that attaches, and one image that waits."""

    def __init__(self, engine: Engine, signer: KeySigner | None, most: int = 1_000_000) -> None:
        self.engine = engine
        self.store = KeepingStore()
        self.faulty = FaultyStore(self.store)
        self.shown: Scene = scene(self.store, ROOT, image("app"))
        self.house = House(engine, self.faulty, signer=signer, bills=EvidenceBills(engine, most_bytes=most))
        self.given = submission_for(self.shown.ref)

    def without(self) -> Submission:
        """The submission under a policy that wants none attached."""
        decision = self.given.policy.decision.model_copy(update={"sbom": False})
        return self.given.model_copy(update={"policy": self.given.policy.model_copy(update={"decision": decision})})

    def attached(self, kind: str) -> list[bytes]:
        """Return the documents of one artifact type, read as any client would."""
        found = []
        for listed in listed_referrers(self.store, self.shown.release.at(self.shown.app.digest)):
            manifest = json.loads(self.store.manifest(self.shown.release.at(listed.digest)).raw)
            if manifest["artifactType"] == kind:
                layer = manifest["layers"][0]
                about = Descriptor(digest=layer["digest"], size=layer["size"], media_type=layer["mediaType"])
                with self.store.blob(self.shown.release, about) as stream:
                    found.append(stream.read())
        return found

    def said(self) -> dict[str, Any]:
        """Return what the signed verdict says."""
        (envelope,) = self.attached(ENVELOPE_TYPE)
        statement: dict[str, Any] = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
        return statement

    def expected(self, row: Evaluation) -> bytes:
        """Return the bill of the evidence that the decision was made from, as `gate inspect` would write it."""
        with reading(self.engine) as connection:
            decision = Decision.parse(Blobs(connection).get(str(row.decision_digest)))
            return sbom(load_evidence(connection, decision.evidence).image).encode()


def test_the_bill_is_attached_named_by_the_verdict_and_on_the_receipt(engine: Engine, signer: KeySigner) -> None:
    place = Place(engine, signer)
    row = place.house.settle(place.given)
    assert row.state is EvaluationState.PROMOTED
    (bill,) = place.attached(SBOM_TYPE)
    assert bill == place.expected(row)
    document = json.loads(bill)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["version"] == place.shown.app.digest
    named = [one["uri"] for one in place.said()["predicate"]["inputAttestations"]]
    assert f"gate:sbom/{sha256_of(bill)}" in named
    end = next(one.record for one in entries(engine, row.id) if one.record.event is Event.PROMOTED)
    intent = next(one.record for one in entries(engine, row.id) if one.record.event is Event.PROMOTION_INTENDED)
    with reading(engine) as connection:
        receipt = PromotionReceipt.parse(Blobs(connection).get(end.facts["receipt"]))
        plan = PromotionPlan.parse(Blobs(connection).get(intent.facts["plan"]))
    assert [one.digest for one in plan.bills] == [sha256_of(bill)]
    listed = {one.digest for one in listed_referrers(place.store, place.shown.release.at(place.shown.app.digest))}
    assert listed == {one.name for one in receipt.read_back if one.what == "referrer"}


def test_a_second_promotion_attaches_no_second_bill(engine: Engine, signer: KeySigner) -> None:
    place = Place(engine, signer)
    place.house.settle(place.given)
    place.house.settle(place.given)
    assert len(set(place.attached(SBOM_TYPE))) == 1


@pytest.mark.parametrize("lost", [False, True])
def test_no_tag_leads_to_an_image_without_its_bill_wherever_the_process_dies(
    engine: Engine, signer: KeySigner, lost: bool
) -> None:
    first = Place(engine, signer)
    first.house.settle(first.given)
    for at in range(20, len(first.faulty.trace), 5):
        place = Place(engine, signer)
        place.faulty.faults = {at: Fault(error=Killed(), lost=lost)}
        place.house.attempt(place.given)
        if "1" in place.store.tags(place.shown.release):
            assert len(place.attached(SBOM_TYPE)) == 1
        place.house.settle(place.given)
        assert len(place.attached(SBOM_TYPE)) == 1


def test_a_policy_that_wants_none_gets_the_verdict_alone(engine: Engine, signer: KeySigner) -> None:
    place = Place(engine, signer)
    assert place.house.settle(place.without()).state is EvaluationState.PROMOTED
    assert place.attached(SBOM_TYPE) == []
    assert len(place.attached(ENVELOPE_TYPE)) == 1


def test_without_a_key_nothing_is_attached(engine: Engine) -> None:
    place = Place(engine, None)
    assert place.house.settle(place.given).state is EvaluationState.PROMOTED
    assert place.attached(SBOM_TYPE) == place.attached(ENVELOPE_TYPE) == []


def test_a_bill_beyond_the_bound_stops_the_promotion_before_it_begins(engine: Engine, signer: KeySigner) -> None:
    place = Place(engine, signer, most=100)
    row = place.house.attempt(place.given)
    assert (row.state, row.error_code) == (EvaluationState.FAILED, "sbom_too_large")
    assert place.store.tags(place.shown.release) == ("0.9",)


class Stray:
    """Makes a bill about something else."""

    def make(self, decision: Decision) -> tuple[PlannedBill, ...]:
        del decision
        return (PlannedBill(subject=image("other").digest, digest=sha256_of(b""), size=0),)

    def read(self, digest: str) -> bytes:
        raise NotFoundError(digest)


def test_a_bill_about_another_image_is_refused(engine: Engine, signer: KeySigner) -> None:
    place = Place(engine, signer)
    row = place.house.settle(place.given)
    intent = next(one.record for one in entries(engine, row.id) if one.record.event is Event.PROMOTION_INTENDED)
    with reading(engine) as connection:
        plan = PromotionPlan.parse(Blobs(connection).get(intent.facts["plan"]))
        decision = Decision.parse(Blobs(connection).get(str(row.decision_digest)))
    with pytest.raises(ConflictError) as refused:
        with_bills(plan, decision, Stray())
    assert refused.value.error_code == "sbom_of_another"
