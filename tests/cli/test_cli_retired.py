"""From a release to its retirement and the next evaluation, by the command line alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from evaluation.input_world import Said
from service.live import Live

from gate.model.image import ImageRef, Transport
from gate.registry.layout import OciLayout


def words(ground: Live, tag: str, environment: Path) -> list[str]:
    return ["evaluate", f"oci:{ground.staging}:{tag}", "--environment", str(environment)]


def place(ground: Live, name: str) -> ImageRef:
    return ImageRef(transport=Transport.OCI_LAYOUT, repository=str(ground.folder / name))


def test_what_was_retired_is_not_released_again_until_two_people_say_so(
    gate: Callable[..., Said], ground: Live
) -> None:
    pushed = ground.push("retired", fresh=True)
    evaluate = words(ground, "retired", ground.environment)
    assert gate(*evaluate).code == 0
    release, digest = place(ground, "release"), str(pushed.digest)
    asking = ["retire", digest, "--place", release.place, "--reason", "it leaks", "--format", "json"]
    asked = json.loads(gate(*asking, "--as", "acme/anna").out)["retirements"][0]["id"]
    assert gate("retire", digest, "--approve", asked, "--as", "acme/ben").code == 0
    assert "retired" not in OciLayout().tags(release)
    again = gate(*evaluate)
    assert again.code == 12
    assert "digest_retired" in again.out
    assert gate(*evaluate, "--dry-run").code == 12
    assert "retired" not in OciLayout().tags(release)
    assert "retired" in OciLayout().tags(place(ground, "staging"))
    back = json.loads(gate(*asking, "--reinstate", "--as", "acme/anna").out)["retirements"][0]["id"]
    assert gate("retire", digest, "--approve", back, "--as", "acme/ben").code == 0
    assert gate(*evaluate).code == 0
    assert "retired" in OciLayout().tags(release)


def test_a_released_copy_keeps_what_is_denied_in_staging_where_policy_counts_it(
    gate: Callable[..., Said], ground: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.push("kept", fresh=True)
    assert gate(*words(ground, "kept", ground.environment)).code == 0
    shutil.copytree(ground.environ["GATE_POLICY"], tmp_path / "policy")
    file = tmp_path / "policy" / "allowlist" / "policy.yaml"
    rules = yaml.safe_load(file.read_text())
    rules["discard"]["users"] = ["release"]
    file.write_text(yaml.safe_dump(rules))
    monkeypatch.setenv("GATE_POLICY", str(tmp_path / "policy"))
    denied = tmp_path / "requirements.txt"
    denied.write_text("six @ https://packages.acme.example/six-1.17.0-py2.py3-none-any.whl\n")
    for dry in ((), ("--dry-run",)):
        said = gate(*words(ground, "kept", denied), *dry)
        assert said.code == 12
        assert "digest_in_use" in said.out + said.err
        assert str(ground.folder / "release") in said.out + said.err
    assert "kept" in OciLayout().tags(place(ground, "staging"))
    assert "kept" in OciLayout().tags(place(ground, "release"))
