"""`gate check --resolve` end to end: sound sets pass in every form, and no form is green where a set is not sound."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from packaging.pylock import Pylock
from resolve.resolve_cli import Caller, Said, days_ago, publish
from resolve.resolve_world import telltale_sdist

from gate.cli import main
from gate.resolve.settings import ResolveConfig
from gate.resolve.uv import uv_program

if TYPE_CHECKING:
    from index.index_server import IndexServer

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "check-1.schema.json").read_text())


def refused(said: Said, code: int = 10) -> None:
    """Hold that nothing looks as if it had passed, and that what is printed has the published form."""
    assert said.code == code
    assert said.green == set()
    assert said.report["verdict"] == {10: "needs_exception", 12: "unparseable"}[code]
    assert said.sarif["invocations"][0]["executionSuccessful"] is (code == 10)
    jsonschema.validate(said.report, SCHEMA)


def test_a_sound_set_passes_in_every_form(caller: Caller, index: IndexServer) -> None:
    publish(index, "one", metadata="Requires-Dist: two>=1\n")
    publish(index, "two", "1.5")
    caller.write("one==1.0\n")
    said = caller.check()
    assert (said.code, said.err) == (0, "")
    assert len(said.green) == 5
    assert said.pins == ["one==1.0", "two==1.5"]
    assert "closed set of requirements.txt: sound: 2 packages for linux-x86_64, Python 3.11" in said.out
    jsonschema.validate(said.report, SCHEMA)
    two = said.only["packages"][1]
    assert two["required_by"] == ["one"]
    (file,) = two["files"]
    assert file["sha256"].startswith("sha256:")
    assert file["size"] > 0
    assert file["upload_time"]
    cases = [case.get("name") for case in said.junit.iter("testcase")]
    assert {"set-closed", "yanked", "cooling-off", "wheels-only", "project-status", "reserved-name", "pinned"} <= set(
        cases
    )
    assert said.sarif["properties"]["closedSets"] == [
        {
            "definition": "requirements.txt",
            "verdict": "sound",
            "packages": 2,
            "platform": "linux-x86_64",
            "python": "3.11",
        }
    ]


def test_without_the_option_nobody_is_asked_and_no_set_is_shown(
    caller: Caller, index: IndexServer, capsys: pytest.CaptureFixture[str]
) -> None:
    caller.write("one==1.0\n")
    assert main(["check", "requirements.txt", "--format", "json"]) == 0
    assert "closed_sets" not in json.loads(capsys.readouterr().out)
    assert index.asked == []


REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str]]] = {
    "quarantined": ({}, {"status": "quarantined"}, ("project-status", "quarantined")),
    "archived": ({}, {"status": "archived"}, ("project-status", "archived")),
    "a status that nobody knows": ({}, {"status": "sleeping"}, ("project-status", "status_unknown")),
    "yanked": ({"yanked": "broken"}, {}, ("yanked", "yanked")),
    "too young": ({"age": 1}, {}, ("cooling-off", "too_young")),
    "of unknown age": ({"age": None}, {}, ("cooling-off", "upload_time_unknown")),
    "of tomorrow": ({"age": -2}, {}, ("cooling-off", "uploaded_in_future")),
    "without a digest": ({"hashes": {}}, {}, ("set-closed", "digest_unknown")),
}


@pytest.mark.parametrize(("fields", "status", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_each_rule_refuses_through_the_command(
    caller: Caller,
    index: IndexServer,
    fields: dict[str, Any],
    status: dict[str, Any],
    expected: tuple[str, str],
) -> None:
    publish(index, "one", **fields)
    index.behaviour.page_fields = {"project-status": status} if status else {}
    caller.write("one==1.0\n")
    said = caller.check("requirements.txt", "--output", str(caller.policy.parent / "pylock.toml"))
    refused(said)
    assert said.refusals == [expected]
    assert "one" in said.out
    assert not (caller.policy.parent / "pylock.toml").exists()
    assert "error[set_refused]" in said.err


def test_what_is_deep_in_the_set_is_refused_at_the_line_that_brings_it_in(caller: Caller, index: IndexServer) -> None:
    publish(index, "one", metadata="Requires-Dist: two\n")
    publish(index, "two", metadata="Requires-Dist: three\n")
    publish(index, "three", age=1)
    caller.write("# ours\none==1.0\n")
    said = caller.check()
    refused(said)
    (result,) = [one for one in said.sarif["results"] if one["level"] == "error"]
    assert result["ruleId"] == "cooling-off/too_young"
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("requirements.txt", 2)
    assert "requirements.txt:2" in said.markdown
    assert "--kind pypi --name three --version 1.0" in said.out


def test_a_project_of_sources_alone_is_refused_and_its_code_is_not_run(
    caller: Caller, index: IndexServer, tmp_path: Path
) -> None:
    index.publish("raw", "raw-1.0.tar.gz", telltale_sdist("raw", "1.0", tmp_path / "left"))
    caller.write("raw==1.0\n")
    said = caller.check()
    refused(said)
    assert ("wheels-only", "source_only") in said.refusals
    assert not (tmp_path / "left").exists()


def test_a_private_name_is_refused_and_sent_to_nobody(caller: Caller, index: IndexServer) -> None:
    caller.rule("safelist", reserved_names=["acme-*"])
    publish(index, "acme-core", "9.9")
    publish(index, "one", metadata="Requires-Dist: acme-core\n")
    caller.write("one==1.0\n")
    said = caller.check()
    refused(said)
    assert ("reserved-name", "reserved_wanted") in said.refusals
    caller.write("acme-core==9.9\n")
    said = caller.check()
    refused(said)
    assert not [path for path in index.paths() if "acme" in path]


def test_a_private_name_is_taken_from_the_organisations_own_index(
    caller: Caller, index: IndexServer, canary: IndexServer
) -> None:
    address = "https://packages.example.org/simple"
    own = {"name": "acme", "url": address, "private": True}
    caller.rule("safelist", reserved_names=["acme-*"], python_indexes=[{"name": "pypi"}, own])
    publish(canary, "acme-core")
    credentials = canary.url.replace("http://", "http://robot:hunter2@")
    caller.monkeypatch.setenv("GATE_INDEX_ADDRESSES", f"pypi={index.url} acme={credentials}")
    caller.write(f"--index-url {address}\nacme-core==1.0\n")
    said = caller.check()
    assert said.code == 0, said.out + said.err
    assert said.pins == ["acme-core==1.0"]
    assert index.asked == []
    assert len(set(canary.credentials)) == 1
    told = said.out + said.err + "".join(path.read_text() for path in caller.policy.parent.glob("report.*"))
    assert "hunter2" not in told


def test_policy_decides_what_is_only_warned_of(caller: Caller, index: IndexServer) -> None:
    publish(index, "one", age=1, yanked="broken")
    caller.write("one==1.0\n")
    refused(caller.check())
    caller.rule("policy", resolution={"cooling_off": "PT1H", "yanked": "warn"})
    said = caller.check()
    assert (said.code, said.refusals) == (0, [])
    publish(index, "one", "2.0", age=1)
    caller.write("one\n")
    caller.rule("policy", resolution={"cooling_off": "PT1H", "unpinned": "block"})
    said = caller.check()
    refused(said)
    assert said.refusals == [("pinned", "unpinned")]


def test_a_policy_with_a_word_that_nobody_knows_is_refused_before_anybody_is_asked(
    caller: Caller, index: IndexServer
) -> None:
    caller.rule("policy", resolution={"coolingoff": "P1D"})
    caller.write("one\n")
    assert main(["check", "requirements.txt", "--resolve"]) == 12
    assert "policy_invalid" in caller.capture.readouterr().err
    assert index.asked == []


def test_definitions_are_sets_of_their_own_that_need_not_fit_together(caller: Caller, index: IndexServer) -> None:
    publish(index, "one", "1.0")
    publish(index, "one", "2.0")
    caller.write("one==1.0\n", "train/requirements.txt")
    caller.write("one==2.0\n", "serve/requirements.txt")
    for words in (["train/requirements.txt", "serve/requirements.txt"], ["."]):
        said = caller.check(*words)
        assert said.code == 0, said.out
        assert {one["definition"]: one["packages"][0]["version"] for one in said.sets} == {
            "train/requirements.txt": "1.0",
            "serve/requirements.txt": "2.0",
        }


def test_one_refused_set_among_sound_ones_refuses_all(caller: Caller, index: IndexServer) -> None:
    publish(index, "one")
    publish(index, "two", age=1)
    caller.write("one==1.0\n", "a/requirements.txt")
    caller.write("two==1.0\n", "b/requirements.txt")
    said = caller.check("a", "b")
    refused(said)
    assert [one["verdict"] for one in said.sets] == ["sound", "refused"]


def test_what_does_not_fit_together_is_refused(caller: Caller, index: IndexServer) -> None:
    publish(index, "one")
    caller.write("one==1.0\none==2.0\n")
    said = caller.check()
    refused(said)
    assert [one["verdict"] for one in said.sets] == ["held"]
    assert ("set-closed", "unsatisfiable") in said.refusals


def test_an_index_that_fails_is_no_verdict_and_the_others_are_still_told(caller: Caller, index: IndexServer) -> None:
    publish(index, "one")
    caller.monkeypatch.setenv("GATE_BOUND_HTTP_ATTEMPTS", "1")
    index.behaviour.statuses = {"/simple/two/": 500}
    caller.write("one==1.0\n", "a.txt")
    caller.write("two==1.0\n", "b.txt")
    said = caller.check("b.txt", "a.txt")
    refused(said, 12)
    assert [one["verdict"] for one in said.sets] == ["unresolved", "sound"]
    assert said.sets[0]["failure"]["hint"]
    assert said.sarif["invocations"][0]["toolExecutionNotifications"]
    assert int(said.junit.get("errors", "0")) == 1


def test_a_reference_from_elsewhere_is_refused_by_the_check_and_by_the_set(caller: Caller, index: IndexServer) -> None:
    publish(index, "one")
    caller.write("one==1.0\ntwo @ https://packages.example/two-1.0-py3-none-any.whl\n")
    said = caller.check()
    refused(said)
    assert said.pins == ["one==1.0"]
    assert ("set-closed", "not_resolvable") in said.refusals
    assert [one["disposition"] for one in said.report["references"]] == ["safelisted", "blocked"]


def test_a_file_that_cannot_be_read_stays_unparseable_whatever_its_set(caller: Caller, index: IndexServer) -> None:
    publish(index, "one")
    caller.write("one==1.0\nbroken>>1\n")
    refused(caller.check(), 12)


def test_definitions_without_packages_prove_nothing_alone_and_harm_nothing_beside_others(
    caller: Caller, index: IndexServer
) -> None:
    publish(index, "one")
    caller.write("FROM mcr.microsoft.com/azureml/base:1\n", "Dockerfile")
    said = caller.check("Dockerfile")
    refused(said)
    assert [one["verdict"] for one in said.sets] == ["empty"]
    caller.write("one==1.0\n")
    said = caller.check(".")
    assert said.code == 0
    assert sorted(one["verdict"] for one in said.sets) == ["empty", "sound"]
    assert len(said.green) == 5


@pytest.mark.parametrize(
    "words",
    [
        ["--platform", "linux-x86_64"],
        ["--python", "3.11"],
        ["--output", "pylock.toml"],
        ["--resolve", "--platform", "amiga"],
        ["--resolve", "--python", "2.7"],
    ],
)
def test_what_makes_no_sense_is_wrong_usage_and_nobody_is_asked(
    caller: Caller, index: IndexServer, words: list[str]
) -> None:
    caller.write("one==1.0\n")
    assert main(["check", "requirements.txt", *words]) == 2
    assert caller.capture.readouterr().out == ""
    assert index.asked == []
    assert not (caller.folder / "pylock.toml").exists()


def test_the_stated_platform_and_python_decide_which_file_it_is(caller: Caller, index: IndexServer) -> None:
    for tag in ("cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_arm64"):
        recipe = publish(index, "one")
        filename = recipe.filename.replace("py3-none-any", tag)
        index.publish("one", filename, recipe.build_bytes())
        index.behaviour.file_fields[filename] = {"upload-time": days_ago(300)}
    caller.write("one==1.0\n")
    for words, tag in (([], "cp311"), (["--platform", "macos-arm64", "--python", "3.12"], "cp312")):
        said = caller.check("requirements.txt", *words)
        assert said.code == 0, said.out
        assert tag in said.only["packages"][0]["files"][0]["filename"]


def test_the_lock_is_read_back_and_installed_from_with_its_hashes(
    caller: Caller, index: IndexServer, tmp_path: Path
) -> None:
    publish(index, "one", metadata="Requires-Dist: two\n")
    two = publish(index, "two")
    caller.write("one==1.0\n")
    said = caller.check("requirements.txt", "--output", "pylock.toml", "--python", _python())
    assert said.code == 0, said.out + said.err
    lock = Pylock.from_dict(tomllib.loads((caller.folder / "pylock.toml").read_text()))
    assert [(one.name, str(one.version)) for one in lock.packages] == [("one", "1.0"), ("two", "1.0")]
    assert all(wheel.hashes["sha256"] for one in lock.packages for wheel in one.wheels or ())

    def install(target: Path) -> int:
        command = [str(uv_program(ResolveConfig())), "pip", "install", "-r", "pylock.toml", "--target", str(target)]
        options = ["--no-config", "--no-build", "--no-index", "--cache-dir", str(target / "cache"), "--quiet"]
        environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
        done = subprocess.run(
            [*command, *options], cwd=caller.folder, env=environment, capture_output=True, check=False
        )
        return done.returncode

    assert install(tmp_path / "installed") == 0
    assert (tmp_path / "installed" / "two" / "__init__.py").is_file()
    index.publish("two", two.filename, b"PK other bytes under the same name")
    assert install(tmp_path / "tampered") != 0
    assert not (tmp_path / "tampered" / "two").exists()


def _python() -> str:
    import sys  # noqa: PLC0415 - used here alone

    return f"{sys.version_info.major}.{sys.version_info.minor}"


def test_two_sets_are_not_locked_together_and_the_report_is_still_there(caller: Caller, index: IndexServer) -> None:
    publish(index, "one")
    caller.write("one==1.0\n", "a.txt")
    caller.write("one==1.0\n", "b.txt")
    said = caller.check("a.txt", "b.txt", "--output", "pylock.toml")
    assert said.code == 2
    assert "lock_of_one" in said.err
    assert said.report["verdict"] == "safelisted"
    assert not (caller.folder / "pylock.toml").exists()


def test_a_release_that_resolution_knows_is_proposed_for_a_repository(caller: Caller, index: IndexServer) -> None:
    publish(index, "one", metadata="Requires-Dist: two\n")
    publish(index, "two")
    caller.write("one==1.0\ntwo @ git+https://git.example/o/two@v1.0\nsecret @ git+https://git.example/o/secret@v1.0\n")
    said = caller.check()
    refused(said)
    fixes = {one["name"]: one.get("fix") for one in said.report["references"]}
    assert "+two==1.0" in fixes["git+https://git.example/o/two"]["diff"]
    assert fixes["git+https://git.example/o/secret"] is None
    assert not [path for path in index.paths() if "secret" in path]
