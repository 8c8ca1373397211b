"""The catalogue of base images: which layers an image may stand on, under which name, and how old they may grow.

It is part of policy: reviewed as data, one file a base in `allowlist/bases`, and so in every decision's policy digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from gate.model.base import Instant, Value
from gate.model.digest import Digest
from gate.model.image import LayerFact
from gate.policy.words import Duration, Treatment


class BaseImage(Value):
    """A base image: what an image must begin with to stand on it.

    Attributes:
        reference: its name and tag, as `FROM` says it.
        diff_ids: of all its layers, lowest first.
        layers: the compressed digests of the same layers; either list tells the base by itself.
        digest: its manifest's.
        index: the index's that led to it.
        platform: `os/architecture[/variant]`.
        created: when it was made, as its own config says.
        added: when it came into the catalogue.
    """

    reference: str = Field(min_length=1)
    diff_ids: tuple[Digest, ...] = ()
    layers: tuple[Digest, ...] = ()
    digest: Digest | None = None
    index: Digest | None = None
    platform: str = ""
    created: Instant | None = None
    added: Instant | None = None

    @model_validator(mode="after")
    def _told(self) -> BaseImage:
        if not self.diff_ids and not self.layers:
            message = "a base is told by `diff_ids` or by `layers`; without either every image would stand on it"
            raise ValueError(message)
        if self.diff_ids and self.layers and len(self.diff_ids) != len(self.layers):
            message = "`diff_ids` and `layers` are of the same layers, so there are as many"
            raise ValueError(message)
        return self

    @property
    def repository(self) -> str:
        """The reference without tag and digest."""
        return repository_of(self.reference)

    def is_below(self, layers: Sequence[LayerFact]) -> bool:
        """Say whether the leading layers are this base's, by diff id or by digest."""
        count = len(self.diff_ids or self.layers)
        leading = layers[:count]
        return (bool(self.diff_ids) and self.diff_ids == tuple(layer.diff_id for layer in leading)) or (
            bool(self.layers) and self.layers == tuple(layer.digest for layer in leading)
        )


class BaseFile(Value):
    """One file of the catalogue: a base in all its versions and platforms, the newest last."""

    version: Literal["gate.bases/1"]
    bases: tuple[BaseImage, ...] = Field(min_length=1)


class BaseAges(Value):
    """How old a base may be, counted from when it was made: an old one has the findings of its age.

    `undated` is what is made of a base whose entry does not say when it was made.
    """

    max_age: Duration = timedelta(days=180)
    undated: Treatment = Treatment.WARN


def catalogue_of(bases: Iterable[BaseImage]) -> tuple[tuple[str, tuple[Digest, ...]], ...]:
    """Return each base by its lists of digests, as the reader of images matches them."""
    return tuple((base.reference, listed) for base in bases for listed in (base.diff_ids, base.layers) if listed)


def repository_of(reference: str) -> str:
    """Return an image's name without tag and digest."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
