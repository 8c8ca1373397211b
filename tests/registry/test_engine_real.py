"""What the real engine hands over is what it says of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gate.errors import NotFoundError
from gate.model.base import sha256_of
from gate.registry.content import read_content
from gate.registry.engine import DockerEngine
from gate.registry.reference import parse_image_ref

if TYPE_CHECKING:
    from pathlib import Path

    from servers.engine import DockerEngine as Engine


def test_an_image_is_read_layer_by_layer_as_the_engine_names_them(docker_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    (tmp_path / "two").write_text("two" * 10_000)
    # The first layer twice: engines before 25 hand the second over as a symlink.
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY one /\nCOPY two /\nCOPY one /\nCMD ["/one"]\n')
    image_id = docker_engine.build(tmp_path, "gate-tests/engine-real:1")
    ref = parse_image_ref("docker:gate-tests/engine-real:1")
    with DockerEngine(address=docker_engine.host) as reader:
        pinned = ref.at(reader.resolve(ref))
        config, *layers = read_content(reader.manifest(pinned)).blobs
        with reader.blob(pinned, config) as stream:
            assert sha256_of(stream.read()) == config.digest == image_id
        assert tuple(layer.digest for layer in layers) == docker_engine.diff_ids("gate-tests/engine-real:1")
        for layer in layers:
            with reader.blob(pinned, layer) as stream:
                assert len(stream.read()) == layer.size
        with pytest.raises(NotFoundError):
            reader.resolve(parse_image_ref("docker:gate-tests/none:1"))
    with DockerEngine(address=docker_engine.host) as again:
        assert again.resolve(ref) == pinned.digest
