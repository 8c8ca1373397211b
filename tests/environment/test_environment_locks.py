"""Projects and lock files: what is locked, and from where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from environment_world.definitions import CONDA_HOST, brief, declare, errors, lines, names, verdict
from pip._internal.models.index import PyPI
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from gate.environment.places import pypi_file_host

SHA = "c" * 64
PYPI_FILE = f"https://{pypi_file_host()}/packages/a/b/c/x-1.0-py3-none-any.whl"


def test_the_host_of_pypi_s_files_is_the_one_that_pip_names() -> None:
    assert pypi_file_host() == PyPI.file_storage_domain


def test_conda_lock(tmp_path: Path) -> None:
    content = f"""version: 1
metadata: {{}}
package:
- name: zlib
  version: 1.2.11
  manager: conda
  platform: linux-64
  url: https://{CONDA_HOST}/conda-forge/linux-64/zlib-1.2.11-h1.conda
  hash: {{sha256: {SHA}}}
- {{name: evil, version: 1, manager: conda, url: https://{CONDA_HOST}/evil/noarch/evil-1-0.conda}}
- {{name: odd, version: 1, manager: conda, url: nowhere}}
- {{name: X_y, version: 1.0, manager: pip, url: {PYPI_FILE}}}
- {{name: z, version: 1.0, manager: pip, url: https://h.example/z-1.0.zip}}
- {{name: v, version: 1.0, manager: pip, url: git+https://g.example/o/r@abc}}
- {{name: w, version: 1.0, manager: pip, url: ''}}
"""
    declared = declare(tmp_path, {"conda-lock.yml": content})
    assert brief(declared) == [
        ("conda", "zlib", "=1.2.11", "conda-forge"),
        ("conda", "evil", "=1", "evil"),
        ("conda", "odd", "=1", "?no_origin"),
        ("pypi", "x-y", "==1.0", "pypi"),
        ("url", "https://h.example/z-1.0.zip", "", "h.example"),
        ("vcs", "git+https://g.example/o/r", "abc", "g.example"),
        ("pypi", "w", "==1.0", "?no_origin"),
    ]
    assert lines(declared)[0] == ("zlib", 4)
    assert declared.references[0].hashes == (f"sha256:{SHA}",)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("conda-lock.yml", "version: 9\npackage: []\n", "unknown_version"),
        ("conda-lock.yml", "version: 1\n", "not_conda_lock"),
        ("conda-lock.yml", "package: [a]\n", "not_conda_lock"),
        ("conda-lock.yml", "package: [{name: a}]\n", "not_conda_lock"),
        ("conda-lock.yml", "package: [{name: a, manager: npm}]\n", "not_conda_lock"),
        ("conda-lock.yml", "[", "yaml_invalid"),
        ("pixi.lock", "version: 99\npackages: []\n", "unknown_version"),
        ("pixi.lock", "version: 6\n", "not_pixi_lock"),
        ("pixi.lock", "version: 6\npackages: [a, {name: x}]\n", "not_pixi_lock"),
        ("pixi.lock", "", "empty"),
        ("uv.lock", "version = 1\n", "not_a_lock"),
        ("uv.lock", "[[package]]\nversion = '1'\n", "not_a_lock"),
        ("uv.lock", "[[package\n", "toml_invalid"),
        ("pylock.toml", "lock-version = '2.0'\npackages = []\n", "unknown_version"),
        ("Pipfile.lock", "{", "pipfile_invalid"),
        ("Pipfile.lock", "{}", "nothing_declared"),
        ("Pipfile", "[packages\n", "pipfile_invalid"),
        ("Pipfile", "packages = 1\n", "pipfile_invalid"),
        ("pyproject.toml", "[project\n", "toml_invalid"),
        ("pyproject.toml", "[project]\ndependencies = ['a>>1']\n", "invalid_requirement"),
        ("pyproject.toml", "[project]\ndependencies = [1]\n", "invalid_requirement"),
        ("pyproject.toml", "[tool.x]\n", "nothing_declared"),
        ("pyproject.toml", "[project]\ndynamic = ['dependencies']\n", "dynamic_dependencies"),
        ("s.py", "# /// script\n# dependencies = [\n# ///\n", "toml_invalid"),
        ("s.py", "# /// script\n# ///x\n", "script_invalid"),
        ("s.py", "# /// script\n# dependencies = [1, 'a>>']\n# ///\n", "invalid_requirement"),
        ("pip.conf", "[global]\n", "nothing_declared"),
        ("uv.toml", "[", "toml_invalid"),
    ],
)
def test_what_is_no_such_file_is_an_error(tmp_path: Path, name: str, content: str, code: str) -> None:
    declared = declare(tmp_path, {name: content})
    assert code in errors(declared)
    assert verdict(declared).verdict == "unparseable"


def test_pixi_lock(tmp_path: Path) -> None:
    content = f"""version: 6
environments: {{}}
packages:
- conda: https://{CONDA_HOST}/conda-forge/linux-64/zlib-1.2-h1.conda
  sha256: {SHA}
- kind: conda
  url: https://{CONDA_HOST}/evil/noarch/a-1-0.conda
- conda: ./local
- pypi: {PYPI_FILE}
  name: x
  version: 1.0
- pypi: ./src
"""
    assert brief(declare(tmp_path, {"pixi.lock": content})) == [
        ("conda", "zlib", "1.2 h1", "conda-forge"),
        ("conda", "a", "1 0", "evil"),
        ("local", "./local", "", "./local"),
        ("pypi", "x", "==1.0", "pypi"),
        ("local", "./src", "", "./src"),
    ]


def test_uv_lock(tmp_path: Path) -> None:
    content = f"""version = 1
[[package]]
name = "a"
version = "1"
source = {{ registry = "{PYPI_SIMPLE_ENDPOINT}" }}
wheels = [{{ url = "{PYPI_FILE}", hash = "sha256:{SHA}" }}]
[[package]]
name = "a2"
version = "1"
source = {{ registry = "{PYPI_SIMPLE_ENDPOINT}" }}
wheels = [{{ url = "https://evil.example/a2.whl", hash = "sha256:{SHA}" }}]
[[package]]
name = "b"
version = "1"
source = {{ registry = "https://x.example/simple" }}
[[package]]
name = "c"
source = {{ git = "https://g.example/o/r?rev=v1#abc" }}
[[package]]
name = "d"
source = {{ editable = "." }}
[[package]]
name = "e"
source = {{ url = "https://h.example/e-1.whl" }}
"""
    declared = declare(tmp_path, {"uv.lock": content})
    assert brief(declared) == [
        ("pypi", "a", "==1", "pypi"),
        ("pypi", "a2", "==1", "pypi+evil.example"),
        ("pypi", "b", "==1", "https://x.example/simple"),
        ("vcs", "git+https://g.example/o/r", "abc", "g.example"),
        ("local", ".", "", "."),
        ("url", "https://h.example/e-1.whl", "", "h.example"),
    ]
    assert [line for _, line in lines(declared)] == [3, 8, 13, 17, 20, 23]
    assert declared.references[0].hashes == (f"sha256:{SHA}",)


def test_poetry_lock(tmp_path: Path) -> None:
    content = """[[package]]
name = "a"
version = "1"
[[package]]
name = "b"
version = "1"
[package.source]
type = "legacy"
url = "https://x.example/simple"
[[package]]
name = "c"
version = "1"
[package.source]
type = "git"
url = "https://g.example/o/r.git"
resolved_reference = "abc"
[[package]]
name = "d"
version = "1"
[package.source]
type = "directory"
url = "../d"
[[package]]
name = "e"
version = "1"
[package.source]
type = "url"
url = "https://h.example/e.whl"
"""
    assert brief(declare(tmp_path, {"poetry.lock": content})) == [
        ("pypi", "a", "==1", "pypi"),
        ("pypi", "b", "==1", "https://x.example/simple"),
        ("vcs", "git+https://g.example/o/r.git", "abc", "g.example"),
        ("local", "../d", "", "../d"),
        ("url", "https://h.example/e.whl", "", "h.example"),
    ]


def test_pylock(tmp_path: Path) -> None:
    content = f"""lock-version = "1.0"
[[packages]]
name = "a"
version = "1"
index = "{PYPI_SIMPLE_ENDPOINT}"
marker = "sys_platform == 'linux'"
[[packages]]
name = "b"
version = "1"
wheels = [{{ url = "{PYPI_FILE}", hashes = {{ sha256 = "{SHA}" }} }}, {{ url = "https://h.example/b.whl" }}]
[[packages]]
name = "c"
vcs = {{ type = "git", url = "https://g.example/o/r", commit-id = "abc" }}
[[packages]]
name = "d"
directory = {{ path = "." }}
[[packages]]
name = "e"
archive = {{ url = "https://h.example/e.zip" }}
[[packages]]
name = "f"
"""
    assert brief(declare(tmp_path, {"pylock.dev.toml": content})) == [
        ("pypi", "a", "==1", "pypi"),
        ("pypi", "b", "==1", "pypi+h.example"),
        ("vcs", "git+https://g.example/o/r", "abc", "g.example"),
        ("local", ".", "", "."),
        ("url", "https://h.example/e.zip", "", "h.example"),
        ("pypi", "f", "", "?no_origin"),
    ]


def test_pipfile_and_its_lock(tmp_path: Path) -> None:
    lock = json.dumps(
        {
            "_meta": {
                "sources": [
                    {"name": "pypi", "url": PYPI_SIMPLE_ENDPOINT},
                    {"name": "own", "url": "https://x.example/simple"},
                ]
            },
            "default": {
                "a": {"version": "==1", "index": "pypi", "hashes": [f"sha256:{SHA}"]},
                "b": {"version": "==1"},
                "c": {"git": "https://g.example/o/r", "ref": "abc"},
                "d": {"path": "."},
                "e": {"index": "gone", "version": "*"},
            },
            "develop": {"f": {"file": "https://h.example/f.whl"}},
        },
        indent=1,
    )
    expected = [
        ("pypi", "a", "==1", "pypi"),
        ("pypi", "b", "==1", "pypi+https://x.example/simple"),
        ("vcs", "git+https://g.example/o/r", "abc", "g.example"),
        ("local", ".", "", "."),
        ("pypi", "e", "", "?no_origin"),
        ("url", "https://h.example/f.whl", "", "h.example"),
    ]
    assert brief(declare(tmp_path, {"Pipfile.lock": lock})) == expected
    pipfile = "[packages]\nrequests = '*'\nx = {version='>1', markers='m'}\n[dev-packages]\ny = '==2'\n"
    declared = declare(tmp_path, {"Pipfile": pipfile})
    assert brief(declared) == [
        ("pypi", "requests", "", "pypi"),
        ("pypi", "x", ">1", "pypi"),
        ("pypi", "y", "==2", "pypi"),
    ]
    assert lines(declared) == [("requests", 2), ("x", 3), ("y", 5)]


def test_the_old_name_of_pypi_is_pypi(tmp_path: Path) -> None:
    lock = json.dumps({"_meta": {"sources": [{"url": f"https://{'pypi'}.python.org/simple"}]}, "default": {"a": {}}})
    assert brief(declare(tmp_path, {"Pipfile.lock": lock})) == [("pypi", "a", "", "pypi")]


def test_a_project_of_pep_621(tmp_path: Path) -> None:
    content = """[build-system]
requires = ["hatchling>=1"]
[project]
dependencies = ["a[x]>=1; python_version>'3'", "b @ git+https://g.example/o/r", "bound", "ours", "many"]
[project.optional-dependencies]
dev = ["c"]
[dependency-groups]
test = ["d", {include-group = "x"}]
[tool.uv]
dev-dependencies = ["e"]
[tool.uv.sources]
bound = {index = "own"}
ours = {workspace = true}
many = [{git = "https://g.example/m", tag = "v1"}, {index = "gone"}]
[[tool.uv.index]]
name = "own"
url = "https://own.example/s"
explicit = true
[tool.pdm.dev-dependencies]
x = ["f"]
[tool.hatch.envs.t]
dependencies = ["g"]
extra-dependencies = ["h"]
"""
    declared = declare(tmp_path, {"pyproject.toml": content})
    assert brief(declared) == [
        ("pypi", "hatchling", ">=1", "pypi"),
        ("pypi", "a", ">=1", "pypi"),
        ("vcs", "git+https://g.example/o/r", "", "g.example"),
        ("pypi", "bound", "", "https://own.example/s"),
        ("local", "ours", "", "ours"),
        ("vcs", "git+https://g.example/m", "v1", "g.example"),
        ("pypi", "many", "", "?no_origin"),
        *[("pypi", name, "", "pypi") for name in "cdefgh"],
    ]


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("[tool.uv]\nindex-url='https://x.example'", "https://x.example"),
        ("[tool.uv]\nextra-index-url=['https://x.example']", "https://x.example+pypi"),
        ("[tool.uv.pip]\nindex-url='https://x.example'", "https://x.example"),
        ("[[tool.uv.index]]\nurl='https://x.example'", "https://x.example+pypi"),
        ("[[tool.uv.index]]\nurl='https://x.example'\ndefault=true", "https://x.example"),
        ("[[tool.poetry.source]]\nname='x'\nurl='https://x.example'", "https://x.example"),
        (
            "[[tool.poetry.source]]\nname='x'\nurl='https://x.example'\npriority='supplemental'",
            "https://x.example+pypi",
        ),
        ("[[tool.poetry.source]]\nname='x'\nurl='https://x.example'\npriority='explicit'", "pypi"),
        ("[[tool.pdm.source]]\nname='pypi'\nurl='https://x.example'", "https://x.example"),
    ],
)
def test_where_a_projects_names_come_from(tmp_path: Path, tables: str, expected: str) -> None:
    declared = declare(tmp_path, {"pyproject.toml": f"[project]\ndependencies=['a']\n{tables}\n"})
    assert [one[3] for one in brief(declared)] == [expected]


def test_a_poetry_project(tmp_path: Path) -> None:
    content = """[tool.poetry.dependencies]
python = "^3.8"
a = "^1"
b = {version = "*", extras = ["x"]}
c = {git = "https://g.example/o/r", branch = "main"}
d = {path = "../d"}
e = [{version = "1", source = "own"}, {url = "https://h.example/e.whl"}]
[tool.poetry.dev-dependencies]
f = "*"
[tool.poetry.group.docs.dependencies]
g = "*"
[[tool.poetry.source]]
name = "own"
url = "https://own.example/s"
priority = "explicit"
"""
    assert brief(declare(tmp_path, {"pyproject.toml": content})) == [
        ("pypi", "a", "^1", "pypi"),
        ("pypi", "b", "", "pypi"),
        ("vcs", "git+https://g.example/o/r", "main", "g.example"),
        ("local", "../d", "", "../d"),
        ("pypi", "e", "1", "https://own.example/s"),
        ("url", "https://h.example/e.whl", "", "h.example"),
        ("pypi", "f", "", "pypi"),
        ("pypi", "g", "", "pypi"),
    ]


def test_dynamic_dependencies_are_followed_into_their_files(tmp_path: Path) -> None:
    content = (
        "[project]\ndynamic=['dependencies']\n[tool.setuptools.dynamic]\n"
        "dependencies={file=['r.txt', 'gone.txt']}\noptional-dependencies={x={file='s.txt'}}\n"
    )
    declared = declare(tmp_path, {"pyproject.toml": content, "r.txt": "a\n", "s.txt": "b\n"})
    assert names(declared) == ["pypi:a", "other:gone.txt", "pypi:b"]
    assert errors(declared) == []


def test_a_script_with_inline_metadata(tmp_path: Path) -> None:
    content = """#!/usr/bin/env python3
# /// script
# dependencies = [
#   "a>=1",
#   "b",
# ]
# [tool.uv.sources]
# b = { url = "https://h.example/b.whl" }
# ///
import a
"""
    declared = declare(tmp_path, {"s.py": content})
    assert brief(declared) == [("pypi", "a", ">=1", "pypi"), ("url", "https://h.example/b.whl", "", "h.example")]
    assert lines(declared)[0] == ("a", 4)


def test_configuration_puts_places_in_scope(tmp_path: Path) -> None:
    content = (
        "[global]\nindex-url = https://u:p@x.example/s\nextra_index_url =\n  https://y.example/s\n"
        "  https://z.example/s\nfind-links = /w\ntimeout = 3\n"
    )
    declared = declare(tmp_path, {"pip.conf": content})
    assert [one.origin.location for one in declared.sources] == [
        "https://x.example/s",
        "https://y.example/s",
        "https://z.example/s",
        "/w",
    ]
    assert verdict(declared).verdict == "needs_exception"
    condarc = declare(tmp_path, {".condarc": "channels: [conda-forge, nodefaults]\n"})
    assert verdict(condarc).verdict == "safelisted"
    uv = declare(tmp_path, {"uv.toml": "[[index]]\nurl='https://x.example'\n"})
    assert [one.origin.location for one in uv.sources] == ["https://x.example"]


@pytest.mark.parametrize(
    "table",
    [
        "custom_channels: {conda-forge: https://m.example/cf}",
        "mirrored_channels: {conda-forge: [https://m.example/cf]}",
        "custom_multichannels: {both: [conda-forge, z]}",
        "channel_alias: https://m.example",
    ],
)
def test_conda_s_configuration_can_serve_a_name_from_elsewhere(tmp_path: Path, table: str) -> None:
    declared = declare(tmp_path, {".condarc": f"channels: [conda-forge]\n{table}\ndefault_channels: null\n"})
    assert verdict(declared).verdict == "needs_exception"
    files: dict[str, str | bytes] = {
        "Dockerfile": "FROM mcr.microsoft.com/a:1\nCOPY .condarc /root/.condarc\nRUN conda install a\n",
        ".condarc": f"channels: [conda-forge]\n{table}\n",
    }
    assert verdict(declare(tmp_path, files)).verdict == "needs_exception"


def test_an_explicit_file_names_pypi_s_own_files(tmp_path: Path) -> None:
    content = f"@EXPLICIT\n# pip a[x] @ {PYPI_FILE}#sha256={SHA}\n# pip b @ https://h.example/b-1.zip\n# pip c==1\n"
    declared = declare(tmp_path, {"linux-64.lock": content})
    assert brief(declared) == [
        ("pypi", "a", "", "pypi"),
        ("url", "https://h.example/b-1.zip", "", "h.example"),
        ("pypi", "c", "==1", "pypi"),
    ]
    assert declared.references[0].hashes == (f"sha256:{SHA}",)


def test_the_commit_of_a_locked_repository_is_kept(tmp_path: Path) -> None:
    package = '[[package]]\nname = "b"\nversion = "1"\nsource = { git = "https://g.example/o/b?rev=main#abc" }\n'
    assert brief(declare(tmp_path, {"uv.lock": package})) == [("vcs", "git+https://g.example/o/b", "abc", "g.example")]
