"""A run without a network answers from what was kept, says so, and knows no more than that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe
from origin.origin_image import AllDiskFiles, components, inventory

from gate.errors import UpstreamError
from gate.index.conda import CondaFacts, CondaFile
from gate.index.folder import FolderCache
from gate.index.project import NoSuchProject
from gate.model.image import Component, ProofLevel
from gate.model.origin import Kind
from gate.origin.channels import stem_of_component
from gate.origin.kept import KeptChannels, KeptIndex
from gate.origin.prove import prove_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from origin.origin_image import World

    from gate.model.image import Proof

DEMO = WheelRecipe(files={"demo_pkg/__init__.py": b"VALUE = 1\n"})
OTHER = WheelRecipe(name="other_pkg", files={"other_pkg/__init__.py": b"VALUE = 2\n"})


def proofs(world: World, store: FolderCache, *, offline: bool) -> dict[str, Proof]:
    index = KeptIndex(world.index, store, offline=offline)
    found = prove_inventory(inventory(*components(world.root)), AllDiskFiles(world.root), index=index)
    return {one.name: one.proof for one in found.components if one.proof is not None}


def test_what_was_proven_once_is_proven_again_without_a_network(world: World, tmp_path: Path) -> None:
    world.both(DEMO)
    store = FolderCache(tmp_path / "facts", 1 << 20)
    first = proofs(world, store, offline=False)["demo-pkg"]
    asked = len(world.server.asked)
    again = proofs(world, FolderCache(tmp_path / "facts", 1 << 20), offline=True)["demo-pkg"]
    assert len(world.server.asked) == asked
    assert (again.level, again.code) == (ProofLevel.PROVEN, "record_equal")
    assert again.evidence == first.evidence | {"answers": "kept"}


def test_a_tampered_file_is_contradicted_without_a_network_too(world: World, tmp_path: Path) -> None:
    world.both(DEMO)
    store = FolderCache(tmp_path / "facts", 1 << 20)
    proofs(world, store, offline=False)
    (world.site / "demo_pkg/__init__.py").write_bytes(b"evil\n")
    assert proofs(world, store, offline=True)["demo-pkg"].code == "record_differs"


def test_what_nobody_asked_before_is_held_and_not_refused(world: World, tmp_path: Path) -> None:
    world.both(DEMO)
    store = FolderCache(tmp_path / "facts", 1 << 20)
    proofs(world, store, offline=False)
    world.both(OTHER)
    found = proofs(world, store, offline=True)
    assert found["demo-pkg"].level is ProofLevel.PROVEN
    other = found["other-pkg"]
    assert (other.code, other.transient, other.evidence["error"]) == ("unreachable", True, "not_in_snapshot")


def test_that_there_is_no_such_project_is_kept_too(world: World, tmp_path: Path) -> None:
    store = FolderCache(tmp_path / "facts", 1 << 20)
    assert isinstance(KeptIndex(world.index, store, offline=False).project("nobody"), NoSuchProject)
    assert KeptIndex(world.index, store, offline=True).project("nobody") == NoSuchProject(name="nobody")


def test_metadata_is_kept(world: World, tmp_path: Path) -> None:
    world.publish(DEMO)
    store = FolderCache(tmp_path / "facts", 1 << 20)
    online, offline = (KeptIndex(world.index, store, offline=one) for one in (False, True))
    project = online.project("demo-pkg")
    assert not isinstance(project, NoSuchProject)
    with pytest.raises(UpstreamError, match="not asked for"):
        offline.metadata(project.files[0])
    assert offline.project("demo-pkg") == project
    assert online.metadata(project.files[0]) == offline.metadata(project.files[0])
    assert (online.offline, offline.offline) == (False, True)


def test_no_secret_of_an_address_is_kept(world: World, tmp_path: Path) -> None:
    world.publish(DEMO)
    world.server.behaviour.file_fields[DEMO.filename] = {"url": "https://me:hunter2@example.org/f.whl?sig=hunter2"}
    KeptIndex(world.index, FolderCache(tmp_path / "facts", 1 << 20), offline=False).project("demo-pkg")
    assert all(b"hunter2" not in file.read_bytes() for file in (tmp_path / "facts").iterdir())


class Channels:
    """One channel with one package."""

    def __init__(self) -> None:
        """Count questions."""
        self.asked = 0
        self.file = CondaFile(
            filename="a-1-0.conda", url="https://me:pw@example.org/a", subdir="noarch", sha256="0" * 64
        )

    def name_of(self, place: str) -> str:
        """Know one."""
        return "forge" if place == "forge" else ""

    def look_up(self, name: str, wanted: Sequence[Component]) -> Mapping[str, tuple[CondaFile, ...]]:  # noqa: ARG002 - the protocol's
        """Return the package, if it is wanted."""
        self.asked += 1
        return {stem: (self.file,) for stem in map(stem_of_component, wanted) if stem == self.file.stem}

    def facts(self, file: CondaFile) -> CondaFacts:
        """Return what it holds."""
        self.asked += 1
        return CondaFacts(filename=file.filename, verified=True, name="a", version="1", build="0")

    def prefixed(self, file: CondaFile, facts: CondaFacts, prefix: str) -> Mapping[str, str]:  # noqa: ARG002 - as above
        """Return nothing but the prefix."""
        self.asked += 1
        return {prefix: "1" * 64}


def conda(name: str) -> Component:
    return Component(kind=Kind.CONDA, name=name, version="1", path=f"c/{name}.json", layer=0, facts={"build": "0"})


def test_answers_of_channels_are_kept_those_that_say_no_included(tmp_path: Path) -> None:
    channels, store = Channels(), FolderCache(tmp_path / "facts", 1 << 20)
    online, offline = (KeptChannels(channels, store, offline=one) for one in (False, True))
    wanted = [conda("a"), conda("gone")]
    first = online.look_up("forge", wanted)
    facts = online.facts(channels.file)
    written = online.prefixed(channels.file, facts, "/p")
    asked = channels.asked
    again = offline.look_up("forge", wanted)
    assert [one.filename for one in again["a-1-0"]] == [one.filename for one in first["a-1-0"]]
    assert again["gone-1-0"] == ()
    assert "pw" not in again["a-1-0"][0].url
    assert (offline.facts(channels.file), offline.prefixed(channels.file, facts, "/p")) == (facts, written)
    assert channels.asked == asked
    for ask in (lambda: offline.look_up("forge", [conda("new")]), lambda: offline.prefixed(channels.file, facts, "/q")):
        with pytest.raises(UpstreamError) as caught:
            ask()
        assert caught.value.error_code == "not_in_snapshot"
    assert (offline.name_of("forge"), offline.offline, online.offline) == ("forge", True, False)


def test_a_fact_that_was_cut_or_altered_is_no_answer(tmp_path: Path) -> None:
    store = FolderCache(tmp_path, 1 << 20)
    store.put("one", b"data")
    assert store.get("one") == b"data"
    (file,) = tmp_path.iterdir()
    for data in (b"", file.read_bytes()[:-1], file.read_bytes() + b"x", b"0" * 40):
        file.write_bytes(data)
        assert store.get("one") is None
    assert store.get("two") is None


def test_a_fact_under_another_key_is_no_answer(tmp_path: Path) -> None:
    store = FolderCache(tmp_path, 1 << 20)
    store.put("one", b"data")
    (file,) = tmp_path.iterdir()
    store.put("two", b"other")
    (second,) = [one for one in tmp_path.iterdir() if one != file]
    second.write_bytes(file.read_bytes())
    assert store.get("two") is None


def test_a_fact_of_another_shape_is_asked_for_anew(world: World, tmp_path: Path) -> None:
    store = FolderCache(tmp_path, 1 << 20)
    store.put("project/1 pypi demo-pkg", b'{"no": "project"}')
    with pytest.raises(UpstreamError):
        KeptIndex(world.index, store, offline=True).project("demo-pkg")


def test_the_oldest_go_when_there_is_no_room(tmp_path: Path) -> None:
    store = FolderCache(tmp_path, 250)
    for number in range(4):
        store.put(str(number), bytes(60))
        for age, file in enumerate(sorted(tmp_path.iterdir(), key=lambda one: one.stat().st_mtime_ns)):
            os.utime(file, (age, age))
    assert [store.get(str(number)) is not None for number in range(4)] == [False, False, True, True]


def test_a_folder_that_cannot_be_written_costs_time_and_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = FolderCache(tmp_path / "file" / "facts", 1 << 20)
    store.put("one", b"data")
    assert store.get("one") is None
