"""Hold a registry against the ledger: both must tell the same story, and at no moment may an image be half released."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from promotion.promotion_house import policy_for
from registry.contract_images import Sample, image, plain, push

from gate.errors import NotFoundError
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.model.image import ImageRef
from gate.promotion.attach import attach
from gate.promotion.receipt import DiscardReceipt, PromotionReceipt
from gate.promotion.tree import describe
from gate.registry.locks import locks_of
from gate.registry.referring import listed_referrers
from gate.store.blobs import Blobs
from gate.store.engine import reading
from gate.store.evaluations import Evaluation, EvaluationState

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from gate.ledger.reader import LedgerEntry
    from gate.registry.interface import ImageWriter


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One image that waits in staging, what is attached to it, and neighbours that nothing may touch."""

    ref: ImageRef
    app: Sample
    attached: Sample
    neighbour: Sample
    older: Sample

    @property
    def release(self) -> ImageRef:
        """Where it is released."""
        root = self.ref.place.partition("/staging/")[0]
        place = policy_for(root).decision.promotion[0]
        repository = place.release + self.ref.place.removeprefix(place.staging)
        return self.ref.model_copy(update={"repository": repository})

    @property
    def manifests(self) -> tuple[Sample, ...]:
        """Every manifest that goes with the image."""
        return (self.app, *self.app.children, self.attached)


def scene(store: ImageWriter, root: ImageRef, app: Sample) -> Scene:
    """Fill `<root>/staging/app` and `<root>/release/app`."""
    staging = root.model_copy(update={"repository": f"{root.repository}/staging/app"})
    attached = image("about", artifactType="application/vnd.test.about", subject=plain(describe(app.manifest)))
    ref = push(store, staging, app, "1")
    push(store, staging, attached)
    attach(store, staging, app.digest, describe(attached.manifest))
    neighbour, older = image("neighbour"), image("older")
    push(store, staging, neighbour, "2")
    made = Scene(ref=ref, app=app, attached=attached, neighbour=neighbour, older=older)
    push(store, made.release, older, "0.9")
    return made


def entries(engine: Engine, run: str) -> list[LedgerEntry]:
    """Return what the ledger has of a run."""
    with reading(engine) as connection:
        return list(LedgerReader(connection).find(LedgerFilter(evaluation=run)))


def held(store: ImageWriter, place: ImageRef, sample: Sample) -> bool:
    """Say whether the place has the manifest, in its very bytes."""
    try:
        return store.manifest(place.at(sample.digest)).raw == sample.manifest.raw
    except NotFoundError:
        return False


def tag_of(store: ImageWriter, place: ImageRef, tag: str) -> str:
    """Return what the tag is on, or nothing."""
    try:
        return store.resolve(place.model_copy(update={"tag": tag, "digest": None}))
    except NotFoundError:
        return ""


def check_always(store: ImageWriter, shown: Scene, intended: set[Event]) -> None:
    """Hold what must be so at any moment, whatever was interrupted."""
    assert held(store, shown.ref, shown.neighbour)
    assert tag_of(store, shown.ref, "2") == shown.neighbour.digest
    assert held(store, shown.release, shown.older)
    assert tag_of(store, shown.release, "0.9") == shown.older.digest
    released = tag_of(store, shown.release, "1")
    assert released in {"", shown.app.digest}
    if released:
        assert Event.PROMOTION_INTENDED in intended, "released, and nobody intended it"
        check_whole(store, shown)
    if not held(store, shown.ref, shown.app):
        assert Event.DISCARD_INTENDED in intended, "lost from staging, and nobody intended it"


def check_whole(store: ImageWriter, shown: Scene) -> None:
    """Hold that all that belongs to the image is released with it."""
    for sample in shown.manifests:
        assert held(store, shown.release, sample)
        assert all(store.has_blob(shown.release, blob.digest) for blob in sample.blobs)
    listed = [one.digest for one in listed_referrers(store, shown.release.at(shown.app.digest))]
    assert shown.attached.digest in listed


def check_story(
    engine: Engine, store: ImageWriter, shown: Scene, row: Evaluation, *, released_before: bool = False
) -> None:
    """Hold registry and ledger against the state of a settled run.

    What a run before it `released` with an outcome stays released: a discard names that for people and takes nothing.
    """
    found = entries(engine, row.id)
    events = [entry.record.event for entry in found]
    ends = {Event.PROMOTED, Event.DISCARDED, Event.HELD, Event.FAILED}
    (end,) = [entry.record for entry in found if entry.record.event in ends]
    assert end.event.value == row.state.value
    waiting = held(store, shown.ref, shown.app)
    released = any(held(store, shown.release, sample) for sample in (shown.app, *shown.app.children))
    match row.state:
        case EvaluationState.PROMOTED:
            assert events.index(Event.PROMOTION_INTENDED) < events.index(Event.PROMOTED)
            assert waiting
            assert tag_of(store, shown.release, "1") == shown.app.digest
            check_whole(store, shown)
            check_locks(store, shown)
            with reading(engine) as connection:
                receipt = PromotionReceipt.parse(Blobs(connection).get(end.facts["receipt"]))
            assert receipt.target == shown.release
            assert {one.name for one in receipt.read_back if one.what == "manifest"} >= {shown.app.digest}
        case EvaluationState.DISCARDED:
            assert events.index(Event.DISCARD_INTENDED) < events.index(Event.DISCARDED)
            assert not any(held(store, shown.ref, sample) for sample in shown.manifests)
            assert tag_of(store, shown.ref, "1") == ""
            with reading(engine) as connection:
                gone = DiscardReceipt.parse(Blobs(connection).get(end.facts["receipt"]))
            assert shown.app.digest in gone.deleted
            assert released_before or not released, "denied, and deployable"
            assert bool(tag_of(store, shown.release, "1")) == released_before
            assert gone.released in {shown.release.place if released_before else "", "unknown"}
        case EvaluationState.HELD:
            assert waiting
            assert released_before or not released, "held, and deployable"
            assert bool(tag_of(store, shown.release, "1")) == released_before
        case _:
            message = f"not settled: {row.state}"
            raise AssertionError(message)


def check_locks(store: ImageWriter, shown: Scene) -> None:
    """Hold that manifests and tag of the release are locked, where there are locks."""
    keeper = locks_of(store, shown.release)
    if keeper is None:
        return
    for sample in (shown.app, *shown.app.children):
        assert keeper.locks(shown.release.at(sample.digest)).fixed
    assert keeper.locks(shown.release.model_copy(update={"digest": None})).fixed
