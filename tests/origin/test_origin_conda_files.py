"""A conda environment that py-rattler really installed is held against its channel, file by file."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from origin.conda_recipes import PLACEHOLDER, Package, install, sha, write_channel
from origin.conda_world import FORGE, PREFIX, ChannelServer, CondaWorld, nodes_of

from gate.bounds import CondaBounds
from gate.index.cache import MemoryCache
from gate.model.image import Proof, ProofLevel
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SITE = f"{PREFIX}/lib/python3.12/site-packages"
PYTHON = Package(
    name="python",
    version="3.12.1",
    files={
        "bin/python3.12": b"\x7fELF\0" + PLACEHOLDER.encode() + b"/lib\0rest\0\0",
        "bin/python": "-> python3.12",
        "lib/python3.12/os.py": b"# os\n",
    },
)
INFO = "site-packages/tool-1.0.dist-info"
TOOL = Package(
    name="tool",
    subdir="noarch",
    depends=("python",),
    entry_points=("tool = tool.cli:App.run",),
    files={
        "site-packages/tool/__init__.py": b"VALUE = 1\n",
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
        f"{INFO}/INSTALLER": b"conda\n",
        f"{INFO}/RECORD": b"tool/__init__.py,,\n",
        "python-scripts/x": f"#!{PLACEHOLDER}/bin/python\nprint(1)\n".encode(),
    },
)
LIB = Package(
    name="lib",
    old=True,
    files={
        "lib/libx.so.1": b"\x7fELF",
        "lib/libx.so": "-> libx.so.1",
        "lib/dangling.so": "-> not-here.so",
        "etc/x.conf": f"one={PLACEHOLDER}/etc\ntwo={PLACEHOLDER}\n".encode(),
    },
)
EXTRA = Package(name="extra", files={"share/extra.txt": b"extra\n"})


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a channel folder and one more, and install an environment from both."""
    folder = tmp_path_factory.mktemp("conda")
    first, second = write_channel(folder / "first", [PYTHON, TOOL, LIB]), write_channel(folder / "second", [EXTRA])
    places = (first.as_uri(), second.as_uri())
    install(folder / "one", folder / "cache", ["tool", "lib"], places[0], lies_at=f"/{PREFIX}")
    install(folder / "two", folder / "cache", ["tool", "lib", "extra"], *places, lies_at=f"/{PREFIX}")
    return folder


@pytest.fixture
def world(built: Path, tmp_path: Path) -> Iterator[CondaWorld]:
    """Bring a copy of the channel and the first environment together."""
    channel = shutil.copytree(built / "first", tmp_path / "channel")
    with ChannelServer(channel) as server:
        nodes = nodes_of(built / "one", replaced=(f"{(built / 'first').as_uri()}/", f"{FORGE}/"))
        yield CondaWorld(server=server, nodes=nodes, folder=tmp_path)


def verdict(proof: Proof) -> tuple[str, str]:
    return proof.level.value, proof.code


def contradicted(world: CondaWorld, name: str, code: str, *examples: str) -> None:
    """Assert that one package is contradicted and no other is."""
    proofs = world.proofs()
    assert verdict(proofs[name]) == ("contradicted", code), proofs[name].evidence
    assert set(examples) <= set(proofs[name].evidence.get("examples", "").split("\n"))
    others = [one for other, one in proofs.items() if other != name]
    assert [one.level for one in others] == [ProofLevel.PROVEN] * len(others)


def test_two_environments_are_told_apart_by_the_image_alone(built: Path) -> None:
    """One was made from a channel's folder, one has a package from a second channel; nobody is asked."""
    with ChannelServer(built) as server:
        one = CondaWorld(server=server, nodes=nodes_of(built / "one"), folder=built)
        two = CondaWorld(server=server, nodes=nodes_of(built / "two"), folder=built)
        places = [
            {proof.origin.location for proof in each.proofs(asked=False).values() if proof.origin is not None}
            for each in (one, two)
        ]
        assert server.asked == []
    first, second = str(built / "first"), str(built / "second")
    assert places == [{first}, {first, second}]
    extra = two.proofs(asked=False)["extra"]
    assert extra.origin is not None
    assert (verdict(extra), extra.origin.location) == (("consistent", "channel_recorded"), second)


