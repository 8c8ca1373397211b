"""Who may use an image, and whose use keeps it from being deleted."""

from __future__ import annotations

from enum import StrEnum


class UserKind(StrEnum):
    """The kinds of users outside the image's own repository. Tags, indexes and referrers there are no choice."""

    GRANT = "grant"
    """An approval that has not lapsed and names the digest."""
    BASE = "base"
    """An entry of the catalogue of bases that names it: others build upon it."""
    RELEASE = "release"
    """A promoted copy: a release place serves the same digest."""
    ENVIRONMENT = "environment"
    """An Azure Machine Learning environment that names it."""
    DEPLOYMENT = "deployment"
    """An online or batch deployment whose environment names it, or may have been built as it."""
    MODEL = "model"
    """A registered model whose properties name it."""


EVERY_USER = tuple(UserKind)
