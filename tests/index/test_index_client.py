"""What an index says is read strictly; what it can't say is an error, and a missing project is a value."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from index.index_server import IndexServer
from index.wheel_maker import WheelRecipe

from gate.bounds import HttpBounds, WheelBounds
from gate.errors import (
    BoundError,
    GateError,
    InputError,
    IntegrityError,
    NotFoundError,
    TimeoutUpstreamError,
    UpstreamError,
)
from gate.http.answer import Answer
from gate.http.client import HttpClient
from gate.index.cache import MemoryCache
from gate.index.client import PythonIndex, pypi_address
from gate.index.page import read_page
from gate.index.project import IndexFile, NoSuchProject, Project
from gate.index.remote import RangeSource

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = WheelRecipe()
# Stored and not deflated, so that the whole does not fit into the first range.
LARGE = WheelRecipe(
    name="large_pkg", files={"large_pkg/data.bin": bytes(300_000), "large_pkg/__init__.py": b""}, method=0
)
JSON = "application/vnd.pypi.simple.v1+json"
QUICK = HttpBounds(connect=1.0, read=0.3, total=2.0, attempts=1)
BOUNDS = WheelBounds(whole_bytes=4096, tail_bytes=4096)


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        for recipe in (SMALL, LARGE):
            running.publish(recipe.name.replace("_", "-"), recipe.filename, recipe.build_bytes())
        yield running


@pytest.fixture
def index(server: IndexServer) -> Iterator[PythonIndex]:
    http = HttpClient(QUICK)
    yield PythonIndex(http, server.url, bounds=BOUNDS)
    http.close()


def project(index: PythonIndex, name: str = "demo-pkg") -> Project:
    found = index.project(name)
    assert isinstance(found, Project)
    return found


def only(index: PythonIndex, name: str = "demo-pkg") -> IndexFile:
    (file,) = project(index, name).files
    return file


def failure(index: PythonIndex, name: str = "demo-pkg") -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        index.project(name)
    return caught.value


def test_a_page_becomes_a_project(index: PythonIndex) -> None:
    file = only(index)
    data = SMALL.build_bytes()
    assert (file.filename, file.version, file.is_wheel) == (SMALL.filename, "1.0", True)
    assert file.sha256 == "sha256:" + hashlib.sha256(data).hexdigest()
    assert file.size == len(data)
    assert file.upload_time == datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert file.yanked is None
    assert (file.has_metadata, file.metadata_sha256) == (None, "")


def test_any_spelling_asks_for_the_one_name(index: PythonIndex, server: IndexServer) -> None:
    assert project(index, "Demo_.PKG").name == "demo-pkg"
    assert server.paths() == ["/simple/demo-pkg/"]


def test_what_the_index_leaves_out_is_unknown_and_not_a_fault(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.sizes = False
    file = only(index)
    assert (file.size, file.upload_time, file.requires_python) == (None, None, "")


def test_yanked_files_status_and_metadata_hashes_are_read(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.announce = True
    server.behaviour.page_fields = {"project-status": {"status": "quarantined", "reason": "malware"}}
    server.behaviour.file_fields = {SMALL.filename: {"yanked": "broken", "requires-python": ">=3.9"}}
    found = project(index)
    assert (found.status, found.status_reason) == ("quarantined", "malware")
    assert (found.files[0].yanked, found.files[0].requires_python) == ("broken", ">=3.9")
    assert found.files[0].metadata_sha256 == hashlib.sha256(SMALL.metadata_bytes).hexdigest()


def test_a_file_yanked_without_a_reason_is_yanked(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {SMALL.filename: {"yanked": True}}
    assert only(index).yanked == ""


def test_the_older_key_for_metadata_is_read(index: PythonIndex, server: IndexServer) -> None:
    sha256 = hashlib.sha256(SMALL.metadata_bytes).hexdigest()
    server.behaviour.file_fields = {SMALL.filename: {"dist-info-metadata": {"sha256": sha256}}}
    assert only(index).metadata_sha256 == sha256
    server.behaviour.file_fields[SMALL.filename]["core-metadata"] = False
    assert only(index).has_metadata is False


def test_what_is_no_sha256_is_not_taken_for_one(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {
        SMALL.filename: {"hashes": {"sha256": "ABC"}, "core-metadata": {"sha256": "../x"}, "provenance": 7}
    }
    assert (only(index).sha256, only(index).metadata_sha256) == ("", "")


def test_a_later_minor_version_and_an_unknown_status_are_read(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.page_fields = {"meta": {"api-version": "1.99"}, "project-status": {"status": "embalmed"}}
    assert project(index).status == "embalmed"


def test_html_only_indexes_are_read(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.html = True
    file = only(index)
    assert (file.filename, file.version, file.size) == (SMALL.filename, "1.0", None)
    assert file.sha256 == "sha256:" + hashlib.sha256(SMALL.build_bytes()).hexdigest()
    assert index.wheel(file).name == "demo-pkg"


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_project_is_a_value(index: PythonIndex, server: IndexServer, status: int) -> None:
    server.behaviour.statuses["/simple/nobody/"] = status
    assert index.project("nobody") == NoSuchProject(name="nobody")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_refusing_or_broken_index_is_never_a_missing_project(
    index: PythonIndex, server: IndexServer, status: int
) -> None:
    server.behaviour.statuses["/simple/demo-pkg/"] = status
    assert failure(index).facts["status"] == str(status)


def test_an_index_that_does_not_answer_times_out(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.hanging.add("/simple/demo-pkg/")
    assert isinstance(failure(index), TimeoutUpstreamError)


def test_nobody_at_the_address_is_unreachable(server: IndexServer) -> None:
    url = server.url
    server.__exit__(None, None, None)
    assert failure(PythonIndex(HttpClient(QUICK), url)).error_code == "upstream_unreachable"


FILE = {"filename": "demo_pkg-1.0-py3-none-any.whl", "url": "x.whl", "hashes": {}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{", "upstream_not_json", id="cut"),
        pytest.param(b"[]", "index_unreadable", id="list"),
        pytest.param(b"{}", "index_unreadable", id="empty"),
        pytest.param({"meta": {"api-version": "1.1"}, "name": "demo-pkg"}, "index_unreadable", id="no-files"),
        pytest.param({"meta": [], "name": "demo-pkg", "files": []}, "index_unreadable", id="meta-list"),
        pytest.param({"meta": {"api-version": "1.0"}, "files": []}, "index_unreadable", id="no-name"),
        pytest.param(
            {"meta": {"api-version": "1.0"}, "name": "demo-pkg", "files": [1]}, "index_unreadable", id="file-number"
        ),
        pytest.param(
            {"meta": {"api-version": "1.0"}, "name": "demo-pkg", "files": [FILE | {"size": "big"}]},
            "index_unreadable",
            id="size-text",
        ),
        pytest.param(
            {"meta": {"api-version": "1.0"}, "name": "demo-pkg", "files": [{"filename": "a"}]},
            "index_unreadable",
            id="file-without-url",
        ),
        pytest.param(
            {"meta": {"api-version": "2.0"}, "name": "demo-pkg", "files": []}, "index_version", id="version-2"
        ),
        pytest.param({"meta": {}, "name": "demo-pkg", "files": []}, "index_version", id="no-version"),
        pytest.param(
            {"meta": {"api-version": "1.0"}, "name": "other", "files": []}, "index_other_project", id="other-project"
        ),
    ],
)
def test_a_page_that_is_none_is_an_error_and_not_an_empty_project(
    index: PythonIndex, server: IndexServer, body: bytes | dict[str, Any], code: str
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    server.behaviour.bodies["/simple/demo-pkg/"] = (JSON, raw)
    assert failure(index).error_code == code


@pytest.mark.parametrize(
    ("media_type", "body", "code"),
    [
        ("text/html", b"<html><body><form>Log in</form></body></html>", "index_empty_page"),
        ("text/html; charset=nonsense", b"<html></html>", "index_empty_page"),
        ("text/html", b'<meta name="pypi:repository-version" content="2.0"><a href="a.whl">a</a>', "index_version"),
        ("text/html", b'<a href="//[">demo_pkg-1.0-py3-none-any.whl</a>', "index_unreadable"),
        ("application/json", b"{}", "index_unreadable"),
        ("application/octet-stream", b"", "index_unreadable"),
    ],
)
def test_a_page_for_people_is_not_an_empty_project(
    index: PythonIndex, server: IndexServer, media_type: str, body: bytes, code: str
) -> None:
    server.behaviour.bodies["/simple/demo-pkg/"] = (media_type, body)
    assert failure(index).error_code == code


def test_files_that_leave_tls_are_refused() -> None:
    page = {"meta": {"api-version": "1.0"}, "name": "demo-pkg", "files": [FILE | {"url": "http://example.org/x.whl"}]}
    answer = Answer(
        url="https://example.org/simple/demo-pkg/",
        status=200,
        headers={"Content-Type": JSON},
        body=json.dumps(page).encode(),
    )
    with pytest.raises(UpstreamError) as caught:
        read_page(answer, "demo-pkg")
    assert caught.value.error_code == "index_downgrade"


def test_a_page_larger_than_the_bounds_is_not_read(server: IndexServer) -> None:
    with pytest.raises(BoundError):
        PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(page_bytes=50)).project("demo-pkg")


def test_files_of_a_version_are_found_in_any_spelling() -> None:
    files = tuple(
        IndexFile(filename=str(n), url="", version=v) for n, v in enumerate(["1.0", "1.0.0", "1.1", "junk", ""])
    )
    found = Project(name="x", files=files)
    assert [file.filename for file in found.files_of("1")] == ["0", "1"]
    assert [file.filename for file in found.files_of("junk")] == ["3"]
    assert found.files_of("2.0") == ()


def test_metadata_is_served_by_itself(index: PythonIndex, server: IndexServer) -> None:
    file = only(index, "large-pkg")
    assert index.metadata(file) == LARGE.metadata_bytes
    assert server.paths()[1:] == [f"/files/large-pkg/{LARGE.filename}.metadata"]


@pytest.mark.parametrize("has_metadata", [None, False])
def test_metadata_is_read_out_of_the_wheel_where_it_is_not_served(
    index: PythonIndex, server: IndexServer, has_metadata: bool | None
) -> None:
    server.behaviour.metadata = False
    if has_metadata is False:
        server.behaviour.file_fields = {LARGE.filename: {"core-metadata": False}}
    assert index.metadata(only(index, "large-pkg")) == LARGE.metadata_bytes
    assert (f"/files/large-pkg/{LARGE.filename}.metadata" in server.paths()) is (has_metadata is None)
    assert all("," not in wanted for _, wanted in server.asked)


def test_metadata_other_than_announced_is_refused(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {LARGE.filename: {"core-metadata": {"sha256": "0" * 64}}}
    with pytest.raises(IntegrityError) as caught:
        index.metadata(only(index, "large-pkg"))
    assert caught.value.error_code == "metadata_digest_mismatch"


def test_a_server_that_fails_at_metadata_is_not_one_that_has_none(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.statuses[f"/files/large-pkg/{LARGE.filename}.metadata"] = 500
    with pytest.raises(UpstreamError):
        index.metadata(only(index, "large-pkg"))


def test_a_small_wheel_is_read_whole_and_held_against_its_digest(index: PythonIndex, server: IndexServer) -> None:
    file = only(index)
    assert index.wheel(file).verified
    server.publish("demo-pkg", SMALL.filename, SMALL.but(metadata="Summary: other\n").build_bytes())
    with pytest.raises(IntegrityError):
        PythonIndex(HttpClient(QUICK), server.url, bounds=BOUNDS).wheel(file)


def test_a_large_wheel_is_read_by_few_single_ranges(index: PythonIndex, server: IndexServer) -> None:
    facts = index.wheel(only(index, "large-pkg"))
    assert facts.record.keys() == {*LARGE.files, f"{LARGE.dist_info}/METADATA", f"{LARGE.dist_info}/WHEEL"}
    assert not facts.verified
    wanted = [value for path, value in server.asked if path.startswith("/files/")]
    assert wanted == ["bytes=-4096"]


def test_metadata_far_from_the_end_costs_one_more_range(server: IndexServer) -> None:
    """Zip archives may have their files in any order."""
    index = PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(whole_bytes=0, tail_bytes=600))
    assert index.wheel(only(index, "large-pkg")).name == "large-pkg"
    wanted = [value for path, value in server.asked if path.startswith("/files/")]
    assert len(wanted) == 2
    assert all("," not in value for value in wanted)


def test_a_server_without_ranges_is_read_whole_within_the_bounds(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.ranges = False
    assert index.wheel(only(index, "large-pkg")).verified
    small = PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(whole_bytes=0, fallback_bytes=1000))
    with pytest.raises(BoundError):
        small.wheel(only(small, "large-pkg"))


def test_a_server_that_hides_the_size_is_refused(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.total = False
    with pytest.raises(UpstreamError) as caught:
        index.wheel(only(index, "large-pkg"))
    assert caught.value.error_code == "range_no_total"


def test_a_wheel_of_another_size_than_the_index_says_is_refused(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {LARGE.filename: {"size": 300_001}}
    with pytest.raises(IntegrityError) as caught:
        index.wheel(only(index, "large-pkg"))
    assert caught.value.error_code == "size_mismatch"


def test_a_wheel_that_changes_between_ranges_is_refused(server: IndexServer) -> None:
    index = PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(whole_bytes=0, tail_bytes=600))
    file = only(index, "large-pkg")
    answer = server.answer

    def changing(path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        if wanted and not wanted.startswith("bytes=-"):
            server.publish("large-pkg", LARGE.filename, LARGE.build_bytes() + b"\0")
        return answer(path, wanted)

    server.answer = changing  # type: ignore[method-assign]
    with pytest.raises(IntegrityError) as caught:
        index.wheel(file)
    assert caught.value.error_code == "range_changed"


def test_nothing_is_asked_for_nothing(server: IndexServer) -> None:
    data = LARGE.build_bytes()
    source = RangeSource(HttpClient(QUICK), server.root + f"/files/large-pkg/{LARGE.filename}", tail=600)
    assert (source.size, source.read(0, 0)) == (len(data), b"")
    assert source.read(10, 20) + source.read(10, 5) == data[10:30] + data[10:15]
    assert [wanted for _, wanted in server.asked] == ["bytes=-600", "bytes=10-29"]


def test_a_server_that_sends_less_than_was_asked_for_is_refused(server: IndexServer) -> None:
    index = PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(whole_bytes=0, tail_bytes=600))
    file = only(index, "large-pkg")
    answer = server.answer

    def short(path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        first = wanted.removeprefix("bytes=").partition("-")[0]
        return answer(path, f"bytes={first}-{int(first) + 10}" if first else wanted)

    server.answer = short  # type: ignore[method-assign]
    with pytest.raises(UpstreamError) as caught:
        index.wheel(file)
    assert caught.value.error_code == "range_short"


def test_metadata_that_the_wheel_does_not_have_is_refused(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {"bare-1.0-py3-none-any.whl": {"core-metadata": False}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("bare-1.0.dist-info/WHEEL", b"")
    server.publish("bare", "bare-1.0-py3-none-any.whl", out.getvalue())
    with pytest.raises(InputError) as caught:
        index.metadata(only(index, "bare"))
    assert caught.value.error_code == "wheel_incomplete"


def test_a_file_that_is_gone_is_not_found(index: PythonIndex, server: IndexServer) -> None:
    file = only(index)
    server.behaviour.statuses[f"/files/demo-pkg/{SMALL.filename}"] = 404
    with pytest.raises(NotFoundError):
        index.wheel(file)


def test_what_a_wheel_holds_is_asked_once_for_the_same_bytes(index: PythonIndex, server: IndexServer) -> None:
    file = only(index)
    first = index.wheel(file)
    asked = len(server.asked)
    assert index.wheel(file) == first
    assert len(server.asked) == asked


def test_without_a_digest_nothing_is_kept(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {SMALL.filename: {"hashes": {}}}
    file = only(index)
    index.wheel(file)
    asked = len(server.asked)
    assert not index.wheel(file).verified
    assert len(server.asked) == asked + 1


def test_what_one_index_said_is_no_answer_of_another(server: IndexServer) -> None:
    cache = MemoryCache(1 << 20)
    http = HttpClient(QUICK)
    one = PythonIndex(http, server.url, bounds=BOUNDS, cache=cache)
    file = only(one)
    one.wheel(file)
    asked = len(server.asked)
    PythonIndex(http, f"{server.root}/other/", bounds=BOUNDS, cache=cache).wheel(file)
    assert len(server.asked) == asked + 1


def test_kept_facts_that_can_not_be_read_are_asked_anew(server: IndexServer) -> None:
    class Spoilt(MemoryCache):
        def get(self, key: str) -> bytes | None:
            return b"{}" if super().get(key) else None

    index = PythonIndex(HttpClient(QUICK), server.url, bounds=BOUNDS, cache=Spoilt(1 << 20))
    file = only(index)
    assert index.wheel(file) == index.wheel(file)
    assert server.paths().count(f"/files/demo-pkg/{SMALL.filename}") == 2


def test_the_cache_forgets_the_longest_unused() -> None:
    cache = MemoryCache(10)
    cache.put("a", b"12345")
    cache.put("b", b"12345")
    assert cache.get("a") == b"12345"
    cache.put("c", b"1")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"12345", None, b"1")
    cache.put("a", b"")
    cache.put("d", b"12345678901")
    assert [cache.get(key) for key in "acd"] == [None, None, None]


def test_pypi_is_named_by_its_client_library_alone() -> None:
    assert pypi_address().startswith("https://")
    assert PythonIndex(HttpClient(QUICK)).name == "pypi"


def test_relative_addresses_are_relative_to_the_page(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {SMALL.filename: {"url": f"../../files/demo-pkg/{SMALL.filename}"}}
    assert only(index).url == f"{server.root}/files/demo-pkg/{SMALL.filename}"
    assert index.wheel(only(index)).verified


@pytest.mark.parametrize("url", [7, None, "file:///etc/passwd", "//[", "https://[", ""])
def test_an_address_that_is_none_is_no_file(index: PythonIndex, server: IndexServer, url: object) -> None:
    server.behaviour.file_fields = {SMALL.filename: {"url": url}}
    for question in (index.wheel, index.metadata):
        with pytest.raises(GateError):
            question(only(index))
    assert {path for path in server.paths() if not path.startswith("/simple/demo-pkg/")} == set()


def test_credentials_in_file_addresses_do_not_show(index: PythonIndex, server: IndexServer) -> None:
    secret = server.root.replace("//", "//user:hunter2@") + f"/files/large-pkg/{LARGE.filename}?sig=hunter2"
    server.behaviour.file_fields = {LARGE.filename: {"url": secret, "size": 7_000_000}}
    with pytest.raises(UpstreamError) as caught:
        index.wheel(only(index, "large-pkg"))
    assert "hunter2" not in f"{caught.value} {caught.value.facts}"
