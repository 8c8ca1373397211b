"""`gate policy base`: a base comes into the catalogue by its bytes, from a registry that policy lists or its mirror."""

from __future__ import annotations

import io
import json
import shutil
import uuid
from pathlib import Path

import pytest
import yaml
from evaluation.index_world import base_layer
from servers.images import descriptor_of
from servers.registry import RegistryServer

from gate.bounds import ImageBounds
from gate.cli import main
from gate.config import load_config
from gate.demo.images import Layer
from gate.image.images import read_images
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.policy.bases import catalogue_of
from gate.policy.source import embedded, load_policy
from gate.registry.content import OCI_INDEX, OCI_MANIFEST
from gate.registry.interface import ImageWriter, Manifest
from gate.wiring_stores import open_writer

LAYER, CONFIG = "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.config.v1+json"
NOWHERE = "bases.example.invalid"


@pytest.fixture
def store(home: Path) -> ImageWriter:
    del home
    return open_writer(Transport.REGISTRY, load_config({}))


@pytest.fixture
def folder(tmp_path: Path, registry: RegistryServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy that lists the test's registry, and one that is only there as a mirror."""
    for name in ("allowlist", "exceptions"):
        shutil.copytree(embedded() / name, tmp_path / "policy" / name)
    safelist = tmp_path / "policy" / "allowlist" / "safelist.yaml"
    content = yaml.safe_load(safelist.read_text())
    content["image_registries"] = [{"host": registry.host}, {"host": NOWHERE, "mirrors": [f"{registry.host}/mirror"]}]
    safelist.write_text(yaml.safe_dump(content))
    monkeypatch.delenv("GATE_POLICY", raising=False)
    return tmp_path / "policy"


def put(store: ImageWriter, target: ImageRef, document: dict[str, object]) -> dict[str, object]:
    raw, media_type = json.dumps(document).encode(), str(document["mediaType"])
    store.put_manifest(target, Manifest(digest=sha256_of(raw), media_type=media_type, raw=raw))
    return {"mediaType": media_type, "digest": sha256_of(raw), "size": len(raw)}


def image(
    store: ImageWriter, target: ImageRef, architecture: str, *above: Layer, system: str = "linux", created: str = ""
) -> dict[str, object]:
    """Push an image and return its entry in an index."""
    layers = [base_layer(architecture), *above]
    rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}
    config = {"os": system, "architecture": architecture, "rootfs": rootfs}
    if created:
        config["created"] = created
    blobs = [(json.dumps(config).encode(), CONFIG), *((layer.data, LAYER) for layer in layers)]
    listed = []
    for data, media_type in blobs:
        descriptor = descriptor_of(data, media_type)
        store.upload_blob(target, descriptor, io.BytesIO(data))
        listed.append({"mediaType": media_type, "digest": descriptor.digest, "size": descriptor.size})
    body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": listed[0], "layers": listed[1:]}
    return put(store, target, body) | {"platform": {"os": system, "architecture": architecture}}


def place(registry: RegistryServer, prefix: str = "") -> ImageRef:
    repository = f"{registry.host}/{prefix}{uuid.uuid4().hex}/base"
    return ImageRef(transport=Transport.REGISTRY, repository=repository, tag="1")


def several(store: ImageWriter, ref: ImageRef, created: str = "2026-10-01T00:00:00Z") -> str:
    untagged = ref.model_copy(update={"tag": ""})
    entries = [image(store, untagged, name, created=created) for name in ("amd64", "arm64")]
    entries.append(image(store, untagged, "amd64", Layer({"x": b""}), system="windows"))
    return str(put(store, ref, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})["digest"])


