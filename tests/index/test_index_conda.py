"""Conda packages are read as data: bounded, and refused where they could be read in two ways."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from origin.conda_recipes import PLACEHOLDER, Package, sha

from gate.bounds import CondaBounds, WheelBounds
from gate.errors import BoundError, InputError
from gate.index.archive import FileSource
from gate.index.conda import CondaFacts, CondaPath, PathType, read_facts
from gate.index.conda_archive import entries, open_part, stem_of
from gate.index.conda_prefix import prefixed

if TYPE_CHECKING:
    from collections.abc import Mapping

DEMO = Package(name="demo", files={"lib/a.txt": b"a\n", "lib/b": "-> a.txt"})


def read(data: bytes, filename: str = DEMO.filename, bounds: CondaBounds | None = None) -> CondaFacts:
    source = FileSource(io.BytesIO(data))
    return read_facts(source, filename, verified=True, bounds=bounds or CondaBounds(), zips=WheelBounds())


def tar(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def package(*members: tuple[str, bytes], stem: str = DEMO.stem, packed: bytes | None = None) -> bytes:
    """Return a `.conda` whose description is these members, or these bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", "{}")
        data = zstandard.compress(tar(*members)) if packed is None else packed
        archive.writestr(f"info-{stem}.tar.zst", data)
    return out.getvalue()


def described(
    index: object = None, paths: object = None, link: object = None, more: tuple[tuple[str, bytes], ...] = ()
) -> bytes:
    parts: Mapping[str, object] = {
        "info/index.json": DEMO.index if index is None else index,
        "info/paths.json": {"paths": DEMO.paths} if paths is None else paths,
        "info/link.json": link,
    }
    found = [(name, json.dumps(one).encode()) for name, one in parts.items() if one is not None]
    return package(*found, *more)


@pytest.mark.parametrize("old", [False, True])
def test_a_package_says_who_it_is_and_which_files_it_has(old: bool) -> None:
    recipe = DEMO.but(old=old)
    facts = read(recipe.build_bytes(), recipe.filename)
    assert (facts.name, facts.version, facts.build, facts.python, facts.verified) == ("demo", "1.0", "0", False, True)
    assert facts.paths == {
        "lib/a.txt": CondaPath(sha256=sha(b"a\n")),
        "lib/b": CondaPath(type=PathType.LINK, sha256=sha(b"a\n")),
    }
    assert stem_of(recipe.filename) == "demo-1.0-0"


def test_entry_points_are_those_of_noarch_python_packages_alone() -> None:
    link = {"noarch": {"type": "python", "entry_points": ["a = b.c:d", "not one", 3]}}
    assert read(described(index=DEMO.index | {"noarch": "python"}, link=link)).scripts == {"a": "b.c:d"}
    assert read(described(link=link)).scripts == {}
    assert read(described(index=DEMO.index | {"noarch": "python"}, link={"noarch": []})).scripts == {}


def row(**fields: Any) -> dict[str, Any]:
    return {"_path": "a", "path_type": "hardlink", "sha256": "0" * 64, **fields}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"no zip", "zip_end", id="no-zip"),
        pytest.param(package(stem="other-1-0"), "conda_no_part", id="no-description"),
        pytest.param(package(packed=b"no zstd"), "conda_unreadable", id="no-zstd"),
        pytest.param(package(packed=zstandard.compress(b"no tar" * 200)), "conda_unreadable", id="no-tar"),
        pytest.param(package(), "conda_no_index", id="empty"),
        pytest.param(package(("info/index.json", b"{")), "conda_unreadable", id="no-json"),
        pytest.param(package(("info/index.json", b"[" * 100_000)), "conda_unreadable", id="deep-json"),
        pytest.param(described(index=[]), "conda_no_index", id="index-is-a-list"),
        pytest.param(described(paths=[]), "conda_no_paths", id="paths-is-a-list"),
        pytest.param(described(paths={"paths": 3}), "conda_paths", id="paths-are-none"),
        pytest.param(described(index=DEMO.index | {"name": "other"}), "conda_other_name", id="another-name"),
        pytest.param(described(more=(("info/index.json", b"{}"),)), "conda_duplicate", id="two-indexes"),
        pytest.param(described(paths={"paths": [row(), row()]}), "conda_duplicate", id="one-path-twice"),
        pytest.param(described(paths={"paths": ["a"]}), "conda_paths", id="row-is-a-text"),
        pytest.param(described(paths={"paths": [row(_path="../a")]}), "conda_paths", id="climbs"),
        pytest.param(described(paths={"paths": [row(_path="/a")]}), "conda_paths", id="absolute"),
        pytest.param(described(paths={"paths": [row(_path=3)]}), "conda_paths", id="path-is-a-number"),
        pytest.param(described(paths={"paths": [row(sha256="no")]}), "conda_paths", id="no-sha256"),
        pytest.param(described(paths={"paths": [row(sha256=3)]}), "conda_paths", id="sha256-is-a-number"),
        pytest.param(described(paths={"paths": [row(path_type="pipe")]}), "conda_paths", id="unknown-type"),
        pytest.param(
            described(paths={"paths": [row(prefix_placeholder="/p", file_mode="odd")]}),
            "conda_paths",
            id="unknown-mode",
        ),
        pytest.param(described(paths={"paths": [row(prefix_placeholder=3)]}), "conda_paths", id="placeholder"),
    ],
)
def test_a_package_that_can_be_read_in_two_ways_or_none_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.error_code == code


