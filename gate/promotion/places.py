"""Which places are staging, and which release place belongs to each. Nothing outside staging is ever deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

from gate.errors import ConflictError, PolicyError
from gate.model.base import Value
from gate.model.image import ImageRef, Transport

_LAYOUT = f"{Transport.OCI_LAYOUT.value}:"
_ENGINE = f"{Transport.DOCKER_ENGINE.value}:"
_REGISTRY_PLACE = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)+")


class Place(Value):
    """Two prefixes: what waits under `staging` is released under `release`, with the same rest of the path.

    Written as policy names places: `host[:port]/path`, or `oci:/absolute/folder`.
    """

    staging: str
    release: str


class Places(Value):
    """All places of a policy. Made by `of`, which refuses what could mistake a release for staging."""

    places: tuple[Place, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Take (staging, release) prefixes from policy.

        Raises:
            PolicyError: a prefix is unclear, or one lies in another so that a repository could be both.
        """
        places = tuple(Place(staging=staging, release=release) for staging, release in pairs)
        for place in places:
            _check_prefix(place.staging)
            _check_prefix(place.release)
            if place.staging.startswith(_LAYOUT) != place.release.startswith(_LAYOUT):
                message = f"`{place.staging}` and `{place.release}` are not of one kind"
                raise PolicyError(message, code="place_invalid", staging=place.staging, release=place.release)
        for number, place in enumerate(places):
            others = [other.staging for other in places[number + 1 :]] + [other.release for other in places]
            for other in others:
                if _overlap(place.staging, other):
                    message = f"staging place `{place.staging}` overlaps `{other}`: a release could be discarded"
                    raise PolicyError(message, code="places_overlap", staging=place.staging, other=other)
        return cls(places=places)

    def is_staging(self, ref: ImageRef) -> bool:
        """Say whether the repository lies under a staging prefix, on the boundary of a path segment."""
        return self._of(ref) is not None

    def is_release(self, ref: ImageRef) -> bool:
        """Say whether the repository lies under a release prefix, on the boundary of a path segment."""
        return is_clear(ref.place) and any(_under(ref.place, place.release) for place in self.places)

    def release_of(self, ref: ImageRef) -> ImageRef:
        """Return the release repository of a staging repository, under the same tag and digest.

        Raises:
            ConflictError: `not_staging`.
        """
        place = self._of(ref)
        if place is None:
            message = f"`{ref.place}` is no staging place by policy"
            hint = "push the image to a staging repository, or let the security team add the place to the policy"
            raise ConflictError(message, hint=hint, code="not_staging", place=ref.place)
        released = place.release + ref.place[len(place.staging) :]
        return ref.model_copy(update={"repository": released.removeprefix(_LAYOUT)})

    def _of(self, ref: ImageRef) -> Place | None:
        if not is_clear(ref.place):
            return None
        return next((place for place in self.places if _under(ref.place, place.staging)), None)


def is_clear(place: str) -> bool:
    """Say whether a place has one spelling only: no `.`, `..` or empty segment, no upper-case registry name."""
    if place.startswith(_LAYOUT):
        path = place.removeprefix(_LAYOUT)
        segments = path.split("/")[1:]
        return path.startswith("/") and all(part not in {"", ".", ".."} and "\0" not in part for part in segments)
    return _REGISTRY_PLACE.fullmatch(place) is not None


def same_repository(one: ImageRef, other: ImageRef) -> bool:
    """Say whether two refs name one repository, whatever tags or digests they have."""
    return _key(one.place) == _key(other.place)


def same_store(one: ImageRef, other: ImageRef) -> bool:
    """Say whether a blob can go from one to the other inside their store: one registry host, or layout folders."""
    if one.transport is not other.transport:
        return False
    return one.transport is Transport.OCI_LAYOUT or _key(one.place)[0] == _key(other.place)[0]


def _check_prefix(prefix: str) -> None:
    if prefix.startswith(_ENGINE) or not is_clear(prefix):
        message = f"`{prefix}` is no place: write `host/path` in lower case or `oci:/folder`, without `/` at the end"
        raise PolicyError(message, code="place_invalid", place=prefix)


def _key(place: str) -> tuple[str, ...]:
    host, *rest = place.split("/")
    return (host.removesuffix(":443").removesuffix(":80"), *rest)


def _overlap(one: str, other: str) -> bool:
    mine, theirs = _key(one), _key(other)
    shorter = min(len(mine), len(theirs))
    return mine[:shorter] == theirs[:shorter]


def _under(place: str, prefix: str) -> bool:
    return place == prefix or place.startswith(prefix + "/")
