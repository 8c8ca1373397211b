"""An evaluation may read from a mirror what has a digest; tags, and what is promoted, stay the staging place's own."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from evaluation.index_world import base_layer, image, policy_over, push_index, put, world_over
from evaluation.worlds import NOW, submission

from gate.config import load_config
from gate.demo.images import Layer
from gate.errors import IntegrityError, NotFoundError, PolicyError, UpstreamError
from gate.evaluation import Submission
from gate.model.decision import Outcome
from gate.model.image import ImageRef, Transport
from gate.policy.decide import decide
from gate.policy.schema import Promotion
from gate.registry.interface import Descriptor
from gate.registry.layout import OciLayout
from gate.registry.mirrors import MirrorFirst, mirrors_for
from gate.registry.remote import RemoteRegistry
from gate.wiring_stores import open_writer, staged_reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from gate.model.digest import Digest
    from gate.model.evidence import Evidence
    from gate.policy.schema import Policy
    from gate.registry.interface import ImageReader, Manifest


class Copy:
    """A mirror over a folder of its own that counts what it served; it can be told to be down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.served: list[str] = []
        self.asked = 0
        self.down = False
        self._store = OciLayout()

    def _at(self, ref: ImageRef) -> ImageRef:
        self.asked += 1
        if self.down:
            message = "the mirror answers 503"
            raise UpstreamError(message)
        return ref.model_copy(update={"repository": str(self.folder)})

    def resolve(self, ref: ImageRef) -> Digest:
        return self._store.resolve(self._at(ref))

    def manifest(self, ref: ImageRef) -> Manifest:
        found = self._store.manifest(self._at(ref))
        self.served.append(found.digest)
        return found

    @contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        with self._store.blob(self._at(ref), descriptor) as stream:
            self.served.append(descriptor.digest)
            yield stream


@pytest.fixture
def mirror(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "mirror")


def gathered(folder: Path, ref: ImageRef, mirror: Copy) -> tuple[Submission, Evidence]:
    def reading(store: ImageReader, _: ImageRef, policy: Policy) -> ImageReader:
        del policy
        return MirrorFirst(mirror, store)

    given = Submission(ref=ref, environment=submission().environment, policy=policy_over(folder))
    return given, world_over(folder, reading=reading).gather(given, (), submitted_at=NOW, now=NOW)


def mirrored(tmp_path: Path, *above: Layer) -> ImageRef:
    """Push an index to staging and copy all of it to the mirror."""
    ref = push_index(tmp_path / "staging", "1", {"amd64": above, "arm64": above})
    shutil.copytree(tmp_path / "staging", tmp_path / "mirror")
    return ref


def layers_of(evidence: Evidence) -> set[str]:
    return {layer.digest for view in evidence.views() for layer in view.image.image.layers}


def test_what_a_mirror_has_is_read_there_and_what_is_promoted_comes_from_staging(tmp_path: Path, mirror: Copy) -> None:
    ref = mirrored(tmp_path)
    given, evidence = gathered(tmp_path, ref, mirror)
    assert layers_of(evidence) <= set(mirror.served)
    assert ref.digest in mirror.served
    assert {view.image.image.repository for view in evidence.views()} == {ref.place}
    decision = decide(evidence, given.policy, NOW)
    assert decision.outcome is Outcome.PROMOTE
    mirror.served.clear()
    world = world_over(tmp_path)
    world.act(given, decision, world.plan(given, decision).canonical())
    assert mirror.served == []
    assert (tmp_path / "release").exists()


def test_evidence_is_the_same_whoever_served_the_bytes(tmp_path: Path, mirror: Copy) -> None:
    ref = mirrored(tmp_path)
    _, evidence = gathered(tmp_path, ref, mirror)
    shutil.rmtree(tmp_path / "mirror")
    _, again = gathered(tmp_path, ref, mirror)
    assert again == evidence


def test_what_a_mirror_lacks_is_read_from_staging(tmp_path: Path, mirror: Copy) -> None:
    ref = mirrored(tmp_path)
    missing = base_layer("arm64").data
    _, evidence = gathered(tmp_path, ref, mirror)
    (path,) = [one for one in (tmp_path / "mirror").rglob("*") if one.is_file() and one.read_bytes() == missing]
    path.unlink()
    mirror.served.clear()
    assert gathered(tmp_path, ref, mirror)[1] == evidence
    assert len(layers_of(evidence) - set(mirror.served)) == 1


def test_a_mirror_that_fails_is_asked_once_and_passed_over(tmp_path: Path, mirror: Copy) -> None:
    ref = mirrored(tmp_path)
    mirror.down = True
    _, evidence = gathered(tmp_path, ref, mirror)
    assert (mirror.asked, mirror.served) == (1, [])
    assert len(evidence.views()) == 2


