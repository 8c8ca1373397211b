"""Where a distribution says it is from, other ways to install one, and ways to hide one."""

from __future__ import annotations

from typing import Any

import pytest
from image.image_world import SITE, Node, codes, component, inventory, names, wheel

from gate.image.metadata import (
    direct_url_of,
    wheel_tags,
)
from gate.model.origin import Kind

INFO = f"{SITE}/demo-1.0.dist-info"


PKG_INFO = b"Metadata-Version: 1.1\nName: old\nVersion: 0.9\n"


@pytest.mark.parametrize(
    ("document", "kind", "url", "facts"),
    [
        (
            {
                "url": "https://user:pw@example.org/r.git",
                "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "v1"},
            },
            Kind.VCS,
            "https://example.org/r.git",
            {"vcs_vcs": "git", "vcs_commit_id": "abc", "vcs_requested_revision": "v1"},
        ),
        (
            {"url": "https://example.org/d.whl?sig=abc", "archive_info": {"hashes": {"sha256": "00"}}},
            Kind.URL,
            "https://example.org/d.whl?sig=***",
            {"archive_sha256": "00"},
        ),
        (
            {"url": "https://example.org/d.whl", "archive_info": {"hash": "sha256=00"}, "subdirectory": "x"},
            Kind.URL,
            "https://example.org/d.whl",
            {"archive_sha256": "00", "direct_url_subdirectory": "x"},
        ),
        (
            {"url": "https://example.org/d.whl", "archive_info": {"hash": "md5=0"}},
            Kind.URL,
            "https://example.org/d.whl",
            {},
        ),
        ({"url": "file:///tmp/d.whl", "archive_info": {}}, Kind.LOCAL, "file:///tmp/d.whl", {}),
        ({"url": "file:///src", "dir_info": {"editable": True}}, Kind.LOCAL, "file:///src", {"editable": "true"}),
        ({"url": "file:///src", "dir_info": {}}, Kind.LOCAL, "file:///src", {}),
    ],
)
def test_a_direct_url_says_what_it_is_and_no_secret(
    document: dict[str, Any], kind: Kind, url: str, facts: dict[str, str]
) -> None:
    found = component(inventory(wheel(direct_url=document)), "demo")
    assert (found.kind, found.direct_url) == (kind, url)
    assert facts.items() <= found.facts.items()
    assert "editable" in facts or "editable" not in found.facts
    assert "pw" not in found.model_dump_json()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"url": 7, "dir_info": {}}',
        b'{"url": "", "dir_info": {}}',
        b'{"url": "https://example.org/x"}',
        b'{"url": "https://example.org/x", "dir_info": {}, "vcs_info": {}}',
        b'{"url": "https://example.org/x", "dir_info": []}',
        b'{"url": "a", "url": "b", "dir_info": {}}',
        b'{"url": "' + b"x" * 3000 + b'", "dir_info": {}}',
    ],
)
def test_a_direct_url_that_is_none_is_a_problem_and_never_pypi(raw: bytes) -> None:
    found = inventory(wheel(direct_url=raw))
    assert codes(found) == ["direct_url_unparseable"]
    assert component(found, "demo").kind is Kind.OTHER


def test_a_direct_url_that_cannot_be_read_is_never_pypi() -> None:
    found = inventory(wheel() | {f"{INFO}/direct_url.json": "-> /nowhere"})
    assert "metadata_unreadable" in codes(found)
    assert component(found, "demo").kind is Kind.OTHER


@pytest.mark.parametrize("raw", [b"Tag: evil\n", b"Tag: a-b\n", b"no header\n"])
def test_a_wheel_file_that_is_none_is_a_problem(raw: bytes) -> None:
    found = inventory(wheel() | {f"{INFO}/WHEEL": raw})
    assert [(one.code, one.severity.value) for one in found.problems] == [("wheel_unparseable", "warning")]
    assert "wheel_tags" not in component(found, "demo").facts


def test_several_tags_are_kept_in_order() -> None:
    assert wheel_tags(b"Tag: py2-none-any\r\nTag: py3-none-any\r\n") == "py2-none-any py3-none-any"


