"""A grant is for bytes: the same name and version with other bytes is not granted."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe

from gate.index.wheel import wheel_facts_of
from gate.model.base import sha256_of
from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.image import ProofLevel
from gate.model.origin import Kind, OriginKind
from gate.model.principal import Principal

if TYPE_CHECKING:
    from origin.origin_image import World

    from gate.index.facts import WheelFacts

START = datetime(2026, 1, 1, tzinfo=UTC)
DEMO = WheelRecipe()
OTHER = DEMO.but(files={"demo_pkg/__init__.py": b"VALUE = 2\n"})


def person(number: int) -> Principal:
    return Principal(tenant="t", object_id=str(number))


def granted(*recipes: WheelRecipe, name: str = "demo-pkg", version: str = "1.0", id: str = "GRT-1") -> Grant:  # noqa: A002 - the grant's own word
    files = tuple(
        GrantedFile(filename=recipe.filename, sha256=sha256_of(recipe.build_bytes()), size=len(recipe.build_bytes()))
        for recipe in recipes
    )
    return Grant(
        id=id,
        kind=Kind.PYPI,
        name=name,
        version=version,
        files=files,
        scope=Scope(repositories=("registry.example.org/",)),
        owner=person(1),
        approver=person(2),
        reason="needed",
        not_before=START,
        expires=START + timedelta(days=1),
    )


def stored(*recipes: WheelRecipe) -> dict[str, WheelFacts]:
    facts = [wheel_facts_of(io.BytesIO(recipe.build_bytes()), recipe.filename) for recipe in recipes]
    return {fact.sha256: fact for fact in facts}


def test_the_bytes_of_a_grant_are_proven_to_be_its(world: World) -> None:
    world.install(DEMO)
    proof = world.proof(grants=[granted(DEMO)], wheels=stored(DEMO))
    assert (proof.level, proof.code, proof.grants) == (ProofLevel.PROVEN, "grant_bytes_equal", ("GRT-1",))
    assert proof.evidence["grant_wheel"] == sha256_of(DEMO.build_bytes())
    assert proof.evidence["otherwise"] == "no_such_project"
    assert proof.origin is None


def test_the_same_name_and_version_with_other_bytes_is_not_granted(world: World) -> None:
    world.install(OTHER)
    proof = world.proof(grants=[granted(DEMO)], wheels=stored(DEMO))
    assert proof.grants == ()
    assert (proof.level, proof.code) == (ProofLevel.UNKNOWN, "no_such_project")
    assert proof.evidence["grant_bytes_differ"] == "GRT-1"


@pytest.mark.parametrize("path", ["demo_pkg/__init__.py", "demo_pkg/evil.py", "demo_pkg.pth"])
def test_a_change_after_installation_is_not_granted(world: World, path: str) -> None:
    world.install(DEMO)
    (world.site / path).write_text("evil = True\n")
    world.rerecord(path, recipe=DEMO)
    proof = world.proof(grants=[granted(DEMO)], wheels=stored(DEMO))
    assert proof.grants == ()
    assert proof.evidence["grant_bytes_differ"] == "GRT-1"


def test_a_grant_for_another_name_covers_the_bytes_it_lists(world: World) -> None:
    """Bytes decide; what the grant calls them is for people."""
    world.install(DEMO)
    assert world.proof(grants=[granted(DEMO, name="else")], wheels=stored(DEMO)).grants == ("GRT-1",)


def test_a_grant_for_another_version_says_nothing(world: World) -> None:
    later = DEMO.but(version="2.0")
    world.install(DEMO)
    proof = world.proof(grants=[granted(later, version="2.0")], wheels=stored(later))
    assert proof.grants == ()
    assert not any(key.startswith("grant") for key in proof.evidence)


def test_a_grant_whose_wheel_can_not_be_read_covers_nothing(world: World) -> None:
    world.install(DEMO)
    facts = stored(DEMO)
    (key, fact) = next(iter(facts.items()))
    for wheels in (
        {},
        {key: fact.model_copy(update={"checked": False})},
        {key: fact.model_copy(update={"verified": False})},
        {key: fact.model_copy(update={"sha256": "sha256:" + "0" * 64})},
    ):
        proof = world.proof(grants=[granted(DEMO)], wheels=wheels)
        assert proof.grants == ()
        assert proof.evidence["grant_unreadable"] == "GRT-1"


def test_one_of_the_granted_files_is_enough(world: World) -> None:
    world.install(DEMO)
    built = DEMO.but(build="7")
    grants = [granted(OTHER, DEMO), granted(built, id="GRT-2"), granted(OTHER, id="GRT-3")]
    proof = world.proof(grants=grants, wheels=stored(OTHER, DEMO, built))
    assert proof.grants == ("GRT-1", "GRT-2")
    assert proof.evidence["grant_bytes_differ"] == "GRT-3"


def test_expired_and_foreign_grants_are_named_all_the_same(world: World) -> None:
    """Policy judges dates and places; a proof that left them out could not say `expired`."""
    world.install(DEMO)
    old = granted(DEMO).model_copy(
        update={"not_before": START - timedelta(days=2), "expires": START - timedelta(days=1)}
    )
    assert world.proof(grants=[old], wheels=stored(DEMO)).grants == ("GRT-1",)


def test_what_the_index_publishes_stays_the_indexs(world: World) -> None:
    """Else a grant that lapses would take away what anyone may use."""
    world.both(DEMO)
    proof = world.proof(grants=[granted(DEMO)], wheels=stored(DEMO))
    assert (proof.level, proof.code, proof.grants) == (ProofLevel.PROVEN, "record_equal", ("GRT-1",))
    assert proof.origin is not None
    assert proof.origin.kind is OriginKind.PYTHON_INDEX


def test_what_is_only_consistent_with_the_index_stays_consistent(world: World) -> None:
    """A lapsed grant must not lift the level that policy asks for."""
    world.both(DEMO)
    world.server.behaviour.statuses = {world.path(DEMO): 500}
    proof = world.proof(grants=[granted(DEMO)], wheels=stored(DEMO))
    assert (proof.level, proof.code, proof.grants) == (ProofLevel.CONSISTENT, "metadata_equal", ("GRT-1",))


def test_bytes_that_contradict_the_index_may_be_granted(world: World) -> None:
    world.publish(DEMO)
    world.install(OTHER)
    proof = world.proof(grants=[granted(OTHER)], wheels=stored(OTHER))
    assert (proof.code, proof.origin) == ("grant_bytes_equal", None)
    assert proof.evidence["otherwise"] == "record_differs"


def test_an_install_from_an_address_may_be_granted_by_its_bytes(world: World) -> None:
    world.install(DEMO)
    found = world.component(direct_url="https://example.org/demo.whl")
    proof = world.proof(found, grants=[granted(DEMO)], wheels=stored(DEMO))
    assert proof.grants == ("GRT-1",)
    assert proof.origin is not None
    assert proof.origin.kind is OriginKind.URL
    assert world.server.asked == []


def test_a_private_name_may_be_granted_without_asking_anyone(world: World) -> None:
    world.install(DEMO)
    proof = world.proof(grants=[granted(DEMO)], wheels=stored(DEMO), reserved=["demo-pkg"])
    assert proof.grants == ("GRT-1",)
    assert world.server.asked == []


def test_a_grant_holds_while_the_index_is_down(world: World) -> None:
    world.both(DEMO)
    world.server.behaviour.statuses["/simple/demo-pkg/"] = 500
    proof = world.proof(grants=[granted(DEMO)], wheels=stored(DEMO))
    assert (proof.level, proof.grants, proof.transient) == (ProofLevel.PROVEN, ("GRT-1",), True)


def test_a_granted_source_file_covers_nothing_that_is_installed(world: World) -> None:
    world.install(DEMO)
    source = GrantedFile(filename="demo_pkg-1.0.tar.gz", sha256="sha256:" + "1" * 64, size=1)
    proof = world.proof(grants=[granted(DEMO).model_copy(update={"files": (source,)})])
    assert proof.grants == ()
    assert proof.evidence["grant_unreadable"] == "GRT-1"
