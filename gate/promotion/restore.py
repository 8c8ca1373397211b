"""Undo a tombstone: what was buried is served again, under its tags, with what is attached to it listed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError, UpstreamError
from gate.promotion.attach import attach
from gate.promotion.plan_discard import pinned_staging
from gate.promotion.receipt import RestorationReceipt
from gate.promotion.state import digest_of
from gate.promotion.steps import Refused
from gate.promotion.tombstone import needed_graves
from gate.promotion.tree import read_node
from gate.registry.graves import BuryingStore, Grave
from gate.registry.referring import is_referrers_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.model.image import ImageRef
    from gate.promotion.places import Places
    from gate.promotion.receipt import TombstoneReceipt
    from gate.registry.interface import Descriptor, ImageWriter


def restore(receipt: TombstoneReceipt, store: ImageWriter, *, places: Places) -> RestorationReceipt:
    """Have what was buried served again, children first, and put the tags back that nobody has taken since.

    Lists of what is attached are written anew where the registry keeps none itself. Can be run twice.

    Raises:
        ConflictError: `not_staging`, or something of it is not there any more (`tombstone_gone`).
        UpstreamError: the place failed, or does not serve it (`restore_unproved`).
    """
    pinned = pinned_staging(receipt.place, places)
    if isinstance(pinned, Refused):
        raise pinned.error()
    graves, place = needed_graves(store, receipt.place), receipt.place
    # A list of what is attached was never read, and neither was an image that was damaged: they have no media type.
    kept = [one for one in reversed(receipt.manifests) if one.media_type]
    lost = [one.digest for one in kept if graves.grave(_ref(place, one)) is Grave.ABSENT]
    if lost or receipt.digest not in {one.digest for one in kept}:
        message = f"`{place.place}` has nothing left of {(lost or [receipt.digest])[0]} that could be served again"
        raise ConflictError(message, hint="push it again", code="tombstone_gone", digest=receipt.digest)
    for one in reversed(receipt.manifests):
        graves.unbury(_ref(place, one), one)
    _prove_served(graves, place, kept)
    _list_again(store, place, kept)
    tags, taken = _retag(receipt, store)
    return RestorationReceipt(place=place, digest=receipt.digest, tags=tags, taken=taken)


def _ref(place: ImageRef, one: Descriptor) -> ImageRef:
    return place.at(one.digest).model_copy(update={"tag": ""})


def _prove_served(graves: BuryingStore, place: ImageRef, manifests: Sequence[Descriptor]) -> None:
    for one in manifests:
        if graves.grave(_ref(place, one)) is not Grave.OPEN:
            message = f"`{place.place}` does not serve {one.digest} after it was let out of its grave"
            raise UpstreamError(message, hint="try again", code="restore_unproved", digest=one.digest)


def _list_again(store: ImageWriter, place: ImageRef, manifests: Sequence[Descriptor]) -> None:
    digests = {one.digest for one in manifests}
    for one in manifests:
        subject = read_node(store, _ref(place, one)).content.subject
        if subject is not None and subject.digest in digests:
            attach(store, place, subject.digest, one)


def _retag(receipt: TombstoneReceipt, store: ImageWriter) -> tuple[tuple[str, ...], tuple[str, ...]]:
    place = receipt.place
    back: list[str] = []
    taken: list[str] = []
    manifest = store.manifest(place.at(receipt.digest).model_copy(update={"tag": ""}))
    for tag in receipt.tags:
        if is_referrers_tag(tag):
            continue
        held = digest_of(store, place, tag)
        if held is None:
            store.put_manifest(place.model_copy(update={"tag": tag, "digest": None}), manifest)
        (back if held in {None, receipt.digest} else taken).append(tag)
    return tuple(back), tuple(taken)
