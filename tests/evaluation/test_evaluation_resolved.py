"""An evaluation resolves what was declared for the image's own platform and Python, once, and asks no private name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from data.osv_records import lines, record
from evaluation.index_world import policy_over, push_index, world_over
from index.index_server import IndexServer
from resolve.resolve_cli import publish
from resolve.resolve_world import python_reference

from gate.config import load_config
from gate.data.importer import import_file
from gate.data.interface import DataKind
from gate.demo.images import Layer
from gate.evaluation import Submission
from gate.model.base import format_instant
from gate.model.decision import Status
from gate.model.reference import Declared
from gate.policy.decide import decide
from gate.policy.schema import ResolutionPolicy
from gate.policy.words import Demand
from gate.store.engine import make_engine
from gate.store.reference import StoredReferenceData
from gate.store.schema import upgrade
from gate.wiring_resolving import ImageResolver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gate.model.decision import Decision
    from gate.model.evidence import Evidence
    from gate.model.reference import Reference
    from gate.policy.schema import Policy

NOW = datetime.now(UTC)
SITE = "usr/local/lib/python3.11/site-packages"


def installed(**versions: str) -> Layer:
    """Return a layer with packages that say nothing of what they need."""
    files = {}
    for name, version in versions.items():
        folder = f"{SITE}/{name}-{version}.dist-info"
        files[f"{folder}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        files[f"{folder}/RECORD"] = f"{name}-{version}.dist-info/METADATA,,\n".encode()
    return Layer(files)


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.behaviour.announce = True
        yield server


def under(folder: Path, demand: Demand, reserved: tuple[str, ...]) -> Policy:
    known = policy_over(folder)
    safelist = known.safelist.model_copy(update={"reserved_names": reserved})
    decision = known.decision.model_copy(update={"resolution": ResolutionPolicy(evaluations=demand)})
    return known.model_copy(update={"safelist": safelist, "decision": decision})


def evaluated(
    folder: Path,
    index: IndexServer,
    *references: Reference,
    layers: Mapping[str, tuple[Layer, ...]],
    demand: Demand = Demand.REQUIRED,
    reserved: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
    records: bytes = b"",
) -> tuple[Evidence, Decision]:
    """Evaluate an index of images against what was declared; `pypi` is reached at the test's own index."""
    known = {"GATE_HOME": str(folder / "home"), "GATE_INDEX_ADDRESSES": f"pypi={index.url}"}
    config = load_config(known | {"GATE_HTTP_ATTEMPTS": "1"} | (environment or {}))
    engine = make_engine(config.database)
    upgrade(engine)
    if records:
        (folder / "osv").write_bytes(records)
        data = StoredReferenceData(engine)
        import_file(DataKind.OSV_PYPI, folder / "osv", into=data, source="test", now=NOW)
    policy = under(folder, demand, reserved)
    given = Submission(
        ref=push_index(folder / "staging", "1", layers),
        environment=Declared(references=references, files=("requirements.txt",)),
        policy=policy,
    )
    world = world_over(folder, resolver=ImageResolver(config, engine))
    evidence = world.gather(given, (), submitted_at=NOW, now=NOW)
    engine.dispose()
    return evidence, decide(evidence, policy, NOW)


def told(decision: Decision, *rules: str) -> set[tuple[str, str, str]]:
    return {
        (one.code, one.subject, one.status.value)
        for one in decision.results
        if one.rule in rules and one.status is not Status.PASS
    }


def asked(index: IndexServer) -> list[str]:
    """Return the projects whose pages were asked for, each as often as it was."""
    return sorted(path.strip("/").rsplit("/", 1)[-1] for path in index.paths() if path.endswith("/"))


def test_a_dependency_in_another_version_than_the_set_has_is_told_by_name(tmp_path: Path, index: IndexServer) -> None:
    publish(index, "one", "1.0", metadata="Requires-Dist: two\n")
    publish(index, "two", "2.0")
    layer = installed(one="1.0", two="1.5")
    evidence, decision = evaluated(tmp_path, index, python_reference("one", "==1.0"), layers={"amd64": (layer,)})
    assert evidence.resolved is not None
    resolution = evidence.resolved.resolution
    assert resolution is not None
    assert (resolution.platform, resolution.python) == ("linux-x86_64", "3.11")
    assert {(one.name, one.version) for one in resolution.packages} == {("one", "1.0"), ("two", "2.0")}
    assert ("other_version", "pypi/two", "warn") in told(decision, "drift")
    assert told(decision, "declared-resolved", "set-closed", "yanked", "cooling-off") == set()


