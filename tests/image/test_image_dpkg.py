"""Debian packages in an image: who is installed, since which layer, and who hides."""

from __future__ import annotations

import pytest
from image.image_world import Node, codes, component, inventory, names, wheel

from gate.image.components.dpkg import StatusError, paragraphs_of
from gate.model.origin import Kind

STATUS = "var/lib/dpkg/status"
DEBIAN = {"etc/os-release": b'PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="12"\n'}


def paragraph(name: str = "bash", version: str = "5.2-1", *, state: str = "installed", **fields: str) -> bytes:
    lines = {"Package": name, "Status": f"install ok {state}", "Architecture": "amd64", "Version": version, **fields}
    return "".join(f"{key}: {value}\n" for key, value in lines.items()).encode()


def status(*paragraphs: bytes) -> dict[str, Node]:
    return {STATUS: b"\n".join(paragraphs)}


def test_an_installed_package_is_found_with_its_facts() -> None:
    text = paragraph(Source="bash-source (5.2)", Description="shell\n a continuation\n .")
    found = inventory(DEBIAN | status(text, paragraph("libc6", "2.36-9+deb12u1")))
    assert found.problems == ()
    bash = component(found, "bash")
    assert (bash.kind, bash.version, bash.path, bash.layer) == (Kind.OS, "5.2-1", STATUS, 0)
    assert bash.facts == {
        "architecture": "amd64",
        "status": "install ok installed",
        "source": "bash-source",
        "source_version": "5.2",
        "distribution": "debian",
        "distribution_version": "12",
    }


def test_the_distribution_is_read_through_the_usual_link() -> None:
    files = {"etc/os-release": "-> ../usr/lib/os-release", "usr/lib/os-release": DEBIAN["etc/os-release"]}
    assert component(inventory(files | status(paragraph())), "bash").facts["distribution"] == "debian"
    only = {"usr/lib/os-release": DEBIAN["etc/os-release"]}
    assert component(inventory(only | status(paragraph())), "bash").facts["distribution"] == "debian"


@pytest.mark.parametrize("state", ["not-installed", "config-files"])
def test_a_package_without_files_is_not_installed(state: str) -> None:
    assert names(inventory(status(paragraph(), paragraph("gone", state=state)))) == ["os/bash@5.2-1"]


@pytest.mark.parametrize("state", ["unpacked", "half-installed", "half-configured", "triggers-pending", "invented"])
def test_a_package_in_any_other_state_has_files_and_counts(state: str) -> None:
    assert names(inventory(status(paragraph("half", "1", state=state)))) == ["os/half@1"]


def test_a_package_without_a_status_counts() -> None:
    assert names(inventory({STATUS: b"Package: x1\nVersion: 1\n"})) == ["os/x1@1"]


def test_the_same_package_of_two_architectures_is_two_components() -> None:
    found = inventory(status(paragraph("libc6", "1"), paragraph("libc6", "1", Architecture="i386")))
    assert [one.facts["architecture"] for one in found.components] == ["amd64", "i386"]


@pytest.mark.parametrize(
    "text",
    [
        b" continuation of nothing\n",
        b"Package bash\n",
        b"Package: bash\nPackage: evil\nVersion: 1\n",
        b"Package: bash\nVersion: 1\nversion: 2\n",
        b": x\n",
        b"\0\0\0\0",
    ],
)
def test_a_status_that_cannot_be_read_is_a_problem(text: bytes) -> None:
    found = inventory({STATUS: paragraph() + b"\n" + text})
    assert "dpkg_unparseable" in codes(found)
    assert names(found) == []


@pytest.mark.parametrize(
    "text",
    [
        b"Package: bash\n",
        b"Version: 1\n",
        b"Package: Bash!\nVersion: 1\n",
        b"Package: bash\nVersion: 1 2\n",
        b"Package:\nVersion: 1\n",
    ],
)
def test_a_paragraph_without_a_name_or_version_is_a_problem_beside_the_others(text: bytes) -> None:
    found = inventory(status(paragraph("good", "1"), text))
    assert codes(found) == ["dpkg_unparseable"]
    assert names(found) == ["os/good@1"]


def test_a_status_that_is_no_file_is_a_problem() -> None:
    for node in ("-> nowhere", "-> /etc", None):
        assert "metadata_unreadable" in codes(inventory(DEBIAN | {STATUS if node else f"{STATUS}/": node}))


def test_an_empty_status_holds_nothing_and_is_no_clean_image() -> None:
    assert codes(inventory({STATUS: b""})) == ["nothing_found"]


def test_paragraphs_are_read_with_any_number_of_empty_lines() -> None:
    assert paragraphs_of(b"\n\nA: 1\n\n \nB:2\n C\n") == [{"a": "1"}, {"b": "2\n C"}]
    with pytest.raises(StatusError):
        paragraphs_of(b"A: 1\nb\n")


def test_a_package_belongs_to_the_layer_that_first_had_this_version() -> None:
    found = inventory(
        status(paragraph("old", "1"), paragraph("up", "1")),
        status(paragraph("old", "1"), paragraph("up", "2"), paragraph("new", "1")),
        {"etc/x": b""},
        status(paragraph("old", "1"), paragraph("up", "2"), paragraph("new", "1"), paragraph("last", "1")),
    )
    assert {one.name: one.layer for one in found.components} == {"old": 0, "up": 1, "new": 1, "last": 3}


@pytest.mark.parametrize(
    "between", [status(paragraph("other", "1")), {"var/lib/dpkg/.wh.status": b""}, {"var/.wh.lib": b""}]
)
def test_a_package_that_came_back_belongs_to_the_layer_that_brought_it_back(between: dict[str, Node]) -> None:
    both = status(paragraph("back", "1"), paragraph("other", "1"))
    found = inventory(both, between, both)
    assert component(found, "back").layer == 2


