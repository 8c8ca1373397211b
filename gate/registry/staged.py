"""Whether a staging place still serves what an image is made of: what was read may have come from elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gate.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.model.image import ImageRef, Inventory
    from gate.registry.interface import ImageWriter

_NAMED = 10


def check_blobs(store: ImageWriter, ref: ImageRef, images: Iterable[Inventory], *, workers: int) -> None:
    """Ask for every config and layer of the images, without reading any: a cache or a mirror may have told of them.

    Raises:
        NotFoundError: `blob_missing`: the place does not serve one, so that the image can be neither run nor promoted.
        UpstreamError: as the store.
    """
    digests = dict.fromkeys(
        digest
        for image in images
        for digest in (image.image.config_digest, *(layer.digest for layer in image.image.layers))
    )
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="staged") as pool:
        there = pool.map(lambda digest: store.has_blob(ref, digest), digests)
        missing = [digest for digest, found in zip(digests, there, strict=True) if not found]
    if missing:
        named = ", ".join(missing[:_NAMED])
        message = f"`{ref.place}` does not serve {len(missing)} blob(s) of the image: {named}"
        raise NotFoundError(message, hint="push the image again, then evaluate it", code="blob_missing")
