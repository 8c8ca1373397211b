"""Python distributions in an image: found wherever they lie, and never taken for what they only say they are."""

from __future__ import annotations

import email
import hashlib

import pytest
from image.image_world import SITE, codes, component, inventory, names, wheel

from gate.image.metadata import (
    MetadataError,
    agrees_with_folder,
    headers_of,
    name_and_version,
)
from gate.model.origin import Kind

INFO = f"{SITE}/demo-1.0.dist-info"


PKG_INFO = b"Metadata-Version: 1.1\nName: old\nVersion: 0.9\n"


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


def test_headers_without_end_are_not_read_and_a_long_description_is_no_matter() -> None:
    metadata = b"Name: demo\nVersion: 1.0\n"
    found = inventory(wheel() | {f"{INFO}/METADATA": metadata + b"X: y\n" * 300_000})
    assert codes(found)[0] == "metadata_unparseable"
    for gap in (b"\n", b"\r\n"):
        found = inventory(wheel() | {f"{INFO}/METADATA": metadata + gap + b"X: y\n" * 300_000})
        assert (names(found), codes(found)) == (["pypi/demo@1.0"], [])
