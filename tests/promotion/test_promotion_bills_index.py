"""The bills of an index: each image that runs has its own, and nothing that is no image has one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from acr_world.client import acr_client, acr_place
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from evaluation.index_world import Clean, policy_over, push_index_to
from evaluation.worlds import NOW, submission
from promotion.promotion_memory import Fault, FaultyStore, KeepingStore

from gate.bills import EvidenceBills
from gate.bounds import ImageBounds, StorageBounds
from gate.dry_runs import keep_evidence
from gate.errors import ConflictError, GateError, UpstreamError
from gate.evaluation import Submission
from gate.exceptions.storage import FolderStorage
from gate.model.base import sha256_of
from gate.model.decision import Decision, Outcome
from gate.model.image import ChildRole, ImageRef, Transport
from gate.notify import AppriseNotifier
from gate.policy.decide import decide
from gate.policy.schema import Promotion
from gate.promotion.bills import SBOM_TYPE
from gate.promotion.receipt import PromotionReceipt
from gate.promotion.statement import ENVELOPE_TYPE, KeySigner, payload_of
from gate.registry.interface import Descriptor
from gate.registry.referring import listed_referrers
from gate.sbom import sbom
from gate.store.engine import make_engine
from gate.store.schema import upgrade
from gate.world import RealWorld

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from acr_world.facade import AcrFacade
    from sqlalchemy.engine import Engine

    from gate.model.evidence import Evidence
    from gate.registry.interface import ImageWriter

ROOT = ImageRef(transport=Transport.REGISTRY, repository="registry.example.org/index-bills")
_FORM, _ENCODING = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path}/g.sqlite")
    upgrade(made)
    yield made
    made.dispose()


class Ground:
    """An index of two platforms that waits, with BuildKit's attestation in it, and a gate that signs."""

    def __init__(self, store: ImageWriter, root: ImageRef, folder: Path, engine: Engine) -> None:
        self.store, self.engine, self.folder = store, engine, folder
        staging = root.model_copy(update={"repository": f"{root.repository}/staging/app", "tag": "1"})
        self.ref = push_index_to(store, staging, {"amd64": (), "arm64": ()})
        self.release = staging.model_copy(update={"repository": f"{root.repository}/release/app"})
        file = folder / "key.pem"
        made = ed25519.Ed25519PrivateKey.generate()
        file.write_bytes(made.private_bytes(_ENCODING, _FORM, serialization.NoEncryption()))
        self.signer = KeySigner(file)
        policy = policy_over(folder)
        place = Promotion(staging=f"{root.repository}/staging", release=f"{root.repository}/release")
        decision = policy.decision.model_copy(update={"promotion": (place,)})
        self.given = Submission(
            ref=self.ref,
            environment=submission().environment,
            policy=policy.model_copy(update={"decision": decision}),
        )

    def world(self, store: ImageWriter | None = None) -> RealWorld:
        return RealWorld(
            stores={Transport.REGISTRY: store or self.store},
            index=lambda _: None,
            sources=lambda _: (Clean("defender"), Clean("advisories")),
            storage=FolderStorage(self.folder / "storage", StorageBounds()),
            notifier=AppriseNotifier(()),
            bounds=ImageBounds(),
            signer=self.signer,
            bills=EvidenceBills(self.engine, most_bytes=1_000_000),
        )

    def judged(self) -> tuple[Evidence, Decision]:
        evidence = self.world().gather(self.given, (), submitted_at=NOW, now=NOW)
        keep_evidence(self.engine, evidence)
        return evidence, decide(evidence, self.given.policy, NOW)

    def promote(self, decision: Decision, store: ImageWriter | None = None) -> PromotionReceipt:
        world = self.world(store)
        receipt = world.act(self.given, decision, world.plan(self.given, decision).canonical())
        assert isinstance(receipt, PromotionReceipt)
        return receipt

    def attached(self, digest: str, kind: str) -> list[bytes]:
        """Return the documents of a type about a digest, each read as any client would and held to its digest."""
        found = []
        for listed in listed_referrers(self.store, self.release.at(digest)):
            raw = self.store.manifest(self.release.at(listed.digest)).raw
            assert sha256_of(raw) == listed.digest
            manifest: dict[str, Any] = json.loads(raw)
            if manifest["artifactType"] != kind:
                continue
            assert manifest["subject"]["digest"] == digest
            (layer,) = manifest["layers"]
            about = Descriptor(digest=layer["digest"], size=layer["size"], media_type=layer["mediaType"])
            with self.store.blob(self.release, about) as stream:
                found.append(stream.read())
            assert sha256_of(found[-1]) == layer["digest"]
        return found


