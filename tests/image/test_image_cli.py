"""`gate inspect` as people and pipelines call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from image.image_world import SITE, Node, World, layer, wheel, write_layout

from gate.cli import main
from gate.cli.inspect import PATIENCE, ProgressReporter
from gate.model.image import BaseMatch, ImageFacts, Inventory, LayerFact, RecordCheck
from gate.reports.inspect_json import schema
from gate.reports.inspect_text import render
from gate.reports.inspected import Inspected

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "inspect-1.schema.json"
DEFAULTS = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what layers say in a database of the test's own."""
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "home"))


def layout(folder: Path, *layers: Mapping[str, Node]) -> str:
    """Write an image as an OCI layout and return what a person types."""
    world = World()
    write_layout(world_with(world, *layers), folder / "image", latest=next(iter(world.manifests)))
    return f"oci:{folder / 'image'}:latest"


def world_with(world: World, *layers: Mapping[str, Node]) -> World:
    world.image(*(layer(one) for one in layers))
    return world


def inspect_json(image: str, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    code = main(["inspect", image, "--format", "json", *options])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    return code, document


def test_the_schema_in_the_docs_is_the_one_of_the_values() -> None:
    assert json.loads(SCHEMA.read_text()) == schema()
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_json_lists_every_component_and_fits_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = inspect_json(layout(tmp_path, wheel(), wheel("other")), capsys)
    assert (code, document["schema"], document["readable"]) == (0, "gate.inspect/1", True)
    assert [one["name"] for one in document["components"]] == ["demo", "other"]
    assert document["image"]["repository"] == f"oci:{tmp_path}/image"


def test_the_schema_refuses_what_it_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document = inspect_json(layout(tmp_path, wheel()), capsys)
    for change in ({"extra": 1}, {"schema": "gate.inspect/2"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | change, json.loads(SCHEMA.read_text()))
    del document["problems"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(SCHEMA.read_text()))


def test_text_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", layout(tmp_path, wheel())]) == 0
    captured = capsys.readouterr()
    assert "demo" in captured.out
    assert "5 as recorded" not in captured.out
    assert "components: 1 pypi" in captured.out
    assert "\x1b" not in captured.out
    assert captured.err == ""


def test_a_problem_ends_in_12_and_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = layout(tmp_path, wheel() | {f"{SITE}/demo-1.0.dist-info/RECORD": b"nothing\n"})
    assert main(["inspect", image]) == 12
    text = capsys.readouterr().out
    assert "error[record_unparseable]" in text
    assert "not everything could be read" in text
    code, document = inspect_json(image, capsys)
    assert (code, document["readable"]) == (12, False)


def test_a_warning_alone_ends_in_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = layout(tmp_path, wheel(site="real/site-packages") | {"link": "-> real"}, {"link/x": b""})
    code, document = inspect_json(image, capsys)
    assert (code, [one["severity"] for one in document["problems"]]) == (0, ["warning"])


@pytest.mark.parametrize("name", ["latest2", "none"])
def test_an_image_that_is_not_there_ends_in_12_without_a_traceback(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout(tmp_path, wheel())
    assert main(["inspect", f"oci:{tmp_path}/image:{name}"]) == 12
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error[")


@pytest.mark.parametrize(
    "words", [["inspect"], ["inspect", "https://example.org/x"], ["inspect", "oci:x:y", "--format", "xml"]]
)
def test_wrong_words_end_in_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().out == ""


def test_a_layer_with_a_wrong_diff_id_ends_in_12(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    one = layer(wheel())
    one.diff_id = "sha256:" + "0" * 64
    digest = world.image(one)
    write_layout(world, tmp_path / "image", latest=digest)
    assert main(["inspect", f"oci:{tmp_path}/image:latest"]) == 12
    captured = capsys.readouterr()
    assert "error[diff_id_mismatch]" in captured.err
    assert captured.out == ""


def test_a_layer_that_was_read_once_is_not_read_again_unless_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = layout(tmp_path, wheel())
    assert main(["inspect", image, "--format", "json", "--no-cache"]) == 0
    first = capsys.readouterr().out
    assert not (tmp_path / "home").exists()
    assert main(["inspect", image, "--format", "json"]) == 0
    assert capsys.readouterr().out == first
    layer_blob = max((tmp_path / "image" / "blobs" / "sha256").iterdir(), key=lambda file: file.stat().st_size)
    layer_blob.write_bytes(b"other bytes")
    assert main(["inspect", image, "--format", "json"]) == 0
    assert capsys.readouterr().out == first
    assert main(["inspect", image, "--format", "json", "--no-cache"]) == 12
    assert "error[" in capsys.readouterr().err


def test_reports_are_also_written_to_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = layout(tmp_path, wheel())
    files = [tmp_path / "a.json", tmp_path / "b.txt", tmp_path / "c"]
    assert main(["inspect", image, *(word for file in files for word in ("--output", str(file)))]) == 0
    text = capsys.readouterr().out
    assert json.loads(files[0].read_text())["schema"] == "gate.inspect/1"
    assert files[1].read_text() == files[2].read_text() == text


def test_an_output_that_cannot_be_written_ends_in_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = layout(tmp_path, wheel())
    assert main(["inspect", image, "--output", str(tmp_path / "nowhere" / "a.json")]) == 2
    assert capsys.readouterr().out == ""
    assert main(["inspect", image, "--output", str(tmp_path)]) == 2


def test_the_base_comes_from_the_policy_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    below = layer(wheel())
    digest = world.image(below, layer(wheel("model")))
    write_layout(world, tmp_path / "image", latest=digest)
    policy = tmp_path / "policy"
    for folder in ("allowlist", "exceptions"):
        for file in (DEFAULTS / folder).rglob("*.yaml"):
            copy = policy / file.relative_to(DEFAULTS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    safelist = policy / "allowlist" / "safelist.yaml"
    text = yaml.safe_load(safelist.read_text())
    text["base_images"] = [{"reference": "mcr.example.org/base:1", "diff_ids": [below.diff_id]}]
    safelist.write_text(yaml.safe_dump(text))
    image = f"oci:{tmp_path}/image:latest"
    _, document = inspect_json(image, capsys, "--policy", str(policy))
    assert document["base"] == {"reference": "mcr.example.org/base:1", "layers": 1}
    assert [one["in_base"] for one in document["components"]] == [True, False]
    _, without = inspect_json(image, capsys)
    assert without["base"] is None


def test_a_policy_that_cannot_be_read_ends_in_12(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", layout(tmp_path, wheel()), "--policy", str(tmp_path)]) == 12
    assert capsys.readouterr().out == ""


def test_the_command_runs_as_a_program_with_pipes(tmp_path: Path) -> None:
    image = layout(tmp_path, wheel())
    run = subprocess.run(
        [sys.executable, "-m", "gate", "inspect", image, "--format", "json"],
        capture_output=True,
        check=False,
        env=os.environ,
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert json.loads(run.stdout)["readable"] is True


def facts() -> ImageFacts:
    digest = "sha256:" + "0" * 64
    one = LayerFact(digest=digest, diff_id=digest, size=1000, media_type="x")
    return ImageFacts(
        repository="r", digest=digest, media_type="x", config_digest=digest, platform="linux/amd64", layers=(one, one)
    )


@pytest.mark.parametrize(
    ("is_watched", "seconds", "shown"), [(True, PATIENCE + 1, True), (True, 0, False), (False, 9, False)]
)
def test_progress_is_shown_to_who_watches_and_has_waited(
    is_watched: bool,
    seconds: float,
    shown: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    times = iter([0.0, *([seconds] * 10)])
    with ProgressReporter(is_watched=is_watched, clock=lambda: next(times)) as progress:
        progress.image(facts())
        progress.layer_read(0, 500)
        progress.layer_read(1, 500)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert bool(captured.err) is shown


def test_text_shows_base_index_origin_and_damage() -> None:
    world = World()
    files = wheel() | {f"{SITE}/demo/__init__.py": b"evil", "app/x.jar": b""}
    vcs = wheel("vcs", direct_url={"url": "https://example.org/r", "vcs_info": {"vcs": "git", "commit_id": "c"}})
    conda = {
        "opt/conda/conda-meta/c-1-0.json": b'{"name": "c", "version": "1", "build": "0", "channel": "some-channel"}'
    }
    deb = {"var/lib/dpkg/status": b"Package: d1\nVersion: 1\nSource: d-source\n"}
    found, _ = world.read(world.index(world.image(layer(files | vcs), layer(conda | deb))))
    found = found.model_copy(update={"base": BaseMatch(reference="mcr.example.org/base", layers=1)})
    check = RecordCheck(rows=3, equal=1, missing=2, differing=0, unhashed=0)
    changed = [
        one.model_copy(update={"record": check})
        if one.name == "vcs"
        else one.model_copy(update={"in_base": one.name == "demo"})
        for one in found.components
    ]
    text = render(Inspected(images=(found.model_copy(update={"components": tuple(changed)}),)))
    words = ["index sha256:", "mcr.example.org/base", "1 differ", "2 missing", "https://example.org/r"]
    for word in [*words, "some-channel", "d-source", "1 jar", "0 base"]:
        assert word in text
    assert "base_modified" not in text


def test_text_of_an_empty_inventory_says_none_and_shows_control_characters() -> None:
    text = render(
        Inspected(images=(Inventory(image=facts().model_copy(update={"repository": "evil\x1b[31m"})),)), color=False
    )
    assert "components: none" in text
    assert "\x1b" not in text


def test_text_tells_a_debian_package_that_was_changed_since_the_base() -> None:
    world = World()
    base = layer({"var/lib/dpkg/status": b"Package: d1\nVersion: 1\n", "usr/bin/x": b"1"})
    found, _ = world.read(world.image(base, layer({"usr/bin/x": b"2"})), base_catalogue=[("base", (base.diff_id,))])
    assert "changed since the base" in render(Inspected(images=(found,)))
