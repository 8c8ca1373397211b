"""Progress of reading an image, for whoever wants to show it; the reader itself neither prints nor logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.model.image import ImageFacts, LayerFact


class InspectReporter:
    """Does nothing. Override what is of interest; calls come from the thread that reads the image."""

    def image(self, facts: ImageFacts) -> None:
        """Manifest and config are read and fit each other."""

    def layer_started(self, index: int, layer: LayerFact) -> None:
        """The layer with this 0-based index is about to be read."""

    def layer_read(self, index: int, compressed: int) -> None:
        """`compressed` more bytes of the layer have been read."""

    def layer_done(self, index: int, entries: int) -> None:
        """The layer is read to its end and both of its digests are right."""

    def resolving(self, platform: str, python: str) -> None:
        """What was declared is about to be resolved for a platform and a Python."""
