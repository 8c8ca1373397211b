"""The OCI layout folder does what every store must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from registry.contract_store import StoreContract

from gate.model.image import ImageRef, Transport
from gate.registry.layout import OciLayout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gate.registry.interface import ImageWriter


class TestOciLayout(StoreContract):
    """The contract over folders."""

    @pytest.fixture
    def store(self) -> ImageWriter:
        """Return the layout store."""
        return OciLayout()

    @pytest.fixture
    def place(self, tmp_path: Path) -> Callable[[str], ImageRef]:
        """Name folders that do not exist yet."""
        return lambda name: ImageRef(transport=Transport.OCI_LAYOUT, repository=str(tmp_path / name))
