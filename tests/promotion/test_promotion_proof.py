"""Nothing is reported as done that was not read back, and nothing outside staging is ever deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from promotion.promotion_memory import LockedStore, MemoryStore, StuckStore
from promotion.promotion_world import PLACES, RELEASE, STAGING, condemned, planned
from registry.contract_images import image, push

from gate.errors import ConflictError, IntegrityError, NotFoundError, UpstreamError
from gate.model.image import ImageRef
from gate.promotion.discard import discard
from gate.promotion.places import Places
from gate.promotion.promote import promote
from gate.promotion.receipt import DiscardReceipt, PromotionReceipt
from gate.registry.content import DOCKER_MANIFEST
from gate.registry.interface import Manifest

if TYPE_CHECKING:
    from gate.registry.interface import Descriptor


def test_a_receipt_of_a_promotion_says_what_was_read_back() -> None:
    store = MemoryStore()
    receipt = promote(planned(store, push(store, STAGING, image("app"), "1.0")), store, store)
    assert receipt.size == len(image("app").manifest.raw) + sum(len(data) for data in image("app").blobs.values())
    assert [answer.what for answer in receipt.read_back] == ["blob", "blob", "blob", "manifest", "tag"]
    assert receipt.read_back[-1].answer == image("app").digest
    assert {move.how for move in receipt.blobs} == {"copied"}
    assert PromotionReceipt.parse(receipt.canonical()) == receipt


def test_a_receipt_of_a_discard_says_what_was_read_back() -> None:
    store = MemoryStore()
    place = push(store, STAGING, image("app"), "1.0")
    push(store, STAGING, image("other"), "2.0")
    receipt = discard(condemned(store, place), store, places=PLACES)
    assert [(answer.what, answer.name, answer.answer) for answer in receipt.read_back] == [
        ("manifest", place.digest, "not_found"),
        ("tag", "1.0", "not_found"),
        ("tag", "2.0", image("other").digest),
    ]
    assert not receipt.already_gone
    assert DiscardReceipt.parse(receipt.canonical()) == receipt
    assert discard(condemned(store, place), store, places=PLACES).already_gone


def test_promoting_without_a_tag_leaves_the_digest_readable() -> None:
    store = MemoryStore()
    receipt = promote(planned(store, push(store, STAGING, image("app"))), store, store)
    assert store.manifest(RELEASE.at(receipt.digest)) == image("app").manifest
    assert store.tags(RELEASE) == ()


def test_a_plan_that_names_a_release_is_not_carried_out() -> None:
    store = MemoryStore()
    staged = push(store, STAGING, image("app"), "1")
    released = push(store, RELEASE, image("app"), "1")
    forged = condemned(store, staged).model_copy(update={"place": released})
    was = store.snapshot()
    with pytest.raises(ConflictError) as caught:
        discard(forged, store, places=PLACES)
    assert caught.value.error_code == "not_staging"
    assert store.repositories == was


def test_a_policy_that_changed_since_stops_a_planned_discard() -> None:
    store = MemoryStore()
    plan = condemned(store, push(store, STAGING, image("app"), "1"))
    with pytest.raises(ConflictError):
        discard(plan, store, places=Places.of([("registry.example.org/other", "registry.example.org/release")]))
    assert store.tags(STAGING) == ("1",)


def test_a_registry_that_only_says_yes_has_not_discarded() -> None:
    store = StuckStore()
    place = push(store, STAGING, image("app"), "1")
    with pytest.raises(UpstreamError) as caught:
        discard(condemned(store, place), store, places=PLACES)
    assert caught.value.error_code == "discard_unproved"


def test_a_registry_that_forbids_deletion_says_so() -> None:
    store = LockedStore()
    place = push(store, STAGING, image("app"), "1")
    with pytest.raises(UpstreamError) as caught:
        discard(condemned(store, place), store, places=PLACES)
    assert caught.value.error_code == "delete_disabled"


class _TagKeeper(MemoryStore):
    """Hides a deleted manifest from reading by digest and serves it under its tag."""

    hidden: str = ""

    def delete_manifest(self, ref: ImageRef) -> None:
        """Hide."""
        self.hidden = ref.digest or ""

    def manifest(self, ref: ImageRef) -> Manifest:
        """Do not find what is hidden."""
        if ref.digest == self.hidden:
            message = "hidden"
            raise NotFoundError(message)
        return super().manifest(ref)


def test_a_tag_that_still_leads_to_the_digest_disproves_a_discard() -> None:
    store = _TagKeeper()
    place = push(store, STAGING, image("app"), "1")
    with pytest.raises(UpstreamError) as caught:
        discard(condemned(store, place), store, places=PLACES)
    assert caught.value.error_code == "discard_unproved"


def test_a_damaged_manifest_that_stays_disproves_a_discard() -> None:
    store = StuckStore()
    place = push(store, STAGING, image("app"), "1")
    damaged = Manifest(digest=image("app").digest, media_type="application/x-strange", raw=b"?")
    store.repositories[STAGING.place].manifests[damaged.digest] = damaged
    with pytest.raises(UpstreamError) as caught:
        discard(condemned(store, place), store, places=PLACES)
    assert caught.value.error_code == "discard_unproved"


class _Rotting(StuckStore):
    """Has a manifest that nobody can read."""

    def manifest(self, ref: ImageRef) -> Manifest:
        """Fail as a damaged store does."""
        message = f"{ref} is damaged"
        raise IntegrityError(message)


def test_a_manifest_that_is_only_unreadable_is_not_gone() -> None:
    store = _Rotting()
    place = push(store, STAGING, image("app"), "1")
    with pytest.raises(UpstreamError) as caught:
        discard(condemned(store, place), store, places=PLACES)
    assert caught.value.error_code == "discard_unproved"


class _Rewriter(MemoryStore):
    """Writes manifests anew, as a registry that parses them would."""

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Keep other bytes under the same digest."""
        super().put_manifest(target, manifest)
        if target.place == RELEASE.place:
            altered = manifest.model_copy(update={"raw": manifest.raw + b" "})
            self.repositories[target.place].manifests[manifest.digest] = altered


