"""Who else uses an image, before it is deleted: what is asked, what is answered, and what follows. Pure.

The image's own repository (tags, indexes, what is attached) is looked at by `gate.promotion.state`; here are the users
outside it. A source that could not be asked is an answer of its own, and never the answer that nobody uses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from gate.errors import GateError, UpstreamError
from gate.model.base import Value
from gate.model.exception import Grant
from gate.model.redact import redact
from gate.policy.bases import BaseImage
from gate.policy.users import UserKind
from gate.promotion.mentions import Named, mention_within
from gate.promotion.steps import Refused

_SHOWN, _LISTED = 5, 20
_SAID = 300


class ImageUser(Value):
    """One user: what kind, its name as its owner knows it, and the words by which it names the image, cut.

    `how` is `digest`, `tag`, `unclear`, or `built`: it runs something that may have been built as this image.
    """

    kind: UserKind
    name: str
    how: str
    said: str = ""


class Unasked(Value):
    """A source that could not be asked, or whose answer is not whole: then nobody knows who uses the image."""

    source: str
    kinds: tuple[UserKind, ...]
    code: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, source: str, kinds: Iterable[UserKind], error: GateError) -> Unasked:
        """Make the answer of an error."""
        message = redact(error.message)[:_SAID]
        return cls(source=source, kinds=tuple(kinds), code=error.error_code, message=message, hint=error.hint)


class Users(Value):
    """What all sources said about one image: who uses it, and who could not be asked."""

    users: tuple[ImageUser, ...] = ()
    unasked: tuple[Unasked, ...] = ()

    def joined(self, other: Users) -> Users:
        """Return both, each user once."""
        users = dict.fromkeys((*self.users, *other.users))
        return Users(users=tuple(users), unasked=(*self.unasked, *other.unasked))


class UserSource(Protocol):
    """Somebody who knows users of images."""

    def users(self, named: Named, kinds: Collection[UserKind]) -> Users:
        """Return the users of these kinds; what could not be asked is in the answer. Raises nothing of the outside."""
        ...


def ask(sources: Iterable[UserSource], named: Named, kinds: Collection[UserKind]) -> Users:
    """Ask every source; one that fails keeps none of the others from being asked."""
    found = Users()
    for source in sources:
        found = found.joined(source.users(named, kinds))
    return found


def refuse_used(found: Users, named: Named, *, refusing: Collection[UserKind]) -> Refused | None:
    """Refuse to delete what a user of a refusing kind names; None if there is none.

    Raises:
        UpstreamError: `users_unasked`: nobody of these kinds is known to use it, and not everybody could be asked.
    """
    users = [user for user in found.users if user.kind in refusing]
    if users:
        return _in_use(users, named)
    unasked = [one for one in found.unasked if set(one.kinds) & set(refusing)]
    if unasked:
        first = unasked[0]
        message = f"who uses {named.digests[0]} in `{named.place}` is not known: {first.source}: {first.message}"
        hint = first.hint or "try again; or have policy say whose use does not matter (`discard.users`)"
        facts = {"source": first.source, "cause": first.code, "unasked": str(len(unasked))}
        raise UpstreamError(message, code="users_unasked", hint=hint, place=named.place, **facts)
    return None


def naming_grants(grants: Sequence[Grant], bases: Sequence[BaseImage], named: Named, now: datetime) -> Users:
    """Return the grants that have not lapsed, and the bases of the catalogue, that name one of the digests.

    A grant that begins later counts: whoever approved it counts on the image.
    """
    users = [_grant_user(grant, named) for grant in grants if grant.expires > now]
    users += [_base_user(base, named) for base in bases]
    return Users(users=tuple(user for user in users if user is not None))


def _grant_user(grant: Grant, named: Named) -> ImageUser | None:
    said = next((file.sha256 for file in grant.files if file.sha256 in named.digests), "")
    how: str | None = "digest" if said else None
    for text in (grant.name, f"{grant.name}:{grant.version}", *grant.references):
        if how is None:
            how, said = mention_within(text, named), text
    if how is None:
        return None
    return ImageUser(kind=UserKind.GRANT, name=grant.id, how=how, said=redact(said)[:_SAID])


def _base_user(base: BaseImage, named: Named) -> ImageUser | None:
    by_digest = {base.digest, base.index} & set(named.digests)
    how = "digest" if by_digest else mention_within(base.reference, named)
    if how is None:
        return None
    return ImageUser(kind=UserKind.BASE, name=base.reference, how=how, said=base.reference[:_SAID])


def _in_use(users: Sequence[ImageUser], named: Named) -> Refused:
    names = [f"{user.kind.value} {user.name}" for user in users]
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    message = f"{named.digests[0]} in `{named.place}` is used by: {shown}"
    hint = "have each of them name another image; a released copy is taken out of service with `gate retire`"
    facts = {"place": named.place, "digest": named.digests[0], "users": "; ".join(names[:_LISTED])}
    return Refused(code="digest_in_use", message=message, hint=hint, facts=facts)
