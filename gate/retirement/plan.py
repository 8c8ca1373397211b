"""What taking one digest out of a release place comes to, and the looks at the place that it follows from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gate.errors import InputError, IntegrityError, NotFoundError, UpstreamError
from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.promotion.attached import read_attachments
from gate.promotion.plan_discard import removal
from gate.promotion.state import look_at_staging
from gate.promotion.steps import Omission, Refused, Verb, about
from gate.promotion.tree import ManifestTree, read_tree
from gate.promotion.users import Users
from gate.registry.graves import Grave, graves_of
from gate.registry.interface import Descriptor

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.promotion.attached import Attachments
    from gate.promotion.places import Places
    from gate.promotion.state import StagingState
    from gate.registry.interface import ImageWriter


class RetirementPlan(Value):
    """The digest first, then children that nobody else needs, then what is attached; `tags` are taken off.

    With `hidden` the place can keep the bytes where nobody can pull them: they are hidden first and deleted when their
    time has come. Without it they are deleted at once. `found` are those who use it and do not stop it, because two
    people said so, and those who could not be asked.
    """

    version: Literal["gate.retire/1"] = "gate.retire/1"
    place: ImageRef
    digest: Digest
    manifests: tuple[Descriptor, ...]
    tags: tuple[str, ...]
    hidden: bool
    omitted: tuple[Omission, ...] = ()
    found: Users = Users()

    @property
    def digests(self) -> tuple[Digest, ...]:
        """All that goes."""
        return tuple(one.digest for one in self.manifests)


def plan_retirement(
    tree: ManifestTree | None, place: ImageRef, places: Places, state: StagingState, attachments: Attachments
) -> RetirementPlan | Refused:
    """Plan to take the digest of `place` out of its release repository; no tree means that it can't be read.

    Refused: `not_release`, `digest_missing`, `digest_differs`, `digest_in_use`.
    """
    digest = pinned_release(place, places)
    if isinstance(digest, Refused):
        return digest
    found = removal(tree, place, digest, state, attachments)
    if isinstance(found, Refused):
        return found
    steps, omitted = found
    return RetirementPlan(
        place=place,
        digest=digest,
        manifests=about(steps, Verb.DELETE_MANIFEST),
        tags=state.tags_on(digest),
        hidden=False,
        omitted=omitted,
    )


def prepare_retirement(
    place: ImageRef, places: Places, *, store: ImageWriter, bounds: ImageBounds | None = None
) -> RetirementPlan:
    """Look at the release place and plan. Changes nothing.

    Raises:
        ConflictError: refused; the codes are those of `plan_retirement`.
        NotFoundError: `not_released`: the place does not have the digest.
        GateError: the store could not be read.
    """
    pinned = pinned_release(place, places)
    if isinstance(pinned, Refused):
        raise pinned.error()
    graves = graves_of(store, place)
    tree: ManifestTree | None
    try:
        tree = read_tree(store, place, bounds=bounds)
    except NotFoundError as error:
        message = f"`{place.place}` has no {pinned}"
        hint = "see where it was released: `gate audit list --subject …`"
        raise NotFoundError(message, code="not_released", hint=hint, place=place.place, digest=pinned) from error
    except (InputError, IntegrityError):
        tree = None
    except UpstreamError:
        if graves is None or graves.grave(place) is not Grave.BURIED:
            raise
        tree = None
    digests = [pinned] if tree is None else [node.descriptor.digest for node in tree.nodes]
    attachments = read_attachments(store, digests, place, bounds=bounds)
    plan = plan_retirement(tree, place, places, look_at_staging(store, place, bounds=bounds), attachments)
    if isinstance(plan, Refused):
        raise plan.error()
    left = () if graves is not None else (Omission(code="no_tombstone", subject=place.place),)
    return plan.model_copy(update={"hidden": graves is not None, "omitted": (*plan.omitted, *left)})


def pinned_release(place: ImageRef, places: Places) -> Digest | Refused:
    """Return the digest that may be retired, or refuse what no look at a registry could allow."""
    if not places.is_release(place) or places.is_staging(place):
        message = f"`{place.place}` is no release place"
        hint = "only what lies in a release place of the policy is taken out of service"
        return Refused(code="not_release", message=message, hint=hint, facts={"place": place.place})
    if place.digest is None:
        message = f"`{place}` is not pinned to a digest; only exact digests are retired"
        return Refused(code="digest_missing", message=message, facts={"place": place.place})
    return place.digest