def test_an_index_comes_in_once_a_linux_platform_with_digests_and_dates(
    store: ImageWriter, registry: RegistryServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ref = place(registry)
    index = several(store, ref)
    assert main(["policy", "base", "add", str(ref), "--policy", str(folder)]) == 0
    assert capsys.readouterr().out.count("added: ") == 2
    first, second = load_policy(folder).safelist.base_images
    assert [one.platform for one in (first, second)] == ["linux/amd64", "linux/arm64"]
    assert (first.reference, first.index) == (str(ref), index)
    assert first.diff_ids == (base_layer("amd64").diff_id,)
    assert first.layers == (sha256_of(base_layer("amd64").data),)
    assert first.created is not None
    assert first.created.isoformat() == "2026-10-01T00:00:00+00:00"
    assert main(["policy", "check", str(folder)]) == 0


def test_an_image_on_what_was_added_stands_on_it_and_its_neighbour_does_not(
    store: ImageWriter, registry: RegistryServer, folder: Path
) -> None:
    ref = place(registry)
    several(store, ref)
    assert main(["policy", "base", "add", str(ref), "--policy", str(folder), "--platform", "linux/arm64"]) == 0
    catalogue = catalogue_of(load_policy(folder).safelist.base_images)
    built = place(registry)
    for architecture, stands in (("arm64", True), ("amd64", False)):
        digest = str(image(store, built, architecture, Layer({"app/main.py": b"print()\n"}))["digest"])
        _, images = read_images(store, built.at(digest), bounds=ImageBounds(), base_catalogue=catalogue)
        ((inventory, _),) = images
        assert (inventory.base is not None) == stands


def test_adding_twice_changes_nothing_and_a_new_version_comes_behind(
    store: ImageWriter, registry: RegistryServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ref = place(registry)
    image(store, ref, "amd64", created="2026-01-01T00:00:00Z")
    words = ["policy", "base", "add", str(ref), "--policy", str(folder)]
    assert main(words) == 0
    (path,) = (folder / "allowlist" / "bases").iterdir()
    text = path.read_text()
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("there already: ")
    assert path.read_text() == text
    image(store, ref, "amd64", Layer({"new": b""}), created="2026-02-01T00:00:00Z")
    assert main(words) == 0
    old, new = load_policy(folder).safelist.base_images
    assert (len(old.layers), len(new.layers)) == (1, 2)
    assert main(["policy", "base", "list", "--policy", str(folder)]) == 0
    listed = capsys.readouterr().out.splitlines()[-2:]
    assert "made 2026-01-01, 1 layer(s)" in listed[0]
    assert "made 2026-02-01, 2 layer(s)" in listed[1]


def test_a_mirror_is_asked_and_the_registry_is_named(
    store: ImageWriter, registry: RegistryServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored = place(registry, "mirror/")
    digest = image(store, mirrored, "amd64")["digest"]
    name = mirrored.repository.replace(f"{registry.host}/mirror", NOWHERE)
    monkeypatch.setenv("GATE_REGISTRY_MIRRORS", f"{NOWHERE}={registry.host}/mirror")
    assert main(["policy", "base", "add", f"{name}@{digest}", "--policy", str(folder)]) == 0
    (base,) = load_policy(folder).safelist.base_images
    assert (base.reference, base.digest, base.created) == (f"{name}@{digest}", digest, None)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["docker.io/library/python:3"], 12, "base_not_safelisted"),
        (["oci:/somewhere:1"], 2, "not_a_registry_image"),
        (["REF", "--platform", "linux/s390x"], 12, "no_such_platform"),
        (["NONE"], 12, "not_found"),
        (["https://x"], 2, "bad_image_reference"),
    ],
)
def test_what_can_not_be_added_leaves_the_policy_as_it_is(  # noqa: PLR0917 - fixtures
    store: ImageWriter,
    registry: RegistryServer,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    said: str,
) -> None:
    ref = place(registry)
    several(store, ref)
    names = {"REF": str(ref), "NONE": str(place(registry))}
    before = load_policy(folder).fingerprint()
    assert main(["policy", "base", "add", *(names.get(word, word) for word in words), "--policy", str(folder)]) == code
    assert said in capsys.readouterr().err
    assert load_policy(folder).fingerprint() == before
    assert not (folder / "allowlist" / "bases").exists()


def test_an_image_for_another_system_is_no_base(store: ImageWriter, registry: RegistryServer, folder: Path) -> None:
    ref = place(registry)
    untagged = ref.model_copy(update={"tag": ""})
    entries = [image(store, untagged, "amd64", system="windows")]
    put(store, ref, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    assert main(["policy", "base", "add", str(ref), "--policy", str(folder)]) == 12


def test_a_folder_that_can_not_be_written_is_said(
    store: ImageWriter, registry: RegistryServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ref = place(registry)
    image(store, ref, "amd64")
    (folder / "allowlist" / "bases").write_text("in the way")
    assert main(["policy", "base", "add", str(ref), "--policy", str(folder)]) == 2
    assert "can't be written" in capsys.readouterr().err


def test_an_empty_catalogue_says_what_it_means(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert main(["policy", "base", "list", "--policy", str(folder)]) == 0
    assert "every image is refused" in capsys.readouterr().out
    assert main(["policy", "base", "list", "--policy", str(folder), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "gate.bases/1", "bases": []}
