"""A registry in memory with one released image, a database, and two people."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from promotion.promotion_graves import BuryingMemory
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import HOST, RELEASE, STAGING
from registry.contract_images import image, push

from gate.bounds import ImageBounds
from gate.errors import GateError
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.model.image import ImageRef, Transport
from gate.model.principal import Principal
from gate.model.retirement import Retirement, RetirementAction
from gate.policy.retiring import RetirementPolicy
from gate.policy.schema import Policy, Promotion
from gate.policy.source import load_policy
from gate.policy.users import UserKind
from gate.promotion.lookout import Lookout
from gate.promotion.mentions import Named
from gate.promotion.plan_promotion import PromotionPlan
from gate.promotion.steps import Verb, about
from gate.promotion.users import ImageUser, Users
from gate.registry.interface import ImageWriter
from gate.retirement.carrying import Carrying
from gate.retirement.desk import RetirementDesk
from gate.retirement.guard import RetiredGuard
from gate.retirement.run import RetirementRun
from gate.retirement.workflow import Asked
from gate.store.engine import make_engine, reading
from gate.store.schema import upgrade

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANNA = Principal(tenant="acme", object_id="anna")
BEN = Principal(tenant="acme", object_id="ben")
APP, OTHER = image("app"), image("other")
GRACE = timedelta(days=30)


def rules(**retirement: Any) -> Policy:
    """Return a policy with one place, whose retirement is as said."""
    known = load_policy(None)
    told = {"unlock": True, "grace": GRACE, **retirement}
    decision = known.decision.model_copy(
        update={
            "promotion": (Promotion(staging=f"{HOST}/staging", release=f"{HOST}/release"),),
            "retirement": RetirementPolicy(**told),
        }
    )
    return known.model_copy(update={"decision": decision})


@cache
def _migrated() -> Path:
    """Make the tables once: each test of a fault has a database of its own."""
    file = Path(tempfile.mkdtemp()) / "gate.sqlite"
    engine = make_engine(f"sqlite:///{file}")
    upgrade(engine)
    engine.dispose()
    return file


@dataclass
class Told:
    """Somebody who knows users: says what a test has it say, and counts who was asked about."""

    found: Users = field(default_factory=Users)
    asked: list[Named] = field(default_factory=list)

    def users(self, named: Named, kinds: object) -> Users:
        """Answer."""
        del kinds
        self.asked.append(named)
        return self.found

    def use(self, kind: UserKind = UserKind.DEPLOYMENT, name: str = "scoring/blue") -> None:
        """Have somebody use it from now on."""
        self.found = Users(users=(ImageUser(kind=kind, name=name, how="digest"),))


class House:
    """One gate over a store and a database; another of the same folder is a second gate."""

    def __init__(
        self, folder: Path, store: MemoryStore, policy: Policy | None = None, told: Told | None = None
    ) -> None:
        self.policy = policy or rules()
        self.told = told or Told()
        if not (folder / "gate.sqlite").exists():
            shutil.copy(_migrated(), folder / "gate.sqlite")
        self.engine = make_engine(f"sqlite:///{folder}/gate.sqlite")
        self.store = store
        self.held = False
        self.stores: dict[Transport, ImageWriter] = {Transport.REGISTRY: store}
        lookout = Lookout(sources=(self.told,), grants=lambda policy: policy.grants)
        carrying = Carrying(
            stores=self.stores,
            lookout=lookout,
            policy=self.policy,
            bounds=ImageBounds(),
            held=lambda _: self.held,
        )
        self.desk = RetirementDesk(engine=self.engine, policy=self.policy, carrying=carrying)
        self.run = RetirementRun(engine=self.engine, policy=self.policy, carrying=carrying)
        self.guard = RetiredGuard(self.engine)

    def ask(self, digest: str = APP.digest, by: Principal = ANNA, **more: Any) -> Retirement:
        """Ask for the image to be retired, or what `more` says."""
        told = {"action": RetirementAction.RETIRE, "place": RELEASE.place, "reason": "it leaks what it was trained on"}
        asked = Asked.model_validate({**told, "digest": digest, **more})
        return self.desk.request(asked, by, now=NOW).retirement

    def agree(self, retirement: Retirement, by: Principal = BEN) -> Retirement:
        """Agree to it."""
        return self.desk.approve(retirement.id, retirement.digest, by, now=NOW).retirement

    def carry_on(self, retirement: Retirement, now: datetime = NOW) -> Retirement:
        """Carry it on."""
        return self.run.carry_on(retirement.id, now=now).retirement

    def release(self, plan: PromotionPlan) -> None:
        """Ask whether a promotion may be, as an evaluation does."""
        self.guard(plan.target, [one.digest for one in about(plan.steps, Verb.PUT_MANIFEST)])

    def agreed(self, **more: Any) -> Retirement:
        """Have it asked for and agreed on."""
        return self.agree(self.ask(**more))

    def events(self) -> list[str]:
        """Return what the ledger says, in order."""
        with reading(self.engine) as connection:
            found = LedgerReader(connection).find(LedgerFilter(), limit=100)
        return [entry.record.event.value for entry in sorted(found, key=lambda entry: entry.index)]


def released(store: MemoryStore) -> ImageRef:
    """Release the image under a tag, beside another one."""
    push(store, RELEASE, OTHER, "other")
    push(store, STAGING, APP, "1")
    return push(store, RELEASE, APP, "1")


def burying() -> BuryingMemory:
    """Return a registry that hides, with the image released."""
    store = BuryingMemory()
    released(store)
    return store


def plain() -> MemoryStore:
    """Return a registry that can hide nothing, with the image released."""
    store = MemoryStore()
    released(store)
    return store


def pulls(store: MemoryStore, digest: str = APP.digest) -> bool:
    """Say whether anybody can pull the digest from the release place."""
    try:
        store.manifest(RELEASE.at(digest))
        if isinstance(store, BuryingMemory):
            return store.grave(RELEASE.at(digest)).value == "open"
    except GateError:
        return False
    return True
