"""A gate's database and one registry, in which images were denied and lie buried; the clock is the test's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from promotion.promotion_graves import BuryingMemory
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import HOST, STAGING
from registry.contract_images import Sample, image, index, push

from gate.due import Care, DueDiscards, places_of
from gate.errors import ConflictError
from gate.graveyard import enter
from gate.ledger.audit import verify_database
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.verify import Verified
from gate.ledger.writer import append, lock
from gate.model.image import ImageRef, Transport
from gate.model.principal import Principal
from gate.model.reference import Declared
from gate.policy.schema import Policy, Promotion
from gate.policy.source import load_policy
from gate.promotion.prepare import prepare_discard
from gate.promotion.tombstone import bury
from gate.registry.retention import SoftDelete
from gate.store.blobs import Blobs
from gate.store.burials import Burial, Burials
from gate.store.engine import reading, writing
from gate.store.evaluations import Evaluation, Evaluations, EvaluationState

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from gate.promotion.receipt import TombstoneReceipt
    from gate.registry.interface import ImageWriter

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GRACE = timedelta(days=7)
WHO = Principal(tenant="t", object_id="forensics")
APP = index(image("amd64"), image("arm64"))
DIGESTS = (APP.digest, *(child.digest for child in APP.children))
NEIGHBOUR = image("neighbour")


def policy(grace: timedelta | None = GRACE, *, staging: str = f"{HOST}/staging", users: tuple[str, ...] = ()) -> Policy:
    """Return the defaults with one staging place and a grace."""
    known = load_policy()
    places = (Promotion(staging=staging, release=f"{HOST}/release"),)
    discard = known.decision.discard.model_copy(update={"grace": grace, "users": users})
    decision = known.decision.model_copy(update={"promotion": places, "discard": discard})
    return known.model_copy(update={"decision": decision})


@dataclass
class People:
    """What is asked and told outside: users that a test names, and what was said."""

    refusal: Exception | None = None
    kept: SoftDelete = field(default_factory=SoftDelete)
    said: list[str] = field(default_factory=list)
    asked: int = 0

    def refuse_used(self, tombstone: TombstoneReceipt, policy: Policy, *, now: datetime) -> None:
        """Refuse if the test says so."""
        del tombstone, policy, now
        self.asked += 1
        if self.refusal is not None:
            raise self.refusal

    def soft_delete(self, place: ImageRef) -> SoftDelete:
        """Answer as the test says."""
        del place
        return self.kept

    def say(self, title: str, body: str) -> str:
        """Remember."""
        self.said.append(f"{title}\n{body}")
        return "sent"


class Yard:
    """One database, one registry in memory, and gates over them. `now` is moved by the tests."""

    def __init__(self, engine: Engine, store: MemoryStore | None = None) -> None:
        self.engine = engine
        self.store = store or BuryingMemory()
        self.people = People()
        self.now = NOW
        self.policy = policy()
        self._gates = 0
        push(self.store, STAGING, NEIGHBOUR, "2.0")

    def clock(self) -> datetime:
        """Tell the time."""
        return self.now

    def gate(self, store: ImageWriter | None = None, people: People | None = None) -> DueDiscards:
        """Return another gate; each has a name of its own."""
        self._gates += 1
        return DueDiscards(
            engine=self.engine,
            stores={Transport.REGISTRY: store or self.store},
            policy=self.policy,
            outside=people or self.people,
            owner=f"gate-{self._gates}",
            clock=self.clock,
            care=Care(),
        )

    def discard(self, app: Sample = APP, *tags: str, run: str = "EVL-1", grace: timedelta | None = GRACE) -> Burial:
        """Push an image, deny and bury it, on record."""
        place = push(self.store, STAGING, app, *(tags or ("1.0", "latest")))
        known = policy(grace)
        plan = prepare_discard(place, places_of(known), store=self.store, grace=True)
        receipt = bury(plan, self.store, places=places_of(known))
        with writing(self.engine) as connection:
            lock(connection)
            row = Evaluation(
                id=run,
                key=run,
                repository=place.place,
                digest=app.digest,
                environment_digest=Blobs(connection).put(Declared().canonical()),
                policy_digest=Blobs(connection).put(known.canonical()),
                requester=WHO,
                submitted_at=self.now,
                lease_owner="me",
                lease_expires_at=self.now,
            )
            Evaluations(connection).claim(row, now=self.now)
            digest = Blobs(connection).put(receipt.canonical())
            facts = enter(connection, row, digest, now=self.now)
            record = LedgerRecord(
                event=Event.DISCARDED,
                evaluation=run,
                recorded_at=self.now,
                subject=app.digest,
                repository=place.place,
                facts={"receipt": digest, **facts},
            )
            append(connection, record)
            after = {"before": [EvaluationState.SUBMITTED], "after": EvaluationState.DISCARDED}
            Evaluations(connection).move(run, owner="me", attempt=1, finished_at=self.now, **after)  # type: ignore[arg-type]
        return self.burial(run)

    def burial(self, run: str = "EVL-1") -> Burial:
        """Return the row of a run."""
        with reading(self.engine) as connection:
            found = Burials(connection).find(run)
        assert found is not None
        return found

    def events(self, run: str = "EVL-1") -> list[str]:
        """List what is on record of a run, of a ledger that verifies."""
        with reading(self.engine) as connection:
            assert isinstance(verify_database(connection), Verified)
            entries = LedgerReader(connection).find(LedgerFilter(evaluation=run))
            return [entry.record.event.value for entry in entries]

    def fact(self, event: Event, name: str, run: str = "EVL-1") -> str:
        """Return a fact of the last record of an event."""
        with reading(self.engine) as connection:
            entries = LedgerReader(connection).find(LedgerFilter(evaluation=run, event=event))
        return entries[-1].record.facts.get(name, "")

    def there(self) -> set[str]:
        """Return the digests that the registry still has, of those that were denied."""
        return set(DIGESTS) & self.store.repositories[STAGING.place].manifests.keys()

    def pulled(self) -> list[str]:
        """Return what of the denied image somebody could pull."""
        found = []
        for digest in DIGESTS:
            try:
                found.append(self.store.resolve(STAGING.at(digest)))
            except Exception:  # noqa: BLE001, S112 - any refusal will do
                continue
        return found


def in_use(users: str = "deployment online/blue") -> ConflictError:
    """Return what a look at users refuses with."""
    return ConflictError("it is used", code="digest_in_use", hint="have it use another", users=users)
