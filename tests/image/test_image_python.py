"""Python distributions in an image: found wherever they lie, and never taken for what they only say they are."""

from __future__ import annotations

import email
import hashlib
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from image.image_world import SITE, Node, codes, component, inventory, join, names, record_row, wheel

from gate.image.metadata import (
    MetadataError,
    agrees_with_folder,
    direct_url_of,
    headers_of,
    name_and_version,
    wheel_tags,
)
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


def test_an_installed_wheel_is_found_with_its_evidence() -> None:
    files = wheel(more={"REQUESTED": b""})
    found = inventory(files)
    assert found.problems == ()
    demo = component(found, "demo")
    metadata, record = files[f"{INFO}/METADATA"], files[f"{INFO}/RECORD"]
    assert isinstance(metadata, bytes)
    assert isinstance(record, bytes)
    assert (demo.kind, demo.version, demo.path, demo.layer, demo.in_base) == (Kind.PYPI, "1.0", INFO, 0, False)
    assert demo.facts == {
        "format": "dist-info",
        "installer": "pip",
        "requested": "true",
        "wheel_tags": "py3-none-any",
        "metadata_sha256": hashlib.sha256(metadata).hexdigest(),
        "record_sha256": hashlib.sha256(record).hexdigest(),
    }
    assert demo.record is not None
    assert (demo.record.rows, demo.record.equal, demo.record.unhashed) == (6, 5, 1)
    assert (demo.record.missing, demo.record.differing, demo.record.examples) == (0, 0, ())


@pytest.mark.parametrize(
    "site", ["", "opt/conda/lib/python3.12/site-packages", "app/.deps", "usr/lib/python3/dist-packages"]
)
def test_distributions_are_found_at_any_prefix(site: str) -> None:
    files = {path.lstrip("/"): data for path, data in wheel(site=site).items()}
    found = inventory(files)
    assert names(found) == ["pypi/demo@1.0"]
    assert component(found, "demo").record is not None
    assert codes(found) == []


def test_names_are_compared_as_indexes_compare_them_and_kept_as_written() -> None:
    found = inventory(wheel("Zope.Interface_x", "2.0"))
    assert component(found, "zope-interface-x").facts["name"] == "Zope.Interface_x"
    assert codes(found) == []


def test_the_description_of_a_metadata_is_no_header() -> None:
    metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n\nName: evil\nVersion: 9\n"
    assert names(inventory(wheel() | {f"{INFO}/METADATA": metadata})) == ["pypi/demo@1.0"]


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"Name: demo\n",
        b"Version: 1.0\n",
        b"Name: demo\nName: evil\nVersion: 1.0\n",
        b"Name: demo\nVersion: 1.0\nversion: 2.0\n",
        b"\nName: demo\nVersion: 1.0\n",
        b" Name: demo\nVersion: 1.0\n",
        b"Name demo\nVersion: 1.0\n",
        b"Name: demo evil\nVersion: 1.0\n",
        b"Name: ../demo\nVersion: 1.0\n",
        b"Name: demo\nVersion: 1.0 evil\n",
        b"Name: demo\n folded\nVersion: 1.0\n",
        b"Name: demo\nVersion:\n",
        b"Name : demo\nVersion: 1.0\n",
        b"\xff\xfeN\0a\0m\0e\0",
    ],
)
def test_a_metadata_that_cannot_be_believed_is_a_problem_and_no_component(metadata: bytes) -> None:
    found = inventory(wheel() | {f"{INFO}/METADATA": metadata})
    assert "metadata_unparseable" in codes(found)
    assert names(found) == []


def test_a_distribution_without_metadata_is_a_problem() -> None:
    files = wheel()
    del files[f"{INFO}/METADATA"]
    found = inventory(files)
    assert codes(found)[0] == "metadata_missing"
    assert "python_without_components" in codes(found)


@pytest.mark.parametrize("folder", ["evil-1.0", "demo-2.0", "demo", "demo-1.0-1", "~emo-1.0", "-1.0"])
def test_a_folder_that_names_another_is_a_problem(folder: str) -> None:
    files = {path.replace("demo-1.0.dist-info", f"{folder}.dist-info"): data for path, data in wheel().items()}
    found = inventory(files)
    assert "metadata_contradiction" in codes(found)
    assert names(found) == ["pypi/demo@1.0"]


@pytest.mark.parametrize(
    ("folder", "name", "version"),
    [
        ("Demo_x-1.0.dist-info", "demo-x", "1.0"),
        ("demo.x-1.0.dist-info", "Demo-X", "1.0.0"),
        ("torch-2.0+cu118.dist-info", "torch", "2.0+cu118"),
        ("torch-2.0_cu118.dist-info", "torch", "2.0+cu118"),
        ("pytz-2004d.dist-info", "pytz", "2004d"),
        ("demo-1.0rc1.dist-info", "demo", "1.0-rc.1"),
    ],
)
def test_spellings_of_one_name_and_version_agree(folder: str, name: str, version: str) -> None:
    assert agrees_with_folder(name, version, folder)


