"""Look at both places, then plan: what a caller needs before it records its intent. Changes nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gate.errors import ConflictError, InputError, IntegrityError, NotFoundError, UpstreamError
from gate.promotion.attached import read_attachments
from gate.promotion.look import look_at_sides
from gate.promotion.plan_discard import DiscardPlan, pinned_staging, plan_discard
from gate.promotion.plan_promotion import PromotionPlan, plan_promotion
from gate.promotion.state import look_at_staging, serves
from gate.promotion.steps import Omission, Refused
from gate.promotion.tree import ManifestTree, read_tree
from gate.registry.graves import Grave, graves_of

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.model.image import ImageRef
    from gate.promotion.places import Places
    from gate.registry.interface import ImageReader, ImageWriter


UNKNOWN = "unknown"
"""Stands for a release place that could not be asked."""


def prepare_promotion(  # noqa: PLR0913 - two places, each with its store
    source: ImageRef,
    places: Places,
    *,
    source_store: ImageReader,
    target_store: ImageWriter,
    bounds: ImageBounds | None = None,
    workers: int = 1,
) -> PromotionPlan:
    """Plan to release a pinned staging ref in the place that policy pairs with it, under its tag.

    Registries are asked by up to `workers` threads.

    Raises:
        ConflictError: refused; the codes are those of `plan_promotion`, and `not_staging`.
        GateError: a store could not be read.
    """
    target = places.release_of(source)
    sides = look_at_sides(
        source, target, source_store=source_store, target_store=target_store, bounds=bounds, workers=workers
    )
    plan = plan_promotion(sides.tree, source, target, sides.target, sides.attachments)
    if isinstance(plan, Refused):
        raise plan.error()
    return plan


def prepare_discard(  # noqa: PLR0913 - where, under which rules, and what of it
    place: ImageRef,
    places: Places,
    *,
    store: ImageWriter,
    bounds: ImageBounds | None = None,
    grace: bool = False,
    held: bool = False,
) -> DiscardPlan:
    """Plan to delete a pinned staging ref. What is gone, or too damaged to be read, can be discarded too.

    Args:
        place: what is discarded.
        places: what staging is.
        store: where it is.
        bounds: of what is looked at.
        grace: policy has its bytes kept for a while. A place that can't keep them from being pulled does not: there it
            is deleted at once, and the plan says so (`no_tombstone`).
        held: somebody holds it: then it is hidden and never deleted.

    Raises:
        ConflictError: refused; the codes are those of `plan_discard`; `digest_held`: it is held in a place that can't
            hide it.
        GateError: the store could not be read.
    """
    pinned = pinned_staging(place, places)
    if isinstance(pinned, Refused):
        raise pinned.error()
    graves = graves_of(store, place)
    if graves is None and held:
        raise held_error(place)
    buried = False
    tree: ManifestTree | None
    try:
        tree = _tree(store, place, bounds)
    except (InputError, IntegrityError):
        tree = None
    except UpstreamError:
        buried = graves is not None and graves.grave(place) is Grave.BURIED
        if not buried:
            raise
        tree = None
    digests = [pinned] if tree is None else [node.descriptor.digest for node in tree.nodes]
    attachments = read_attachments(store, digests, place, bounds=bounds)
    plan = plan_discard(tree, place, places, look_at_staging(store, place, bounds=bounds), attachments)
    if isinstance(plan, Refused):
        raise plan.error()
    wanted = grace or held or buried
    left = (Omission(code="no_tombstone", subject=place.place),) if wanted and graves is None else ()
    return plan.model_copy(
        update={
            "released": _released(place, places, store),
            "tombstone": wanted and graves is not None,
            "omitted": (*plan.omitted, *left),
        }
    )


def held_error(place: ImageRef) -> ConflictError:
    """Return the refusal to delete what is held in a place that can't hide it."""
    message = f"{place.digest} is held, and `{place.place}` can't keep it from being pulled"
    hint = "copy what you need of it elsewhere and release the hold; until then it can be pulled from staging"
    return ConflictError(message, hint=hint, code="digest_held", place=place.place, digest=str(place.digest))


def _tree(store: ImageWriter, place: ImageRef, bounds: ImageBounds | None) -> ManifestTree | None:
    """Read the tree; None if it is gone, which is asked twice: what is thought gone keeps its children in staging."""
    for _ in range(2):
        with contextlib.suppress(NotFoundError):
            return read_tree(store, place, bounds=bounds)
    return None


def _released(place: ImageRef, places: Places, store: ImageWriter) -> str:
    """Return the place that releases the digest. That it can't be asked keeps nothing denied in staging."""
    release = places.release_of(place)
    try:
        # Asked twice: one wrong "not found" must not keep from people what goes on being released.
        return release.place if serves(store, release) or serves(store, release) else ""
    except UpstreamError:
        return UNKNOWN
