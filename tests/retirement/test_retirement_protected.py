"""Over random registries: a retirement never takes what anything protected reaches, and a refused one takes nothing.

The registries are those over which a discard is held to the same, with its staging place as the release place here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st
from promotion.promotion_memory import KeepingStore
from promotion.promotion_world import HOST
from promotion.promotion_world import STAGING as RELEASED
from promotion.test_promotion_protected import (
    MADE,
    NAMED_CHILD,
    RELEASE,
    TAGS,
    Made,
    ReferringStore,
    damage,
    fill,
    protected,
    there,
)

from gate.errors import GateError
from gate.promotion.places import Places
from gate.retirement.act import hide
from gate.retirement.plan import prepare_retirement

if TYPE_CHECKING:
    from registry.contract_images import Sample

PLACES = Places.of([(f"{HOST}/release", f"{HOST}/staging")])
"""The other way round: what the registries are filled for is where images are released."""


def tag_another(store: KeepingStore, found: list[Sample], later: tuple[int, str], doomed: str) -> None:
    """Do what somebody else may do between the plan and the act: give another manifest a name."""
    tagged = found[later[0] % len(found)].digest
    if tagged != doomed and (RELEASED.place, later[1]) not in store.kept:
        store.repositories[RELEASED.place].tags[later[1]] = tagged


@settings(max_examples=150, deadline=None)
@given(
    made=st.lists(MADE, min_size=1, max_size=10),
    choice=st.integers(0, 9),
    api=st.booleans(),
    later=st.one_of(st.none(), st.tuples(st.integers(0, 9), st.sampled_from(TAGS))),
)
@example(made=NAMED_CHILD, choice=2, api=False, later=None)
def test_a_retirement_never_takes_what_anything_protected_reaches(
    made: list[Made], choice: int, api: bool, later: tuple[int, str] | None
) -> None:
    store = ReferringStore() if api else KeepingStore()
    found = fill(store, made, api=api)
    doomed = found[choice % len(found)].digest
    damage(store, made, found)
    others, was = store.snapshot()[RELEASE.place], store.snapshot()
    try:
        plan = prepare_retirement(RELEASED.at(doomed), PLACES, store=store)
        assert store.repositories == was
        if later is not None:
            tag_another(store, found, later, doomed)
        kept, was = protected(store, found, doomed), store.snapshot()
        receipt = hide(plan, store, places=PLACES)
    except GateError:
        assert store.repositories == was
        return
    gone = {one.digest for one in receipt.manifests}
    assert doomed in gone
    assert not gone & kept
    assert not any(there(store, digest) for digest in gone)
    held, before = store.repositories[RELEASED.place], was[RELEASED.place]
    assert all(held.manifests[digest] == before.manifests[digest] for digest in kept)
    assert {tag: digest for tag, digest in before.tags.items() if digest not in gone} == held.tags
    assert store.repositories[RELEASE.place] == others