def test_what_rattler_installs_is_proven(world: CondaWorld) -> None:
    found = world.inventory()
    proofs = {(one.kind, one.name): one.proof for one in found.components}
    assert set(proofs) == {(Kind.CONDA, "python"), (Kind.CONDA, "tool"), (Kind.CONDA, "lib"), (Kind.PYPI, "tool")}
    for (kind, name), proof in proofs.items():
        assert proof is not None
        if kind is Kind.CONDA:
            assert verdict(proof) == ("proven", "conda_files_equal"), (name, proof.evidence)
            assert proof.origin is not None
            assert proof.origin.location == "forge"
    lib, tool = proofs[Kind.CONDA, "lib"], proofs[Kind.CONDA, "tool"]
    assert lib is not None
    assert tool is not None
    assert (lib.evidence["replaced"], lib.evidence["links"], lib.evidence["whole"]) == ("1", "2", "yes")
    assert (tool.evidence["replaced"], tool.evidence["generated"], tool.evidence["rows"]) == ("1", "1", "5")


def test_the_distribution_that_a_package_owns_is_not_counted_twice(world: CondaWorld) -> None:
    (tool,) = [one for one in world.inventory().components if one.kind is Kind.PYPI]
    assert tool.proof is not None
    assert (tool.proof.code, tool.proof.evidence) == ("owned", {"owner": "conda:tool"})


def test_descriptions_are_read_by_ranges_and_packages_once(world: CondaWorld) -> None:
    world.cache = MemoryCache(1 << 20)
    world.proofs()
    repodata = [path for path, _ in world.server.asked if "repodata" in path]
    whole = [path for path, wanted in world.server.asked if "repodata" not in path and not wanted]
    assert repodata
    # Those into whose files the prefix was written are read whole, for that is what tells what they must be.
    assert sorted(path.rpartition("/")[2] for path in set(whole)) == [LIB.filename, PYTHON.filename, TOOL.filename]
    world.server.asked.clear()
    assert verdict(world.proofs()["lib"]) == ("proven", "conda_files_equal")
    assert [path for path, _ in world.server.asked if "repodata" not in path] == []


@pytest.mark.parametrize(
    ("name", "path", "example"),
    [
        ("tool", f"{SITE}/tool/__init__.py", "site-packages/tool/__init__.py"),
        ("tool", f"{PREFIX}/bin/x", "python-scripts/x"),
        ("lib", f"{PREFIX}/lib/libx.so.1", "lib/libx.so.1"),
        ("lib", f"{PREFIX}/etc/x.conf", "etc/x.conf"),
        ("python", f"{PREFIX}/bin/python3.12", "bin/python3.12"),
    ],
)
def test_a_changed_file_is_contradicted_though_the_record_was_changed_along(
    world: CondaWorld, name: str, path: str, example: str
) -> None:
    world.nodes[path] = b"evil"

    def lie(document: dict[str, Any]) -> None:
        for row in document["paths_data"]["paths"]:
            if path.endswith(row["_path"]):
                row |= {"sha256": sha(b"evil"), "sha256_in_prefix": sha(b"evil")}

    world.rewrite(name, lie)
    contradicted(world, name, "conda_files_differ", example)


def test_a_file_that_is_gone_is_contradicted(world: CondaWorld) -> None:
    del world.nodes[f"{PREFIX}/lib/libx.so.1"]
    contradicted(world, "lib", "conda_files_differ", "lib/libx.so.1")


@pytest.mark.parametrize("node", [b"evil", "-> evil.so"])
def test_a_link_that_leads_elsewhere_is_not_the_packages(world: CondaWorld, node: bytes | str) -> None:
    world.nodes |= {f"{PREFIX}/lib/libx.so": node, f"{PREFIX}/lib/evil.so": b"evil"}
    proof = world.proofs()["lib"]
    assert proof.level is not ProofLevel.PROVEN
    assert "lib/libx.so" in proof.evidence["examples"]


def test_a_link_in_place_of_a_file_is_contradicted(world: CondaWorld) -> None:
    """Its bytes are right today, and lie where nobody looks at them."""
    world.nodes |= {f"{PREFIX}/lib/libx.so.1": "-> /srv/mine.so", "srv/mine.so": b"\x7fELF"}
    contradicted(world, "lib", "conda_files_differ", "lib/libx.so.1")


