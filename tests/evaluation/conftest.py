"""The command line of the tests of bad input."""

from __future__ import annotations

from evaluation.input_world import gate

__all__ = ["gate"]