def test_other_bytes_in_the_target_are_not_a_promotion() -> None:
    store = _Rewriter()
    plan = planned(store, push(store, STAGING, image("app"), "1"))
    with pytest.raises(IntegrityError):
        promote(plan, store, store)


class _Retyper(MemoryStore):
    """Forgets the media type of a manifest."""

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Keep it under another."""
        super().put_manifest(target, manifest)
        if target.place == RELEASE.place:
            self.repositories[target.place].manifests[manifest.digest] = manifest.model_copy(
                update={"media_type": DOCKER_MANIFEST}
            )


def test_another_media_type_in_the_target_is_not_a_promotion() -> None:
    store = _Retyper()
    plan = planned(store, push(store, STAGING, image("app"), "1"))
    with pytest.raises(UpstreamError) as caught:
        promote(plan, store, store)
    assert caught.value.error_code == "promotion_unproved"


class _TagLoser(MemoryStore):
    """Accepts a tag and puts it on something else, after the gate has looked."""

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Tag another."""
        super().put_manifest(target, manifest)
        if target.place == RELEASE.place and target.tag:
            self.repositories[target.place].tags[target.tag] = push(self, STAGING, image("thief")).digest or ""
            self.repositories[target.place].manifests[image("thief").digest] = image("thief").manifest


def test_a_tag_that_is_on_another_digest_afterwards_is_not_a_promotion() -> None:
    store = _TagLoser()
    plan = planned(store, push(store, STAGING, image("app"), "1"))
    with pytest.raises(UpstreamError) as caught:
        promote(plan, store, store)
    assert caught.value.error_code == "promotion_unproved"


class _BlobLoser(MemoryStore):
    """Loses every blob as soon as the manifest is there."""

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Keep the manifest alone."""
        super().put_manifest(target, manifest)
        if target.tag and target.place == RELEASE.place:
            self.repositories[target.place].blobs.clear()


def test_a_target_without_blobs_is_not_a_promotion() -> None:
    store = _BlobLoser()
    plan = planned(store, push(store, STAGING, image("app"), "1"))
    with pytest.raises(NotFoundError):
        promote(plan, store, store)


def test_a_source_that_changes_its_size_is_not_promoted() -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, image("app"), "1"))

    def other(part: Descriptor) -> Descriptor:
        return part.model_copy(update={"size": part.size + 1})

    steps = tuple(
        step.model_copy(update={"descriptor": other(step.descriptor)}) if step.verb == "put_manifest" else step
        for step in plan.steps
    )
    with pytest.raises(UpstreamError) as caught:
        promote(plan.model_copy(update={"steps": steps}), store, store)
    assert caught.value.error_code == "promotion_unproved"
    assert store.tags(RELEASE) == ()


def test_a_discard_names_the_release_of_the_same_digest_and_leaves_it() -> None:
    store = MemoryStore()
    staged = push(store, STAGING, image("app"), "1")
    assert condemned(store, staged).released == ""
    push(store, RELEASE, image("app"), "0.9")
    plan = condemned(store, staged)
    receipt = discard(plan, store, places=PLACES)
    assert plan.released == receipt.released == RELEASE.place
    assert store.manifest(RELEASE.at(image("app").digest)) == image("app").manifest


class NoRelease(MemoryStore):
    """The release registry does not answer."""

    def manifest(self, ref: ImageRef) -> Manifest:
        """Fail there."""
        if ref.place == RELEASE.place:
            message = "no answer"
            raise UpstreamError(message)
        return super().manifest(ref)


def test_a_release_place_that_cannot_be_asked_is_unknown_and_keeps_nothing_denied() -> None:
    store = NoRelease()
    staged = push(store, STAGING, image("app"), "1")
    receipt = discard(condemned(store, staged), store, places=PLACES)
    assert receipt.released == "unknown"
    assert staged.digest not in store.repositories[STAGING.place].manifests
