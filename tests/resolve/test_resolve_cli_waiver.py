"""The cooling-off is waived for the very fix of what blocks the same environment, and for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from data.osv_records import affected, lines, record
from resolve.resolve_channel import CondaRecipe
from resolve.resolve_cli import Caller, days_ago, publish

from gate.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from index.index_server import IndexServer
    from resolve.resolve_channel import CondaChannel

HIGH = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
LOW = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}]


def known(caller: Caller, *records: dict[str, Any], published: str = "") -> None:
    """Import advisories, as of yesterday if nobody says otherwise."""
    now = datetime.now(UTC) - timedelta(days=1)
    moment = published or now.strftime("%Y-%m-%dT%H:%M:%S")
    dated = [one | {"modified": f"{moment}Z", "published": f"{moment}Z"} for one in records]
    put(caller, "osv-pypi", lines(*dated))


def put(caller: Caller, kind: str, data: bytes, moment: str = "") -> None:
    path: Path = caller.policy.parent / f"{kind}.data"
    path.write_bytes(data)
    words = ["--published-at", moment] if moment else []
    assert main(["data", "import", kind, str(path), *words]) == 0, caller.capture.readouterr().err


def fixed(name: str = "one", *, severity: list[dict[str, str]] | None = None, **changes: Any) -> dict[str, Any]:
    """Return an advisory: everything below 1.5 is affected."""
    return record(name=name, severity=severity or HIGH, **changes)


@pytest.fixture
def project(caller: Caller, index: IndexServer) -> Caller:
    """Publish an old release and a young one, of which the young one is asked for."""
    publish(index, "one", "1.0", age=300)
    publish(index, "one", "1.5", age=1)
    caller.write("one==1.5\n")
    return caller


def test_the_fix_of_what_blocks_the_same_environment_need_not_wait(project: Caller) -> None:
    known(project, fixed())
    said = project.check()
    assert said.code == 0, said.out
    waived = [one for one in said.only["results"] if one["code"] == "waived_for_fix"]
    assert [(one["status"], one["params"]["advisory"]) for one in waived] == [("warn", "PYSEC-2026-1")]
    assert [one["kind"] for one in said.only["advisories"]] == ["osv-pypi"]
    assert "mends PYSEC-2026-1 in this environment" in said.out


def test_an_unpinned_definition_is_waived_by_the_same_rule(project: Caller) -> None:
    known(project, fixed())
    project.write("one>=1.0\n")
    said = project.check()
    assert (said.code, said.pins) == (0, ["one==1.5"])


NOTHING: dict[str, list[dict[str, Any]]] = {
    "no advisory": [fixed("another")],
    "an advisory that does not block": [fixed(severity=LOW)],
    "another version is the fix": [fixed(affected=[affected("one", {"introduced": "0"}, {"fixed": "1.4"})])],
    "no version is the fix": [fixed(affected=[affected("one", {"introduced": "0"}, {"last_affected": "1.2"})])],
    "the older release is not affected": [fixed(affected=[affected("one", {"introduced": "1.2"}, {"fixed": "1.5"})])],
    "withdrawn": [fixed(withdrawn="2026-01-02T00:00:00Z")],
    "the fix itself is malicious": [
        fixed(),
        record("MAL-2026-9", name="one", aliases=[], affected=[affected("one", versions=["1.5"])], severity=None),
    ],
}


@pytest.mark.parametrize("records", NOTHING.values(), ids=NOTHING)
def test_nothing_else_waives_the_wait(project: Caller, records: list[dict[str, Any]]) -> None:
    known(project, *records)
    said = project.check()
    assert (said.code, said.green) == (10, set())
    assert said.refusals == [("cooling-off", "too_young")]


def test_advisories_older_than_policy_takes_them_waive_nothing(project: Caller) -> None:
    known(project, fixed(), published="2026-01-02T00:00:00")
    assert project.check().refusals == [("cooling-off", "too_young")]


def test_without_advisories_nothing_is_waived_and_no_database_is_made(project: Caller) -> None:
    said = project.check()
    assert (said.code, said.err) == (10, "")
    assert not (project.policy.parent / "home").exists()


def test_a_database_that_cannot_be_read_waives_nothing_and_is_told(project: Caller) -> None:
    (project.policy.parent / "home").mkdir()
    (project.policy.parent / "home" / "gate.sqlite").write_bytes(b"this is no database at all" * 100)
    said = project.check()
    assert said.code == 10
    assert "no cooling-off is waived" in said.err
    assert said.refusals == [("cooling-off", "too_young")]


def test_a_young_release_that_only_others_ask_for_is_waived_too(caller: Caller, index: IndexServer) -> None:
    publish(index, "top", metadata="Requires-Dist: one\n")
    publish(index, "one", "1.0")
    publish(index, "one", "1.5", age=1)
    caller.write("top==1.0\n")
    known(caller, fixed())
    assert caller.check().code == 0


def test_where_there_is_no_environment_without_the_young_release_nothing_is_waived(
    caller: Caller, index: IndexServer
) -> None:
    publish(index, "one", "1.5", age=1)
    caller.write("one==1.5\n")
    known(caller, fixed())
    assert caller.check().refusals == [("cooling-off", "too_young")]


def test_one_fix_does_not_wave_another_young_release_through(project: Caller, index: IndexServer) -> None:
    publish(index, "two", "3.0", age=1)
    project.write("one==1.5\ntwo==3.0\n")
    publish(index, "two", "2.0", age=300)
    known(project, fixed())
    said = project.check()
    assert said.code == 10
    (result,) = [one for one in said.only["results"] if one["status"] == "fail"]
    assert result["subject"] == "pypi:two@3.0"


def test_a_conda_package_is_looked_up_under_its_name_on_pypi(caller: Caller, channel: CondaChannel) -> None:
    caller.monkeypatch.setenv("GATE_CHANNEL_ADDRESSES", f"conda-forge={channel.url}")
    for version, age in (("1.0", 300), ("1.5", 1)):
        built = round((datetime.now(UTC) - timedelta(days=age)).timestamp() * 1000)
        channel.publish(CondaRecipe(name="pyone", version=version, timestamp=built))
    caller.write("channels: [conda-forge, nodefaults]\ndependencies: [pyone==1.5]\n", "environment.yml")
    known(caller, fixed())
    assert caller.check("environment.yml").refusals == [("cooling-off", "too_young")]
    put(caller, "conda-names", b'{"pyone": ["one"]}', "2026-11-01T00:00:00")
    said = caller.check("environment.yml")
    assert said.code == 0, said.out
    assert [one["kind"] for one in said.only["advisories"]] == ["osv-pypi", "conda-names"]


def test_a_name_of_the_imported_map_is_proposed_for_a_repository_without_asking_anybody(
    caller: Caller, index: IndexServer
) -> None:
    put(caller, "conda-names", b'{"two": ["two"], "three": null}', "2026-11-01T00:00:00")
    publish(index, "one")
    caller.write("one==1.0\ntwo @ git+https://git.example/o/two@v1.0\nthree @ git+https://git.example/o/three@v1.0\n")
    said = caller.check()
    fixes = {one["name"].rsplit("/", 1)[-1]: one.get("fix") for one in said.report["references"]}
    assert fixes["two"]["summary"] == "take the release `two==1.0` from PyPI"
    assert fixes["three"] is None
    assert {path.split("/")[2] for path in index.paths()} == {"one"}


def test_what_a_set_is_refused_for_is_requested_and_the_grant_lets_it_pass(caller: Caller, index: IndexServer) -> None:
    publish(index, "top", metadata="Requires-Dist: one\n")
    one = publish(index, "one", age=1)
    caller.write("top==1.0\n")
    assert caller.check().code == 10
    caller.capture.readouterr()
    words = [
        "exception",
        "request",
        "--from-check",
        str(caller.policy.parent / "report.json"),
        "--repository",
        "example.org/staging/app",
    ]
    assert main([*words, "--reason", "the churn model needs it", "--as", "acme/scientist"]) == 0
    assert "pypi one 1.0" in caller.capture.readouterr().out
    wheel = one.build_bytes()
    grant = {
        "id": "GRT-one",
        "kind": "pypi",
        "name": "one",
        "version": "1.0",
        "files": [{"filename": one.filename, "sha256": f"sha256:{'0' * 64}", "size": len(wheel)}],
        "scope": {"repositories": ["example.org/staging/"]},
        "owner": {"tenant": "acme", "object_id": "scientist"},
        "approver": {"tenant": "acme", "object_id": "steward"},
        "reason": "reviewed",
        "not_before": days_ago(1),
        "expires": days_ago(-1),
    }
    path = caller.policy / "exceptions" / "grants" / "GRT-one.yaml"
    path.write_text(yaml.safe_dump(grant))
    assert caller.check().refusals == [("cooling-off", "too_young")], "a grant for other bytes"
    grant["files"] = [{"filename": one.filename, "sha256": f"sha256:{sha256(wheel).hexdigest()}", "size": len(wheel)}]
    path.write_text(yaml.safe_dump(grant))
    said = caller.check()
    assert (said.code, said.refusals) == (0, [])
    assert "the grant GRT-one lets these bytes pass" in said.out