def test_a_link_for_a_dist_info_or_its_metadata_does_not_hide_it() -> None:
    moved = {path.replace(INFO, "opt/away"): data for path, data in wheel().items()} | {INFO: "-> /opt/away"}
    found = inventory(moved)
    assert names(found) == ["pypi/demo@1.0"]
    linked = wheel()
    linked["opt/METADATA"] = linked[f"{INFO}/METADATA"]
    linked[f"{INFO}/METADATA"] = "-> ../../../../../../opt/METADATA"
    assert names(inventory(linked)) == ["pypi/demo@1.0"]


@pytest.mark.parametrize("target", ["/opt/hidden.txt", "/nowhere", "METADATA", "."])
def test_a_metadata_whose_link_cannot_be_read_is_a_problem(target: str) -> None:
    files = wheel() | {"opt/hidden.txt": b"Name: demo\nVersion: 1.0\n", f"{INFO}/METADATA": f"-> {target}"}
    found = inventory(files)
    assert codes(found)[:2] == ["metadata_unreadable", "metadata_missing"]
    assert names(found) == []


def test_a_site_behind_a_link_is_found_once() -> None:
    found = inventory(wheel(site="venv/lib/python3.11/site-packages") | {"venv/lib64": "-> lib"})
    assert names(found) == ["pypi/demo@1.0"]


def test_a_package_installed_through_a_link_to_a_lower_layer_is_found() -> None:
    found = inventory({"real/site-packages/": None, "link": "-> real"}, wheel(site="link/site-packages"))
    assert [one.path for one in found.components] == ["real/site-packages/demo-1.0.dist-info"]
    assert codes(found) == ["path_through_link"]


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


def test_a_licence_that_is_not_folded_ends_the_headers_as_in_pythons_reader() -> None:
    text = b"Name: demo\nVersion: 1.0\nLicense: MIT\nPermission is hereby granted\nName: evil\n"
    assert names(inventory(wheel() | {f"{INFO}/METADATA": text})) == ["pypi/demo@1.0"]
    assert email.message_from_bytes(text).get_all("Name") == ["demo"]


def test_a_dist_info_in_another_spelling_is_found_as_python_finds_it() -> None:
    files = {path.replace(".dist-info", ".Dist-Info"): data for path, data in wheel().items()}
    found = inventory(files)
    assert names(found) == ["pypi/demo@1.0"]
    assert codes(found) == ["metadata_contradiction"]
    egg = inventory({f"{SITE}/old.EGG-info": PKG_INFO})
    assert names(egg) == ["pypi/old@0.9"]


def test_headers_are_read_with_folds_and_either_line_end() -> None:
    assert headers_of(b"\xef\xbb\xbfA: 1\r\n  2\r\nB:3\n\nC: 4") == {"a": ["1\n  2"], "b": ["3"]}
    with pytest.raises(MetadataError):
        name_and_version(headers_of(b"Name: a\n b\nVersion: 1"))


def test_control_characters_of_an_installer_are_not_passed_on() -> None:
    found = component(inventory(wheel() | {f"{INFO}/INSTALLER": b"\x1b[31mpip\xff" + b"x" * 300}), "demo")
    assert "\x1b" not in found.facts["installer"]
    assert len(found.facts["installer"]) <= 100


def test_a_vendored_distribution_is_found_where_it_lies() -> None:
    inner = wheel("inner", "3.0", site=f"{SITE}/demo/_vendor")
    assert names(inventory(wheel() | inner)) == ["pypi/demo@1.0", "pypi/inner@3.0"]


def test_two_of_one_name_are_two_components() -> None:
    found = inventory(wheel(), wheel(site="opt/other"))
    assert names(found) == ["pypi/demo@1.0", "pypi/demo@1.0"]
    assert {one.layer for one in found.components} == {0, 1}


def test_a_name_that_is_no_utf8_is_found_and_shown() -> None:
    site = b"opt/\xff".decode("utf-8", "surrogateescape")
    found = inventory(wheel(site=site))
    assert [one.path for one in found.components] == ["opt/\\xff/demo-1.0.dist-info"]
    found.canonical()


PKG_INFO = b"Metadata-Version: 1.1\nName: old\nVersion: 0.9\n"


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


def test_a_direct_url_value_is_whole() -> None:
    found = direct_url_of(b'{"url": "ssh://git@example.org/r", "vcs_info": {"vcs": "git", "commit_id": 7}}')
    assert (found.kind, found.url, found.facts) == (Kind.VCS, "ssh://example.org/r", {"vcs_vcs": "git"})


def test_headers_without_end_are_not_read_and_a_long_description_is_no_matter() -> None:
    metadata = b"Name: demo\nVersion: 1.0\n"
    found = inventory(wheel() | {f"{INFO}/METADATA": metadata + b"X: y\n" * 300_000})
    assert codes(found)[0] == "metadata_unparseable"
    for gap in (b"\n", b"\r\n"):
        found = inventory(wheel() | {f"{INFO}/METADATA": metadata + gap + b"X: y\n" * 300_000})
        assert (names(found), codes(found)) == (["pypi/demo@1.0"], [])
