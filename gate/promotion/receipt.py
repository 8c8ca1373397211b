"""What is known after acting: not what was asked for, but what was read back."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.registry.interface import Descriptor
from gate.registry.retention import SoftDelete


class BlobMove(Value):
    """How one blob came to the target: `present`, `copied` inside the store, `uploaded`, or `imported` by the store.

    After an import nobody can tell what was there before it: all that is there then counts as imported.
    """

    descriptor: Descriptor
    how: Literal["present", "copied", "uploaded", "imported"]


class ReadBack(Value):
    """What the registry answered after the act: `present`, `not_found`, `locked`, a digest, or a subject."""

    what: Literal["manifest", "blob", "tag", "referrer", "manifest_lock", "tag_lock"]
    name: str
    answer: str


class PromotionReceipt(Value):
    """The target serves the digest, in the same bytes, with all its blobs, under its tag.

    `locked` says that manifests and tag were read back as locked after that; without it the registry has no locks.
    `already_there` says that nothing had to be done; `size` counts the bytes of all blobs and manifests. `imported` is
    what came of having the registry bring the image by itself: `done`, the code of what stood in its way, or nothing
    where it was not asked. The proof is the same in all cases: what was read back.
    """

    version: Literal["gate.promoted/1"] = "gate.promoted/1"
    source: ImageRef
    target: ImageRef
    digest: Digest
    manifests: tuple[Descriptor, ...]
    blobs: tuple[BlobMove, ...]
    size: int
    already_there: bool
    locked: bool = False
    imported: str = ""
    read_back: tuple[ReadBack, ...]


class DiscardReceipt(Value):
    """The digests are gone from staging and no tag leads to one. `tags` are the names that went with them.

    `released` is the place that served the same digest as a release when this was planned, and still may.
    """

    version: Literal["gate.discarded/1"] = "gate.discarded/1"
    place: ImageRef
    digest: Digest
    deleted: tuple[Digest, ...]
    tags: tuple[str, ...]
    already_gone: bool
    released: str = ""
    soft_delete: SoftDelete = SoftDelete()
    read_back: tuple[ReadBack, ...]


class TombstoneReceipt(Value):
    """Nobody can pull the digests and no tag leads to one; the bytes are kept, to be deleted later in this order.

    `tags` are the names that were taken off. A manifest that could not be read when this was planned has size 0 and no
    media type. `released` is as in `DiscardReceipt`.
    """

    version: Literal["gate.tombstone/1"] = "gate.tombstone/1"
    place: ImageRef
    digest: Digest
    manifests: tuple[Descriptor, ...]
    tags: tuple[str, ...]
    already_gone: bool
    released: str = ""
    read_back: tuple[ReadBack, ...]


class DeletionReceipt(Value):
    """What was buried is gone. `tags` were put on it while it was buried, and were taken off."""

    version: Literal["gate.deleted/1"] = "gate.deleted/1"
    place: ImageRef
    digest: Digest
    deleted: tuple[Digest, ...]
    tags: tuple[str, ...]
    already_gone: bool
    soft_delete: SoftDelete = SoftDelete()
    read_back: tuple[ReadBack, ...]


class RestorationReceipt(Value):
    """What was buried is served again, under `tags`; `taken` are on other images by now and stay there."""

    version: Literal["gate.restored/1"] = "gate.restored/1"
    place: ImageRef
    digest: Digest
    tags: tuple[str, ...]
    taken: tuple[str, ...]


class WithdrawalReceipt(Value):
    """What a denied promotion had brought is gone from the release place again."""

    version: Literal["gate.withdrawn/1"] = "gate.withdrawn/1"
    place: ImageRef
    digest: Digest
    deleted: tuple[Digest, ...]
    read_back: tuple[ReadBack, ...]