def test_two_platforms_are_resolved_once_each_and_every_project_is_asked_for_once(
    tmp_path: Path, index: IndexServer
) -> None:
    publish(index, "one", "1.0")
    layers = {"amd64": (installed(one="1.0"),), "arm64": (installed(one="1.0"),)}
    evidence, _ = evaluated(tmp_path, index, python_reference("one"), layers=layers)
    sets = [view.resolved for view in evidence.views()]
    assert [one.resolution.platform for one in sets if one and one.resolution] == ["linux-x86_64", "linux-aarch64"]
    assert asked(index) == ["one", "one"]


def test_what_was_yanked_since_it_was_installed_is_refused_where_policy_requires_the_set(
    tmp_path: Path, index: IndexServer
) -> None:
    publish(index, "one", "1.0", yanked="it deletes files")
    _, decision = evaluated(
        tmp_path, index, python_reference("one", "==1.0"), layers={"amd64": (installed(one="1.0"),)}
    )
    assert told(decision, "yanked") == {("yanked", "pypi:one@1.0", "fail")}


@pytest.mark.parametrize(("demand", "status"), [(Demand.REQUIRED, "unknown"), (Demand.ADVISORY, "warn")])
def test_an_index_that_is_down_is_told_and_nothing_is_called_free_of_drift_in_silence(
    tmp_path: Path, index: IndexServer, demand: Demand, status: str
) -> None:
    publish(index, "one", "1.0")
    index.behaviour.statuses["/simple/one/"] = 503
    evidence, decision = evaluated(
        tmp_path, index, python_reference("one"), layers={"amd64": (installed(one="1.0"),)}, demand=demand
    )
    assert evidence.resolved is not None
    assert evidence.resolved.resolution is None
    assert told(decision, "declared-resolved") == {("resolver_failed", "", status)}


def test_offline_nobody_is_asked_and_the_set_is_missing(tmp_path: Path, index: IndexServer) -> None:
    evidence, _ = evaluated(
        tmp_path,
        index,
        python_reference("one"),
        layers={"amd64": (installed(one="1.0"),)},
        environment={"GATE_OFFLINE": "1"},
    )
    assert evidence.resolved is not None
    assert evidence.resolved.failure is not None
    assert evidence.resolved.failure.code == "resolver_offline"
    assert index.paths() == []


def test_private_names_are_not_sent_to_a_public_index(tmp_path: Path, index: IndexServer) -> None:
    publish(index, "one", "1.0", metadata="Requires-Dist: acme-core\n")
    layers = {"amd64": (installed(one="1.0", acme_features="1.0"),)}
    evidence, decision = evaluated(
        tmp_path,
        index,
        python_reference("one"),
        python_reference("acme-features"),
        layers=layers,
        reserved=("acme-*",),
    )
    assert evidence.resolved is not None
    assert not [path for path in index.paths() if "acme" in path]
    assert ("set_partial", "", "warn") in told(decision, "declared-resolved")


def test_nothing_is_asked_where_policy_says_never(tmp_path: Path, index: IndexServer) -> None:
    layers = {"amd64": (installed(one="1.0"),)}
    evidence, _ = evaluated(tmp_path, index, python_reference("one"), layers=layers, demand=Demand.NEVER)
    assert (evidence.resolved, index.paths()) == (None, [])


def test_a_young_release_that_is_the_fix_of_what_blocks_need_not_wait(tmp_path: Path, index: IndexServer) -> None:
    publish(index, "one", "1.0", age=300)
    publish(index, "one", "1.5", age=1)
    severe = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
    dated = record(name="one", severity=severe) | {"modified": format_instant(NOW)}
    for records, expected in (
        (b"", {("too_young", "pypi:one@1.5", "fail")}),
        (lines(dated), {("waived_for_fix", "pypi:one@1.5", "warn")}),
    ):
        folder = tmp_path / ("with" if records else "without")
        folder.mkdir()
        _, decision = evaluated(
            folder,
            index,
            python_reference("one", "==1.5"),
            layers={"amd64": (installed(one="1.5"),)},
            records=records,
        )
        assert told(decision, "cooling-off") == expected, decision.results


class AnsweringOnce(IndexServer):
    """An index that answers for each project once, and then fails."""

    def answer(self, path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        """Fail the second time."""
        if path.startswith("/simple/") and path in self.paths():
            return 503, {}, b""
        return super().answer(path, wanted)


def test_a_look_up_of_the_fix_that_fails_waives_nothing_and_is_told(tmp_path: Path) -> None:
    severe = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
    dated = record(name="one", severity=severe) | {"modified": format_instant(NOW)}
    with AnsweringOnce() as index:
        index.behaviour.announce = True
        publish(index, "one", "1.0", age=300)
        publish(index, "one", "1.5", age=1)
        _, decision = evaluated(
            tmp_path,
            index,
            python_reference("one", "==1.5"),
            layers={"amd64": (installed(one="1.5"),)},
            records=lines(dated),
        )
    assert told(decision, "cooling-off") == {("too_young", "pypi:one@1.5", "fail")}
    assert ("mends_unknown", "", "warn") in told(decision, "declared-resolved")
