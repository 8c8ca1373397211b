"""Metadata that lies about names, versions, owners and what was taken away: no package passes for another one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from attacks.attack_world import BASE, DEMO, EVIL, SITE, STDLIB
from index.wheel_maker import WheelRecipe

from gate.model.decision import Outcome

if TYPE_CHECKING:
    from attacks.attack_world import Attack
    from image.image_world import Node

STATUS = "var/lib/dpkg/status"


def metadata(name: str, version: str) -> bytes:
    """Return METADATA that an installer would take."""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode()


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"evil-1.0.dist-info/METADATA": metadata("demo-pkg", "1.0")}, id="another-name-inside"),
        pytest.param({"evil-1.0.dist-info/METADATA": metadata("\u0435vil", "1.0")}, id="letters-that-look-alike"),
        pytest.param({"demo_pkg-1.0.0.dist-info/METADATA": metadata("demo-pkg", "1.0.0")}, id="version-spelt-longer"),
        pytest.param({"demo_pkg-1.0+x.dist-info/METADATA": metadata("demo-pkg", "1.0+x")}, id="local-version"),
        pytest.param({"demo_pkg-1!1.0.dist-info/METADATA": metadata("demo-pkg", "1!1.0")}, id="epoch"),
        pytest.param({"..-1.dist-info/METADATA": metadata("..", "1")}, id="name-that-climbs"),
        pytest.param({"evil-1.0.dist-info/METADATA": b"Name: demo-pkg\nName: evil\nVersion: 1.0\n"}, id="two-names"),
        pytest.param({"evil-1.0.DIST-INFO/METADATA": metadata("evil", "1.0")}, id="folder-in-capitals"),
        pytest.param({"evil-1.0-py3.12.egg-info": metadata("evil", "1.0")}, id="egg-info-file"),
        pytest.param({"evil-1.0.dist-info/entry_points.txt": b"[pytest11]\nx = evil\n"}, id="no-metadata-at-all"),
    ],
)
def test_a_package_with_odd_metadata_is_not_promoted(attack: Attack, files: dict[str, bytes]) -> None:
    assert attack.codes(attack.install(DEMO), {f"{SITE}/{path}": data for path, data in files.items()})


def test_the_metadata_of_a_proven_package_in_a_second_site_proves_nothing_there(attack: Attack) -> None:
    info = "opt/a/lib/python3.12/site-packages/demo_pkg-1.0.dist-info"
    assert attack.codes(attack.install(DEMO), {f"{info}/METADATA": DEMO.metadata_bytes, f"{info}/RECORD": b""})


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(DEMO.but(record=b""), id="record-that-lists-nothing"),
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": ("", "")}), id="row-without-a-hash"),
        pytest.param(DEMO.but(rows={"demo_pkg/__init__.py": None}), id="file-without-a-row"),
    ],
)
def test_bytes_for_which_the_published_record_does_not_vouch_are_not_promoted(
    attack: Attack, recipe: WheelRecipe
) -> None:
    files: dict[str, Node] = {**attack.install(recipe), f"{SITE}/demo_pkg/__init__.py": EVIL}
    assert attack.codes(files)


def test_a_conda_record_that_claims_a_package_gives_it_no_origin(attack: Attack) -> None:
    claimed = "lib/python3.12/site-packages/evil-1.0.dist-info/METADATA"
    record = {"name": "numpy", "version": "1", "build": "0", "files": [claimed], "channel": "conda-forge"}
    files: dict[str, Node] = {
        "opt/c/conda-meta/numpy-1-0.json": json.dumps(record).encode(),
        f"opt/c/{claimed}": metadata("evil", "1.0"),
    }
    assert attack.codes(attack.install(DEMO), files)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"var/lib/dpkg/.wh.status": b""}, id="hidden"),
        pytest.param({STATUS: b""}, id="emptied"),
        pytest.param({STATUS: str(BASE[STATUS]).encode()}, id="garbled"),
        pytest.param({STATUS: b"Package: base-files\nStatus: install ok installed\nVersion: 12.4\n\n"}, id="reduced"),
        pytest.param({"var/lib/.wh.dpkg": b""}, id="hidden-with-its-folder"),
        pytest.param({"var/lib/dpkg": "-> /opt/dpkg", f"opt/dpkg/{STATUS[13:]}": b""}, id="relinked"),
    ],
)
def test_an_os_package_that_was_struck_from_the_list_is_not_forgotten(attack: Attack, status: dict[str, Node]) -> None:
    """A Python package of the same name does not stand in for it."""
    assert "image_unreadable" in attack.codes(attack.install(DEMO), status)


def test_an_os_package_on_top_of_the_base_is_not_promoted(attack: Attack) -> None:
    status = BASE[STATUS]
    assert isinstance(status, bytes)
    added = status + b"Package: evil\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
    assert attack.codes(attack.install(DEMO), {STATUS: added}) == {"os_package"}


def of_base(attack: Attack) -> None:
    """Put a Python package into the base whose record, like Debian's, has no hashes."""
    info = f"{SITE}/based-1.0.dist-info"
    attack.base |= {
        f"{info}/METADATA": metadata("based", "1.0"),
        f"{info}/RECORD": b"based/__init__.py,,\nbased-1.0.dist-info/METADATA,,\n",
        f"{SITE}/based/__init__.py": b"VALUE = 1\n",
    }


@pytest.mark.parametrize(
    "above",
    [
        pytest.param({f"{SITE}/based/__init__.py": EVIL}, id="code-changed"),
        pytest.param({f"{SITE}/based/evil.py": EVIL}, id="code-added"),
        pytest.param({f"{SITE}/based-1.0.dist-info/direct_url.json": b'{"url":"https://x"}'}, id="address-added"),
        pytest.param({f"{SITE}/based-1.0.dist-info/.wh.RECORD": b""}, id="record-hidden"),
        pytest.param({f"{SITE}/.wh.based-1.0.dist-info": b""}, id="metadata-hidden"),
        pytest.param({SITE: "-> /opt/site", "opt/site/evil.py": EVIL}, id="site-relinked"),
        pytest.param({STDLIB: "-> /opt/p", "opt/p/os.py": EVIL}, id="standard-library-relinked"),
        pytest.param({"usr/local": "-> /opt/l", "opt/l/bin/python": EVIL}, id="prefix-relinked"),
        pytest.param({"usr": "-> /opt/u", "opt/u/bin/tool": EVIL}, id="everything-relinked"),
    ],
)
def test_a_package_of_the_base_is_the_base_s_only_while_nothing_of_it_changed(
    attack: Attack, above: dict[str, Node]
) -> None:
    of_base(attack)
    assert attack.judge({"app/run.py": b""}).outcome is Outcome.PROMOTE
    assert attack.codes(above)