def test_a_file_added_to_the_record_is_contradicted(world: CondaWorld) -> None:
    world.nodes[f"{SITE}/tool/evil.py"] = b"evil"
    world.rewrite("tool", lambda document: document["files"].append("lib/python3.12/site-packages/tool/evil.py"))  # type: ignore[attr-defined]
    contradicted(world, "tool", "conda_extra_files", f"{SITE}/tool/evil.py")


def test_byte_code_of_its_sources_is_no_extra_file(world: CondaWorld) -> None:
    compiled = "tool/__pycache__/__init__.cpython-312.pyc"
    world.nodes[f"{SITE}/{compiled}"] = b"code"
    world.rewrite("tool", lambda one: one["files"].append(f"lib/python3.12/site-packages/{compiled}"))  # type: ignore[attr-defined]
    proof = world.proofs()["tool"]
    assert (verdict(proof), proof.evidence["compiled"]) == (("proven", "conda_files_equal"), "1")


def test_a_script_of_an_entry_point_that_somebody_wrote_is_not_proven(world: CondaWorld) -> None:
    world.nodes[f"{PREFIX}/bin/tool"] = b"#!/bin/sh\nevil\n"
    proof = world.proofs()["tool"]
    assert verdict(proof) == ("consistent", "repodata_equal")
    assert proof.evidence["unknown_scripts"] == "1"


def test_another_build_of_the_same_name_is_contradicted(world: CondaWorld) -> None:
    """The channel has a file of that name with other bytes: one of the two was swapped."""
    write_channel(world.server.folder, [PYTHON, TOOL.but(files={"site-packages/tool/__init__.py": b"other\n"}), LIB])
    contradicted(world, "tool", "sha256_differs")


def test_a_record_that_lies_about_its_digest_is_contradicted(world: CondaWorld) -> None:
    world.rewrite("lib", lambda document: document.update(sha256="0" * 64))
    contradicted(world, "lib", "sha256_differs")


def test_a_record_without_a_digest_is_compared_by_its_files(world: CondaWorld) -> None:
    world.rewrite("lib", lambda document: [document.pop("sha256"), document.pop("md5")])
    assert verdict(world.proofs()["lib"]) == ("proven", "conda_files_equal")


def test_a_package_of_another_channel_is_contradicted_and_nobody_asked_there(world: CondaWorld) -> None:
    other = "http://127.0.0.1:9/elsewhere/linux-64"
    world.rewrite("lib", lambda one: one.update(channel=other, url=f"{other}/{LIB.filename}"))
    contradicted(world, "lib", "other_channel")
    assert not [path for path, _ in world.server.asked if LIB.filename in path]


def test_a_package_that_the_channel_does_not_have_is_unknown(world: CondaWorld) -> None:
    write_channel(world.server.folder, [PYTHON, TOOL])
    proof = world.proofs()["lib"]
    assert (verdict(proof), proof.transient) == (("unknown", "no_such_package"), False)


def test_a_format_that_repodata_does_not_show_contradicts_nothing(world: CondaWorld) -> None:
    """Where a channel has a package in both formats, readers show the newer one alone."""
    write_channel(world.server.folder, [PYTHON, TOOL, LIB.but(old=False)])
    assert verdict(world.proofs()["lib"]) == ("unknown", "other_format")


@pytest.mark.parametrize("status", [500, 403])
def test_a_channel_that_does_not_answer_holds(world: CondaWorld, status: int) -> None:
    for subdir in ("linux-64", "noarch"):
        for name in ("repodata.json", "repodata.json.zst", "repodata_shards.msgpack.zst"):
            world.server.statuses[f"/{subdir}/{name}"] = status
    proofs = list(world.proofs().values())
    assert {verdict(proof) for proof in proofs} == {("unknown", "unreachable")}
    assert all(proof.transient for proof in proofs)


def test_a_channel_whose_address_nobody_knows_holds(world: CondaWorld) -> None:
    world.rewrite("lib", lambda one: one.update(channel="nowhere", url=""))
    proof = world.proofs()["lib"]
    assert (verdict(proof), proof.evidence["error"]) == (("unknown", "unreachable"), "channel_address_unknown")


