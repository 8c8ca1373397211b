"""Images of a local engine: both shapes of archive, and an engine that is absent, lies, breaks off or hangs."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from registry.contract_images import image, index
from registry.engine_fake import FakeEngine, Legacy, layout_files, running, tar_of

from gate.bounds import HttpBounds
from gate.errors import (
    GateError,
    NotFoundError,
    StoreError,
    TimeoutUpstreamError,
    UpstreamError,
    UsageError,
)
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.registry.content import DOCKER_MANIFEST, read_content
from gate.registry.engine import DockerEngine
from gate.registry.interface import Descriptor, ImageReader

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = ImageRef(transport=Transport.DOCKER_ENGINE, repository="app", tag="1")
ABSENT = "sha256:" + "0" * 64
ONE = b'[{"Config": "c", "Layers": []}]'
SHORT = HttpBounds(connect=5, read=1, stream=20)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with running(FakeEngine(images={"app:1": (Legacy().id, Legacy().archive())})) as started:
        yield started


@pytest.fixture
def reader(engine: FakeEngine) -> Iterator[DockerEngine]:
    with DockerEngine(address=engine.address, http=SHORT) as opened:
        yield opened


def code_of(reader: DockerEngine, kind: type[GateError] = GateError) -> str:
    with pytest.raises(kind) as caught:
        reader.resolve(APP)
    return caught.value.error_code


def test_an_image_of_an_older_engine_is_read_through_a_manifest_written_here(reader: DockerEngine) -> None:
    digest = reader.resolve(APP)
    manifest = reader.manifest(APP.at(digest))
    assert (manifest.digest, manifest.media_type) == (digest, DOCKER_MANIFEST)
    assert sha256_of(manifest.raw) == digest
    config, *layers = read_content(manifest).blobs
    assert config.digest == Legacy().id
    for descriptor, data in zip([config, *layers], [Legacy().config, *Legacy().layers], strict=True):
        with reader.blob(APP.at(digest), descriptor) as stream:
            assert stream.read() == data
    assert isinstance(reader, ImageReader)


def test_the_digest_stays_the_same_as_long_as_the_bytes_do(engine: FakeEngine) -> None:
    digests = set()
    for _ in range(2):
        with DockerEngine(address=engine.address) as fresh:
            digests.add(fresh.resolve(APP))
    assert len(digests) == 1
    with DockerEngine(address=engine.address) as fresh:
        assert fresh.manifest(APP.at(digests.pop())).media_type == DOCKER_MANIFEST


def test_an_image_is_fetched_once_for_all_its_parts(engine: FakeEngine, reader: DockerEngine) -> None:
    pinned = APP.at(reader.resolve(APP))
    for descriptor in read_content(reader.manifest(pinned)).blobs:
        with reader.blob(pinned, descriptor) as stream:
            stream.read()
    assert reader.resolve(pinned) == pinned.digest
    assert engine.saves == 1


def test_two_layers_are_read_at_the_same_time(reader: DockerEngine) -> None:
    pinned = APP.at(reader.resolve(APP))
    _, one, two = read_content(reader.manifest(pinned)).blobs
    with reader.blob(pinned, one) as first, reader.blob(pinned, two) as second:
        halves = first.read(50), second.read(50)
        assert halves[0] + first.read() == Legacy().layers[0]
        assert halves[1] + second.read() == Legacy().layers[1]


def test_a_layer_that_occurs_twice_is_found_through_its_link(engine: FakeEngine, reader: DockerEngine) -> None:
    twice = Legacy(layers=(b"same" * 9, b"other", b"same" * 9))
    engine.images["app:1"] = (twice.id, twice.archive())
    pinned = APP.at(reader.resolve(APP))
    layers = read_content(reader.manifest(pinned)).blobs[1:]
    assert layers[0] == layers[2]
    with reader.blob(pinned, layers[2]) as stream:
        assert stream.read() == b"same" * 9


def test_an_image_of_a_newer_engine_keeps_its_own_manifest(engine: FakeEngine, reader: DockerEngine) -> None:
    sample = image("new")
    engine.images["app:1"] = (next(iter(sample.blobs)).digest, tar_of(layout_files(sample)))
    pinned = APP.at(reader.resolve(APP))
    assert reader.manifest(pinned) == sample.manifest
    for descriptor, data in sample.blobs.items():
        with reader.blob(pinned, descriptor) as stream:
            assert stream.read() == data


def test_an_index_of_a_newer_engine_has_the_children_that_were_pulled(engine: FakeEngine, reader: DockerEngine) -> None:
    here, elsewhere = image("amd64"), image("arm64")
    sample = index(here, elsewhere)
    engine.images["app:1"] = (sample.digest, tar_of(layout_files(sample, without=(elsewhere.digest,))))
    pinned = APP.at(reader.resolve(APP))
    assert reader.manifest(pinned) == sample.manifest
    assert reader.manifest(pinned.at(here.digest)) == here.manifest
    assert reader.resolve(pinned.at(here.digest)) == here.digest
    with pytest.raises(NotFoundError):
        reader.manifest(pinned.at(elsewhere.digest))


def test_an_absent_image_is_not_found(reader: DockerEngine) -> None:
    with pytest.raises(NotFoundError) as caught:
        reader.resolve(APP.model_copy(update={"tag": "2"}))
    assert caught.value.error_code == "image_absent"


def test_a_name_that_means_another_image_now_is_not_found(engine: FakeEngine, reader: DockerEngine) -> None:
    pinned = APP.at(reader.resolve(APP))
    other = Legacy(layers=(b"other",))
    engine.images["app:1"] = (other.id, other.archive())
    assert reader.resolve(pinned) == pinned.digest
    with DockerEngine(address=engine.address) as later, pytest.raises(NotFoundError) as caught:
        later.resolve(pinned)
    assert caught.value.error_code == "image_moved"


def test_an_absent_blob_is_not_found(reader: DockerEngine) -> None:
    pinned = APP.at(reader.resolve(APP))
    absent = Descriptor(digest=ABSENT, size=1, media_type="x/y")
    with pytest.raises(NotFoundError), reader.blob(pinned, absent):
        pass


def test_a_manifest_is_asked_for_by_digest(reader: DockerEngine) -> None:
    with pytest.raises(UsageError):
        reader.manifest(APP)


def test_a_registry_ref_is_not_the_engines(reader: DockerEngine) -> None:
    with pytest.raises(UsageError) as caught:
        reader.resolve(APP.model_copy(update={"transport": Transport.REGISTRY}))
    assert caught.value.error_code == "wrong_transport"


def test_no_engine_is_an_error_with_a_way_out() -> None:
    reader = DockerEngine(address="tcp://127.0.0.1:1", http=SHORT)
    with pytest.raises(UpstreamError) as caught:
        reader.resolve(APP)
    assert caught.value.error_code == "engine_absent"
    assert "DOCKER_HOST" in caught.value.hint


def test_the_engine_is_found_as_the_docker_command_finds_it(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    with DockerEngine() as reader:
        assert reader.resolve(APP).startswith("sha256:")


def test_an_engine_that_fails_says_so_without_its_secrets(engine: FakeEngine, reader: DockerEngine) -> None:
    engine.status = 500
    with pytest.raises(UpstreamError) as caught:
        reader.resolve(APP)
    assert caught.value.error_code == "engine_failed"
    assert "hunter2" not in caught.value.message


def test_an_engine_that_lost_the_image_meanwhile_is_not_found_or_failed(
    engine: FakeEngine, reader: DockerEngine
) -> None:
    engine.status = 404
    assert code_of(reader, UpstreamError) == "engine_failed"


@pytest.mark.parametrize("at", [0, 100, 700, 3000])
def test_an_archive_that_breaks_off_is_no_image(engine: FakeEngine, reader: DockerEngine, at: int) -> None:
    engine.cut_at = at
    assert code_of(reader, UpstreamError) == "engine_failed"


def test_an_engine_that_hangs_is_given_up(engine: FakeEngine, reader: DockerEngine) -> None:
    engine.hang_at = 600
    assert code_of(reader, TimeoutUpstreamError) == "upstream_timeout"


def test_an_engine_that_hangs_on_its_socket_is_given_up() -> None:
    """The SDK's own `get_image` switches the timeout of this very connection off."""
    holding = FakeEngine(images={"app:1": (Legacy().id, Legacy().archive())}, hang_at=600)
    # Not pytest's folder: the path of a socket may not be longer than 107 bytes.
    with tempfile.TemporaryDirectory() as folder, running(holding, socket=Path(folder) / "s") as engine:
        with DockerEngine(address=engine.address, http=SHORT) as reader:
            assert code_of(reader, TimeoutUpstreamError) == "upstream_timeout"
        engine.hang_at = None
        with DockerEngine(address=engine.address, http=SHORT) as reader:
            assert reader.resolve(APP).startswith("sha256:")


