"""Conda packages in an image: every prefix, told apart by channel, their files held against their records."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from image.image_world import Node, codes, component, inventory, names, wheel

from gate.model.origin import Kind

PREFIX = "opt/conda"
CHANNEL = "https://conda.example.org/conda-forge/linux-64"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def conda(
    name: str = "demo",
    files: dict[str, bytes] | None = None,
    *,
    prefix: str = PREFIX,
    **record: Any,
) -> dict[str, Node]:
    """Return what a conda installer leaves: the files, and a record in `conda-meta` that lists them."""
    written = {f"lib/{name}.so": b"\x7fELF"} if files is None else files
    rows = [{"_path": path, "path_type": "hardlink", "sha256": sha(data)} for path, data in written.items()]
    document = {
        "name": name,
        "version": "1.0",
        "build": "h0_0",
        "channel": CHANNEL,
        "url": f"{CHANNEL}/{name}-1.0-h0_0.conda",
        "sha256": "0" * 64,
        "md5": "0" * 32,
        "files": list(written),
        "paths_data": {"paths_version": 1, "paths": rows},
        **record,
    }
    nodes: dict[str, Node] = {f"{prefix}/{path}": data for path, data in written.items()}
    stem = f"{document['name']}-{document['version']}-{document['build']}"
    return nodes | {
        f"{prefix}/conda-meta/{stem}.json": json.dumps(document).encode(),
        f"{prefix}/conda-meta/history": b"",
    }


def test_a_conda_package_is_found_with_channel_build_and_hashes() -> None:
    found = inventory(conda())
    assert found.problems == ()
    demo = component(found, "demo")
    assert (demo.kind, demo.version, demo.path) == (Kind.CONDA, "1.0", "opt/conda/conda-meta/demo-1.0-h0_0.json")
    expected = {"build": "h0_0", "channel": CHANNEL, "url": f"{CHANNEL}/demo-1.0-h0_0.conda", "sha256": "0" * 64}
    assert expected.items() <= demo.facts.items()
    assert demo.record is not None
    assert (demo.record.rows, demo.record.equal) == (1, 1)


@pytest.mark.parametrize("prefix", ["usr", "opt/env", "home/me/.pixi/envs/default", "a/b/c/d/e"])
def test_packages_are_found_at_any_prefix(prefix: str) -> None:
    found = inventory(conda(prefix=prefix))
    assert names(found) == ["conda/demo@1.0"]
    assert codes(found) == []


def test_a_prefix_at_the_root_is_read() -> None:
    nodes = {path.removeprefix("x/"): data for path, data in conda(prefix="x").items()}
    found = component(inventory(nodes), "demo")
    assert found.record is not None
    assert found.record.equal == 1


def test_two_channels_are_told_apart() -> None:
    other = "https://conda.example.org/private/linux-64"
    found = inventory(conda(), conda("other", channel=other, url=f"{other}/other-1.0-h0_0.conda"))
    assert component(found, "demo").facts["channel"] == CHANNEL
    assert component(found, "other").facts["channel"] == other


def test_no_credential_of_a_channel_is_passed_on() -> None:
    channel = "https://user:pw@conda.example.org/t/to-ken/private/linux-64"
    found = inventory(conda(channel=channel, url=f"{channel}/demo-1.0-h0_0.conda?token=abc123"))
    text = found.model_dump_json()
    assert "pw" not in text
    assert "to-ken" not in text
    assert "abc123" not in text
    assert "conda.example.org" in component(found, "demo").facts["channel"]


def test_a_changed_or_missing_file_is_counted() -> None:
    files = {"lib/a.so": b"1", "lib/b.so": b"2", "lib/c.so": b"3"}
    nodes = conda(files=files) | {f"{PREFIX}/lib/a.so": b"evil"}
    del nodes[f"{PREFIX}/lib/b.so"]
    check = component(inventory(nodes), "demo").record
    assert check is not None
    assert (check.differing, check.missing, check.equal, check.examples) == (1, 1, 1, ("lib/a.so", "lib/b.so"))


def test_a_file_into_which_the_prefix_was_written_has_its_hash_in_the_prefix() -> None:
    rows = [
        {
            "_path": "bin/x",
            "path_type": "hardlink",
            "sha256": sha(b"packed"),
            "sha256_in_prefix": sha(b"here"),
            "prefix_placeholder": "/p",
        },
        {"_path": "bin/y", "path_type": "hardlink", "sha256": sha(b"packed"), "prefix_placeholder": "/p"},
        {"_path": "bin/z", "path_type": "softlink", "sha256": sha(b"")},
        {"_path": "bin/w", "path_type": "hardlink", "sha256": "nothing"},
        {"_path": "bin/v", "path_type": "hardlink", "sha256": 7},
        {"_path": "bin/u", "sha256": sha(b"here")},
    ]
    nodes = conda(files={"bin/x": b"here", "bin/w": b"", "bin/u": b"here"}, paths_data={"paths": rows}, files_=[])
    check = component(inventory(nodes), "demo").record
    assert check is not None
    assert (check.rows, check.equal, check.unhashed, check.differing) == (6, 2, 3, 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"name": "demo"}',
        b'{"name": 7, "version": "1"}',
        b'{"name": "../x", "version": "1"}',
        b'{"name": "demo", "version": "1 2"}',
        b'{"name": "demo", "version": "1", "files": "x"}',
        b'{"name": "demo", "version": "1", "files": [7]}',
        b'{"name": "demo", "version": "1", "paths_data": []}',
        b'{"name": "demo", "version": "1", "paths_data": {"paths": [7]}}',
        b'{"name": "demo", "version": "1", "paths_data": {"paths": [{}]}}',
        b'{"name": "demo", "name": "evil", "version": "1"}',
        b"\xff",
    ],
)
def test_a_record_that_is_none_is_a_problem_and_no_component(raw: bytes) -> None:
    found = inventory(conda("other") | {f"{PREFIX}/conda-meta/demo-1.0-h0_0.json": raw})
    assert codes(found) == ["conda_unparseable"]
    assert names(found) == ["conda/other@1.0"]


def test_a_record_that_is_named_for_another_is_a_problem() -> None:
    nodes = conda()
    nodes[f"{PREFIX}/conda-meta/good-1.0-h0_0.json"] = nodes.pop(f"{PREFIX}/conda-meta/demo-1.0-h0_0.json")
    assert codes(inventory(nodes)) == ["metadata_contradiction"]


def test_a_prefix_whose_records_are_gone_is_a_problem() -> None:
    assert "conda_prefix_empty" in codes(inventory({f"{PREFIX}/conda-meta/history": b"==> now <=="}))


@pytest.mark.parametrize("target", ["nowhere", "/opt/file"])
def test_a_conda_meta_that_is_no_folder_is_a_problem(target: str) -> None:
    assert "metadata_unreadable" in codes(inventory({"opt/file": b"", "env/conda-meta": f"-> {target}"}))


def test_a_conda_meta_behind_a_link_is_read() -> None:
    found = inventory(conda(prefix="real") | {"env/conda-meta": "-> ../real/conda-meta"})
    assert {one.path for one in found.components} == {
        "env/conda-meta/demo-1.0-h0_0.json",
        "real/conda-meta/demo-1.0-h0_0.json",
    }


def owned(change: dict[str, bytes] | None = None, site: str = "lib/python3.12/site-packages") -> dict[str, Node]:
    """Return a conda package that holds a Python distribution, with some of its files changed after that."""
    files = {path: data for path, data in wheel(site=site).items() if isinstance(data, bytes)}
    info = f"{PREFIX}/{site}/demo-1.0.dist-info"
    return conda("py-demo", files) | {f"{info}/{name}": data for name, data in (change or {}).items()}


def test_a_distribution_that_conda_installed_is_condas() -> None:
    found = component(inventory(owned()), "demo")
    assert (found.kind, found.facts["owner"]) == (Kind.PYPI, "conda:py-demo")


@pytest.mark.parametrize(
    "change",
    [
        {"METADATA": b"Name: demo\nVersion: 1.0\nSummary: evil\n"},
        {"INSTALLER": b"uv\n"},
        {"RECORD": b"demo/__init__.py,,\n"},
        {"direct_url.json": b'{"url": "file:///x", "dir_info": {}}'},
    ],
)
def test_a_distribution_that_was_changed_after_conda_installed_it_is_nobodys(change: dict[str, bytes]) -> None:
    assert "owner" not in component(inventory(owned(change)), "demo").facts


def test_a_distribution_that_two_packages_claim_in_parts_is_nobodys() -> None:
    nodes = owned()
    record = f"{PREFIX}/lib/python3.12/site-packages/demo-1.0.dist-info/RECORD"
    data = nodes[record]
    assert isinstance(data, bytes)
    claim = conda("claim", {record.removeprefix(f"{PREFIX}/"): data})
    assert "owner" not in component(inventory(nodes | claim), "demo").facts


def test_a_record_that_was_taken_away_while_its_files_stayed_is_a_problem() -> None:
    found = inventory(conda() | conda("other"), {f"{PREFIX}/conda-meta/.wh.demo-1.0-h0_0.json": b""})
    assert codes(found) == ["metadata_hidden"]
    assert names(found) == ["conda/other@1.0"]


def test_a_removed_or_upgraded_conda_package_is_just_that() -> None:
    gone = {f"{PREFIX}/conda-meta/.wh.demo-1.0-h0_0.json": b"", f"{PREFIX}/lib/.wh.demo.so": b""}
    assert codes(inventory(conda() | conda("other"), gone)) == []
    upgrade = {f"{PREFIX}/conda-meta/.wh.demo-1.0-h0_0.json": b""} | conda(version="2.0")
    found = inventory(conda(), upgrade)
    assert (names(found), codes(found)) == (["conda/demo@2.0"], [])


def test_a_hidden_record_that_cannot_be_read_is_a_problem() -> None:
    path = f"{PREFIX}/conda-meta/evil-1.0-h0_0.json"
    found = inventory(conda() | {path: b"{"}, {f"{PREFIX}/conda-meta/.wh.evil-1.0-h0_0.json": b""})
    assert codes(found) == ["metadata_hidden"]
