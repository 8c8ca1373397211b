"""Look for everybody outside an image's repository who uses it, when a deletion is planned and again right before it.

Numbered as in the code: 1. grants and listed bases, which the gate has itself; 2. released copies, by asking their
place; 3. whoever else was configured. Nothing is kept between two looks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gate.errors import GateError, NotFoundError
from gate.policy.users import UserKind
from gate.promotion.mentions import Named
from gate.promotion.state import serves
from gate.promotion.users import ImageUser, Unasked, Users, ask, naming_grants, refuse_used

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from gate.model.digest import Digest
    from gate.model.exception import Grant
    from gate.model.image import ImageRef
    from gate.policy.schema import Policy
    from gate.promotion.places import Places
    from gate.promotion.users import UserSource
    from gate.registry.interface import ImageWriter

_OWN = (UserKind.GRANT, UserKind.BASE)


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

    def refuse(  # noqa: PLR0913 - what is deleted, where, by which rules
        self,
        place: ImageRef,
        digests: Sequence[Digest],
        *,
        policy: Policy,
        store: ImageWriter,
        places: Places | None,
        now: datetime,
        tags: Iterable[str],
        again: bool = False,
    ) -> None:
        """Refuse to delete digests of a place while somebody of a kind that policy names uses one of them.

        Args:
            place: the repository.
            digests: all that is deleted, the image itself first.
            policy: which kinds of users count.
            store: what holds the repository and the releases.
            places: finds the released copy; None where the place is a release itself.
            now: grants that have lapsed by then use nothing.
            tags: names that lead to the digests, or did: somebody may still know them by these.
            again: ask which other tags are on the digests by now.

        Raises:
            ConflictError: `digest_in_use`, naming the users.
            UpstreamError: `users_unasked`: nobody is known, and not everybody could be asked.
            GateError: the place itself can't be read.
        """
        refusing = policy.decision.discard.users
        if not refusing or not digests:
            return
        known = {*tags, *(_tags_on(place, digests, store) if again else ())}
        named = Named(place=place.place, digests=tuple(digests), tags=tuple(sorted(known)))
        users = self._own(named, policy, refusing, now)  # 1
        if places is not None and UserKind.RELEASE in refusing:
            users = users.joined(_released(place, named, store, places))  # 2
        users = users.joined(ask(self._sources, named, refusing))  # 3
        refused = refuse_used(users, named, refusing=refusing)
        if refused is not None:
            raise refused.error()

    def _own(self, named: Named, policy: Policy, refusing: Collection[UserKind], now: datetime) -> Users:
        if not set(_OWN) & set(refusing):
            return Users()
        return naming_grants(self._grants(policy), policy.safelist.base_images, named, now)


def _tags_on(place: ImageRef, digests: Sequence[Digest], store: ImageWriter) -> Iterator[str]:
    for tag in store.tags(place):
        with suppress(NotFoundError):  # it went meanwhile
            if store.resolve(place.model_copy(update={"tag": tag, "digest": None})) in digests:
                yield tag


def _released(place: ImageRef, named: Named, store: ImageWriter, places: Places) -> Users:
    release = places.release_of(place)
    kinds = (UserKind.RELEASE,)
    try:
        served = next((digest for digest in named.digests if serves(store, release.at(digest))), None)
    except GateError as error:
        return Users(unasked=(Unasked.of(f"release place {release.place}", kinds, error),))
    if served is None:
        return Users()
    return Users(users=(ImageUser(kind=UserKind.RELEASE, name=release.place, how="digest", said=served),))
