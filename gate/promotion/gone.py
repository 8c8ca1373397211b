"""Prove that digests are gone from a repository: by asking for each manifest and for every tag, never by a status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import InputError, IntegrityError, NotFoundError, UpstreamError
from gate.promotion.receipt import ReadBack
from gate.promotion.state import digest_of
from gate.registry.graves import Grave, graves_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import ImageReader, ImageWriter


def is_gone(store: ImageReader, ref: ImageRef) -> bool:
    """Say whether the store does not serve the ref's digest. What is there and damaged is there."""
    try:
        store.manifest(ref)
    except NotFoundError as error:
        if error.error_code == "layout_absent":
            raise  # a folder that is gone whole may only be not mounted, and proves nothing
        return True
    except (InputError, IntegrityError):
        return False
    except UpstreamError:
        graves = graves_of(store, ref)
        if graves is None:
            raise
        return graves.grave(ref) is Grave.ABSENT
    return False


def is_out_of_reach(store: ImageReader, ref: ImageRef) -> bool:
    """Say whether nobody can pull the ref's digest: it is gone, or lies buried."""
    graves = graves_of(store, ref)
    return (graves is not None and graves.grave(ref) is Grave.BURIED) or is_gone(store, ref)


def buried_under(store: ImageReader, ref: ImageRef) -> str:
    """Return the digest that lies buried under a name that was refused; empty if it was refused for something else."""
    graves = graves_of(store, ref)
    if graves is None:
        return ""
    try:
        digest = ref.digest or graves.tagged(ref)
    except NotFoundError:
        return ""
    return digest if graves.grave(ref.at(digest)) is Grave.BURIED else ""


def prove_gone(
    place: ImageRef, store: ImageWriter, digests: tuple[Digest, ...], tags: Iterable[str]
) -> tuple[ReadBack, ...]:
    """Read every digest and every tag, those that are listed now and `tags`.

    Raises:
        UpstreamError: `discard_unproved`: a digest is served, or a tag leads to one.
    """
    seen: list[ReadBack] = []
    for digest in digests:
        if not is_gone(store, place.at(digest)):
            message = f"`{place.place}` still serves {digest} after it was deleted"
            hint = "the registry may forbid deletion, or lock the manifest"
            raise UpstreamError(message, hint=hint, code="discard_unproved", digest=digest, place=place.place)
        seen.append(ReadBack(what="manifest", name=digest, answer="not_found"))
    for tag in sorted({*tags, *store.tags(place)}):
        answer = digest_of(store, place, tag) or "not_found"
        if answer in digests:
            message = f"the tag `{tag}` of `{place.place}` still leads to {answer}"
            raise UpstreamError(message, code="discard_unproved", digest=answer, place=place.place, tag=tag)
        seen.append(ReadBack(what="tag", name=tag, answer=answer))
    return tuple(seen)
