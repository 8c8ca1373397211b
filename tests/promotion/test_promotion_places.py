"""What is staging and what is not: the line that no discard crosses."""

from __future__ import annotations

import pytest

from gate.errors import ConflictError, PolicyError
from gate.model.image import ImageRef, Transport
from gate.promotion.places import Places, is_clear, same_repository, same_store

PLACES = Places.of([("reg.example.org/staging", "reg.example.org/release"), ("oci:/srv/staging", "oci:/srv/release")])


def ref(place: str, tag: str = "1") -> ImageRef:
    for transport in (Transport.OCI_LAYOUT, Transport.DOCKER_ENGINE):
        if place.startswith(f"{transport.value}:"):
            return ImageRef(transport=transport, repository=place.partition(":")[2], tag=tag)
    return ImageRef(transport=Transport.REGISTRY, repository=place, tag=tag)


@pytest.mark.parametrize(
    ("staging", "release"),
    [
        ("reg.example.org/staging/app", "reg.example.org/release/app"),
        ("reg.example.org/staging/team/app", "reg.example.org/release/team/app"),
        ("reg.example.org/staging", "reg.example.org/release"),
        ("oci:/srv/staging/app", "oci:/srv/release/app"),
    ],
)
def test_a_staging_repository_has_one_release_repository(staging: str, release: str) -> None:
    assert PLACES.is_staging(ref(staging))
    assert PLACES.release_of(ref(staging)) == ref(release)
    assert not PLACES.is_staging(ref(release))


@pytest.mark.parametrize(
    "place",
    [
        "reg.example.org/release/app",
        "reg.example.org/staging-2/app",
        "reg.example.org/stagingapp",
        "reg.example.org/other/staging/app",
        "other.example.org/staging/app",
        "reg.example.org:5000/staging/app",
        "reg.example.org/staging/../release/app",
        "reg.example.org/staging//app",
        "reg.example.org/staging/./app",
        "REG.example.org/staging/app",
        "reg.example.org/Staging/app",
        "oci:/srv/staging/../release/app",
        "oci:/srv/staging/./app",
        "oci:/srv/staging//app",
        "oci:/srv/staging/app/",
        "oci:srv/staging/app",
        "oci:/srv/staging/a\0b",
        "oci:/srv/stagings/app",
        "docker:reg.example.org/staging/app",
        "/srv/staging/app",
        "",
    ],
)
def test_what_only_looks_like_staging_is_not(place: str) -> None:
    assert not PLACES.is_staging(ref(place))
    with pytest.raises(ConflictError) as caught:
        PLACES.release_of(ref(place))
    assert caught.value.error_code == "not_staging"


@pytest.mark.parametrize(
    "pairs",
    [
        [("reg.example.org/staging", "reg.example.org/staging")],
        [("reg.example.org/staging", "reg.example.org/staging/released")],
        [("reg.example.org/all/staging", "reg.example.org/all")],
        [("reg.example.org/a", "reg.example.org/b"), ("reg.example.org/a/x", "reg.example.org/c")],
        [("reg.example.org/a", "reg.example.org/b"), ("reg.example.org/c", "reg.example.org/a")],
        [("reg.example.org/a", "reg.example.org/b"), ("reg.example.org/b/c", "reg.example.org/d")],
        [("reg.example.org/a", "reg.example.org/b"), ("reg.example.org/a", "reg.example.org/b")],
        [("reg.example.org/a", "reg.example.org:443/a/b")],
        [("oci:/srv", "oci:/srv/release")],
    ],
)
def test_places_in_which_a_release_could_be_staging_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(PolicyError) as caught:
        Places.of(pairs)
    assert caught.value.error_code == "places_overlap"


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "reg.example.org",
        "reg.example.org/",
        "reg.example.org/staging/",
        "reg.example.org//staging",
        "reg.example.org/st*",
        "reg.example.org/../x",
        "https://reg.example.org/staging",
        "Reg.example.org/staging",
        "docker:staging",
        "oci:srv",
        "oci:/",
        "oci:/srv/../etc",
    ],
)
def test_a_prefix_with_two_readings_is_refused(prefix: str) -> None:
    for pair in ((prefix, "reg.example.org/release"), ("reg.example.org/staging", prefix)):
        with pytest.raises(PolicyError) as caught:
            Places.of([pair])
        assert caught.value.error_code == "place_invalid"


def test_a_folder_is_not_released_into_a_registry() -> None:
    with pytest.raises(PolicyError) as caught:
        Places.of([("oci:/srv/staging", "reg.example.org/release")])
    assert caught.value.error_code == "place_invalid"


def test_two_staging_places_may_share_a_release_place() -> None:
    places = Places.of(
        [("reg.example.org/a", "reg.example.org/release"), ("reg.example.org/b", "reg.example.org/release")]
    )
    assert places.release_of(ref("reg.example.org/b/x")) == ref("reg.example.org/release/x")


def test_without_places_nothing_is_staging() -> None:
    assert not Places.of([]).is_staging(ref("reg.example.org/staging/app"))


def test_one_repository_under_two_spellings_is_one() -> None:
    assert same_repository(ref("reg.example.org/a", "1"), ref("reg.example.org/a", "2"))
    assert same_repository(ref("reg.example.org/a"), ref("reg.example.org:443/a"))
    assert not same_repository(ref("reg.example.org/a"), ref("reg.example.org/a/b"))


def test_blobs_move_inside_a_store_only_within_one_host() -> None:
    assert same_store(ref("reg.example.org/a"), ref("reg.example.org/b"))
    assert not same_store(ref("reg.example.org/a"), ref("other.example.org/a"))
    assert same_store(ref("oci:/a"), ref("oci:/b"))
    assert not same_store(ref("oci:/a"), ref("reg.example.org/a"))


def test_a_clear_place_has_one_spelling() -> None:
    assert is_clear("localhost:5000/a/b")
    assert not is_clear("localhost:5000/a/..")
