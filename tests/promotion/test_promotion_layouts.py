"""Promote and discard over folders: nothing shared, nothing followed, nothing believed that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import STAGING, planned
from registry.contract_images import image, index, push

from gate.errors import InputError, NotFoundError
from gate.model.image import ImageRef, Transport
from gate.promotion.discard import discard
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_discard, prepare_promotion
from gate.promotion.promote import promote
from gate.registry.layout import OciLayout

if TYPE_CHECKING:
    from pathlib import Path


def _layouts(folder: Path) -> tuple[OciLayout, Places, ImageRef]:
    places = Places.of([(f"oci:{folder}/staging", f"oci:{folder}/release")])
    return OciLayout(), places, ImageRef(transport=Transport.OCI_LAYOUT, repository=f"{folder}/staging/app")


def test_a_damaged_blob_in_the_target_is_replaced(tmp_path: Path) -> None:
    store, places, staging = _layouts(tmp_path)
    source = push(store, staging, image("app"), "1")
    plan = prepare_promotion(source, places, source_store=store, target_store=store)
    promote(plan, store, store)
    layer = list(image("app").blobs)[-1].digest.removeprefix("sha256:")
    (tmp_path / "release/app/blobs/sha256" / layer).write_bytes(b"rotten")
    manifest = image("app").digest.removeprefix("sha256:")
    (tmp_path / "release/app/blobs/sha256" / manifest).write_bytes(b"rotten")
    receipt = promote(plan, store, store)
    assert not receipt.already_there
    assert [move.how for move in receipt.blobs] == ["present", "present", "copied"]


def test_staging_and_release_share_no_file(tmp_path: Path) -> None:
    store, places, staging = _layouts(tmp_path)
    source = push(store, staging, image("app"), "1")
    promote(prepare_promotion(source, places, source_store=store, target_store=store), store, store)
    for blob in (tmp_path / "staging/app/blobs/sha256").iterdir():
        blob.write_bytes(b"changed by who may push")
    released = places.release_of(source)
    assert store.manifest(released) == image("app").manifest
    assert all(store.has_blob(released, blob.digest) for blob in image("app").blobs)


def test_a_layout_that_is_gone_whole_proves_no_discard(tmp_path: Path) -> None:
    store, places, staging = _layouts(tmp_path)
    place = push(store, staging, image("app"), "1")
    plan = prepare_discard(place, places, store=store)
    (tmp_path / "staging/app").rename(tmp_path / "unmounted")
    for _ in range(2):
        with pytest.raises(NotFoundError) as caught:
            discard(plan, store, places=places)
        assert caught.value.error_code == "layout_absent"
        (tmp_path / "staging/app").mkdir(exist_ok=True)


def test_a_staging_folder_that_is_a_link_to_a_release_is_not_discarded_from(tmp_path: Path) -> None:
    store, places, staging = _layouts(tmp_path)
    released = push(store, places.release_of(staging), image("app"), "1")
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging/app").symlink_to(tmp_path / "release/app")
    plan = prepare_discard(staging.at(released.digest or ""), places, store=store)
    with pytest.raises(InputError) as caught:
        discard(plan, store, places=places)
    assert caught.value.error_code == "layout_symlink"
    assert store.manifest(released) == image("app").manifest
    assert store.tags(released) == ("1",)


def test_bytes_are_streamed_between_two_kinds_of_store(tmp_path: Path) -> None:
    layout, _, staging = _layouts(tmp_path)
    target = MemoryStore()
    source = push(layout, staging, index(image("a"), image("b")), "1")
    plan = planned(target, push(target, STAGING, index(image("a"), image("b")), "1"))
    crossing = plan.model_copy(update={"source": source, "same_store": False})
    receipt = promote(crossing, layout, target)
    assert {move.how for move in receipt.blobs} == {"uploaded"}
    assert target.manifest(plan.target) == index(image("a"), image("b")).manifest


def test_a_folder_that_is_not_there_yet_is_written_by_one_thread_however_many_are_allowed(tmp_path: Path) -> None:
    store, places, staging = _layouts(tmp_path)
    source = push(store, staging, index(*(image(str(number)) for number in range(5))), "1")
    plan = prepare_promotion(source, places, source_store=store, target_store=store)
    receipt = promote(plan, store, store, workers=8)
    assert len(receipt.blobs) == 15
    assert store.resolve(places.release_of(source)) == source.digest