@pytest.mark.parametrize(
    "path", [f"{SITE}/old-0.9.egg-info", f"{SITE}/old.egg-info/PKG-INFO", f"{SITE}/old.egg/EGG-INFO/PKG-INFO"]
)
def test_egg_infos_in_a_site_are_components(path: str) -> None:
    found = inventory({path: PKG_INFO})
    assert names(found) == ["pypi/old@0.9"]
    assert component(found, "old").facts["format"] == "egg-info"
    assert component(found, "old").record is None
    assert codes(found) == []


def test_an_egg_info_beside_sources_is_local() -> None:
    assert names(inventory({"app/src/old.egg-info/PKG-INFO": PKG_INFO})) == ["local/old@0.9"]


def test_an_egg_info_that_cannot_be_read_is_a_problem() -> None:
    assert codes(inventory(wheel() | {f"{SITE}/old.egg-info/": None})) == ["metadata_missing"]
    assert codes(inventory(wheel() | {f"{SITE}/old.egg-info": b"nothing"})) == ["metadata_unparseable"]
    assert codes(inventory(wheel() | {f"{SITE}/old.egg-info": "-> nowhere"})) == [
        "metadata_unreadable",
        "metadata_missing",
    ]


def test_a_develop_install_is_a_local_component() -> None:
    found = inventory({f"{SITE}/dev.egg-link": b"/src/dev\n../"})
    dev = component(found, "dev")
    assert (dev.kind, dev.version, dev.facts["editable"], dev.facts["target"]) == (Kind.LOCAL, "", "true", "/src/dev")
    assert "metadata_unreadable" in codes(inventory(wheel() | {f"{SITE}/dev.egg-link": "-> nowhere"}))


@pytest.mark.parametrize(
    "files",
    [
        {"usr/bin/python3": b"\x7fELF"},
        {"usr/bin/python3.11": b"\x7fELF", "usr/bin/python3": "-> python3.11"},
        {"opt/pypy/bin/pypy3": b"\x7fELF"},
        {f"{SITE}/": None},
        {"usr/lib/python3/dist-packages/x.py": b""},
    ],
)
def test_python_without_a_single_distribution_is_a_problem(files: dict[str, Node]) -> None:
    assert "python_without_components" in codes(inventory(files))


def test_what_is_only_named_like_python_is_no_sign_of_it() -> None:
    files: dict[str, Node] = {"usr/share/python3": b"", "usr/bin/python3-config": b"", "var/lib/dpkg/status": b""}
    assert "python_without_components" not in codes(inventory(files))


def test_a_removed_package_is_gone() -> None:
    files = wheel()
    found = inventory(wheel("other") | files, {f"{SITE}/.wh.demo": b"", f"{SITE}/.wh.demo-1.0.dist-info": b""})
    assert names(found) == ["pypi/other@1.0"]
    assert codes(found) == []


def test_an_upgraded_package_is_the_new_one_alone() -> None:
    same: dict[str, bytes] = {"demo/same.py": b"# unchanged\n"}
    found = inventory(wheel(files=same), {f"{SITE}/.wh.demo-1.0.dist-info": b""} | wheel(version="2.0", files=same))
    assert names(found) == ["pypi/demo@2.0"]
    assert codes(found) == []


@pytest.mark.parametrize(
    "hiding",
    [
        {f"{SITE}/.wh.demo-1.0.dist-info": b""},
        {f"{INFO}/.wh..wh..opq": b""},
        {f"{INFO}/.wh.METADATA": b"", f"{INFO}/.wh.RECORD": b""},
        {INFO: b"a file in its place"},
    ],
)
def test_a_whiteout_that_hides_a_dist_info_while_its_code_stays_is_a_problem(hiding: dict[str, Node]) -> None:
    found = inventory(wheel("other") | wheel(), hiding)
    assert "metadata_hidden" in codes(found)
    assert names(found) == ["pypi/other@1.0"]


def test_a_direct_url_value_is_whole() -> None:
    found = direct_url_of(b'{"url": "ssh://git@example.org/r", "vcs_info": {"vcs": "git", "commit_id": 7}}')
    assert (found.kind, found.url, found.facts) == (Kind.VCS, "ssh://example.org/r", {"vcs_vcs": "git"})
