"""Of several wheels of a version the right one is found, and no other one excuses or condemns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from index.wheel_maker import WheelRecipe

from gate.model.image import Proof, ProofLevel

if TYPE_CHECKING:
    from origin.origin_image import World

DEMO = WheelRecipe()


def held(proof: Proof, code: str = "unreachable") -> None:
    assert (proof.level, proof.code, proof.transient) == (ProofLevel.UNKNOWN, code, True)
    assert proof.origin is None


def undetermined(proof: Proof, code: str) -> None:
    assert (proof.level, proof.code, proof.transient) == (ProofLevel.UNKNOWN, code, False)
    assert proof.origin is None


PLATFORMS = [
    DEMO.but(tag=f"py3-none-{platform}", files={"demo_pkg/lib.so": platform.encode()})
    for platform in ("linux_a", "linux_b", "linux_c", "manylinux_2_17_x86_64.manylinux2014_x86_64", "win_amd64")
]


def asked_files(world: World) -> list[str]:
    return [path.rpartition("/")[2] for path in world.server.paths() if path.startswith("/files/")]


def install_any(world: World, recipe: WheelRecipe) -> None:
    """Install a wheel of another platform, as if it were of this one."""
    world.install(recipe.but(tag="py3-none-any", tags=tuple(recipe.tag.split(" "))))
    wheel = world.site / recipe.dist_info / "WHEEL"
    wheel.write_bytes(recipe.members()[f"{recipe.dist_info}/WHEEL"])


def test_the_wheel_with_the_same_tags_is_asked_first(world: World) -> None:
    world.publish(*PLATFORMS)
    install_any(world, PLATFORMS[3])
    assert world.proof().evidence["wheel"] == PLATFORMS[3].filename
    assert asked_files(world) == [PLATFORMS[3].filename]


def test_compressed_tags_in_the_installed_wheel_file_are_the_same_tags(world: World) -> None:
    compressed = PLATFORMS[3].but(tags=(PLATFORMS[3].tag,))
    world.publish(*PLATFORMS[:3], compressed)
    install_any(world, compressed)
    assert world.proof().code == "record_equal"
    assert asked_files(world) == [compressed.filename]


def test_tags_are_a_claim_and_decide_nothing(world: World) -> None:
    """An installed file that names another platform's tags is still compared with the others."""
    odd = PLATFORMS[1].but(tags=("py3-none-linux_a",))
    world.publish(PLATFORMS[0], odd)
    install_any(world, odd)
    assert world.proof().evidence["wheel"] == odd.filename


def test_with_the_right_tags_and_other_bytes_a_package_is_contradicted(world: World) -> None:
    world.publish(*PLATFORMS)
    install_any(world, PLATFORMS[3].but(files={"demo_pkg/lib.so": b"evil"}))
    proof = world.proof()
    assert (proof.level, proof.code) == (ProofLevel.CONTRADICTED, "record_differs")
    assert proof.evidence["wheel"] == PLATFORMS[3].filename


def test_more_wheels_than_the_bound_are_not_asked_for_and_nothing_is_concluded(world: World) -> None:
    world.publish(*PLATFORMS)
    install_any(world, PLATFORMS[4].but(tag="py3-none-plan9"))
    proof = world.proof()
    undetermined(proof, "too_many_candidates")
    assert proof.evidence["wheels"] == "2"
    assert len(asked_files(world)) == 3


def test_announced_metadata_narrows_the_wheels_without_asking(world: World) -> None:
    world.server.behaviour.announce = True
    others = [recipe.but(metadata="Summary: other\n") for recipe in PLATFORMS[:4]]
    world.publish(*others, PLATFORMS[4])
    install_any(world, PLATFORMS[4].but(tag="py3-none-plan9", tags=("py3-none-win_amd64",)))
    assert world.proof().evidence["wheel"] == PLATFORMS[4].filename
    assert asked_files(world) == [PLATFORMS[4].filename]


def test_a_failure_at_another_wheel_keeps_a_difference_from_being_final(world: World) -> None:
    """Without tags that single one out, the wheel that could not be asked for may be the one."""
    world.publish(*PLATFORMS[:2])
    install_any(world, PLATFORMS[1].but(tag="py3-none-plan9"))
    path = f"/files/demo-pkg/{PLATFORMS[1].filename}"
    world.server.behaviour.statuses = {path: 500, f"{path}.metadata": 500}
    held(world.proof())


def test_a_failure_at_another_wheel_changes_nothing_for_the_one_with_the_same_tags(world: World) -> None:
    world.publish(*PLATFORMS[:2])
    install_any(world, PLATFORMS[0].but(files={"demo_pkg/lib.so": b"evil"}))
    path = f"/files/demo-pkg/{PLATFORMS[1].filename}"
    world.server.behaviour.statuses = {path: 500, f"{path}.metadata": 500}
    assert world.proof().code == "record_differs"


def test_a_failure_at_one_of_two_wheels_with_the_same_tags_keeps_a_difference_from_being_final(world: World) -> None:
    """A build number makes a second wheel of the same tags, with other bytes."""
    world.publish(DEMO, DEMO.but(build="1", files={"demo_pkg/__init__.py": b"rebuilt"}))
    world.install(DEMO.but(files={"demo_pkg/__init__.py": b"neither"}))
    assert world.proof().code == "record_differs"
    path = world.path(DEMO.but(build="1"))
    world.server.behaviour.statuses = {path: 500, f"{path}.metadata": 500}
    world.server.publish("demo-pkg", DEMO.but(build="1").filename, DEMO.but(build="1").build_bytes())
    held(world.proof())


def test_a_refused_wheel_does_not_excuse_different_bytes(world: World) -> None:
    """Else an odd wheel of another platform would turn every tampered package of the version into a consistent one."""
    world.publish(PLATFORMS[0], PLATFORMS[1].but(record=b"a,,\na,,\n"))
    install_any(world, PLATFORMS[0].but(files={"demo_pkg/lib.so": b"evil"}))
    assert world.proof().code == "record_differs"


def test_an_unreadable_file_name_is_no_likelier_than_others(world: World) -> None:
    world.publish(DEMO)
    world.server.publish("demo-pkg", "demo__pkg-1.0-py3-none-any.whl", b"junk")
    world.install(DEMO)
    assert world.proof().code == "record_equal"
    assert asked_files(world) == [DEMO.filename]


def test_a_wheel_that_fails_does_not_keep_another_from_proving(world: World) -> None:
    world.publish(DEMO, DEMO.but(build="1"))
    world.install(DEMO)
    path = f"/files/demo-pkg/{DEMO.but(build='1').filename}"
    world.server.behaviour.statuses = {path: 500, f"{path}.metadata": 500}
    assert world.proof().code == "record_equal"
    assert path in world.server.paths()
