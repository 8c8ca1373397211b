"""The Python half against a real index of the test's own, resolved by the real uv."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe
from resolve.resolve_world import (
    ELSEWHERE,
    FILE,
    config,
    declared,
    pins,
    policy,
    python_reference,
    resolve,
    telltale_sdist,
)

from gate.errors import BoundError, GateError, UpstreamError
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Problem, Severity
from gate.model.resolution import FileKind, ProjectStatus
from gate.resolve.settings import ResolveBounds, ResolveConfig

if TYPE_CHECKING:
    from pathlib import Path

    from index.index_server import IndexServer


def publish(index: IndexServer, name: str, version: str = "1.0", *requires: str, tag: str = "py3-none-any") -> bytes:
    """Publish a wheel that asks for others."""
    metadata = "".join(f"Requires-Dist: {text}\n" for text in requires)
    recipe = WheelRecipe(name=name.replace("-", "_"), version=version, tag=tag, metadata=metadata)
    data = recipe.build_bytes()
    index.publish(name, recipe.filename, data)
    return data


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


def test_the_set_holds_what_is_declared_and_what_that_asks_for(index: IndexServer) -> None:
    data = publish(index, "one", "1.0", "two>=1", 'three; python_version < "3"')
    publish(index, "two", "1.5")
    publish(index, "three")
    found = resolve(declared(python_reference("one", "==1.0")), policy(), config(pypi=index.url))
    assert pins(found) == {"one": "1.0", "two": "1.5"}
    assert found.closed
    one, two = found.packages
    assert (one.declared, one.pinned, one.required_by) == ((f"{FILE}:1",), True, ())
    assert (two.declared, two.pinned, two.required_by) == ((), False, ("one",))
    file = one.files[0]
    assert file.sha256 == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert (file.size, file.kind, file.yanked) == (len(data), FileKind.WHEEL, None)
    assert file.upload_time is not None
    assert file.url.startswith(index.root)
    assert found.origins == (Origin(kind=OriginKind.PYTHON_INDEX, location="pypi"),)
    assert set(found.tools) == {"uv"}


def test_each_page_is_asked_once(index: IndexServer) -> None:
    publish(index, "one", "1.0", "two")
    publish(index, "two")
    resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    pages = [path for path in index.paths() if path.startswith("/simple/")]
    assert sorted(pages) == ["/simple/one/", "/simple/two/"]


def test_extras_and_markers_are_honoured(index: IndexServer) -> None:
    recipe = WheelRecipe(name="one", metadata='Provides-Extra: more\nRequires-Dist: two; extra == "more"\n')
    index.publish("one", recipe.filename, recipe.build_bytes())
    publish(index, "two")
    away = python_reference("absent", marker='sys_platform == "win32"')
    plain = resolve(declared(python_reference("one"), away), policy(), config(pypi=index.url))
    more = resolve(declared(python_reference("one", extras=("more",)), away), policy(), config(pypi=index.url))
    assert pins(plain) == {"one": "1.0"}
    assert pins(more) == {"one": "1.0", "two": "1.0"}


@pytest.mark.parametrize(
    ("spec", "version"), [("^1.2", "1.9"), ("~1.2", "1.2.7"), ("1.2", "1.2"), ("*", "2.0"), (">=1,<1.9", "1.2.7")]
)
def test_specifiers_are_read_as_their_tools_write_them(index: IndexServer, spec: str, version: str) -> None:
    for each in ("1.2", "1.2.7", "1.9", "2.0"):
        publish(index, "one", each)
    assert pins(resolve(declared(python_reference("one", spec)), policy(), config(pypi=index.url))) == {"one": version}


def test_the_best_wheel_for_the_platform_is_the_one_that_counts(index: IndexServer) -> None:
    publish(index, "one", tag="py3-none-any")
    publish(index, "one", tag="cp311-cp311-win_amd64")
    publish(index, "one", tag="cp311-cp311-manylinux_2_17_x86_64")
    publish(index, "one", tag="cp311-cp311-manylinux_2_39_x86_64")
    found = resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    assert [file.filename for file in found.packages[0].files] == ["one-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"]


def test_bytes_that_the_declaration_does_not_demand_are_no_file_of_the_set(index: IndexServer) -> None:
    publish(index, "one")
    found = resolve(
        declared(python_reference("one", "==1.0", hashes=("sha256:" + "0" * 64,))), policy(), config(pypi=index.url)
    )
    assert codes(found.problems) == ["no_fitting_file"]
    assert not found.closed
    assert found.packages[0].files == ()


def test_a_set_that_cannot_be_is_a_problem_with_the_resolvers_words(index: IndexServer) -> None:
    publish(index, "one", "1.0", "two>=2")
    publish(index, "two", "1.0")
    found = resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    assert codes(found.problems) == ["unsatisfiable"]
    assert "two" in found.problems[0].message
    assert index.root not in found.problems[0].message
    assert found.packages == ()
    assert not found.closed


def test_what_is_not_safelisted_is_named_and_asked_of_nobody(index: IndexServer) -> None:
    publish(index, "one")
    both = Origin(kind=OriginKind.PYTHON_INDEX, location="pypi")
    odd = (
        python_reference("extra", origins=(both, ELSEWHERE)),
        python_reference("nowhere", origins=()),
        python_reference("template", undetermined="template"),
        python_reference("-e ."),
        python_reference("https://packages.example/link.whl", kind=Kind.URL),
        python_reference(".", kind=Kind.LOCAL),
        python_reference("https://git.example/git", kind=Kind.VCS),
        python_reference("one", ">>1"),
        python_reference("one", marker="nonsense"),
        python_reference("one", extras=("a b",)),
    )
    found = resolve(declared(python_reference("one"), *odd), policy(), config(pypi=index.url))
    assert codes(found.problems) == [
        "origin_not_safelisted",
        "origin_not_safelisted",
        "origin_undetermined",
        "requirement_unreadable",
        "not_resolvable",
        "not_resolvable",
        "not_resolvable",
        "requirement_unreadable",
        "requirement_unreadable",
        "requirement_unreadable",
    ]
    assert {path for path in index.paths() if path.startswith("/simple/")} == {"/simple/one/"}
    assert pins(found) == {"one": "1.0"}
    assert not found.closed


def test_images_and_system_packages_are_no_part_of_the_set(index: IndexServer) -> None:
    image = python_reference("registry.example/base", kind=Kind.IMAGE)
    found = resolve(declared(image), policy(), config(pypi=index.url))
    assert codes(found.problems) == ["nothing_to_resolve"]
    assert found.problems[0].severity is Severity.WARNING
    assert not found.closed
    assert index.asked == []


def test_a_declaration_that_was_not_read_whole_is_not_closed(index: IndexServer) -> None:
    publish(index, "one")
    what = declared(python_reference("one")).model_copy(
        update={"problems": (Problem(code="missing_file", message="", file=FILE),)}
    )
    found = resolve(what, policy(), config(pypi=index.url))
    assert codes(found.problems) == ["declaration_incomplete"]
    assert not found.closed


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"status": "active"}, ProjectStatus.ACTIVE),
        ({"status": "archived", "reason": "moved"}, ProjectStatus.ARCHIVED),
        ({"status": "deprecated"}, ProjectStatus.DEPRECATED),
        ({"status": "quarantined"}, ProjectStatus.QUARANTINED),
        ({"status": "sunset"}, ProjectStatus.UNKNOWN),
        ({"status": "unsaid"}, ProjectStatus.UNKNOWN),
        (None, ProjectStatus.UNSAID),
    ],
)
def test_the_status_of_a_project_is_read(
    index: IndexServer, said: dict[str, str] | None, status: ProjectStatus
) -> None:
    publish(index, "one")
    if said:
        index.behaviour.page_fields = {"meta": {"api-version": "1.4"}, "project-status": said}
    package = resolve(declared(python_reference("one")), policy(), config(pypi=index.url)).packages[0]
    assert package.status is status
    assert package.status_word == (said or {}).get("status", "")
    assert package.status_reason == (said or {}).get("reason", "")


def test_a_yanked_pin_is_told_as_yanked(index: IndexServer) -> None:
    publish(index, "one", "1.0")
    publish(index, "one", "2.0")
    index.behaviour.file_fields = {"one-2.0-py3-none-any.whl": {"yanked": "broken"}}
    free = resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    bound = resolve(declared(python_reference("one", "==2.0")), policy(), config(pypi=index.url))
    assert pins(free) == {"one": "1.0"}
    assert free.packages[0].files[0].yanked is None
    assert bound.packages[0].files[0].yanked == "broken"


@pytest.mark.parametrize("published", ["1", "1.0", "1.0.0"])
def test_spellings_of_one_version_are_one_version(index: IndexServer, published: str) -> None:
    publish(index, "one", published)
    publish(index, "one", "1.0.1")
    found = resolve(declared(python_reference("one", "==1.0")), policy(), config(pypi=index.url))
    assert [file.filename for file in found.packages[0].files] == [f"one-{published}-py3-none-any.whl"]


def test_releases_that_are_more_than_numbers_are_found(index: IndexServer) -> None:
    publish(index, "one", "1!2.0.post1")
    publish(index, "two", "1.0rc1")
    what = declared(python_reference("one"), python_reference("two", "==1.0rc1"))
    found = resolve(what, policy(), config(pypi=index.url))
    assert pins(found) == {"one": "1!2.0.post1", "two": "1.0rc1"}
    assert all(package.files for package in found.packages)


def test_an_index_of_html_pages_serves_as_well(index: IndexServer) -> None:
    publish(index, "one", "1.0")
    index.behaviour.html = True
    found = resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    assert pins(found) == {"one": "1.0"}
    assert found.packages[0].files[0].sha256
    assert found.packages[0].files[0].upload_time is None


def test_addresses_relative_to_the_page_are_made_whole(index: IndexServer) -> None:
    path = "/files/one/one-1.0-py3-none-any.whl"
    publish(index, "one")
    index.behaviour.file_fields = {"one-1.0-py3-none-any.whl": {"url": f"../..{path}", "requires-python": ">=3.8"}}
    found = resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    assert found.packages[0].files[0].url == index.root + path
    assert found.closed


def test_a_project_with_sources_alone_is_named(index: IndexServer, tmp_path: Path) -> None:
    left = tmp_path / "left"
    index.publish("raw", "raw-1.0.tar.gz", telltale_sdist("raw", "1.0", left))
    publish(index, "one", "1.0", "raw")
    found = resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    assert codes(found.problems) == ["unsatisfiable", "source_only"]
    assert "raw" in found.problems[1].message
    assert not left.exists()


def test_a_private_name_never_reaches_a_public_index(index: IndexServer) -> None:
    publish(index, "one", "1.0", "acme-core")
    publish(index, "acme-core", "9.9")
    publish(index, "acme-tool")
    rules = policy(reserved=("acme-*",))
    direct = resolve(declared(python_reference("acme_tool")), rules, config(pypi=index.url))
    assert codes(direct.problems) == ["reserved_name"]
    assert index.asked == []
    through = resolve(declared(python_reference("one")), rules, config(pypi=index.url))
    assert codes(through.problems) == ["reserved_name", "unsatisfiable"]
    assert not [path for path in index.paths() if "acme" in path]


def test_a_private_name_comes_from_the_organisations_own_index(index: IndexServer, canary: IndexServer) -> None:
    publish(index, "acme-core", "1.0")
    publish(canary, "acme-core", "9.9")
    publish(canary, "one", "1.0", "acme-core")
    own = Origin(kind=OriginKind.PYTHON_INDEX, location="corp")
    rules = policy(reserved=("acme-*",), indexes=("pypi", "corp"))
    settings = config(pypi=canary.url, corp=index.url, own=frozenset({"corp"}))
    what = declared(python_reference("acme-core", origins=(own,)), python_reference("one"))
    found = resolve(what, rules, settings)
    assert pins(found) == {"acme-core": "1.0", "one": "1.0"}
    assert [package.origin.location for package in found.packages] == ["corp", "pypi"]
    assert not [path for path in canary.paths() if "acme" in path]


def test_the_first_index_that_has_a_name_is_the_only_one_for_it(index: IndexServer, canary: IndexServer) -> None:
    publish(index, "one", "1.0")
    publish(canary, "one", "9.9")
    origins = tuple(Origin(kind=OriginKind.PYTHON_INDEX, location=name) for name in ("first", "second"))
    settings = config(first=index.url, second=canary.url)
    found = resolve(declared(python_reference("one", origins=origins)), policy(indexes=("first", "second")), settings)
    assert pins(found) == {"one": "1.0"}
    assert found.packages[0].origin.location == "first"
    assert canary.asked == []


def test_an_index_without_an_address_is_an_error(index: IndexServer) -> None:
    corp = Origin(kind=OriginKind.PYTHON_INDEX, location="corp")
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(python_reference("one", origins=(corp,))), policy(indexes=("corp",)), ResolveConfig())
    assert failed.value.error_code == "index_address_unknown"
    assert index.asked == []


@pytest.mark.parametrize(("status", "code"), [(500, "upstream_failed"), (401, "upstream_unauthorized")])
def test_an_index_that_fails_is_an_error_and_no_unsatisfiable_set(index: IndexServer, status: int, code: str) -> None:
    index.behaviour.statuses = {"/simple/one/": status}
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    assert failed.value.error_code == code


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"meta": {"api-version": "2.0"}, "name": "one", "files": []}'])
def test_a_page_that_is_none_is_an_error(index: IndexServer, body: bytes) -> None:
    index.behaviour.bodies = {"/simple/one/": ("application/vnd.pypi.simple.v1+json", body)}
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    assert failed.value.exit_code == 12


def test_the_page_of_another_project_is_an_error_even_where_the_next_index_has_it(
    index: IndexServer, canary: IndexServer
) -> None:
    publish(canary, "one", "9.9")
    page = b'{"meta": {"api-version": "1.0"}, "name": "two", "files": []}'
    index.behaviour.bodies = {"/simple/one/": ("application/vnd.pypi.simple.v1+json", page)}
    origins = tuple(Origin(kind=OriginKind.PYTHON_INDEX, location=name) for name in ("first", "second"))
    settings = config(first=index.url, second=canary.url)
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(python_reference("one", origins=origins)), policy(indexes=("first", "second")), settings)
    assert failed.value.error_code == "index_other_project"


def test_a_file_whose_metadata_fails_is_an_error(index: IndexServer) -> None:
    publish(index, "one")
    index.behaviour.statuses = {"/files/one/one-1.0-py3-none-any.whl.metadata": 403}
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    assert failed.value.error_code == "resolver_failed"


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        (ResolveBounds(pages=1), "too_many_pages"),
        (ResolveBounds(pages_bytes=300), "pages_too_large"),
        (ResolveBounds(page_bytes=100), "answer_too_large"),
        (ResolveBounds(packages=1), "too_many_packages"),
        (ResolveBounds(output_bytes=10), "resolver_output"),
    ],
)
def test_every_bound_is_an_error_of_its_own(index: IndexServer, bounds: ResolveBounds, code: str) -> None:
    publish(index, "one", "1.0", "two")
    publish(index, "two")
    with pytest.raises(BoundError) as failed:
        resolve(declared(python_reference("one")), policy(), config(pypi=index.url, bounds=bounds))
    assert failed.value.error_code == code


def test_an_index_that_hangs_ends_with_the_bound_of_time(index: IndexServer) -> None:
    index.behaviour.hanging = {"/simple/one/"}
    bounds = ResolveBounds(seconds=1.0)
    with pytest.raises(BoundError) as failed:
        resolve(declared(python_reference("one")), policy(), config(pypi=index.url, bounds=bounds))
    assert failed.value.error_code == "resolver_timeout"


def test_a_resolver_that_is_not_there_is_named(index: IndexServer, tmp_path: Path) -> None:
    settings = ResolveConfig(addresses={"pypi": index.url}, uv=tmp_path / "nowhere")
    with pytest.raises(GateError) as failed:
        resolve(declared(python_reference("one")), policy(), settings)
    assert failed.value.error_code == "resolver_missing"
    assert failed.value.exit_code == 12
