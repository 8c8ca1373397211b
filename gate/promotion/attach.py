"""List a manifest as attached to its subject: the registry does so itself, or the list under a tag is written here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gate.errors import ConflictError, NotFoundError, UpstreamError
from gate.model.base import sha256_of
from gate.promotion.receipt import ReadBack
from gate.promotion.tree import checked_manifest
from gate.registry.content import OCI_INDEX, strict_object
from gate.registry.interface import Manifest
from gate.registry.referring import listed_referrers, referrers_tag

if TYPE_CHECKING:
    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.registry.interface import Descriptor, ImageWriter

_ROUNDS = 3
"""Two writers of one list may lose each other's entry; each looks again."""


def attach(store: ImageWriter, place: ImageRef, subject: Digest, attached: Descriptor) -> ReadBack:
    """See to it that the store lists a manifest, which it holds, as attached to the subject. Can be run twice.

    Raises:
        UpstreamError: `attach_unproved`: it is not listed, however often it was written.
        ConflictError: `referrers_tag_taken`: what stands under the tag for the list is something else.
    """
    for _ in range(_ROUNDS):
        if is_listed(store, place, subject, attached.digest):
            return ReadBack(what="referrer", name=attached.digest, answer=subject)
        _write_list(store, place, subject, attached)
    if is_listed(store, place, subject, attached.digest):
        return ReadBack(what="referrer", name=attached.digest, answer=subject)
    message = f"`{place.place}` does not list {attached.digest} as attached to {subject}"
    raise UpstreamError(message, hint="try again", code="attach_unproved", place=place.place, digest=subject)


def is_listed(store: ImageWriter, place: ImageRef, subject: Digest, digest: Digest) -> bool:
    """Say whether the store lists the digest as attached to the subject."""
    return any(one.digest == digest for one in listed_referrers(store, place.at(subject)))


def _write_list(store: ImageWriter, place: ImageRef, subject: Digest, attached: Descriptor) -> None:
    by_tag = place.model_copy(update={"digest": None, "tag": referrers_tag(subject)})
    document = json.loads(checked_manifest(store, place.at(attached.digest)).raw)
    entry = {"mediaType": attached.media_type, "digest": attached.digest, "size": attached.size}
    kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
    entry |= {"artifactType": kind} if kind else {}
    entries = [one for one in _standing(store, by_tag) if one.get("digest") != attached.digest]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, entry]}
    raw = json.dumps(index, separators=(",", ":"), sort_keys=True).encode()
    store.put_manifest(by_tag, Manifest(digest=sha256_of(raw), media_type=OCI_INDEX, raw=raw))


def _standing(store: ImageWriter, by_tag: ImageRef) -> list[dict[str, object]]:
    try:
        manifest = checked_manifest(store, by_tag.at(store.resolve(by_tag)))
    except NotFoundError:
        return []
    listed = strict_object(manifest.raw, what="the list of what is attached").get("manifests")
    if manifest.media_type != OCI_INDEX or not isinstance(listed, list):
        message = f"`{by_tag}` is no list of what is attached, and is not overwritten"
        hint = "see who put that tag there; it is meant for the list alone"
        raise ConflictError(message, hint=hint, code="referrers_tag_taken", place=by_tag.place, tag=by_tag.tag)
    return [one for one in listed if isinstance(one, dict)]
