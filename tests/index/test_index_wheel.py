"""A wheel is read as data; what is not plainly one wheel of one project is refused."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe, urlsafe

from gate.bounds import WheelBounds
from gate.errors import BoundError, GateError, InputError
from gate.index.archive import FileSource
from gate.index.facts import RecordRow, parse_record
from gate.index.wheel import parse_filename, read_wheel, wheel_facts_of

if TYPE_CHECKING:
    from pathlib import Path

    from gate.index.facts import WheelFacts

DEMO = WheelRecipe(
    files={"demo_pkg/__init__.py": b"VALUE = 1\n", "demo_pkg/data.bin": bytes(range(256))},
    scripts="demo = demo_pkg : main [extra]\n[gui_scripts]\ndemo-gui = demo_pkg:main\n[other]\nx = y\n",
)


def facts_of(recipe: WheelRecipe, bounds: WheelBounds | None = None) -> WheelFacts:
    return wheel_facts_of(io.BytesIO(recipe.build_bytes()), recipe.filename, bounds=bounds)


def refusal(recipe: WheelRecipe, filename: str = "") -> str:
    with pytest.raises(InputError) as caught:
        wheel_facts_of(io.BytesIO(recipe.build_bytes()), filename or recipe.filename)
    return caught.value.error_code


def test_tells_what_a_wheel_says_of_itself(tmp_path: Path) -> None:
    path = DEMO.write(tmp_path)
    facts = wheel_facts_of(path)
    assert facts.sha256 == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts.name, facts.version, facts.size) == ("demo-pkg", "1.0", path.stat().st_size)
    assert facts.tags == ("py3-none-any",)
    assert facts.metadata_sha256 == hashlib.sha256(DEMO.metadata_bytes).hexdigest()
    assert facts.scripts == {"demo": "demo_pkg:main", "demo-gui": "demo_pkg:main"}
    assert facts.verified
    assert facts.checked
    assert facts.record["demo_pkg/data.bin"] == RecordRow(
        sha256=hashlib.sha256(bytes(range(256))).hexdigest(), size=256
    )
    assert f"{DEMO.dist_info}/RECORD" not in facts.record


def test_facts_survive_being_kept() -> None:
    facts = facts_of(DEMO)
    assert type(facts).parse(facts.model_dump_json()) == facts


def test_keeps_the_scripts_whose_first_line_installers_replace() -> None:
    own = {f"demo_pkg-1.0.data/scripts/{name}": text for name, text in (("a", b"#!python\nx"), ("b", b"#!/bin/sh\n"))}
    assert list(facts_of(DEMO.but(files=DEMO.files | own)).rewritten) == ["demo_pkg-1.0.data/scripts/a"]


def test_only_the_folder_of_metadata_is_read_unless_the_wheel_is_at_hand() -> None:
    """Reading by ranges claims nothing of the other bytes: `checked` and `verified` say so."""
    tampered = DEMO.but(rows={"demo_pkg/data.bin": (urlsafe(b"other"), "256")})
    source = FileSource(io.BytesIO(tampered.build_bytes()))
    facts = read_wheel(source, tampered.filename, sha256="sha256:" + "0" * 64, bounds=WheelBounds())
    assert not facts.checked
    assert not facts.verified
    assert refusal(tampered) == "record_differs"


@pytest.mark.parametrize(
    ("recipe", "code"),
    [
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": (urlsafe(b"x"), "10")}), "record_differs", id="hash"),
        pytest.param(
            DEMO.but(rows={"demo_pkg/__init__.py": (urlsafe(b"VALUE = 1\n"), "11")}), "record_differs", id="size"
        ),
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": None}), "record_differs", id="unlisted-file"),
        pytest.param(DEMO.but(rows={"demo_pkg/more.py": (urlsafe(b""), "0")}), "record_differs", id="absent-file"),
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": ("", "")}), "record_unhashed", id="no-hash"),
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": ("sha512=abc", "")}), "record_unhashed", id="other-hash"),
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": ("md5=abc", "")}), "record_hash", id="weak-hash"),
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": ("sha256=", "")}), "record_hash", id="empty-hash"),
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": (urlsafe(b""), "-1")}), "record_row", id="negative"),
        pytest.param(DEMO.but(rows={"../evil.py": (urlsafe(b""), "")}), "record_row", id="climbing"),
        pytest.param(DEMO.but(rows={"/evil.py": (urlsafe(b""), "")}), "record_row", id="absolute"),
        pytest.param(DEMO.but(record=b""), "record_empty", id="empty-record"),
        pytest.param(DEMO.but(record=f"{DEMO.dist_info}/RECORD,,\n".encode()), "record_empty", id="only-itself"),
        pytest.param(DEMO.but(record=b"a,,\na,,\n"), "record_duplicate", id="row-twice"),
        pytest.param(DEMO.but(record=b"a,,,\n"), "record_row", id="fourth-column"),
        pytest.param(DEMO.but(record=b"\xff,,\n"), "record_unreadable", id="no-utf8"),
        pytest.param(DEMO.but(record=b'"a'), "record_unreadable", id="open-quote"),
        pytest.param(DEMO.but(scripts="[broken"), "wheel_entry_points", id="entry-points"),
        pytest.param(DEMO.but(files={"other-1.0.dist-info/METADATA": b""}), "wheel_dist_info", id="two-dist-infos"),
    ],
)
def test_a_wheel_that_is_not_what_it_records_is_refused(recipe: WheelRecipe, code: str) -> None:
    assert refusal(recipe) == code


@pytest.mark.parametrize(
    ("filename", "code"),
    [
        ("demo_pkg-1.0.zip", "wheel_filename"),
        ("demo_pkg-1.0-py3.whl", "wheel_filename"),
        ("demo_pkg-one-py3-none-any.whl", "wheel_filename"),
        ("other-1.0-py3-none-any.whl", "wheel_dist_info"),
        ("demo_pkg-1.1-py3-none-any.whl", "wheel_dist_info"),
        ("", "wheel_filename"),
    ],
)
def test_a_wheel_under_another_name_is_refused(filename: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        wheel_facts_of(io.BytesIO(DEMO.build_bytes()), filename)
    assert caught.value.error_code == code


def test_metadata_of_another_project_is_refused() -> None:
    other = DEMO.members() | {f"{DEMO.dist_info}/METADATA": b"Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"}
    with pytest.raises(InputError) as caught:
        wheel_facts_of(zipped(other), DEMO.filename)
    assert caught.value.error_code == "wheel_name_mismatch"


@pytest.mark.parametrize("version", ["", "one", "1.1"])
def test_metadata_of_another_version_is_refused(version: str) -> None:
    text = f"Metadata-Version: 2.1\nName: demo-pkg\nVersion: {version}\n".encode()
    with pytest.raises(InputError) as caught:
        wheel_facts_of(zipped(DEMO.members() | {f"{DEMO.dist_info}/METADATA": text}), DEMO.filename)
    assert caught.value.error_code == "wheel_name_mismatch"


@pytest.mark.parametrize("leaf", ["METADATA", "WHEEL", "RECORD"])
def test_a_wheel_without_its_metadata_files_is_refused(leaf: str) -> None:
    members = {path: data for path, data in DEMO.members().items() if path != f"{DEMO.dist_info}/{leaf}"}
    with pytest.raises(InputError) as caught:
        wheel_facts_of(zipped(members), DEMO.filename)
    assert caught.value.error_code == "wheel_incomplete"


def test_a_wheel_without_dist_info_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        wheel_facts_of(zipped({"demo_pkg/__init__.py": b""}), DEMO.filename)
    assert caught.value.error_code == "wheel_dist_info"


def test_a_signature_of_record_needs_no_row() -> None:
    facts = facts_of(DEMO.but(files=DEMO.files | {f"{DEMO.dist_info}/RECORD.jws": b"{}"}))
    assert facts.checked


def test_folders_need_no_row() -> None:
    members = {"demo_pkg/": b""} | DEMO.members()
    assert wheel_facts_of(zipped(members), DEMO.filename).checked


def test_a_wheel_that_inflates_beyond_the_bounds_is_not_inflated() -> None:
    with pytest.raises(BoundError) as caught:
        facts_of(DEMO, WheelBounds(inflated_bytes=100))
    assert caught.value.error_code == "wheel_too_large"


def test_metadata_and_record_beyond_the_bounds_are_not_read() -> None:
    with pytest.raises(BoundError):
        facts_of(DEMO, WheelBounds(metadata_bytes=20))
    with pytest.raises(InputError) as caught:
        parse_record(b"a,,\nb,,\nc,,\n", "RECORD", 2)
    assert caught.value.error_code == "record_too_long"


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / DEMO.filename
    path.write_bytes(b"no wheel")
    with pytest.raises(GateError):
        wheel_facts_of(path)


def test_rows_of_record_may_be_quoted_and_lack_sizes() -> None:
    rows = parse_record(f'"a,b.py",{urlsafe(b"")},\r\n\r\nRECORD,,\r\n'.encode(), "RECORD", 10)
    assert rows == {"a,b.py": RecordRow(sha256=hashlib.sha256(b"").hexdigest(), size=-1)}


def test_tags_of_a_file_name_are_spelled_out() -> None:
    named = parse_filename("Demo.Pkg-1.0.0-2-py2.py3-none-any.whl")
    assert (named.name, named.version) == ("demo-pkg", "1.0.0")
    assert named.tags == ("py2-none-any", "py3-none-any")


def zipped(members: dict[str, bytes]) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return out
