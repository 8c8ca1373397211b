"""Every component gets exactly one proof, whatever happens to the others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from index.wheel_maker import WheelRecipe
from origin.origin_image import AllDiskFiles, DiskFiles, components, inventory

from gate.bounds import WheelBounds
from gate.errors import InputError, TimeoutUpstreamError, UpstreamError
from gate.index.project import NoSuchProject
from gate.model.image import BaseMatch, Component, Inventory, Proof, ProofLevel
from gate.model.origin import Kind, OriginKind
from gate.origin.desk import Desk
from gate.origin.interface import Index, ListedFiles
from gate.origin.prove import prove_inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from origin.origin_image import World

    from gate.index.facts import WheelFacts
    from gate.index.project import IndexFile, Project
    from gate.origin.interface import FileFact

DEMO = WheelRecipe()
MANY = [WheelRecipe(name=f"demo_{n}", files={f"demo_{n}.py": b"1"}) for n in range(12)]


def thing(kind: Kind, name: str = "demo", **changes: Any) -> Component:
    return Component(kind=kind, name=name, version="1", path=f"somewhere/{name}", layer=0, **changes)


def proofs(found: Inventory) -> list[Proof]:
    assert all(component.proof is not None for component in found.components)
    return [component.proof for component in found.components if component.proof is not None]


def test_the_readers_of_files_and_indexes_are_what_proving_asks_for(world: World) -> None:
    assert isinstance(AllDiskFiles(world.root), ListedFiles)
    assert not isinstance(DiskFiles(world.root), ListedFiles)
    assert isinstance(world.index, Index)


def test_each_component_gets_its_own_proof_in_order(world: World) -> None:
    world.publish(*MANY[:6])
    world.install(*MANY)
    (world.site / "demo_3.py").write_text("2")
    found = {component.name: proof.code for component, proof in zip(components(world.root), world.prove(), strict=True)}
    wanted = {f"demo-{n}": "record_equal" if n < 6 else "no_such_project" for n in range(12)}
    assert found == wanted | {"demo-3": "record_differs"}


def test_an_empty_inventory_stays_empty_and_asks_nothing(world: World) -> None:
    empty = inventory()
    assert prove_inventory(empty, DiskFiles(world.root), index=world.index) == empty
    assert world.server.asked == []


def test_nothing_but_proofs_changes(world: World) -> None:
    world.both(DEMO)
    before = inventory(*components(world.root))
    after = prove_inventory(before, DiskFiles(world.root), index=world.index)
    bare = tuple(component.model_copy(update={"proof": None}) for component in after.components)
    assert after.model_copy(update={"components": bare}) == before


def test_a_proof_that_was_there_before_is_not_believed(world: World) -> None:
    world.install(DEMO)
    claimed = Proof(level=ProofLevel.PROVEN, code="record_equal")
    assert world.proof(world.component(proof=claimed)).code == "no_such_project"


def test_a_project_is_asked_for_once_however_often_it_is_installed(world: World) -> None:
    world.both(DEMO)
    found = world.component()
    assert {proof.code for proof in world.prove(*[found] * 20)} == {"record_equal"}
    assert world.server.paths().count("/simple/demo-pkg/") == 1


def test_what_lies_in_the_base_is_the_bases(world: World) -> None:
    found = [thing(kind, in_base=True) for kind in Kind]
    based = inventory(*found).model_copy(update={"base": BaseMatch(reference="mcr.example.org/base:1", layers=2)})
    for proof in proofs(prove_inventory(based, DiskFiles(world.root), index=world.index)):
        assert (proof.level, proof.code) == (ProofLevel.PROVEN, "base_layer")
        assert proof.origin is not None
        assert (proof.origin.kind, proof.origin.location) == (OriginKind.BASE_IMAGE, "mcr.example.org/base:1")
    assert world.server.asked == []


def test_without_a_base_nothing_is_the_bases(world: World) -> None:
    (proof,) = proofs(prove_inventory(inventory(thing(Kind.OS, in_base=True)), DiskFiles(world.root), index=None))
    assert (proof.level, proof.code) == (ProofLevel.UNKNOWN, "os_package")


def test_a_package_of_the_system_is_unknown_and_names_its_archive(world: World) -> None:
    told, untold = world.prove(thing(Kind.OS, facts={"distribution": "debian"}), thing(Kind.OS))
    assert told.origin is not None
    assert (told.level, told.origin.kind, told.origin.location) == (
        ProofLevel.UNKNOWN,
        OriginKind.OS_ARCHIVE,
        "debian",
    )
    assert untold.origin is not None
    assert untold.origin.location == "unknown"


def test_kinds_without_a_prover_are_unknown_and_not_skipped(world: World) -> None:
    assert [proof.code for proof in world.prove(thing(Kind.OTHER), thing(Kind.IMAGE))] == ["no_prover", "no_prover"]


def test_conda_packages_get_their_channel(world: World) -> None:
    assert world.proof(thing(Kind.CONDA, facts={"channel": "conda-forge"})).code == "channel_recorded"


INNER = WheelRecipe(name="inner", files={"inner/__init__.py": b"1", "inner/trimmed.py": b"2"})


def outer(*, taken_out: str = "") -> WheelRecipe:
    """Return a wheel that carries INNER inside itself, without its file `inner/trimmed.py`."""
    carried = {path: data for path, data in INNER.members().items() if path != "inner/trimmed.py"}
    files = {f"outer/_vendor/{path}": data for path, data in carried.items()}
    files = {path: data for path, data in files.items() if path != taken_out}
    return WheelRecipe(name="outer", files={"outer/__init__.py": b""} | files)


def vendored(world: World) -> dict[str, Proof]:
    return {found.name: proof for found, proof in zip(components(world.root), world.prove(), strict=True)}


def test_what_a_proven_package_carries_inside_is_its_part(world: World) -> None:
    world.publish(INNER)
    world.both(outer())
    found = vendored(world)
    assert found["outer"].code == "record_equal"
    assert (found["inner"].level, found["inner"].code) == (ProofLevel.PROVEN, "vendored")
    assert found["inner"].origin == found["outer"].origin
    assert found["inner"].evidence == {"inside": "outer", "otherwise": "record_differs"}


def test_what_is_proven_by_itself_stays_so_inside_another(world: World) -> None:
    whole = {f"outer/_vendor/{path}": data for path, data in INNER.members().items()}
    world.publish(INNER)
    world.both(WheelRecipe(name="outer", files={"outer/__init__.py": b""} | whole))
    assert {name: proof.code for name, proof in vendored(world).items()} == dict.fromkeys(
        ("inner", "outer"), "record_equal"
    )


def test_what_a_changed_package_carries_inside_is_nobodys_part(world: World) -> None:
    world.publish(INNER)
    world.both(outer())
    (world.site / "outer/_vendor/inner/__init__.py").write_text("evil")
    assert {name: proof.code for name, proof in vendored(world).items()} == dict.fromkeys(
        ("inner", "outer"), "record_differs"
    )


def test_a_record_that_claims_another_package_does_not_make_it_its_part(world: World) -> None:
    world.publish(DEMO)
    world.both(DEMO)
    world.install(INNER)
    world.rerecord(f"{INNER.dist_info}/METADATA", recipe=DEMO)
    found = vendored(world)
    assert found["demo-pkg"].code == "extra_files"
    assert found["inner"].code == "no_such_project"


def test_what_was_put_into_a_proven_package_is_not_its_part(world: World) -> None:
    """Without its METADATA in the outer package's record, an inner one stands for itself."""
    bare = outer(taken_out=f"outer/_vendor/{INNER.dist_info}/METADATA")
    world.both(bare)
    (world.site / f"outer/_vendor/{INNER.dist_info}/METADATA").write_bytes(INNER.metadata_bytes)
    found = vendored(world)
    assert found["inner"].code == "no_such_project"


