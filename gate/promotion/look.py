"""Look at source and target of a promotion at the same time: what is asked of one waits for no answer of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gate.model.base import Value
from gate.model.image import Transport
from gate.promotion.attached import Attachments, read_attachments
from gate.promotion.each import each
from gate.promotion.state import TargetState, look_at_target, serves
from gate.promotion.tree import ManifestTree, read_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.bounds import ImageBounds
    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import ImageReader, ImageWriter


class Sides(Value):
    """What is to be promoted, with all that is attached to it, and what the target holds of that."""

    tree: ManifestTree
    attachments: Attachments
    target: TargetState


def look_at_sides(  # noqa: PLR0913 - two places, each with its store
    source: ImageRef,
    target: ImageRef,
    *,
    source_store: ImageReader,
    target_store: ImageWriter,
    bounds: ImageBounds | None = None,
    workers: int = 1,
) -> Sides:
    """Read both places with up to `workers` threads; folders with one, in which nothing follows an error.

    Raises:
        GateError: as `read_tree`, `read_attachments` and `look_at_target`; of several the first in this order.
    """
    if {source.transport, target.transport} != {Transport.REGISTRY}:
        workers = 1

    def read_source() -> tuple[ManifestTree, Attachments]:
        tree = read_tree(source_store, source, bounds=bounds)
        own = [node.descriptor.digest for node in tree.nodes]
        return tree, read_attachments(source_store, own, source, bounds=bounds)

    def read_target() -> TargetState:
        return look_at_target(target_store, target)

    def held(digest: Digest | None) -> tuple[Digest, ...]:
        return (digest,) if digest and serves(target_store, target.at(digest)) else ()

    asks: tuple[Callable[[], object], ...] = (read_source, read_target, lambda: held(source.digest))
    found = each(lambda ask: ask(), asks, workers)
    (tree, attachments), state, there = cast(
        "tuple[tuple[ManifestTree, Attachments], TargetState, tuple[Digest, ...]]", found
    )
    nodes = (*tree.nodes, *attachments.nodes())
    others = [node.descriptor.digest for node in nodes if node.descriptor.digest != source.digest]
    there += tuple(digest for one in each(held, others, workers) for digest in one)
    return Sides(tree=tree, attachments=attachments, target=state.model_copy(update={"present": there}))
