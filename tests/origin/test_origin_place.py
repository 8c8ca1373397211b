"""Files are looked for where installers put them, and nowhere else."""

from __future__ import annotations

import pytest

from gate.index.facts import WheelFacts
from gate.origin.place import is_added, is_compiled, script_of, site_of

FACTS = WheelFacts(
    filename="demo-1.0-py3-none-any.whl",
    size=1,
    name="demo",
    version="1.0",
    dist_info="demo-1.0.dist-info",
    tags=(),
    metadata_sha256="",
    scripts={"demo": "demo:main", "pip": "pip:main"},
)


@pytest.mark.parametrize(
    ("folder", "prefixes"),
    [
        ("usr/local/lib/python3.11/site-packages", ("usr/local", "usr/local/lib/python3.11/site-packages")),
        ("usr/lib/python3/dist-packages", ("usr", "usr/lib/python3/dist-packages")),
        ("lib64/python3.9/site-packages", ("", "lib64/python3.9/site-packages")),
        ("opt/venv/lib/python3.12/site-packages", ("opt/venv", "opt/venv/lib/python3.12/site-packages")),
        ("app/libs", ("app/libs",)),
        ("", ("",)),
    ],
)
def test_prefixes_follow_from_the_folder(folder: str, prefixes: tuple[str, ...]) -> None:
    site = site_of(f"{folder}/demo-1.0.dist-info" if folder else "demo-1.0.dist-info")
    assert (site.folder, site.prefixes) == (folder, prefixes)


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("demo/a.py", ["usr/lib64/python3.11/site-packages/demo/a.py"]),
        ("other-1.0.data/scripts/x", ["usr/lib64/python3.11/site-packages/other-1.0.data/scripts/x"]),
        (
            "demo-1.0.data/purelib/a.py",
            ["usr/lib64/python3.11/site-packages/a.py", "usr/lib/python3.11/site-packages/a.py"],
        ),
        ("demo-1.0.data/scripts/x", ["usr/bin/x", "usr/lib64/python3.11/site-packages/bin/x"]),
        ("demo-1.0.data/data/share/x", ["usr/share/x", "usr/lib64/python3.11/site-packages/share/x"]),
        ("demo-1.0.data/unknown/x", []),
    ],
)
def test_each_scheme_has_its_places(path: str, places: list[str]) -> None:
    site = site_of("usr/lib64/python3.11/site-packages/demo-1.0.dist-info")
    assert list(site.places(path, FACTS)) == places


def test_interpreters_are_those_of_the_prefix_and_the_usual_ones() -> None:
    site = site_of("opt/app/lib/python3.12/site-packages/demo-1.0.dist-info")
    found = list(site.interpreters())
    assert found[:3] == ["/opt/app/bin/python", "/opt/app/bin/python3", "/opt/app/bin/python3.12"]
    assert "/usr/bin/python3.12" in found
    assert "/usr/bin/python3.11" not in found
    assert "/usr/local/bin/python3.11" in list(site_of("app/demo-1.0.dist-info").interpreters())


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("a/__pycache__/b.cpython-311.pyc", True),
        ("a/__pycache__/b.cpython-311.opt-1.pyc", True),
        ("a/__pycache__/c.cpython-311.pyc", False),
        ("a/__pycache__/b.pyc", False),
        ("a/__pycache__/b.cpython-311.so", False),
        ("a/b.pyc", False),
        ("x/__pycache__/b.cpython-311.pyc", False),
    ],
)
def test_byte_code_is_a_cache_only_beside_its_source(path: str, answer: bool) -> None:
    assert is_compiled(path, {"a/b.py"}) is answer


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("usr/bin/demo", True),
        ("usr/bin/pip3", True),
        ("usr/bin/pip3.11", True),
        ("usr/bin/pip-3.11", True),
        ("usr/bin/pipx", False),
        ("usr/bin/python3", False),
        ("usr/bin/3.11", False),
        ("usr/sbin/demo", False),
        ("usr/bin/sub/demo", False),
    ],
)
def test_scripts_are_those_of_entry_points(path: str, answer: bool) -> None:
    site = site_of("usr/lib/python3.11/site-packages/demo-1.0.dist-info")
    assert (script_of(path, site, FACTS) is not None) is answer


def test_a_script_of_its_own_name_is_not_a_version_of_another() -> None:
    """Coverage has a `coverage` and a `coverage3` that call different functions."""
    site = site_of("usr/lib/python3.11/site-packages/demo-1.0.dist-info")
    facts = FACTS.model_copy(update={"scripts": {"demo": "demo:main", "demo3": "demo:old"}})
    assert script_of("usr/bin/demo3", site, facts) == "demo:old"
    assert script_of("usr/bin/demo3.11", site, facts) in {"demo:main", "demo:old"}


def test_installers_add_nothing_that_is_code() -> None:
    assert is_added("a/demo-1.0.dist-info/RECORD", "a/demo-1.0.dist-info")
    assert not is_added("a/demo-1.0.dist-info/entry_points.txt", "a/demo-1.0.dist-info")
    assert not is_added("a/other-1.0.dist-info/RECORD", "a/demo-1.0.dist-info")
