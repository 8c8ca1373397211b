"""Waits that are written down instead of waited for."""

from __future__ import annotations


class Sleeper:
    """Keeps the seconds that it was asked to sleep, and sleeps not."""

    def __init__(self) -> None:
        """Start with no waits."""
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        """Note one wait."""
        self.waits.append(seconds)
