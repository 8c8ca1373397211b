"""The thin path: staging to release in the same bytes, or gone from staging, each read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from registry.contract_images import image, push

from gate.errors import NotFoundError
from gate.model.image import ImageRef, Transport
from gate.promotion.discard import discard
from gate.promotion.places import Places
from gate.promotion.plan_discard import DiscardPlan, plan_discard
from gate.promotion.plan_promotion import PromotionPlan, plan_promotion
from gate.promotion.promote import promote
from gate.promotion.state import look_at_staging, look_at_target
from gate.promotion.tree import read_tree
from gate.registry.layout import OciLayout

if TYPE_CHECKING:
    from pathlib import Path


def test_promoted_then_discarded(tmp_path: Path) -> None:
    store = OciLayout()
    places = Places.of([(f"oci:{tmp_path}/staging", f"oci:{tmp_path}/release")])
    staging = ImageRef(transport=Transport.OCI_LAYOUT, repository=f"{tmp_path}/staging/app")
    source = push(store, staging, image("app"), "1.0")
    target = places.release_of(source)

    tree = read_tree(store, source)
    plan = plan_promotion(tree, source, target, look_at_target(store, target))
    assert isinstance(plan, PromotionPlan)
    receipt = promote(plan, store, store)
    assert receipt.digest == source.digest
    assert not receipt.already_there
    assert store.manifest(target) == image("app").manifest
    assert promote(PromotionPlan.parse(plan.canonical()), store, store).already_there

    gone = plan_discard(tree, source, places, look_at_staging(store, source))
    assert isinstance(gone, DiscardPlan)
    assert gone.tags == ("1.0",)
    assert not discard(gone, store, places=places).already_gone
    with pytest.raises(NotFoundError):
        store.manifest(source)
    assert discard(DiscardPlan.parse(gone.canonical()), store, places=places).already_gone
    assert store.manifest(target) == image("app").manifest