def test_what_an_inner_record_adds_is_not_the_outer_packages(world: World) -> None:
    """The outer wheel carries no RECORD of the inner package: one written later could name anything as its own."""
    world.both(outer(taken_out=f"outer/_vendor/{INNER.dist_info}/RECORD"))
    vendor = world.site / "outer/_vendor"
    (vendor / "inner/evil.py").write_text("evil")
    rows = "".join(f"{path},,\n" for path in ("inner/evil.py", f"{INNER.dist_info}/RECORD"))
    (vendor / INNER.dist_info / "RECORD").write_text(rows)
    found = vendored(world)
    assert found["inner"].code == "no_such_project"


class Broken(AllDiskFiles):
    """Fails for one component, in a way that nobody foresaw or in one of the gate's own."""

    def __init__(self, world: World, error: Exception) -> None:
        super().__init__(world.root)
        self._error = error

    def rows(self, component: Component) -> Mapping[str, FileFact]:
        if component.name == "demo-0":
            raise self._error
        return super().rows(component)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("secret hunter2"), "prover_failed"),
        (UpstreamError("gone"), "unreachable"),
        (InputError("odd"), "unreadable"),
    ],
)
def test_one_that_fails_hides_no_other(world: World, error: Exception, code: str) -> None:
    world.both(*MANY[:3])
    found = world.prove(files=Broken(world, error))
    assert [proof.code for proof in found] == [code, "record_equal", "record_equal"]
    assert found[0].level is ProofLevel.UNKNOWN
    assert "hunter2" not in found[0].model_dump_json()


