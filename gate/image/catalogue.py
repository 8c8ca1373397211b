"""A base image for the catalogue, from what its registry serves: manifest and config, each held against its digest.

No layer is read: the config's digest is in the manifest's, and the diff ids are in the config.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.image.index import Remembered, read_index
from gate.image.manifest import read_image
from gate.policy.bases import BaseImage

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.model.image import ImageFacts, ImageRef
    from gate.registry.interface import ImageReader

_LINUX = "linux/"


def read_bases(
    reader: ImageReader, ref: ImageRef, *, bounds: ImageBounds, now: datetime, platform: str = ""
) -> tuple[BaseImage, ...]:
    """Read the entries of a pinned ref, one for each Linux image of its index, or for `platform` alone.

    Raises:
        InputError: no image for Linux or the platform (`no_such_platform`), or none that can be read.
        GateError: as the reader raises it.
    """
    known = Remembered(reader)
    index = read_index(known, ref, bounds=bounds)
    refs = [ref]
    if index is not None:
        said = [(child.platform or _LINUX, child.digest) for child in index.images]
        refs = [
            ref.at(digest) for name, digest in said if f"{name}/".startswith(f"{platform}/" if platform else _LINUX)
        ]
    facts = [read_image(known, one, bounds=bounds) for one in refs]
    chosen = [one for one in facts if f"{one.platform}/".startswith(f"{platform}/" if platform else _LINUX)]
    if not chosen:
        message = f"`{ref}` has no image for `{platform or 'linux'}`"
        raise InputError(message, code="no_such_platform", hint="name a platform that it has, as `linux/amd64`")
    return tuple(_base(ref, one, index.digest if index else None, now) for one in chosen)


def _base(ref: ImageRef, facts: ImageFacts, index: str | None, now: datetime) -> BaseImage:
    return BaseImage(
        reference=f"{ref.repository}:{ref.tag}" if ref.tag else f"{ref.repository}@{ref.digest}",
        diff_ids=tuple(layer.diff_id for layer in facts.layers),
        layers=tuple(layer.digest for layer in facts.layers),
        digest=facts.digest,
        index=index,
        platform=facts.platform,
        created=_instant(facts.created),
        added=now,
    )


def _instant(text: str) -> datetime | None:
    """Return when the image was made; nothing if its config does not say it in a way that can be read."""
    try:
        said = datetime.fromisoformat(text)
        return said.astimezone(UTC) if said.tzinfo else None
    except (ValueError, OverflowError):
        return None
