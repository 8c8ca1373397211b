"""Whether two versions are one, however they are spelled (PEP 440; conda's otherwise letter by letter)."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def same_version(one: str, other: str) -> bool:
    """Say whether two versions are the same, however they are spelled."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one.strip().lower() == other.strip().lower()