class CountingIndex:
    """An index that fails as told and counts what it was asked."""

    name = "pypi"
    bounds = WheelBounds()

    def __init__(self, answer: Callable[[int], Project | NoSuchProject]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self.asked = 0

    def project(self, name: str) -> Project | NoSuchProject:
        assert name
        with self._lock:
            self.asked += 1
            number = self.asked
        return self._answer(number)

    def metadata(self, file: IndexFile) -> bytes:
        raise AssertionError(file)

    def wheel(self, file: IndexFile) -> WheelFacts:
        raise AssertionError(file)


def test_an_index_that_is_down_is_soon_left_alone(world: World) -> None:
    def down(number: int) -> Project | NoSuchProject:
        message = f"question {number}"
        raise TimeoutUpstreamError(message)

    index = CountingIndex(down)
    found = [thing(Kind.PYPI, f"demo-{n}", facts={"metadata_sha256": "0" * 64}) for n in range(50)]
    proved = proofs(prove_inventory(inventory(*found), DiskFiles(world.root), index=index, workers=1))
    assert {(proof.code, proof.transient) for proof in proved} == {("unreachable", True)}
    assert index.asked == 4
    assert proved[-1].evidence["error"] == "index_given_up"


def test_an_index_that_answers_now_and_then_is_asked_on(world: World) -> None:
    def flaky(number: int) -> Project | NoSuchProject:
        if number % 4 == 0:
            return NoSuchProject(name="x")
        message = f"question {number}"
        raise TimeoutUpstreamError(message)

    index = CountingIndex(flaky)
    found = [thing(Kind.PYPI, f"demo-{n}", facts={"metadata_sha256": "0" * 64}) for n in range(20)]
    proofs(prove_inventory(inventory(*found), DiskFiles(world.root), index=index, workers=1))
    assert index.asked == 20


def test_an_index_that_refuses_questions_is_asked_on(world: World) -> None:
    """A wrong page is about one project, and so is a 404 of one file; neither says that the index is down."""

    def odd(number: int) -> Project | NoSuchProject:
        message = f"question {number}"
        raise UpstreamError(message, code="index_unreadable", status="404")

    index = CountingIndex(odd)
    found = [thing(Kind.PYPI, f"demo-{n}", facts={"metadata_sha256": "0" * 64}) for n in range(10)]
    proofs(prove_inventory(inventory(*found), DiskFiles(world.root), index=index))
    assert index.asked == 10


def test_an_unforeseen_failure_of_the_index_is_the_same_for_all_who_asked() -> None:
    def broken(number: int) -> Project | NoSuchProject:
        raise ZeroDivisionError(number)

    desk = Desk(CountingIndex(broken))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="1"):
            desk.project("Demo")