def test_a_status_that_was_broken_in_between_is_a_problem() -> None:
    found = inventory(status(paragraph()), {STATUS: b"broken\n"}, status(paragraph()))
    assert "dpkg_unparseable" in codes(found)
    assert component(found, "bash").layer == 2


def test_a_status_behind_a_link_has_its_history_too() -> None:
    first = {"data/lib/dpkg/status": paragraph("old", "1"), "var": "-> data"}
    second = {"data/lib/dpkg/status": paragraph("old", "1") + b"\n" + paragraph("new", "1")}
    found = inventory(first, second)
    assert {one.name: one.layer for one in found.components} == {"old": 0, "new": 1}


def test_distroless_packages_are_found_with_their_own_layer() -> None:
    folder = "var/lib/dpkg/status.d"
    first = {f"{folder}/base": b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"}
    sums = b"d41d8cd98f00b204e9800998ecf8427e  usr/lib/libssl.so\n"
    second = {f"{folder}/libssl3": b"Package: libssl3\nVersion: 3.0\n", f"{folder}/libssl3.md5sums": sums}
    found = inventory(first, second)
    assert names(found) == ["os/base-files@12.4", "os/libssl3@3.0"]
    assert {one.name: one.layer for one in found.components} == {"base-files": 0, "libssl3": 1}
    assert component(found, "libssl3").path == f"{folder}/libssl3"
    assert codes(found) == []


@pytest.mark.parametrize("text", [b"", b"broken\n"])
def test_a_distroless_file_without_a_package_is_a_problem(text: bytes) -> None:
    found = inventory(status(paragraph()) | {"var/lib/dpkg/status.d/x": text})
    assert "dpkg_unparseable" in codes(found)


def test_databases_at_other_prefixes_are_read() -> None:
    assert names(inventory({f"rootfs/{STATUS}": paragraph()})) == ["os/bash@5.2-1"]


def test_a_distribution_that_a_package_lists_is_the_packages() -> None:
    site = "usr/lib/python3/dist-packages"
    files = {path: data for path, data in wheel(site=site).items() if not path.endswith("RECORD")}
    listed = "/.\n/usr\n" + "".join(f"/{path}\n" for path in files)
    lists: dict[str, Node] = {"var/lib/dpkg/info/python3-demo.list": listed.encode()}
    found = inventory(files | lists | status(paragraph("python3-demo", "1.0-1")))
    assert component(found, "demo").facts["owner"] == "dpkg:python3-demo"
    egg: dict[str, Node] = {f"{site}/old-1.egg-info": b"Name: old\nVersion: 1\n"}
    lists = {"var/lib/dpkg/info/python3-old:amd64.list": f"/{site}/old-1.egg-info\n".encode()}
    found = inventory(egg | lists | status(paragraph("python3-old", "1-1")))
    assert component(found, "old").facts["owner"] == "dpkg:python3-old"


def test_a_distribution_over_one_that_a_package_lists_is_nobodys() -> None:
    site = "usr/lib/python3/dist-packages"
    listed = f"/{site}/demo-1.0.dist-info/METADATA\n".encode()
    lists: dict[str, Node] = {"var/lib/dpkg/info/python3-demo.list": listed}
    found = inventory(wheel(site=site) | lists | status(paragraph("python3-demo", "1.0-1")))
    assert "owner" not in component(found, "demo").facts


def test_a_list_of_a_package_that_is_not_installed_owns_nothing() -> None:
    path = "usr/lib/python3/dist-packages/old-1.egg-info"
    files: dict[str, Node] = {path: b"Name: old\nVersion: 1\n", "var/lib/dpkg/info/evil.list": f"/{path}\n".encode()}
    found = inventory(files | status(paragraph()))
    assert "owner" not in component(found, "old").facts


FILES: dict[str, Node] = {
    "usr/lib/evil.so": b"\x7fELF",
    "var/lib/dpkg/info/evil.list": b"/.\n/usr\n/usr/lib\n/usr/lib/evil.so\n/etc/evil.conf\n",
    "etc/evil.conf": b"x",
}


@pytest.mark.parametrize(
    "hiding",
    [
        status(paragraph()),
        status(paragraph()) | {"var/lib/dpkg/info/.wh.evil.list": b""},
        status(paragraph(), paragraph("evil", "1", state="config-files")),
    ],
)
def test_a_package_that_left_the_status_while_its_files_stayed_is_a_problem(hiding: dict[str, Node]) -> None:
    found = inventory(FILES | status(paragraph(), paragraph("evil", "1")), hiding)
    assert codes(found) == ["metadata_hidden"]
    assert names(found) == ["os/bash@5.2-1"]


def test_a_database_that_was_taken_away_whole_is_a_problem() -> None:
    found = inventory(FILES | status(paragraph("evil", "1")), {"var/lib/.wh.dpkg": b""} | wheel())
    assert codes(found) == ["metadata_hidden"]


def test_a_removed_package_that_left_its_configuration_is_just_that() -> None:
    gone = status(paragraph(), paragraph("evil", "1", state="config-files")) | {"usr/lib/.wh.evil.so": b""}
    found = inventory(FILES | status(paragraph(), paragraph("evil", "1")), gone)
    assert codes(found) == []


def test_a_file_that_another_package_took_over_is_that_ones() -> None:
    taken = {"var/lib/dpkg/info/bash.list": b"/lib/evil.so\n", "lib": "-> usr/lib"}
    found = inventory(FILES | status(paragraph(), paragraph("evil", "1")), taken | status(paragraph()))
    assert codes(found) == []