def test_other_bytes_from_a_mirror_are_never_taken(tmp_path: Path, mirror: Copy) -> None:
    ref = mirrored(tmp_path)
    wanted = base_layer("amd64").data
    (path,) = [one for one in (tmp_path / "mirror").rglob("*") if one.is_file() and one.read_bytes() == wanted]
    path.chmod(0o644)
    path.write_bytes(Layer({"usr/lib/python3/evil.py": b"x"}).data)
    with pytest.raises(IntegrityError):
        gathered(tmp_path, ref, mirror)
    manifest = next(one for one in (tmp_path / "mirror").rglob(str(ref.digest).removeprefix("sha256:")))
    manifest.chmod(0o644)
    manifest.write_bytes(b"{}")
    path.write_bytes(wanted)
    mirror.served.clear()
    _, evidence = gathered(tmp_path, ref, mirror)
    assert str(ref.digest) not in mirror.served
    assert evidence.index is not None


def test_a_tag_is_never_the_mirrors_to_say(tmp_path: Path, mirror: Copy) -> None:
    ref = mirrored(tmp_path)
    store, named = OciLayout(), ref.model_copy(update={"digest": None})
    stale = ref.model_copy(update={"repository": str(mirror.folder), "digest": None})
    entry = image(store, stale, "amd64", [base_layer("amd64"), Layer({"x": b"y"})])
    put(
        store, stale, {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    )
    reader = MirrorFirst(mirror, store)
    assert reader.resolve(named) == ref.digest != store.resolve(stale)
    assert reader.manifest(ref).digest == ref.digest
    before = mirror.asked
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever a store says of a ref without a digest
        reader.manifest(named)
    assert mirror.asked == before


def test_what_the_staging_place_does_not_give_any_more_is_not_judged_from_a_mirror(
    tmp_path: Path, mirror: Copy
) -> None:
    ref = mirrored(tmp_path)
    shutil.rmtree(tmp_path / "staging")
    with pytest.raises(NotFoundError):
        gathered(tmp_path, ref, mirror)
    assert mirror.asked == 0


@pytest.mark.parametrize("kind", ["layer", "config"])
def test_a_blob_that_staging_lost_is_said_before_anything_is_decided(tmp_path: Path, mirror: Copy, kind: str) -> None:
    ref = mirrored(tmp_path)
    _, evidence = gathered(tmp_path, ref, mirror)
    facts = evidence.image.image
    digest = facts.layers[0].digest if kind == "layer" else facts.config_digest
    (tmp_path / "staging" / "blobs" / "sha256" / digest.removeprefix("sha256:")).unlink()
    with pytest.raises(NotFoundError) as caught:
        gathered(tmp_path, ref, mirror)
    assert caught.value.error_code == "blob_missing"
    assert digest in caught.value.message
    assert "push" in caught.value.hint


def test_a_staging_place_has_the_mirrors_that_its_own_entry_lists() -> None:
    ref = ImageRef(transport=Transport.REGISTRY, repository="staging.example/team/app", tag="1")
    place = Promotion(staging="staging.example/team", release="staging.example/out", mirrors=("mirror.example/x",))
    configured = {"staging.example": "mirror.example/x"}
    known = policy_over_registry(place)
    assert mirrors_for(ref, configured, known.safelist, (place,)) == configured
    for promotion in ((), (place.model_copy(update={"mirrors": ("other.example/x",)}),)):
        with pytest.raises(PolicyError):
            mirrors_for(ref, configured, known.safelist, promotion)
    other = ref.model_copy(update={"repository": "elsewhere.example/team/app"})
    with pytest.raises(PolicyError):
        mirrors_for(other, {"elsewhere.example": "mirror.example/x"}, known.safelist, (place,))


def policy_over_registry(*places: Promotion) -> Policy:
    known = submission().policy
    return known.model_copy(update={"decision": known.decision.model_copy(update={"promotion": places})})


@pytest.mark.usefixtures("home")
def test_configuration_and_policy_together_make_an_evaluation_read_a_mirror() -> None:
    ref = ImageRef(transport=Transport.REGISTRY, repository="staging.example/team/app", tag="1")
    place = Promotion(staging="staging.example/team", release="staging.example/out", mirrors=("mirror.example/x",))
    store = open_writer(Transport.REGISTRY, load_config({}))
    assert isinstance(store, RemoteRegistry)
    plain, configured = load_config({}), load_config({"GATE_REGISTRY_MIRRORS": "staging.example=mirror.example/x"})
    assert staged_reader(store, ref, plain, policy_over_registry(place)) is store
    assert isinstance(staged_reader(store, ref, configured, policy_over_registry(place)), MirrorFirst)
    with pytest.raises(PolicyError) as caught:
        staged_reader(store, ref, configured, policy_over_registry())
    assert caught.value.error_code == "mirror_not_listed"


@pytest.mark.parametrize("mirror", ["", "https://mirror.example", "user@mirror.example", "mirror.example/"])
def test_a_mirror_of_a_staging_place_is_written_plainly(mirror: str) -> None:
    with pytest.raises(ValueError, match="host/prefix"):
        Promotion(staging="a.example/s", release="a.example/r", mirrors=(mirror,))