def test_a_package_that_can_not_be_read_is_consistent_and_held(world: CondaWorld) -> None:
    world.server.statuses[f"/linux-64/{LIB.filename}"] = 500
    proof = world.proofs()["lib"]
    assert (verdict(proof), proof.transient) == (("consistent", "repodata_equal"), True)


def test_a_package_with_other_bytes_than_its_channel_says_proves_nothing(world: CondaWorld) -> None:
    world.server.bodies[f"/linux-64/{LIB.filename}"] = LIB.but(files={"lib/libx.so.1": b"other"}).build_bytes()
    proof = world.proofs()["lib"]
    assert (verdict(proof), proof.evidence["files"]) == (("consistent", "repodata_equal"), "digest_mismatch")


def test_a_server_without_ranges_sends_packages_whole(world: CondaWorld) -> None:
    world.server.ranges = False
    assert verdict(world.proofs()["tool"]) == ("proven", "conda_files_equal")


@pytest.mark.parametrize("bound", ["package_bytes", "unpacked_bytes", "file_bytes", "info_bytes", "paths"])
def test_a_bound_that_is_hit_is_told_and_proves_nothing(world: CondaWorld, bound: str) -> None:
    world.bounds = CondaBounds(whole_bytes=64, **{bound: 1})
    proof = world.proofs()["lib"]
    assert proof.level is ProofLevel.CONSISTENT
    assert proof.evidence["files"].startswith("conda_")
    assert not proof.transient


def test_too_many_packages_of_a_channel_are_not_asked_for(world: CondaWorld) -> None:
    world.bounds = CondaBounds(names=1)
    assert verdict(world.proofs()["lib"]) == ("unknown", "bound_exceeded")
    assert world.server.asked == []


def test_a_noarch_package_without_a_python_is_unknown(world: CondaWorld) -> None:
    world.nodes = {path: node for path, node in world.nodes.items() if "/python-3.12.1" not in path}
    assert verdict(world.proofs()["tool"]) == ("unknown", "no_python")


def test_an_environment_at_another_place_than_it_was_made_for_is_contradicted(built: Path, world: CondaWorld) -> None:
    """What was written into its files is another prefix."""
    world.nodes = nodes_of(built / "one", "srv/env", (f"{(built / 'first').as_uri()}/", f"{FORGE}/"))
    assert verdict(world.proofs()["lib"]) == ("contradicted", "conda_files_differ")


class Forgetful:
    """A cache that answers with something else."""

    def get(self, key: str) -> bytes | None:
        """Answer with an object of no kind."""
        return b"{}" if key.startswith("conda-facts") else None

    def put(self, key: str, data: bytes) -> None:
        """Keep nothing."""


def test_a_kept_fact_of_another_shape_is_read_anew(world: CondaWorld) -> None:
    world.cache = Forgetful()
    assert verdict(world.proofs()["tool"]) == ("proven", "conda_files_equal")


def test_a_package_of_another_size_than_its_channel_says_proves_nothing(world: CondaWorld) -> None:
    path = world.server.folder / "noarch/repodata.json"
    document = json.loads(path.read_text())
    document["packages.conda"][TOOL.filename]["size"] += 1
    path.write_text(json.dumps(document))
    proof = world.proofs()["tool"]
    assert (verdict(proof), proof.evidence["files"]) == (("consistent", "repodata_equal"), "size_mismatch")


def test_a_package_whose_size_nobody_says_is_read_within_its_bound(world: CondaWorld) -> None:
    for subdir in ("noarch", "linux-64"):
        path = world.server.folder / subdir / "repodata.json"
        document = json.loads(path.read_text())
        for listed in (*document["packages"].values(), *document["packages.conda"].values()):
            del listed["size"]
        path.write_text(json.dumps(document))
    assert verdict(world.proofs()["tool"]) == ("proven", "conda_files_equal")
    world.bounds = CondaBounds(package_bytes=10)
    proof = world.proofs()["tool"]
    assert (verdict(proof), proof.evidence["files"]) == (("consistent", "repodata_equal"), "conda_package_too_large")
