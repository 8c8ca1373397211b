"""What was taken out of service is not released again, and its names are nobody else's, until two people say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError
from gate.store.engine import reading
from gate.store.retirements import Retirements

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.engine import Engine

    from gate.model.digest import Digest
    from gate.model.image import ImageRef


class RetiredGuard:
    """Asks the database about each promotion."""

    def __init__(self, engine: Engine) -> None:
        """Work on a database whose schema is up to date."""
        self._engine = engine

    def __call__(self, target: ImageRef, digests: Collection[Digest] = ()) -> None:
        """Refuse a promotion that would bring back what was retired, in whatever place, or give its name to others.

        Args:
            target: where it would be released, pinned, with its tag.
            digests: what else it would bring.

        Raises:
            ConflictError: `digest_retired`, `tag_retired`.
        """
        digests = {*digests, *([target.digest] if target.digest else [])}
        with reading(self._engine) as connection:
            retirements = Retirements(connection)
            blocking = retirements.blocking(digests)
            owner = retirements.tag_owner(target.place, target.tag) if target.tag else None
        if blocking is not None:
            message = f"{blocking.digest} was taken out of service in `{blocking.place}`, and is not released again"
            hint = f"two people may have it decided anew: `gate retire {blocking.digest} --reinstate --reason …`"
            facts = {"retirement": blocking.id, "digest": blocking.digest}
            raise ConflictError(message, code="digest_retired", hint=hint, **facts)
        if owner not in {None, target.digest}:
            message = f"the tag `{target.tag}` of `{target.place}` was that of an image out of service"
            hint = "release it under a new tag: a name that ran once never means other bytes"
            raise ConflictError(message, code="tag_retired", hint=hint, tag=target.tag, digest=str(owner))
