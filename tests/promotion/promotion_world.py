"""One staging and one release place, and helpers that plan and act in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.image import ImageRef, Transport
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_discard, prepare_promotion

if TYPE_CHECKING:
    from gate.promotion.plan_discard import DiscardPlan
    from gate.promotion.plan_promotion import PromotionPlan
    from gate.registry.interface import ImageWriter

HOST = "registry.example.org"
PLACES = Places.of([(f"{HOST}/staging", f"{HOST}/release")])
STAGING = ImageRef(transport=Transport.REGISTRY, repository=f"{HOST}/staging/app")
RELEASE = ImageRef(transport=Transport.REGISTRY, repository=f"{HOST}/release/app")


def planned(store: ImageWriter, source: ImageRef) -> PromotionPlan:
    """Plan to promote within one store."""
    return prepare_promotion(source, PLACES, source_store=store, target_store=store)


def condemned(store: ImageWriter, place: ImageRef) -> DiscardPlan:
    """Plan to discard."""
    return prepare_discard(place, PLACES, store=store)
