"""The gate that every Azure Machine Learning image passes before it is deployed."""

from __future__ import annotations

__version__ = "0.1.0"
