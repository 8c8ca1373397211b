"""What a registry holds now, as far as a plan needs to know it. Reading only."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from gate.bounds import ImageBounds
from gate.errors import BoundError, ConflictError, InputError, IntegrityError, NotFoundError, UpstreamError
from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.promotion.tree import checked_manifest
from gate.registry.content import Content, read_content
from gate.registry.graves import Grave, graves_of
from gate.registry.interface import ImageReader, ImageWriter
from gate.registry.locks import locks_of
from gate.registry.referring import is_referrers_tag

_ROUNDS = 2
"""A tag may come or go between two questions; a registry that contradicts itself twice is not believed."""


class TargetState(Value):
    """The digest that the target tag is on now, if it is on any, and the wanted manifests that are there already.

    `locks` says that the target's registry has locks.
    """

    tag_digest: Digest | None = None
    present: tuple[Digest, ...] = ()
    locks: bool = False


class Holder(Value):
    """One manifest that a tag leads to, and the manifests that it lists; none are known if it was not `read`."""

    digest: Digest
    tags: tuple[str, ...]
    children: tuple[Digest, ...] = ()
    read: bool = True


class StagingState(Value):
    """Every tag of one staging repository with its digest, and every manifest that the tags lead to."""

    tags: dict[str, Digest] = Field(default_factory=dict)
    holders: tuple[Holder, ...] = ()

    def tags_on(self, digest: Digest) -> tuple[str, ...]:
        """Return the tags that are on the digest, sorted."""
        return tuple(sorted(tag for tag, found in self.tags.items() if found == digest))

    def parents_of(self, digest: Digest) -> tuple[Holder, ...]:
        """Return the indexes that list the digest."""
        return tuple(holder for holder in self.holders if digest in holder.children)


def look_at_target(store: ImageWriter, target: ImageRef, wanted: Iterable[Digest] = ()) -> TargetState:
    """Ask in two ways what the target tag is on: one wrong "not found" must not overwrite a tag.

    `wanted` are manifests to ask for as well.

    Raises:
        ConflictError: `tag_unclear`, if the answers contradict each other and keep doing so.
    """
    present = tuple(digest for digest in wanted if serves(store, target.at(digest)))
    known = TargetState(present=present, locks=locks_of(store, target) is not None)
    if not target.tag:
        return known
    for _ in range(_ROUNDS):
        digest = digest_of(store, target, target.tag)
        if digest is not None or target.tag not in store.tags(target):
            return known.model_copy(update={"tag_digest": digest})
    message = f"`{target.place}` lists the tag `{target.tag}` but does not resolve it"
    hint = "try again; if it stays so, the tag is on a manifest that is gone: remove the tag"
    raise ConflictError(message, code="tag_unclear", hint=hint, place=target.place, tag=target.tag)


def look_at_staging(
    store: ImageWriter, place: ImageRef, *, known: tuple[str, ...] = (), bounds: ImageBounds | None = None
) -> StagingState:
    """Read every tag of the repository, and every manifest below each.

    A manifest that is no image and no index lists none; one that can't be read is an error, for nothing may be
    deleted after half a look. The digest of `place` itself is not read: it is the one that may be damaged.
    A listing that lacks the tag of `place`, or one of the `known`, is believed only if that tag is gone.

    Raises:
        ConflictError: `tag_unclear`: the store resolves a tag that it does not list.
        BoundError: more tags or manifests than the bounds allow.
        UpstreamError: the store failed.
    """
    bounds = bounds or ImageBounds()
    for _ in range(_ROUNDS):
        names = store.tags(place)
        if len(names) > bounds.tags:
            message = f"`{place.place}` has more than {bounds.tags} tags"
            raise BoundError(message, place=place.place, limit=bounds.tags)
        expected = {*known, *([place.tag] if place.tag else [])} - set(names)
        unlisted = sorted(name for name in expected if digest_of(store, place, name) is not None)
        if not unlisted:
            found = {name: digest_of(store, place, name) for name in names}
            tags = {name: digest for name, digest in found.items() if digest is not None}
            return StagingState(tags=tags, holders=_holders(store, place, tags, bounds))
    message = f"`{place.place}` does not list the tag `{unlisted[0]}` but resolves it"
    raise ConflictError(message, code="tag_unclear", hint="try again", place=place.place, tag=unlisted[0])


def serves(store: ImageReader, ref: ImageRef) -> bool:
    """Say whether the store has a manifest under the ref's digest, be it damaged."""
    try:
        store.manifest(ref)
    except NotFoundError:
        return False
    except (InputError, IntegrityError):
        return True
    return True


def digest_of(store: ImageWriter, place: ImageRef, tag: str) -> Digest | None:
    """Return what a tag is on, be that buried; None if the tag is gone, or left on a manifest that is gone."""
    by_tag = place.model_copy(update={"tag": tag, "digest": None})
    try:
        return store.resolve(by_tag)
    except NotFoundError:
        return None
    except UpstreamError:
        graves = graves_of(store, place)
        if graves is None:
            raise
        try:
            digest = graves.tagged(by_tag)
        except NotFoundError:
            return None
        if graves.grave(place.at(digest)) is not Grave.BURIED:
            raise
        return digest


def _holders(store: ImageWriter, place: ImageRef, tags: dict[str, Digest], bounds: ImageBounds) -> tuple[Holder, ...]:
    waiting = sorted(set(tags.values()))
    holders: dict[Digest, Holder] = {}
    while waiting:
        digest = waiting.pop()
        if digest in holders:
            continue
        if len(holders) >= bounds.manifests:
            message = f"the tags of `{place.place}` lead to more than {bounds.manifests} manifests"
            raise BoundError(message, place=place.place, limit=bounds.manifests)
        content = None if digest == place.digest else _content(store, place.at(digest))
        children = tuple(child.digest for child in content.children) if content else ()
        names = tuple(sorted(tag for tag, found in tags.items() if found == digest))
        holders[digest] = Holder(digest=digest, tags=names, children=children, read=content is not None)
        waiting.extend(children)
        if content and content.subject and any(not is_referrers_tag(name) for name in names):
            waiting.append(content.subject.digest)  # who named what is about something uses that too
    return tuple(holders[digest] for digest in sorted(holders))


def _content(store: ImageWriter, ref: ImageRef) -> Content | None:
    try:
        return read_content(checked_manifest(store, ref))
    except (InputError, NotFoundError):
        return None
    except IntegrityError:
        raise
    except UpstreamError:
        graves = graves_of(store, ref)
        if graves is None or graves.grave(ref) is not Grave.BURIED:
            raise
        return None  # buried itself: it gives nobody what it lists
