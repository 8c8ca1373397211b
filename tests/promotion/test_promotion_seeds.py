"""A thousand seeded evaluations among random faults: each settles, and registry and ledger tell the same story.

`GATE_FAULT_SEEDS` runs more of them, `GATE_FAULT_FIRST` others.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from promotion.promotion_house import BAD, GOOD, SETTLED, UNKNOWN, House, Killed, submission_for
from promotion.promotion_memory import Fault, FaultyStore, KeepingStore, MemoryStore
from promotion.promotion_story import check_always, check_story, entries, scene
from registry.contract_images import image, index
from sqlalchemy.engine import Engine

from gate.errors import (
    ConflictError,
    NotFoundError,
    ThrottledUpstreamError,
    TimeoutUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
)
from gate.ledger.reader import LedgerReader
from gate.ledger.record import Event
from gate.ledger.verify import Verified, verify
from gate.model.image import ImageRef, Transport
from gate.store.engine import make_engine, reading
from gate.store.evaluations import EvaluationState
from gate.store.schema import upgrade

SEEDS = int(os.environ.get("GATE_FAULT_SEEDS", "1000"))
FIRST = int(os.environ.get("GATE_FAULT_FIRST", "0"))
PARTS = 8
CALLS = 70
"""More calls than the longest run makes."""

ERRORS: dict[str, Callable[[], BaseException]] = {
    "401": lambda: UnauthorizedUpstreamError("credentials refused"),
    "404": lambda: NotFoundError("not found"),
    "409": lambda: ConflictError("in another state"),
    "429": lambda: ThrottledUpstreamError("slow down"),
    "500": lambda: UpstreamError("failed"),
    "cut": lambda: TimeoutUpstreamError("no answer"),
    "killed": Killed,
}
APPS = (image("app"), index(image("amd64"), image("arm64")))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path_factory.mktemp('seeds')}/g.sqlite")
    # A killed process is played here, and never a machine that loses power.
    sa.event.listen(made, "connect", lambda dbapi, _: dbapi.execute("PRAGMA synchronous=OFF"))
    upgrade(made)
    yield made
    made.dispose()


def faults(dice: random.Random) -> dict[int, Fault]:
    """Draw up to three faults. One lie at most: of two that agree nobody can tell."""
    honest = [name for name in ERRORS if name != "404"]
    drawn = {
        dice.randrange(CALLS): Fault(error=ERRORS[dice.choice(honest)](), lost=dice.random() < 0.5)
        for _ in range(dice.randint(0, 2))
    }
    if dice.random() < 0.5:
        drawn[dice.randrange(CALLS)] = Fault(error=NotFoundError("not found"), lost=dice.random() < 0.5)
    return drawn


def settle(engine: Engine, seed: int) -> EvaluationState:
    """Run one seed to its end, and hold what must hold after each of its attempts."""
    dice = random.Random(seed)  # noqa: S311 - seeded on purpose
    store = KeepingStore() if dice.random() < 0.7 else MemoryStore()
    root = ImageRef(transport=Transport.REGISTRY, repository=f"registry.example.org/s{seed}")
    shown = scene(store, root, dice.choice(APPS))
    faulty = FaultyStore(store)
    house = House(engine, faulty)
    events: set[Event] = set()
    for _ in range(dice.choices([1, 2, 3], [7, 2, 1])[0]):
        faulty.trace.clear()
        faulty.faults = faults(dice)
        house.world.found = dice.choices([GOOD, BAD, UNKNOWN], [6, 3, 1])[0]
        house.world.later = dice.choices([GOOD, BAD, UNKNOWN], [6, 2, 1])[0]
        row = house.attempt(submission_for(shown.ref))
        events |= {entry.record.event for entry in entries(engine, row.id)}
        check_always(store, shown, events)
        if row.state is EvaluationState.DISCARDED:
            break
    faulty.faults = {}
    if row.state not in SETTLED:
        row = house.settle(submission_for(shown.ref))
    check_story(engine, store, shown, row, released_before=Event.PROMOTED in events)
    return row.state


@pytest.mark.parametrize("part", range(PARTS))
def test_a_thousand_evaluations_among_random_faults_settle_and_tell_one_story(engine: Engine, part: int) -> None:
    begin = FIRST + part * SEEDS // PARTS
    ended = Counter(settle(engine, seed) for seed in range(begin, FIRST + (part + 1) * SEEDS // PARTS))
    assert set(ended) == {EvaluationState.PROMOTED, EvaluationState.DISCARDED, EvaluationState.HELD}
    with reading(engine) as connection:
        ledger = LedgerReader(connection)
        assert isinstance(verify(list(ledger.leaves()), ledger.head()), Verified)
