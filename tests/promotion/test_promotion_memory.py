"""The registry in memory, on which faults are tried, does what every store must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from promotion.promotion_memory import FaultyStore, MemoryStore
from registry.contract_store import StoreContract

from gate.model.image import ImageRef, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.registry.interface import ImageWriter


class TestMemoryStore(StoreContract):
    """The contract over the fake."""

    @pytest.fixture
    def store(self) -> ImageWriter:
        """Return an empty registry, behind a wrapper that is to change nothing by itself."""
        return FaultyStore(MemoryStore())

    @pytest.fixture
    def place(self) -> Callable[[str], ImageRef]:
        """Name repositories of one host."""
        return lambda name: ImageRef(transport=Transport.REGISTRY, repository=f"registry.example.org/{name}")
