"""People who read of a discard are told that the same digest is still released."""

from __future__ import annotations

import pytest
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import PLACES, RELEASE, STAGING, condemned
from promotion.test_promotion_statement import APP, decision
from registry.contract_images import push

from gate.account import Account
from gate.model.decision import Outcome
from gate.promotion.discard import discard
from gate.reports.evaluation_text import render


@pytest.mark.parametrize("released", [True, False])
def test_a_digest_that_is_still_released_is_said_to_be(released: bool) -> None:
    store = MemoryStore()
    staged = push(store, STAGING, APP, "1")
    if released:
        push(store, RELEASE, APP, "1")
    receipt = discard(condemned(store, staged), store, places=PLACES)
    account = Account(
        state="discarded",
        outcome=Outcome.DISCARD,
        repository=STAGING.place,
        digest=APP.digest,
        exit_code=10,
        receipt=receipt.model_dump(mode="json"),
        decision=decision(Outcome.DISCARD),
    )
    assert (f"STILL RELEASED  {RELEASE.place}" in render(account)) is released
