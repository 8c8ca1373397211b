"""What `gate inspect` found: one image, or every image of an index."""

from __future__ import annotations

from gate.errors import UsageError
from gate.model.base import Value
from gate.model.image import ImageFacts, IndexFacts, Inventory
from gate.model.reference import Severity


class Inspected(Value):
    """One inventory an image, in the order of the index; `index` is nothing if the image was named itself."""

    images: tuple[Inventory, ...]
    index: IndexFacts | None = None

    @property
    def readable(self) -> bool:
        """Say whether everything could be read; if not, nothing may be concluded from what is not listed."""
        return bool(self.images) and all(is_readable(inventory) for inventory in self.images)

    def only(self) -> Inventory:
        """Return the one image.

        Raises:
            UsageError: `platform_needed`, if there are several.
        """
        if len(self.images) == 1:
            return self.images[0]
        names = ", ".join(_name(inventory.image) for inventory in self.images)
        message = f"the index holds {len(self.images)} images, and this report is about one"
        raise UsageError(message, hint=f"choose one with `--platform`: {names}", code="platform_needed")


def is_readable(inventory: Inventory) -> bool:
    """Say whether the image was read whole."""
    return not any(problem.severity is Severity.ERROR for problem in inventory.problems)


def _name(image: ImageFacts) -> str:
    return image.platform
