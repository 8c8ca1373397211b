"""What is attached to a digest, in any store: by the referrers API where there is one, else by the tag for it.

Source: OCI distribution specification 1.1, "Listing Referrers" and "Referrers Tag Schema".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from gate.errors import NotFoundError
from gate.registry.content import read_content
from gate.registry.interface import Descriptor

if TYPE_CHECKING:
    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import ImageReader

_TAG = re.compile(r"sha256-[0-9a-f]{64}")


@runtime_checkable
class Referring(Protocol):
    """A store that can be asked what is attached to a digest."""

    def referrers(self, ref: ImageRef) -> tuple[Descriptor, ...]:
        """List all that is attached to the ref's digest."""
        ...


def listed_referrers(store: ImageReader, ref: ImageRef) -> tuple[Descriptor, ...]:
    """List what the store says is attached to the ref's digest. Who may push may write the list: believe none of it.

    Raises:
        InputError: the list that stands under the tag is no index.
        BoundError: it is longer than the bound.
        UpstreamError: the store failed.
    """
    if isinstance(store, Referring):
        return store.referrers(ref)
    by_tag = ref.model_copy(update={"digest": None, "tag": referrers_tag(str(ref.digest))})
    try:
        return read_content(store.manifest(ref.at(store.resolve(by_tag)))).children
    except NotFoundError:
        return ()


def referrers_tag(digest: Digest) -> str:
    """Return the tag under which registries without the referrers API list what is attached to the digest."""
    return digest.replace(":", "-", 1)


def is_referrers_tag(tag: str) -> bool:
    """Say whether a tag is such a list's and nobody's name for an image."""
    return _TAG.fullmatch(tag) is not None
