"""A package cache that nobody cleaned up: what lies in it is seen, and told apart by channel."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from image.image_world import Node, codes, component, inventory, names, wheel

from gate.model.origin import Kind

CHANNEL = "https://conda.example.org/conda-forge/linux-64"
FOLDER = "opt/conda/pkgs/py-demo-1.0-h0_0"


def cached(folder: str = FOLDER, **documents: Any) -> dict[str, Node]:
    """Return an unpacked package that holds a Python distribution; documents by their names, None to leave one out."""
    files = {path: data for path, data in wheel(site="site-packages").items() if isinstance(data, bytes)}
    rows = [
        {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest(), "prefix_placeholder": "/p"}
        for path, data in files.items()
    ]
    identity = {"name": "py-demo", "version": "1.0", "build": "h0_0"}
    made: dict[str, Any] = {
        "index": identity,
        "repodata_record": identity
        | {"channel": CHANNEL, "url": f"{CHANNEL}/py-demo-1.0-h0_0.conda", "sha256": "0" * 64},
        "paths": {"paths_version": 1, "paths": rows},
        **documents,
    }
    nodes: dict[str, Node] = {f"{folder}/{path}": data for path, data in files.items()}
    for name, document in made.items():
        if document is not None:
            raw = document if isinstance(document, bytes) else json.dumps(document).encode()
            nodes[f"{folder}/info/{name}.json"] = raw
    return nodes


def test_a_cached_package_is_a_conda_package_with_its_channel_and_owns_its_distribution() -> None:
    found = inventory(cached())
    assert codes(found) == []
    assert names(found) == ["conda/py-demo@1.0", "pypi/demo@1.0"]
    package = component(found, "py-demo")
    assert (package.kind, package.path, package.facts["cached"]) == (Kind.CONDA, FOLDER, "true")
    assert (package.facts["channel"], package.facts["sha256"]) == (CHANNEL, "0" * 64)
    assert package.record is not None
    assert (package.record.equal, package.record.differing, package.record.missing) == (5, 0, 0)
    assert component(found, "demo").facts["owner"] == "conda:py-demo"


def test_a_changed_file_of_a_cached_package_is_counted_and_owned_by_nobody() -> None:
    found = inventory(cached() | {f"{FOLDER}/site-packages/demo-1.0.dist-info/METADATA": b"Name: demo\nVersion: 1.0\n"})
    package = component(found, "py-demo")
    assert package.record is not None
    assert package.record.differing == 1
    assert "owner" not in component(found, "demo").facts


def test_a_cached_package_without_an_origin_has_no_channel() -> None:
    assert "channel" not in component(inventory(cached(repodata_record=None)), "py-demo").facts


def test_a_cached_package_without_paths_owns_nothing() -> None:
    assert "owner" not in component(inventory(cached(paths=None)), "demo").facts


@pytest.mark.parametrize(
    "documents",
    [
        {"index": b"{"},
        {"index": {"name": "py-demo"}},
        {"repodata_record": b"[]"},
        {"repodata_record": {"name": "py-demo", "version": "2.0", "build": "h0_0"}},
        {"repodata_record": {"name": "evil", "version": "1.0", "build": "h0_0"}},
        {"paths": b"{"},
        {"paths": []},
        {"paths": {"paths": [7]}},
        {"paths": {"paths": [{}]}},
    ],
)
def test_a_cached_package_that_cannot_be_read_is_a_problem(documents: dict[str, Any]) -> None:
    found = inventory(cached(**documents))
    assert codes(found) == ["conda_unparseable"]
    assert names(found) == ["pypi/demo@1.0"]


def test_a_cached_package_in_the_folder_of_another_is_a_problem() -> None:
    assert codes(inventory(cached("opt/conda/pkgs/good-1.0-h0_0"))) == ["metadata_contradiction"]


def test_an_index_that_cannot_be_followed_is_a_problem() -> None:
    found = inventory(cached(index=None) | {f"{FOLDER}/info/index.json": "-> nowhere"})
    assert codes(found) == ["metadata_unreadable"]


def test_other_info_folders_are_none_of_condas() -> None:
    assert names(inventory(wheel() | {"app/info/index.json": b"{", "pkgs/info/index.json": b"{"})) == ["pypi/demo@1.0"]
