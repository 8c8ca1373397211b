"""Archives that are too large, not whole, or of another image than was asked for: none is taken for the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from registry.contract_images import image
from registry.engine_fake import FakeEngine, Legacy, layout_files, running, tar_of

from gate.bounds import HttpBounds, ImageBounds
from gate.errors import (
    BoundError,
    GateError,
    InputError,
    IntegrityError,
    UpstreamError,
)
from gate.model.image import ImageRef, Transport
from gate.registry.content import read_content
from gate.registry.engine import DockerEngine

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


def test_an_archive_larger_than_the_bound_is_given_up(engine: FakeEngine) -> None:
    with DockerEngine(address=engine.address, bounds=ImageBounds(archive_bytes=1000)) as reader:
        assert code_of(reader, BoundError) == "bound_exceeded"


def test_an_archive_with_endless_entries_is_given_up(engine: FakeEngine) -> None:
    files = Legacy().files()[0] | {f"{number}": b"" for number in range(1100)}
    engine.images["app:1"] = (Legacy().id, tar_of(files))
    with DockerEngine(address=engine.address, bounds=ImageBounds(layers=5)) as reader:
        assert code_of(reader, BoundError) == "bound_exceeded"


def test_metadata_larger_than_the_bound_is_given_up(engine: FakeEngine) -> None:
    with DockerEngine(address=engine.address, bounds=ImageBounds(manifest_bytes=10)) as reader:
        assert code_of(reader, BoundError) == "bound_exceeded"


def test_another_image_than_was_asked_for_is_not_taken(engine: FakeEngine, reader: DockerEngine) -> None:
    engine.images["app:1"] = (Legacy().id, Legacy(layers=(b"evil",)).archive())
    with pytest.raises(IntegrityError):
        reader.resolve(APP)


def test_a_layer_with_other_bytes_is_found_out_at_its_end(engine: FakeEngine, reader: DockerEngine) -> None:
    files, links = Legacy().files()
    layer = next(name for name in files if name.endswith("layer.tar"))
    files[layer] = b"!" * len(files[layer])
    engine.images["app:1"] = (Legacy().id, tar_of(files, links=links))
    pinned = APP.at(reader.resolve(APP))
    with pytest.raises(IntegrityError), reader.blob(pinned, read_content(reader.manifest(pinned)).blobs[1]) as stream:
        stream.read()


def test_an_id_that_is_no_digest_is_never_put_into_an_address(engine: FakeEngine, reader: DockerEngine) -> None:
    engine.images["app:1"] = ("../../secrets", Legacy().archive())
    assert code_of(reader, UpstreamError) == "engine_failed"
    assert engine.saves == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"manifest.json": None}, "archive_unknown"),
        ({"manifest.json": b"{"}, "archive_unreadable"),
        ({"manifest.json": b"[" * 100_000}, "archive_unreadable"),
        ({"manifest.json": b"[]"}, "archive_ambiguous"),
        ({"manifest.json": b'[{"Config": "a", "Layers": []}, {"Config": "b", "Layers": []}]'}, "archive_ambiguous"),
        ({"manifest.json": b'[{"Config": "a", "Layers": [1]}]'}, "archive_ambiguous"),
        ({"manifest.json": b'[{"Config": "../../../etc/passwd", "Layers": []}]'}, "archive_unreadable"),
        ({"manifest.json": ONE, "c": b"{"}, "archive_unreadable"),
        ({"manifest.json": ONE, "c": b"{}"}, "archive_unreadable"),
        (
            {
                "manifest.json": b'[{"Config": "c", "Layers": []}]',
                "c": b'{"rootfs":{"type":"layers","diff_ids":["x"]}}',
            },
            "archive_unreadable",
        ),
        (
            {
                "manifest.json": b'[{"Config": "c", "Layers": ["l"]}]',
                "c": b'{"rootfs":{"type":"layers","diff_ids":[]}}',
            },
            "layer_count_differs",
        ),
        ({"oci-layout": b"{}", "index.json": b"{}"}, "layout_invalid"),
        ({"oci-layout": b"{}", "index.json": b'{"schemaVersion": 2, "manifests": []}'}, "archive_ambiguous"),
    ],
)
def test_an_archive_that_is_not_one_whole_image_is_refused(
    engine: FakeEngine, reader: DockerEngine, change: dict[str, bytes | None], code: str
) -> None:
    files, links = Legacy().files()
    changed = {name: data for name, data in (files | change).items() if data is not None}
    engine.images["app:1"] = (Legacy().id, tar_of(changed, links=links))
    assert code_of(reader) == code


def test_a_manifest_with_other_bytes_is_refused(engine: FakeEngine, reader: DockerEngine) -> None:
    sample = image("new")
    files = layout_files(sample) | {f"blobs/sha256/{sample.digest[7:]}": image("evil").manifest.raw}
    engine.images["app:1"] = (sample.digest, tar_of(files))
    assert code_of(reader, IntegrityError) == "digest_mismatch"


def test_two_files_of_one_name_are_refused(engine: FakeEngine, reader: DockerEngine) -> None:
    files, _ = Legacy().files()
    engine.images["app:1"] = (Legacy().id, tar_of(files | {"./manifest.json": b"[]"}))
    assert code_of(reader, InputError) == "archive_ambiguous"


def test_what_is_no_archive_is_refused(engine: FakeEngine, reader: DockerEngine) -> None:
    engine.images["app:1"] = (Legacy().id, b"<html>" * 200)
    assert code_of(reader, InputError) == "archive_unreadable"


def test_an_entry_that_is_no_file_is_refused(engine: FakeEngine, reader: DockerEngine) -> None:
    archive = bytearray(Legacy().archive())
    archive[156:157] = b"6"  # a fifo
    archive[148:156] = b" " * 8
    archive[148:156] = f"{sum(archive[:512]):06o}\0 ".encode()
    engine.images["app:1"] = (Legacy().id, bytes(archive))
    assert code_of(reader, InputError) == "archive_unreadable"
