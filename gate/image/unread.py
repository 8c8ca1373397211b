"""Images that are not read, by policy or because they can't be: each is named with the reason, and none passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.image.documents import ManifestDocument, document_of, fetch, parse
from gate.image.manifest import PLATFORM_UNSUPPORTED, read_image
from gate.model.failure import Failure
from gate.model.image import ImageFacts, Inventory, UnreadChild
from gate.model.reference import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.bounds import ImageBounds
    from gate.errors import GateError
    from gate.model.image import ImageRef, IndexChild
    from gate.registry.interface import ImageReader

NOT_ALLOWED = "platform_not_allowed"
"""Why an image was not read that policy lets in for no platform of its own."""


class Unread:
    """What one evaluation did not read of an index."""

    def __init__(self, allowed: Callable[[str], bool]) -> None:
        """Note nothing yet.

        Args:
            allowed: whether policy lets in images for a platform (`os/architecture[/variant]`).
        """
        self._allowed = allowed
        self._errors: list[GateError] = []
        self.children: list[UnreadChild] = []

    def leaves_out(self, child: IndexChild) -> bool:
        """Say whether a child is not to be read; it is noted. What the index says of its platform is enough for that.

        Whoever says so falsely has the image refused, and not another one let in.
        """
        if not child.platform or self._allowed(child.platform):
            return False
        message = f"policy lets no image for `{child.platform}` in"
        failure = Failure(code=NOT_ALLOWED, message=message)
        self.children.append(UnreadChild(digest=child.digest, platform=child.platform, failure=failure))
        return True

    def note(self, child: IndexChild, error: GateError) -> None:
        """Note a child that could not be read."""
        self._errors.append(error)
        platform = error.facts.get("platform", "") or child.platform
        self.children.append(UnreadChild(digest=child.digest, platform=platform, failure=Failure.of(error)))

    def refuses(self, error: GateError) -> bool:
        """Say whether an image can't be read for being for a platform that policy does not let in anyway."""
        return error.error_code == PLATFORM_UNSUPPORTED and not self._allowed(error.facts.get("platform", ""))

    def instead(self, reader: ImageReader, ref: ImageRef, bounds: ImageBounds) -> Inventory:
        """Return what stands for an index of which no image was read, if policy refuses one of them by its platform.

        Raises:
            GateError: it refuses none: what the first image failed with.
        """
        refused = next((one for one in self.children if one.platform and not self._allowed(one.platform)), None)
        if refused is None:
            raise self._errors[0]
        pinned = ref.at(refused.digest)
        try:
            facts = read_image(reader, pinned, bounds=bounds)
        except InputError as error:
            return stub_of(reader, pinned, bounds, error)
        return Inventory(image=facts, problems=(_problem(refused.failure.message),))


def stub_of(reader: ImageReader, ref: ImageRef, bounds: ImageBounds, error: InputError) -> Inventory:
    """Return the inventory of an image for another system: what it is for, and that nothing of it was read.

    Raises:
        InputError: not even that can be told.
    """
    if error.error_code != PLATFORM_UNSUPPORTED:
        raise error
    manifest = fetch(reader, ref, str(ref.digest), bounds)
    parsed = parse(ManifestDocument, document_of(manifest), "the manifest")
    facts = ImageFacts(
        repository=ref.place,
        digest=manifest.digest,
        media_type=manifest.media_type,
        config_digest=parsed.config.digest,
        platform=error.facts["platform"],
        layers=(),
    )
    return Inventory(image=facts, problems=(_problem(error.message),))


def _problem(message: str) -> Problem:
    return Problem(code=NOT_ALLOWED, message=message, file="manifest")
