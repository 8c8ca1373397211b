"""What an index can't tell is not taken for a no, nor for a yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe

from gate.bounds import HttpBounds, WheelBounds
from gate.http.client import HttpClient
from gate.index.client import PythonIndex
from gate.model.image import Proof, ProofLevel
from gate.model.origin import Kind, OriginKind

if TYPE_CHECKING:
    from origin.origin_image import World

DEMO = WheelRecipe()
PAGE = "/simple/demo-pkg/"
FILE = f"/files/demo-pkg/{DEMO.filename}"


def held(proof: Proof, code: str = "unreachable") -> None:
    assert (proof.level, proof.code, proof.transient) == (ProofLevel.UNKNOWN, code, True)
    assert proof.origin is None


def undetermined(proof: Proof, code: str) -> None:
    assert (proof.level, proof.code, proof.transient) == (ProofLevel.UNKNOWN, code, False)
    assert proof.origin is None


def test_a_project_that_the_index_does_not_know_is_unknown(world: World) -> None:
    world.install(DEMO)
    undetermined(world.proof(), "no_such_project")


def test_a_version_that_the_index_does_not_have_is_unknown(world: World) -> None:
    world.publish(DEMO.but(version="2.0"))
    world.install(DEMO)
    undetermined(world.proof(), "no_such_file")


def test_a_version_of_which_the_index_has_only_a_source_is_unknown(world: World) -> None:
    world.server.publish("demo-pkg", "demo_pkg-1.0.tar.gz", b"source")
    world.install(DEMO)
    proof = world.proof()
    undetermined(proof, "no_wheel")
    assert proof.evidence["files"] == "demo_pkg-1.0.tar.gz"


def test_a_quarantined_project_says_so(world: World) -> None:
    world.publish(DEMO)
    world.server.behaviour.page_fields = {"files": [], "project-status": {"status": "quarantined"}}
    world.install(DEMO)
    proof = world.proof()
    undetermined(proof, "no_such_file")
    assert proof.evidence["project_status"] == "quarantined"


def test_yanking_and_the_time_of_upload_are_evidence(world: World) -> None:
    world.server.behaviour.file_fields = {DEMO.filename: {"yanked": True}}
    world.both(DEMO)
    proof = world.proof()
    assert proof.code == "record_equal"
    assert proof.evidence["yanked"] == "yes"
    assert proof.evidence["upload_time"] == "2026-01-02T03:04:05.000006Z"


@pytest.mark.parametrize("status", [429, 500, 401])
def test_an_index_that_fails_holds(world: World, status: int) -> None:
    world.both(DEMO)
    world.server.behaviour.statuses[PAGE] = status
    held(world.proof())


def test_an_index_that_hangs_holds(world: World) -> None:
    world.both(DEMO)
    world.server.behaviour.hanging.add(PAGE)
    proof = world.proof()
    held(proof)
    assert proof.evidence["error"] == "upstream_timeout"


def test_an_index_that_answers_with_a_login_page_holds(world: World) -> None:
    world.both(DEMO)
    world.server.behaviour.bodies[PAGE] = ("text/html", b"<form>")
    held(world.proof())


def test_a_wheel_and_metadata_that_can_not_be_fetched_hold(world: World) -> None:
    world.both(DEMO)
    world.server.behaviour.statuses = {FILE: 500, f"{FILE}.metadata": 500}
    held(world.proof())


def test_bytes_that_are_not_what_the_index_says_hold(world: World) -> None:
    world.both(DEMO)
    world.server.behaviour.file_fields = {DEMO.filename: {"hashes": {"sha256": "0" * 64}}}
    world.server.behaviour.statuses = {f"{FILE}.metadata": 404}
    held(world.proof())


def test_metadata_alone_is_consistent_where_the_wheel_can_not_be_fetched(world: World) -> None:
    world.both(DEMO)
    world.server.behaviour.statuses = {FILE: 500}
    proof = world.proof()
    assert (proof.level, proof.code, proof.transient) == (ProofLevel.CONSISTENT, "metadata_equal", True)
    assert proof.origin is not None
    assert proof.origin.kind is OriginKind.PYTHON_INDEX
    assert proof.evidence["record"] == "upstream_failed"


def test_metadata_alone_contradicts_where_the_wheel_can_not_be_fetched(world: World) -> None:
    world.publish(DEMO)
    world.install(DEMO.but(metadata="Summary: other\n"))
    world.server.behaviour.statuses = {FILE: 500}
    assert world.proof().code == "metadata_differs"


def test_a_wheel_that_is_refused_leaves_its_metadata_consistent(world: World) -> None:
    world.publish(DEMO.but(record=b"a,,\na,,\n"))
    world.install(DEMO)
    proof = world.proof()
    assert (proof.level, proof.code, proof.transient) == (ProofLevel.CONSISTENT, "metadata_equal", False)
    assert proof.evidence["record"] == "record_duplicate"


def test_a_wheel_that_is_refused_with_its_metadata_is_unknown(world: World) -> None:
    world.server.publish("demo-pkg", DEMO.filename, DEMO.build_bytes() + b"\0")
    world.server.behaviour.metadata = False
    world.install(DEMO)
    proof = world.proof()
    undetermined(proof, "unreadable")
    assert (proof.evidence["error"], proof.evidence["wheel"]) == ("zip_end", DEMO.filename)


def test_a_page_beyond_the_bounds_is_unknown(world: World) -> None:
    world.both(DEMO)
    http = HttpClient(HttpBounds(attempts=1))
    world.index = PythonIndex(http, world.server.url, bounds=WheelBounds(page_bytes=10))
    proof = world.proof()
    http.close()
    undetermined(proof, "bound_exceeded")


def test_a_wheel_without_hashes_proves_nothing_but_its_metadata(world: World) -> None:
    world.both(DEMO.but(rows={"demo_pkg/__init__.py": ("", "")}))
    proof = world.proof()
    assert (proof.level, proof.code) == (ProofLevel.CONSISTENT, "metadata_equal")
    assert (proof.evidence["record"], proof.evidence["unhashed"]) == ("unhashed", "1")


def test_a_lack_of_served_metadata_and_ranges_contradicts_nothing(world: World) -> None:
    world.server.behaviour.metadata = False
    world.server.behaviour.ranges = False
    world.server.behaviour.sizes = False
    world.both(DEMO)
    assert world.proof().code == "record_equal"


def test_an_html_index_proves_too(world: World) -> None:
    world.server.behaviour.html = True
    world.both(DEMO)
    assert world.proof().code == "record_equal"


@pytest.mark.parametrize(
    ("kind", "url", "place"),
    [
        (Kind.URL, "https://example.org/demo_pkg-1.0-py3-none-any.whl", OriginKind.URL),
        (Kind.PYPI, "https://example.org/demo_pkg-1.0-py3-none-any.whl", OriginKind.URL),
        (Kind.VCS, "https://example.org/demo.git", OriginKind.VCS),
        (Kind.PYPI, "git+https://example.org/demo.git", OriginKind.VCS),
        (Kind.LOCAL, "file:///src/demo", OriginKind.PATH),
        (Kind.PYPI, "file:///src/demo", OriginKind.PATH),
        (Kind.URL, "", OriginKind.URL),
    ],
)
def test_what_was_installed_from_elsewhere_is_contradicted_even_if_its_bytes_are_the_indexs(
    world: World, kind: Kind, url: str, place: OriginKind
) -> None:
    world.both(DEMO)
    proof = world.proof(world.component(kind=kind, direct_url=url))
    assert (proof.level, proof.code) == (ProofLevel.CONTRADICTED, "direct_url")
    assert proof.origin is not None
    assert (proof.origin.kind, proof.origin.location) == (place, url)
    assert world.server.asked == []


def test_credentials_in_an_address_do_not_show(world: World) -> None:
    world.install(DEMO)
    proof = world.proof(world.component(direct_url="https://user:hunter2@example.org/x.whl?sig=hunter2"))
    assert "hunter2" not in proof.model_dump_json()


def test_an_address_that_can_not_be_read_is_not_the_indexs(world: World) -> None:
    world.both(DEMO)
    proof = world.proof(world.component(kind=Kind.OTHER))
    assert (proof.level, proof.code) == (ProofLevel.CONTRADICTED, "direct_url_unreadable")
    assert world.server.asked == []


@pytest.mark.parametrize("reserved", ["demo-pkg", "Demo_Pkg", "demo*", "demo-*", "DEMO_*", "*"])
def test_a_private_name_is_not_sent_to_the_index(world: World, reserved: str) -> None:
    world.both(DEMO)
    undetermined(world.proof(reserved=["other", reserved]), "reserved_name")
    assert world.server.asked == []


@pytest.mark.parametrize("reserved", ["", "demo", "pkg*", "demo-pkg-*", "demo?pkg", "*pkg"])
def test_a_name_that_is_not_private_is_asked_for(world: World, reserved: str) -> None:
    world.both(DEMO)
    proof = world.proof(reserved=[reserved])
    assert proof.code == "record_equal"


def test_what_another_package_manager_owns_is_not_asked_for(world: World) -> None:
    world.both(DEMO)
    proof = world.proof(world.component(facts={"owner": "conda:demo"}))
    undetermined(proof, "owned")
    assert proof.evidence == {"owner": "conda:demo"}
    assert world.server.asked == []


def test_without_an_index_nothing_is_proven(world: World) -> None:
    world.both(DEMO)
    world.asked = False
    undetermined(world.proof(), "no_index")


def test_metadata_is_read_where_no_fact_has_its_digest(world: World) -> None:
    world.both(DEMO)
    for said in ("", "junk"):
        assert world.proof(world.component(facts={"metadata_sha256": said})).code == "record_equal"
    found = world.component(facts={})
    (world.site / DEMO.dist_info / "METADATA").unlink()
    undetermined(world.proof(found), "no_metadata")


def test_a_legacy_install_has_nothing_to_compare(world: World) -> None:
    world.both(DEMO)
    found = world.component(facts={"format": "egg-info"}, path="usr/lib/python3/dist-packages/demo_pkg.egg-info")
    undetermined(world.proof(found), "legacy_install")
    assert world.server.asked == []


def test_a_mirror_counts_as_the_name_that_policy_gives_it(world: World) -> None:
    world.both(DEMO)
    http = HttpClient(HttpBounds(attempts=1))
    world.index = PythonIndex(http, world.server.url, name="internal", bounds=WheelBounds())
    proof = world.proof()
    http.close()
    assert proof.origin is not None
    assert proof.origin.location == "internal"
