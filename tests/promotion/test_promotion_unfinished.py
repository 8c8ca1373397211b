"""A discard that was begun and left nothing to look at is finished by the same command, and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from promotion.promotion_house import BAD, GOOD, House, submission_for
from promotion.promotion_memory import Fault, FaultyStore, KeepingStore
from promotion.promotion_story import check_story, scene
from registry.contract_images import image

from gate.errors import NotFoundError, UpstreamError
from gate.model.image import ImageRef, Transport
from gate.store.engine import make_engine
from gate.store.evaluations import EvaluationState
from gate.store.schema import upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

ROOT = ImageRef(transport=Transport.REGISTRY, repository="registry.example.org/unfinished")


def gone(ref: ImageRef) -> ImageRef:
    message = f"no {ref}"
    raise NotFoundError(message)


def last_deletion(engine: Engine) -> int:
    """Return the number of the last deletion among the calls of a discard that meets no fault."""
    store = FaultyStore(KeepingStore())
    shown = scene(store.inner, ROOT.model_copy(update={"repository": f"{ROOT.repository}-clean"}), image("app"))
    house = House(engine, store)
    house.world.found = BAD
    assert house.attempt(submission_for(shown.ref)).state is EvaluationState.DISCARDED
    return max(number for number, name in enumerate(store.trace) if name == "delete_manifest")


def test_the_same_command_finishes_a_discard_whose_image_is_gone(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/g.sqlite")
    upgrade(engine)
    store = KeepingStore()
    faulty = FaultyStore(store)
    shown = scene(store, ROOT, image("app"))
    house = House(engine, faulty)
    house.world.found = BAD
    by_tag = shown.ref.model_copy(update={"digest": None})
    with pytest.raises(NotFoundError):  # nothing was begun yet
        house.process().intake.resolved(by_tag, lambda: gone(by_tag))
    faulty.faults = {last_deletion(engine) + 1: Fault(error=UpstreamError("cut"))}
    assert house.attempt(submission_for(shown.ref)).state is EvaluationState.FAILED
    assert "1" not in store.tags(shown.ref)
    faulty.faults = {}
    pinned = house.process().intake.resolved(by_tag, lambda: gone(by_tag))
    assert pinned == shown.ref
    done = house.attempt(submission_for(pinned))
    assert done.state is EvaluationState.DISCARDED
    check_story(engine, store, shown, done)
    with pytest.raises(NotFoundError):  # it has its outcome: the name is free and means nothing
        house.process().intake.resolved(by_tag, lambda: gone(by_tag))
    engine.dispose()


@pytest.mark.parametrize(("found", "call"), [(GOOD, "manifest"), (GOOD, "put_manifest"), (BAD, "manifest")])
def test_a_run_that_failed_before_its_discard_or_in_a_promotion_is_no_discard_to_finish(
    tmp_path: Path, found: str, call: str
) -> None:
    """Whoever deletes such an image by other means has not had it judged: the name is gone, and that is all."""
    engine = make_engine(f"sqlite:///{tmp_path}/g.sqlite")
    upgrade(engine)
    clean = FaultyStore(KeepingStore())
    house = House(engine, clean)
    house.attempt(submission_for(scene(clean.inner, ROOT, image("app")).ref))
    store = KeepingStore()
    shown = scene(store, ROOT.model_copy(update={"repository": f"{ROOT.repository}-{found}"}), image("app"))
    house = House(engine, FaultyStore(store, faults={clean.trace.index(call): Fault(error=UpstreamError("cut"))}))
    house.world.found = found
    assert house.attempt(submission_for(shown.ref)).state is EvaluationState.FAILED
    store.delete_manifest(shown.ref)
    by_tag = shown.ref.model_copy(update={"digest": None})
    for ref in (by_tag, shown.ref):
        with pytest.raises(NotFoundError):
            house.process().intake.resolved(ref, lambda: gone(by_tag))
    engine.dispose()
