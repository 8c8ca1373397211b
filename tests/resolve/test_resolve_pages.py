"""Pages: asked for ahead without telling anybody more, handed on untouched, read for facts without being believed."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from index.wheel_maker import WheelRecipe
from resolve.resolve_world import config, declared, pins, policy, python_reference, resolve

from gate.errors import UpstreamError
from gate.http.answer import Answer
from gate.http.client import HttpClient
from gate.index.page import JSON
from gate.policy.private import reserved
from gate.resolve.entries import only_version, read_through
from gate.resolve.pages import IndexAddress, Pages
from gate.resolve.settings import ResolveBounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from index.index_server import IndexServer

FILE = {"filename": "one-1.0-py3-none-any.whl", "url": "https://files.example/one-1.0-py3-none-any.whl", "hashes": {}}
PAGE: dict[str, Any] = {"meta": {"api-version": "1.1"}, "name": "one", "files": [FILE]}


@pytest.fixture
def pages(index: IndexServer) -> Iterator[Pages]:
    """Open the pages of an index with one project."""
    publish(index, "one")
    opened = Pages(
        HttpClient(config().http),
        (IndexAddress(name="pypi", url=index.url),),
        reserved(("acme-*",)),
        ResolveBounds(connections=3),
    )
    with contextlib.closing(opened):
        yield opened


def publish(index: IndexServer, name: str, version: str = "1.0") -> None:
    recipe = WheelRecipe(name=name, version=version)
    index.publish(name, recipe.filename, recipe.build_bytes())


def test_a_page_that_was_expected_is_asked_for_once(pages: Pages, index: IndexServer) -> None:
    pages.expect(["one", "one"])
    assert pages.serve(0, "one").status == 200
    pages.check()
    found = pages.found("one", "1.0")
    assert found is not None
    assert [file.filename for file in found[1].files] == ["one-1.0-py3-none-any.whl"]
    assert index.paths() == ["/simple/one/"]


def test_a_private_name_is_not_expected(pages: Pages, index: IndexServer) -> None:
    pages.expect(["acme-core", "acme-other"])
    assert pages.serve(0, "acme-core").status == 404
    assert pages.withheld == ("acme-core",)
    assert index.asked == []


def test_no_more_pages_are_expected_than_may_be_asked_for_at_once(pages: Pages, index: IndexServer) -> None:
    pages.expect([f"p{number}" for number in range(50)])
    assert pages.serve(0, "p0").status == 404
    assert pages.serve(0, "p1").status == 404
    assert pages.serve(0, "p2").status == 404
    assert sorted(index.paths()) == ["/simple/p0/", "/simple/p1/", "/simple/p2/"]


def test_what_was_expected_and_failed_counts_when_it_is_asked_for(pages: Pages, index: IndexServer) -> None:
    index.behaviour.statuses = {"/simple/one/": 418, "/simple/two/": 418}
    pages.expect(["one", "two"])
    assert pages.serve(0, "one").status == 400
    assert len(pages.failures) == 1
    assert pages.found("two", "1.0") is None
    assert not pages.names_place("127.0.0.1", 80)


def test_a_name_for_another_system_is_not_asked_for_ahead(index: IndexServer) -> None:
    publish(index, "one")
    publish(index, "elsewhere")
    references = [python_reference("one"), python_reference("elsewhere", marker="sys_platform == 'win32'")]
    found = resolve(declared(*references), policy(), config(pypi=index.url))
    assert pins(found) == {"one": "1.0"}
    assert "/simple/elsewhere/" not in index.paths()


HOSTILE = {
    "half a page": json.dumps(PAGE)[:-40],
    "no page": "null",
    "a list": "[]",
    "no files": json.dumps({"meta": {"api-version": "1.1"}, "name": "one"}),
    "files that are none": json.dumps(PAGE | {"files": {}}),
    "a file that is none": json.dumps(PAGE | {"files": [FILE, "one-2.0.tar.gz"]}),
    "a file without a name": json.dumps(PAGE | {"files": [FILE, {"url": "https://files.example/x"}]}),
    "a name that is none": json.dumps(PAGE | {"files": [FILE | {"filename": 1}]}),
    "no meta": json.dumps({"name": "one", "files": [FILE]}),
    "meta that is none": json.dumps(PAGE | {"meta": "1.1"}),
    "another version": json.dumps(PAGE | {"meta": {"api-version": "2.0"}}),
    "another project": json.dumps(PAGE | {"name": "two"}),
    "nested without end": '{"meta": ' + "[" * 5000 + "]" * 5000 + "}",
    "no text": b"\xff\xfe\x00".decode("latin-1"),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_page_is_an_error_and_no_empty_project(pages: Pages, index: IndexServer, body: str) -> None:
    index.behaviour.bodies = {"/simple/one/": (JSON, body.encode("latin-1"))}
    served = pages.serve(0, "one")
    if served.status == 200:
        with pytest.raises(UpstreamError):
            pages.check()
    else:
        assert pages.failures


@pytest.mark.parametrize("media_type", ["application/octet-stream", "application/json", ""])
def test_a_page_of_another_type_is_an_error(pages: Pages, index: IndexServer, media_type: str) -> None:
    index.behaviour.bodies = {"/simple/one/": (media_type, json.dumps(PAGE).encode())}
    assert pages.serve(0, "one").status == 400
    assert [error.error_code for error in pages.failures] in (["index_unreadable"], ["index_empty_page"])


def test_a_page_that_is_too_large_is_an_error(index: IndexServer) -> None:
    index.behaviour.bodies = {"/simple/one/": (JSON, json.dumps(PAGE | {"x": "x" * 100_000}).encode())}
    address = IndexAddress(name="pypi", url=index.url)
    opened = Pages(HttpClient(), (address,), reserved(()), ResolveBounds(page_bytes=50_000))
    with contextlib.closing(opened):
        opened.expect(["one"])
        assert opened.serve(0, "one").status == 400
        assert [error.error_code for error in opened.failures] == ["answer_too_large"]


def answer(*names: str, **more: object) -> Answer:
    files = [FILE | {"filename": name} | more for name in names]
    return Answer(
        url="https://i.example/one/", status=200, headers={}, body=json.dumps(PAGE | {"files": files}).encode()
    )


def test_of_a_page_the_files_of_one_version_are_read_with_all_that_is_said_of_them() -> None:
    names = ("one-1.0.tar.gz", "one-1.1.tar.gz", "one-1.10-py3-none-any.whl", "one-1-py3-none-any.whl", "one-2.0.zip")
    whole = answer(*names, yanked="why", size=3)
    kept = json.loads(only_version(whole, read_through(whole.body), "1.1").body)
    assert [file["filename"] for file in kept["files"]] == ["one-1.1.tar.gz", "one-1.10-py3-none-any.whl"]
    assert kept["files"][0] == FILE | {"filename": "one-1.1.tar.gz", "yanked": "why", "size": 3}
    assert kept["name"] == "one"


@pytest.mark.parametrize("version", ["1.0", "1", "1.0.0"])
def test_a_version_is_found_in_any_spelling_of_its_zeros(version: str) -> None:
    whole = answer("one-1.tar.gz", "one-1.0.tar.gz", "one-2.0.tar.gz")
    kept = json.loads(only_version(whole, read_through(whole.body), version).body)
    assert [file["filename"] for file in kept["files"]] == ["one-1.tar.gz", "one-1.0.tar.gz"]


def test_what_is_no_version_leaves_the_page_whole() -> None:
    whole = answer("one-1.0.tar.gz")
    assert only_version(whole, read_through(whole.body), "x") is whole
    broken = Answer(url="https://i.example/one/", status=200, headers={}, body=b"{")
    assert only_version(broken, read_through(broken.body), "1.0") is broken


def test_beside_its_files_a_page_says_its_name_and_its_status() -> None:
    read = read_through(json.dumps(PAGE | {"project-status": {"status": "archived"}, "more": 1}).encode())
    assert read is not None
    assert read.said == {"meta": {"api-version": "1.1"}, "name": "one", "project-status": {"status": "archived"}}


@pytest.mark.parametrize("first", [0, 99, 100, 250, 399])
def test_the_files_of_a_version_are_found_wherever_they_stand_on_a_long_page(first: int) -> None:
    names = [f"one-3.{number}.tar.gz" for number in range(400)]
    names[first] = names[399] = "one-2.0.tar.gz"
    names[first] = "one-2.0-py3-none-any.whl"
    whole = answer(*names)
    kept = json.loads(only_version(whole, read_through(whole.body), "2.0").body)
    assert [file["filename"] for file in kept["files"]] == [name for name in names if "-2" in name]
    assert {name for file in kept["files"] for name in file} == set(FILE)
