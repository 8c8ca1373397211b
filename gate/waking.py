"""Let out of its grave what was denied, by somebody's decision and with their reason: served again, to be judged again.

The record comes first. Whoever dies between it and the end leaves a tombstone that the next look makes whole again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gate.errors import ConflictError, GateError, NotFoundError
from gate.holds import standing_hold
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.model.digest import Digest
from gate.policy.schema import Policy
from gate.promotion.places import Places
from gate.promotion.receipt import TombstoneReceipt
from gate.promotion.restore import restore
from gate.store.blobs import Blobs
from gate.store.burials import STANDING, Burial, Burials, BurialState
from gate.store.engine import writing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

    from gate.model.image import Transport
    from gate.model.principal import Principal
    from gate.promotion.receipt import RestorationReceipt
    from gate.registry.interface import ImageWriter

_LEASE = timedelta(minutes=10)


class Waking:
    """Restores what lies buried."""

    def __init__(self, *, engine: Engine, stores: Mapping[Transport, ImageWriter], policy: Policy, owner: str) -> None:
        """Take the collaborators; `policy` is the one in force now, `owner` an id that no other process has."""
        self._engine = engine
        self._stores = stores
        self._policy = policy
        self._owner = owner

    def restore(
        self, digest: Digest, reason: str, who: Principal, *, now: datetime, repository: str = ""
    ) -> RestorationReceipt:
        """Have a digest served again in its staging place, in the same bytes, under the tags that nobody took since.

        Raises:
            NotFoundError: nothing of this digest lies buried (`tombstone_unknown`).
            ConflictError: it does in several places (`tombstone_ambiguous`), somebody holds it (`digest_held`) or is
                deleting it (`deletion_under_way`), or its bytes are gone (`tombstone_gone`); nothing was changed.
            GateError: the registry failed; what is served already is hidden again at the next look.
        """
        with writing(self._engine) as connection:
            lock(connection)
            burial, tombstone = self._claimed(connection, digest, repository, now)
            record = LedgerRecord(
                event=Event.TOMBSTONE_LIFTED,
                evaluation=burial.evaluation,
                attempt=burial.attempt,
                recorded_at=now,
                subject=burial.digest,
                repository=burial.repository,
                facts={"tombstone": burial.tombstone},
            )
            append(connection, record, {"actor": who.key, "reason": reason})
        places = Places.of((place.staging, place.release) for place in self._policy.decision.promotion)
        try:
            receipt = restore(tombstone, self._stores[tombstone.place.transport], places=places)
        except GateError:
            self._let_go(burial, now)
            raise
        with writing(self._engine) as connection:
            ended = {"state": BurialState.RESTORED, "ended_at": now, "error_code": ""}
            digest_of = Blobs(connection).put(receipt.canonical())
            Burials(connection).change(burial, receipt=digest_of, **ended)
        return receipt

    def _claimed(
        self, connection: Connection, digest: str, repository: str, now: datetime
    ) -> tuple[Burial, TombstoneReceipt]:
        burials = Burials(connection)
        rows = [row for row in burials.of(digest) if row.state in STANDING and repository in {"", row.repository}]
        if not rows:
            message = f"nothing of {digest} lies buried"
            raise NotFoundError(message, code="tombstone_unknown", hint="list what does with `gate discard list`")
        if len(rows) > 1:
            message = f"{digest} lies buried in {len(rows)} places"
            raise ConflictError(message, code="tombstone_ambiguous", hint="name one with `--repository`")
        tombstone = TombstoneReceipt.parse(Blobs(connection).get(rows[0].tombstone))
        if standing_hold(connection, tuple(one.digest for one in tombstone.manifests), now) is not None:
            message = f"{digest} is held: what is evidence is not served again"
            raise ConflictError(
                message, code="digest_held", hint="have the hold released first: `gate discard release`"
            )
        mine = burials.claim(rows[0], owner=self._owner, now=now, length=_LEASE)
        if mine is None or mine.state is BurialState.DELETING:
            message = f"{digest} is being looked after or deleted by another gate just now"
            raise ConflictError(message, code="deletion_under_way", hint="look with `gate discard list` and try again")
        return mine, tombstone

    def _let_go(self, burial: Burial, now: datetime) -> None:
        with writing(self._engine) as connection:
            Burials(connection).change(burial, look_at=now, lease_expires_at=None)
