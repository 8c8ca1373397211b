"""RECORDs of installed distributions, held row by row against the files of the image."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from image.image_world import SITE, Node, codes, component, inventory, join, record_row, wheel

from gate.image.record import RecordError, rows_of
from gate.model.origin import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from gate.model.image import RecordCheck

INFO = f"{SITE}/demo-1.0.dist-info"


def check_of(files: dict[str, Node]) -> RecordCheck:
    found = component(inventory(files), "demo").record
    assert found is not None
    return found


PKG_INFO = b"Metadata-Version: 1.1\nName: old\nVersion: 0.9\n"


def test_a_changed_file_is_counted_and_named() -> None:
    check = check_of(wheel() | {f"{SITE}/demo/__init__.py": b"evil"})
    assert (check.equal, check.differing, check.examples) == (3, 1, ("demo/__init__.py",))


def test_a_file_changed_by_a_later_layer_is_counted() -> None:
    found = inventory(wheel(), {f"{SITE}/demo/__init__.py": b"evil"})
    check = component(found, "demo").record
    assert check is not None
    assert (check.differing, component(found, "demo").layer) == (1, 0)


def test_a_file_of_the_same_length_with_other_bytes_is_counted() -> None:
    check = check_of(wheel(files={"demo.py": b"good"}) | {f"{SITE}/demo.py": b"evil"})
    assert (check.differing, check.equal) == (1, 3)


def test_a_missing_file_is_counted_and_named() -> None:
    files = wheel()
    del files[f"{SITE}/demo/__init__.py"]
    check = check_of(files)
    assert (check.missing, check.differing, check.examples) == (1, 0, ("demo/__init__.py",))


def test_scripts_and_data_above_the_site_are_checked() -> None:
    check = check_of(wheel(files={"../../../bin/tool": b"#!", "../../../share/x": b"x"}))
    assert (check.equal, check.missing) == (5, 0)
    check = check_of(wheel(files={"../../../bin/tool": b"#!"}) | {"usr/local/bin/tool": b"evil"})
    assert check.differing == 1


def test_a_row_of_an_absolute_path_and_one_through_a_link_are_followed() -> None:
    row = record_row("/opt/abs", b"1") + record_row("linked/x.py", b"2") + record_row("alias.py", b"2")
    files = wheel() | {
        "opt/abs": b"1",
        "opt/real/x.py": b"2",
        f"{SITE}/linked": "-> /opt/real",
        f"{SITE}/alias.py": "-> linked/x.py",
        f"{SITE}/dangling.py": "-> nowhere",
        f"{INFO}/RECORD": (
            row + record_row("dangling.py", b"2") + record_row("../../../../../../../etc/x", b"")
        ).encode(),
    }
    check = check_of(files)
    assert (check.equal, check.missing, check.rows) == (3, 2, 5)


@pytest.mark.parametrize("written", ["md5=abc", "sha512=abc", "sha256=", "sha256=AAAA", "x", "SHA256=AAAA"])
def test_a_hash_that_cannot_be_checked_is_not_equal(written: str) -> None:
    check = check_of(wheel() | {f"{INFO}/RECORD": f"demo/__init__.py,{written},\n".encode()})
    assert (check.equal, check.differing, check.unhashed) == (0, 1, 0)


def test_a_padded_hash_or_another_size_is_not_equal() -> None:
    data = wheel()[f"{SITE}/demo/__init__.py"]
    assert isinstance(data, bytes)
    row = record_row("demo/__init__.py", data).strip()
    for written in (row.replace(f",{len(data)}", f"=,{len(data)}"), row.replace(f",{len(data)}", ",999")):
        assert check_of(wheel() | {f"{INFO}/RECORD": written.encode()}).differing == 1


def test_code_that_a_record_leaves_unhashed_is_told() -> None:
    rows = b"demo/__init__.py,,\ndemo/__pycache__/x.cpython-311.pyc,,\ndemo-1.0.dist-info/RECORD,,\n"
    facts = component(inventory(wheel() | {f"{INFO}/RECORD": rows}), "demo").facts
    assert (facts["record_unhashed"], facts["record_unhashed_example"]) == ("1", "demo/__init__.py")
    assert "record_unhashed" not in component(inventory(wheel()), "demo").facts


@pytest.mark.parametrize("record", [b"one,two\n", b",sha256=x,1\n", b'"open,,\n', b"a,b,c,d\n", b'"a"b,,\n'])
def test_a_record_that_is_none_is_a_problem(record: bytes) -> None:
    found = inventory(wheel() | {f"{INFO}/RECORD": record})
    assert codes(found) == ["record_unparseable"]
    assert component(found, "demo").record is None


def test_a_distribution_without_a_record_has_no_check() -> None:
    files = wheel()
    del files[f"{INFO}/RECORD"]
    found = component(inventory(files), "demo")
    assert found.record is None
    assert "record_sha256" not in found.facts


def test_rows_may_be_quoted_and_hold_commas_and_line_breaks() -> None:
    assert [row.path for row in rows_of(b'"a,b.py",,\n"a\nb.py",,\n"say ""x"".py",,\n\n')] == [
        "a,b.py",
        "a\nb.py",
        'say "x".py',
    ]
    assert [row.path for row in rows_of("a\u2028b.py,,\n".encode())] == ["a\u2028b.py"]
    with pytest.raises(RecordError):
        list(rows_of(b'"' + b"x" * 200_000 + b'",,\n'))


def test_a_hidden_record_that_cannot_be_read_is_a_problem() -> None:
    found = inventory(
        wheel("other") | wheel() | {f"{INFO}/RECORD": b"nothing\n"}, {f"{SITE}/.wh.demo-1.0.dist-info": b""}
    )
    assert codes(found) == ["metadata_hidden"]


def test_a_real_wheel_installed_by_pip_is_read_and_every_row_is_equal(tmp_path: Path) -> None:
    archive = tmp_path / "real_demo-1.2.3-py3-none-any.whl"
    info = "real_demo-1.2.3.dist-info"
    files = {
        "real_demo/__init__.py": b"def main() -> None: ...\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: real-demo\nVersion: 1.2.3\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[console_scripts]\nreal-demo = real_demo:main\n",
    }
    record = "".join(record_row(path, data) for path, data in files.items()) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(archive, "w") as packed:
        for path, data in (files | {f"{info}/RECORD": record.encode()}).items():
            packed.writestr(path, data)
    target = tmp_path / "target"
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(archive)], check=True)
    shutil.rmtree(tmp_path / "target" / "__pycache__", ignore_errors=True)
    layer = {
        join("app", str(path.relative_to(target))): path.read_bytes() for path in target.rglob("*") if path.is_file()
    }
    found = inventory(layer)
    demo = component(found, "real-demo")
    assert (demo.version, demo.kind, demo.facts["installer"]) == ("1.2.3", Kind.LOCAL, "pip")
    assert demo.direct_url.startswith("file://")
    assert demo.record is not None
    assert (demo.record.differing, demo.record.equal >= 5) == (0, True)


def test_lists_that_are_read_again_name_the_same_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = wheel(files={"demo/__init__.py": b"x", "demo/more.py": b"y"}) | {f"{SITE}/bare.py": b"nobody's"}
    tree[f"{SITE}/gone.dist-info/RECORD"] = b"a,b\n"
    held = inventory(tree)
    monkeypatch.setattr("gate.image.scene.LISTED", -1)
    assert inventory(tree) == held
    assert held.above is not None
    assert [loose.examples for loose in held.above.loose if loose.kind.value == "importable"] == [(f"{SITE}/bare.py",)]