def check(ground: Ground, evidence: Evidence, receipt: PromotionReceipt) -> None:
    """Hold what is attached against the evidence that was decided on."""
    assert evidence.index is not None
    expected = {view.image.image.digest: sbom(view.image).encode() for view in evidence.views()}
    roles = {child.digest: child.role for child in evidence.index.children}
    assert {digest for digest, role in roles.items() if role is ChildRole.IMAGE} == expected.keys()
    assert sorted(role is ChildRole.ATTESTATION for role in roles.values()) == [False, False, True]
    assert len(set(expected.values())) == 2
    for digest, role in roles.items():
        if role is ChildRole.IMAGE:
            (bill,) = ground.attached(digest, SBOM_TYPE)
            assert bill == expected[digest]
            told = json.loads(bill)["metadata"]["component"]
            assert (told["version"], told["hashes"][0]["content"]) == (digest, digest.removeprefix("sha256:"))
        else:
            assert listed_referrers(ground.store, ground.release.at(digest)) == ()
    index = str(ground.ref.digest)
    assert ground.attached(index, SBOM_TYPE) == [], "an index runs nowhere: nothing is inside it but its images"
    (envelope,) = ground.attached(index, ENVELOPE_TYPE)
    assert ground.signer.signed(envelope)
    named = {one["uri"] for one in json.loads(payload_of(envelope))["predicate"]["inputAttestations"]}
    assert {uri for uri in named if uri.startswith("gate:sbom/")} == {
        f"gate:sbom/{sha256_of(bill)}" for bill in expected.values()
    }
    listed = {
        one.digest for digest in (index, *expected) for one in listed_referrers(ground.store, ground.release.at(digest))
    }
    assert listed == {one.name for one in receipt.read_back if one.what == "referrer"}


@pytest.mark.parametrize("kind", ["memory", "azure"])
def test_each_image_of_an_index_has_its_own_bill_and_its_attestation_has_none(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    store: ImageWriter = KeepingStore()
    root = ROOT
    if kind == "azure":
        acr: AcrFacade = request.getfixturevalue("acr")
        store, root = acr_client(acr), acr_place(acr)
    ground = Ground(store, root, tmp_path, engine)
    evidence, decision = ground.judged()
    assert decision.outcome is Outcome.PROMOTE
    check(ground, evidence, ground.promote(decision))
    check(ground, evidence, ground.promote(decision))


def test_no_tag_leads_to_an_index_of_which_one_image_has_no_bill(engine: Engine, tmp_path: Path) -> None:
    first = Ground(KeepingStore(), ROOT, tmp_path, engine)
    evidence, decision = first.judged()
    calls = FaultyStore(first.store)
    first.promote(decision, calls)
    writes = [number for number, name in enumerate(calls.trace) if name in {"put_manifest", "upload_blob"}]
    assert len(writes) > 8
    stopped = 0
    for number in writes:
        ground = Ground(KeepingStore(), ROOT, tmp_path, engine)
        broken = FaultyStore(ground.store, faults={number: Fault(error=UpstreamError("it is down"))})
        try:
            ground.promote(decision, broken)
        except GateError:
            stopped += 1
            assert ground.release.tag not in ground.store.tags(ground.release) or all(
                ground.attached(view.image.image.digest, SBOM_TYPE) for view in evidence.views()
            )
        check(ground, evidence, ground.promote(decision))
    assert stopped


def test_the_bill_of_an_image_that_is_not_in_the_plan_is_refused_before_anything_is_written(
    engine: Engine, tmp_path: Path
) -> None:
    """The evidence names a sibling that the index does not list: its bill would hang on nothing."""
    ground = Ground(KeepingStore(), ROOT, tmp_path, engine)
    evidence, _ = ground.judged()
    (sibling,) = evidence.siblings
    facts = sibling.image.image.model_copy(update={"digest": "sha256:" + "d" * 64})
    strange = sibling.model_copy(update={"image": sibling.image.model_copy(update={"image": facts})})
    other = evidence.model_copy(update={"siblings": (strange,)})
    keep_evidence(engine, other)
    told = {"evidence": decide(other, ground.given.policy, NOW).evidence}
    decision = decide(evidence, ground.given.policy, NOW).model_copy(update=told)
    with pytest.raises(ConflictError) as refused:
        ground.world().plan(ground.given, decision)
    assert refused.value.error_code == "sbom_of_another"
    assert ground.store.tags(ground.release) == ()
