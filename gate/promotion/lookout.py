"""Look for everybody outside an image's repository who uses it, when a deletion is planned and again right before it.

Numbered as in the code: 1. grants and listed bases, which the gate has itself; 2. released copies, by asking their
place; 3. whoever else was configured. Nothing is kept between two looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.errors import GateError
from gate.policy.users import UserKind
from gate.promotion.mentions import Named
from gate.promotion.state import digest_of, serves
from gate.promotion.users import ImageUser, Unasked, Users, ask, naming_grants, refuse_used

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime

    from gate.model.digest import Digest
    from gate.model.exception import Grant
    from gate.model.image import ImageRef
    from gate.policy.schema import Policy
    from gate.promotion.places import Places
    from gate.promotion.users import UserSource
    from gate.registry.interface import ImageWriter

_OWN = (UserKind.GRANT, UserKind.BASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is to be deleted: digests of one place, the image itself first.

    Attributes:
        place: the repository.
        digests: all that goes.
        tags: names that lead to the digests, or did: somebody may still know them by these.
        store: what holds the repository and the releases.
        places: finds the released copy; None where the place is a release itself.
        again: ask which other tags are on the digests by now.
    """

    place: ImageRef
    digests: tuple[Digest, ...]
    tags: tuple[str, ...]
    store: ImageWriter
    places: Places | None = None
    again: bool = False

    def named(self) -> Named:
        """Return what to look for in others' words; the place is asked for its tags if that is wanted."""
        known = {*self.tags, *(_tags_on(self) if self.again else ())}
        return Named(place=self.place.place, digests=self.digests, tags=tuple(sorted(known)))


class Lookout:
    """Asks all who may know a user. Holds the sources and nothing that was answered."""

    def __init__(
        self,
        *,
        sources: Sequence[UserSource],
        grants: Callable[[Policy], Sequence[Grant]],
    ) -> None:
        """Take the sources; `grants` reads all that stand, lapsed or not."""
        self._sources = sources
        self._grants = grants

    def refuse(self, watched: Watched, *, kinds: Collection[UserKind], policy: Policy, now: datetime) -> None:
        """Refuse to delete something while somebody of one of these kinds uses it.

        Args:
            watched: what is to be deleted, and where.
            kinds: whose use counts; nobody else is asked.
            policy: lists bases, and has grants of its own.
            now: grants that have lapsed by then use nothing.

        Raises:
            ConflictError: `digest_in_use`, naming the users.
            UpstreamError: `users_unasked`: nobody is known, and not everybody could be asked.
            GateError: the place itself can't be read.
        """
        if not kinds or not watched.digests:
            return
        named = watched.named()
        refused = refuse_used(self.look(watched, kinds=kinds, policy=policy, now=now), named, refusing=kinds)
        if refused is not None:
            raise refused.error()

    def look(self, watched: Watched, *, kinds: Collection[UserKind], policy: Policy, now: datetime) -> Users:
        """Return who uses it, and who could not be asked, as `refuse` would judge them."""
        named = watched.named()
        users = self._own(named, policy, kinds, now)  # 1
        if watched.places is not None and UserKind.RELEASE in kinds:
            users = users.joined(_released(watched, named, watched.places))  # 2
        return users.joined(ask(self._sources, named, kinds))  # 3

    def _own(self, named: Named, policy: Policy, kinds: Collection[UserKind], now: datetime) -> Users:
        if not set(_OWN) & set(kinds):
            return Users()
        return naming_grants(self._grants(policy), policy.safelist.base_images, named, now)


def _tags_on(watched: Watched) -> Iterator[str]:
    for tag in watched.store.tags(watched.place):
        if digest_of(watched.store, watched.place, tag) in watched.digests:
            yield tag


def _released(watched: Watched, named: Named, places: Places) -> Users:
    release = places.release_of(watched.place)
    kinds = (UserKind.RELEASE,)
    try:
        served = next((digest for digest in named.digests if serves(watched.store, release.at(digest))), None)
    except GateError as error:
        return Users(unasked=(Unasked.of(f"release place {release.place}", kinds, error),))
    if served is None:
        return Users()
    return Users(users=(ImageUser(kind=UserKind.RELEASE, name=release.place, how="digest", said=served),))
