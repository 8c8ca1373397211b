"""What is inside an image as a CycloneDX bill of materials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.sbom import sbom

if TYPE_CHECKING:
    from gate.reports.inspected import Inspected


def render(found: Inspected) -> str:
    """Return the bill of the one image.

    Raises:
        UsageError: `platform_needed`, if there are several.
    """
    return sbom(found.only())
