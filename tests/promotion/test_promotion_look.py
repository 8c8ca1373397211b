"""Looking at a registry before planning: wholly or not at all, and without believing a contradiction."""

from __future__ import annotations

import pytest
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import HOST, PLACES, RELEASE, STAGING, condemned, planned
from registry.contract_images import Sample, image, index, manifest_of, plain, push

from gate.bounds import ImageBounds
from gate.errors import BoundError, ConflictError, InputError, IntegrityError, NotFoundError, PolicyError
from gate.model.image import ImageRef
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_discard
from gate.promotion.state import look_at_staging, look_at_target
from gate.promotion.tree import read_tree
from gate.registry.content import OCI_INDEX

OTHER = "sha256:" + "1" * 64


def test_too_much_to_look_at_is_an_error_and_not_a_glance() -> None:
    store = MemoryStore()
    place = push(store, STAGING, index(image("a"), image("b")), "1", "2", "3")
    with pytest.raises(BoundError):
        prepare_discard(place, PLACES, store=store, bounds=ImageBounds(tags=2))
    with pytest.raises(BoundError):
        read_tree(store, place, bounds=ImageBounds(manifests=2))
    other = push(store, STAGING, image("c"), "4")
    with pytest.raises(BoundError):
        look_at_staging(store, other, bounds=ImageBounds(manifests=2))


def test_a_missing_child_stops_a_promotion() -> None:
    store = MemoryStore()
    source = push(store, STAGING, index(image("a"), image("b")), "1")
    del store.repositories[STAGING.place].manifests[image("b").digest]
    with pytest.raises(NotFoundError):
        planned(store, source)


def test_a_child_that_is_not_what_its_index_says_stops_a_promotion() -> None:
    store = MemoryStore()
    child = plain(read_tree(store, push(store, STAGING, image("a"))).root)
    for entries in ([child | {"size": 1}], [child, child | {"size": 1}]):
        lying = manifest_of({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, OCI_INDEX)
        source = push(store, STAGING, Sample(manifest=lying), "1")
        with pytest.raises(InputError) as caught:
            planned(store, source)
        assert caught.value.error_code == "manifest_inconsistent"


def test_one_blob_with_two_sizes_stops_a_promotion() -> None:
    store = MemoryStore()
    layer = plain(list(image("a").blobs)[1])
    twisted = image("a", layers=[layer, layer | {"size": 1}])
    source = push(store, STAGING, twisted, "1")
    with pytest.raises(InputError) as caught:
        planned(store, source)
    assert caught.value.error_code == "manifest_inconsistent"


def test_bytes_under_another_digest_stop_a_promotion() -> None:
    store = MemoryStore()
    source = push(store, STAGING, image("a"), "1")
    store.repositories[STAGING.place].manifests[image("a").digest] = image("b").manifest
    with pytest.raises(IntegrityError):
        planned(store, source)


class _Forgetful(MemoryStore):
    """Lists a tag and does not resolve it, or the other way round."""

    def tags(self, place: ImageRef) -> tuple[str, ...]:
        """Lie."""
        return () if super().tags(place) else ("1",)


def test_contradicting_answers_about_a_tag_stop_everything() -> None:
    store = _Forgetful()
    with pytest.raises(ConflictError) as caught:
        look_at_target(store, RELEASE.model_copy(update={"tag": "1"}))
    assert caught.value.error_code == "tag_unclear"
    place = push(store, STAGING, image("a"), "1")
    with pytest.raises(ConflictError) as caught:
        condemned(store, place)
    assert caught.value.error_code == "tag_unclear"


def test_a_tag_that_is_listed_but_gone_is_no_tag() -> None:
    store = MemoryStore()
    place = push(store, STAGING, image("a"), "1")
    store.repositories[STAGING.place].tags["dangling"] = OTHER
    assert condemned(store, place).tags == ("1",)


def test_policy_that_would_let_a_release_be_discarded_never_becomes_places() -> None:
    with pytest.raises(PolicyError):
        Places.of([(f"{HOST}/release/app", f"{HOST}/release")])
