"""What an index says is read strictly; what it can't say is an error, and a missing project is a value."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from index.index_server import IndexServer
from index.index_world import JSON, LARGE, QUICK, SMALL, failure, only, project

from gate.bounds import WheelBounds
from gate.errors import (
    BoundError,
    GateError,
    TimeoutUpstreamError,
    UpstreamError,
)
from gate.http.answer import Answer
from gate.http.client import HttpClient
from gate.index.client import PythonIndex
from gate.index.page import read_page
from gate.index.project import IndexFile, NoSuchProject, Project


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


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../demo-pkg",
        "demo-pkg/../other",
        "demo-pkg?x",
        "demo-pkg#x",
        "%2e%2e",
        "demo pkg",
        "démo",
        "-x",
        "a\nb",
        "demo-pkg\n",
        "x" * 201,
    ],
)
def test_what_is_no_name_is_not_sent(index: PythonIndex, server: IndexServer, name: str) -> None:
    """Names come out of judged images; an address must not."""
    assert isinstance(index.project(name), NoSuchProject)
    assert server.asked == []


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