def test_an_old_package_that_is_cut_is_refused() -> None:
    recipe = DEMO.but(old=True)
    for data in (b"", b"BZ", recipe.build_bytes()[:-20]):
        with pytest.raises(InputError) as caught:
            read(data, recipe.filename)
        assert caught.value.error_code in {"conda_unreadable", "conda_no_index"}


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        (CondaBounds(paths=1), "conda_too_many_paths"),
        (CondaBounds(info_bytes=10), "conda_info_too_large"),
        (CondaBounds(unpacked_bytes=1000), "conda_unpacked_too_large"),
    ],
)
def test_a_bound_that_is_hit_is_named(bounds: CondaBounds, code: str) -> None:
    with pytest.raises(BoundError) as caught:
        read(DEMO.build_bytes(), bounds=bounds)
    assert caught.value.error_code == code


def test_paths_are_counted_where_there_are_many_of_them() -> None:
    rows = [row(_path=f"f{number}") for number in range(20)]
    with pytest.raises(BoundError) as caught:
        read(described(paths={"paths": rows}), bounds=CondaBounds(paths=10))
    assert caught.value.error_code == "conda_too_many_paths"


def test_a_package_that_unpacks_to_anything_costs_no_memory() -> None:
    """A gigabyte of zeros is thirty kilobytes; it is given up at the bound."""
    bomb = zstandard.ZstdCompressor().compress(tar(("info/big", bytes(64 << 20))))
    with pytest.raises(BoundError):
        read(package(packed=bomb), bounds=CondaBounds(unpacked_bytes=1 << 20))


def written(data: bytes, prefix: str, **path: Any) -> str | None:
    recipe = DEMO.but(files={"f": data})
    facts = read(recipe.build_bytes())
    paths = {"f": facts.paths["f"].model_copy(update=path)}
    source = FileSource(io.BytesIO(recipe.build_bytes()))
    found = prefixed(source, recipe.filename, prefix, paths, bounds=CondaBounds(), zips=WheelBounds())
    return found.get("f")


P = PLACEHOLDER.encode()


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"x=" + P + b"/a:" + P + b"\n", b"x=/opt/env/a:/opt/env\n"),
        (b"#!" + P + b"/bin/python\nrest", b"#!/opt/env/bin/python\nrest"),
        (b"\0" + P + b"/a\0" + P + b"\0end", None),
    ],
)
def test_a_prefix_is_written_as_installers_write_it(data: bytes, wanted: bytes | None) -> None:
    if wanted is None:
        gap = len(P) - len(b"/opt/env")
        wanted = b"\0/opt/env/a" + bytes(gap) + b"\0/opt/env" + bytes(gap) + b"\0end"
    assert written(data, "/opt/env") == sha(wanted)


def test_what_each_installer_writes_in_its_own_way_is_not_guessed() -> None:
    assert written(b"#!" + P + b"/bin/python\n", "/" + "x" * 130) is None
    assert written(b"#!" + P + b"/bin/python\n", "/with a space") is None
    assert written(b"\0" + P + b"\0", "/" + "x" * 300) is None
    assert written(b"no placeholder here", "/p", placeholder="") is None


def test_a_file_that_is_not_what_its_own_package_lists_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        written(P, "/p", sha256="0" * 64)
    assert caught.value.error_code == "conda_file_differs"


def test_a_body_that_is_not_asked_for_is_passed_over() -> None:
    source = FileSource(io.BytesIO(DEMO.build_bytes()))
    with open_part(source, DEMO.filename, "pkg", bounds=CondaBounds(), zips=WheelBounds()) as archive:
        assert [(name, size) for name, size, _ in entries(archive, CondaBounds())] == [("lib/a.txt", 2)]
