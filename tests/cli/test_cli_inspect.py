"""`gate inspect` over indexes, with proofs, and as a bill of materials."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from evaluation.index_world import push_index
from evaluation.input_world import Said
from service.live import Live

from gate.cli import inspect
from gate.cli.inspect import PATIENCE, ProgressReporter
from gate.demo import wheels
from gate.demo.images import Layer
from gate.model.image import ImageFacts, LayerFact
from gate.reports.inspect_json import index_schema

DIGEST = "sha256:" + "1" * 64
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    push_index(folder, "both", {"amd64": (), "arm64": (Layer({"usr/bin/tool": b"#!/bin/sh\n"}),)})
    push_index(folder, "one", {"arm64": ()})
    return folder


def test_every_image_of_an_index_is_listed_and_attestations_are_called_so(
    gate: Callable[..., Said], several: Path
) -> None:
    said = gate("inspect", f"oci:{several}:both")
    assert said.code == 0
    assert said.out.count("\n  image linux/") == 2
    assert "\n  attestation unknown/unknown" in said.out
    assert "linux/amd64, 1 layers" in said.out
    assert "linux/arm64, 2 layers" in said.out


def test_an_index_is_one_object_of_its_own_schema(gate: Callable[..., Said], several: Path) -> None:
    kept = json.loads((SCHEMAS / "inspect-index-1.schema.json").read_text())
    assert kept == index_schema()
    jsonschema.Draft202012Validator.check_schema(kept)
    document = json.loads(gate("inspect", f"oci:{several}:both", "--format", "json").out)
    jsonschema.validate(document, kept)
    assert (document["schema"], document["readable"]) == ("gate.inspect-index/1", True)
    assert [one["image"]["platform"] for one in document["images"]] == ["linux/amd64", "linux/arm64"]
    wrongs: list[dict[str, object]] = [{"schema": "gate.inspect/1"}, {"images": []}, {"more": 1}]
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | wrong, kept)


def test_an_index_of_one_image_is_that_image_with_the_index_beside_it(gate: Callable[..., Said], several: Path) -> None:
    document = json.loads(gate("inspect", f"oci:{several}:one", "--format", "json").out)
    assert document["schema"] == "gate.inspect/1"
    assert [child["role"] for child in document["index"]["children"]] == ["image", "attestation"]
    assert document["image"]["index_digest"] == document["index"]["digest"]


def test_a_platform_chooses_the_image(gate: Callable[..., Said], several: Path) -> None:
    document = json.loads(gate("inspect", f"oci:{several}:both", "--platform", "linux/arm64", "--format", "json").out)
    assert (document["schema"], document["image"]["platform"]) == ("gate.inspect/1", "linux/arm64")


def test_a_platform_that_is_not_there_is_wrong_usage(gate: Callable[..., Said], several: Path, ground: Live) -> None:
    said = gate("inspect", f"oci:{several}:both", "--platform", "linux/s390x")
    assert (said.code, said.out) == (2, "")
    assert "no_such_platform" in said.err
    assert "linux/amd64, linux/arm64" in said.err
    ground.push("alone")
    said = gate("inspect", f"oci:{ground.staging}:alone", "--platform", "linux/arm64")
    assert (said.code, said.out) == (2, "")


def test_a_bill_of_materials_is_about_one_image(gate: Callable[..., Said], several: Path) -> None:
    words = ["inspect", f"oci:{several}:both", "--format", "cyclonedx"]
    said = gate(*words)
    assert (said.code, said.out) == (2, "")
    assert "platform_needed" in said.err
    said = gate(*words, "--platform", "linux/arm64")
    assert said.code == 0
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(said.out) is None


def test_a_file_named_for_it_is_a_bill_of_materials(gate: Callable[..., Said], several: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.cdx.json", tmp_path / "b.json"]
    said = gate("inspect", f"oci:{several}:one", *(word for file in files for word in ("--output", str(file))))
    assert said.code == 0
    assert json.loads(files[0].read_text())["bomFormat"] == "CycloneDX"
    assert json.loads(files[1].read_text())["schema"] == "gate.inspect/1"


def test_without_prove_nothing_is_looked_up_and_without_cache_no_database_is_made(
    gate: Callable[..., Said], ground: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "home"))
    ground.push("plain")
    said = gate("inspect", f"oci:{ground.staging}:plain", "--format", "json", "--no-cache")
    document = json.loads(said.out)
    assert {component["proof"] for component in document["components"]} == {None}
    assert "--prove" not in said.out
    assert not (tmp_path / "home").exists()


def test_prove_shows_each_level_with_its_evidence(
    gate: Callable[..., Said], ground: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.push("proved", private=True)
    monkeypatch.setenv("GATE_HOME", ground.environ["GATE_HOME"])
    said = gate("inspect", f"oci:{ground.staging}:proved", "--prove", "--format", "json")
    assert said.code == 0
    proofs = {one["name"]: one["proof"] for one in json.loads(said.out)["components"]}
    assert proofs["base-files"]["level"] == "proven"
    wheel = next(ground.wheels.glob("*.whl"))
    public = proofs[wheel.name.split("-")[0].lower().replace("_", "-")]
    assert (public["level"], public["origin"]["location"]) == ("proven", "pypi")
    assert len(public["evidence"]["wheel_sha256"].removeprefix("sha256:")) == 64
    private = proofs[wheels.private_wheel(ground.folder / "private").name.split("-")[0].replace("_", "-")]
    assert private["level"] in {"unknown", "contradicted"}
    text = gate("inspect", f"oci:{ground.staging}:proved", "--prove").out
    assert "proof: " in text
    assert "proven (record_equal)" in text


def test_an_index_with_an_image_that_nobody_scanned_is_held(gate: Callable[..., Said], ground: Live) -> None:
    ref = push_index(ground.staging, "index", {"amd64": (), "arm64": ()})
    said = gate("evaluate", f"oci:{ground.staging}:index", "--environment", str(ground.environment))
    assert said.code in {10, 11}
    assert "(linux/arm64)" in said.out
    assert "in 2 images" in said.out
    assert str(ref.digest) in said.out


def test_the_bar_grows_with_every_image_of_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = [0.0], list[int]()
    layers = (LayerFact(digest=DIGEST, diff_id=DIGEST, size=10, media_type="x"),)
    facts = ImageFacts(
        repository="r", digest=DIGEST, media_type="x", config_digest=DIGEST, platform="linux/amd64", layers=layers
    )
    grow = inspect._Bar.grow  # noqa: SLF001 - the bar itself is rich's, which shows nothing where nobody watches

    def listening(bar: inspect._Bar, total: int) -> None:
        told.append(total)
        grow(bar, total)

    monkeypatch.setattr(inspect._Bar, "grow", listening)  # noqa: SLF001 - as above
    with ProgressReporter(is_watched=True, clock=lambda: now[0]) as progress:
        progress.image(facts)
        now[0] = PATIENCE + 1
        progress.layer_read(0, 10)
        progress.image(facts)
        progress.layer_read(0, 5)
    assert told == [20]


def test_what_an_evaluation_has_read_a_command_need_not_read_again(
    gate: Callable[..., Said], ground: Live, tmp_path: Path
) -> None:
    ground.push("shared")
    said = gate("evaluate", f"oci:{ground.staging}:shared", "--environment", str(ground.environment), "--dry-run")
    assert said.code != 12, said.err
    copy = tmp_path / "copy"
    shutil.copytree(ground.staging, copy)
    for blob in (copy / "blobs" / "sha256").iterdir():
        if not blob.read_bytes().startswith(b"{"):
            blob.write_bytes(b"no layer any more")
    known = gate("inspect", f"oci:{copy}:shared", "--format", "json")
    assert known.code == 0, known.err
    assert json.loads(known.out)["components"]
    assert gate("inspect", f"oci:{copy}:shared", "--no-cache").code == 12