def test_an_engine_that_takes_for_ever_is_given_up(engine: FakeEngine) -> None:
    hurried = dataclasses.replace(SHORT, stream=-1.0)
    with DockerEngine(address=engine.address, http=hurried) as reader:
        assert code_of(reader, TimeoutUpstreamError) == "upstream_timeout"


def test_a_refused_image_leaves_the_one_before_readable(engine: FakeEngine, reader: DockerEngine) -> None:
    pinned = APP.at(reader.resolve(APP))
    engine.images["app:1"] = (Legacy().id, b"")
    with pytest.raises(GateError):
        reader.resolve(APP)
    assert reader.manifest(pinned).digest == pinned.digest


def test_a_folder_that_does_not_exist_is_the_gates_own_fault(engine: FakeEngine, tmp_path: Path) -> None:
    with DockerEngine(address=engine.address, folder=str(tmp_path / "none")) as reader:
        assert code_of(reader, StoreError) == "spool_failed"


def test_nothing_is_left_on_disk(engine: FakeEngine, tmp_path: Path) -> None:
    with DockerEngine(address=engine.address, folder=str(tmp_path)) as reader:
        pinned = APP.at(reader.resolve(APP))
        with reader.blob(pinned, read_content(reader.manifest(pinned)).blobs[0]) as stream:
            stream.read(1)
        assert os.listdir(tmp_path) == []  # noqa: PTH208 - the shortest way to say it is empty
    assert tempfile.gettempdir()
    reader.close()


def test_without_the_sdk_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "docker", None)
    reader = DockerEngine()
    with pytest.raises(UpstreamError) as caught:
        reader.resolve(APP)
    assert caught.value.error_code == "engine_absent"
    assert "gate[docker]" in caught.value.hint
