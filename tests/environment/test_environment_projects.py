"""Project files: the tables of conda-lock, pixi, flit, hatch, rye and Poetry, and tools that nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import brief, declare, errors, lines, names, verdict


def test_conda_packages_of_a_project_come_from_the_channels_that_it_names(tmp_path: Path) -> None:
    content = """[project]
name = "x"
dependencies = ["numba", "numba-extra"]
[tool.conda-lock]
channels = ["conda-forge", "nodefaults"]
[tool.conda-lock.dependencies]
numba-extra = "*"
"private::b" = ">=2"
c = {version = "1", channel = "https://c.example/ch"}
d = {source = "pypi", version = "3"}
e = {url = "https://h.example/e-1.tar.gz"}
"""
    declared = declare(tmp_path, {"pyproject.toml": content})
    assert brief(declared) == [
        ("pypi", "numba", "", "pypi"),
        ("pypi", "numba-extra", "", "pypi"),
        ("conda", "numba-extra", "", "conda-forge"),
        ("conda", "b", ">=2", "private"),
        ("conda", "c", "1", "https://c.example/ch"),
        ("pypi", "d", "3", "pypi"),
        ("url", "https://h.example/e-1.tar.gz", "", "h.example"),
    ]
    assert [line for _, line in lines(declared)] == [3, 3, 7, 8, 9, 10, 11]
    assert verdict(declared).verdict == "needs_exception"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("channels = ['conda-forge']", "safelisted"),
        ("channels = ['conda-forge', 'defaults']", "needs_exception"),
        ("platforms = ['linux-64']", "needs_exception"),
        ("channels = ['conda-forge']\npip-repositories = ['https://i.example/simple']", "needs_exception"),
    ],
)
def test_a_project_that_conda_lock_locks_is_only_as_good_as_its_channels(
    tmp_path: Path, table: str, expected: str
) -> None:
    declared = declare(tmp_path, {"pyproject.toml": f"[project]\ndependencies=['a']\n[tool.conda-lock]\n{table}\n"})
    assert names(declared) == ["pypi:a"]
    assert verdict(declared).verdict == expected


PIXI = """
[workspace]
channels = ["conda-forge", {channel = "robots", priority = 1}]
[dependencies]
python = "3.11.*"
a = {version = "*", build = "x*", channel = "other"}
[feature.cuda]
channels = ["nvidia"]
[feature.cuda.target.linux-64.host-dependencies]
cuda = ">=12"
[package.run-dependencies]
bad = "1"
[pypi-dependencies]
b = {version = ">=1", extras = ["x"]}
c = {git = "https://g.example/o/c.git", rev = "abc"}
d = {version = "*", index = "https://i.example/simple"}
[pypi-options]
extra-index-urls = ["https://j.example/simple"]
find-links = [{path = "./wheels"}, {url = "https://k.example/page"}]
"""


def test_pixi_declares_conda_and_python_packages(tmp_path: Path) -> None:
    channels = "conda-forge+robots+nvidia"
    indexes = "https://j.example/simple+./wheels+https://k.example/page+pypi"
    wanted = [
        ("conda", "python", "3.11.*", channels),
        ("conda", "a", "", "other"),
        ("pypi", "b", ">=1", indexes),
        ("vcs", "git+https://g.example/o/c.git", "abc", "g.example"),
        ("pypi", "d", "", "https://i.example/simple"),
        ("conda", "cuda", ">=12", channels),
        ("conda", "bad", "1", channels),
    ]
    declared = declare(tmp_path, {"pixi.toml": PIXI})
    assert brief(declared) == wanted
    assert verdict(declared).verdict == "needs_exception"
    inside = "[project]\nname = 'x'\n" + PIXI.replace("\n[", "\n[tool.pixi.")
    assert brief(declare(tmp_path, {"pyproject.toml": inside})) == wanted


def test_pixi_without_channels_says_of_nothing_from_where_it_comes(tmp_path: Path) -> None:
    content = "[project]\nname='x'\n[pypi-options]\nindex-url = 'https://i.example/simple'\n[dependencies]\na = '1'\n"
    declared = declare(tmp_path, {"pixi.toml": content + "'...' = '1'\n[pypi-dependencies]\nb = '*'\n"})
    assert brief(declared) == [("conda", "a", "1", "?no_origin"), ("pypi", "b", "", "https://i.example/simple")]
    assert errors(declared) == ["invalid_matchspec"]


def test_every_table_in_which_a_tool_lists_requirements_counts(tmp_path: Path) -> None:
    content = """
[tool.flit.metadata]
requires = ["a"]
dev-requires = ["b"]
[tool.flit.metadata.requires-extra]
test = ["c"]
[tool.rye]
dev-dependencies = ["d"]
[tool.hatch.env]
requires = ["e"]
[tool.hatch.envs.t]
dependencies = ["f"]
extra-dependencies = ["g"]
[tool.hatch.build.hooks.custom]
dependencies = ["h"]
[tool.hatch.build.targets.wheel]
dependencies = ["i"]
[tool.uv.extra-build-dependencies]
torch = ["j"]
[tool.pdm.dev-dependencies]
dev = ["-e file:///${PROJECT_ROOT}/sub#egg=k", "l"]
[tool.poetry.requires-plugins]
m = ">=1"
"""
    declared = declare(tmp_path, {"pyproject.toml": content})
    assert sorted(names(declared)) == [
        "local:/${PROJECT_ROOT}/sub",
        *(f"pypi:{one}" for one in "abcdefghijlm"),
    ]
    assert not errors(declared)


def test_the_dependencies_of_an_unknown_tool_are_not_passed_over(tmp_path: Path) -> None:
    content = (
        "[project]\ndependencies=['a']\n[tool.novel.dependencies]\n'org/kernel' = '>=1'\n[tool.x]\ndependencies=1\n"
    )
    declared = declare(tmp_path, {"pyproject.toml": content})
    assert brief(declared)[1:] == [("other", "org/kernel", "", "?no_origin")]
    assert verdict(declared).verdict == "needs_exception"


def test_the_conditions_of_a_poetry_dependency_are_its_marker(tmp_path: Path) -> None:
    content = """[tool.other]
a = 1
[tool.poetry.dependencies]
python = "^3.9"
a = {version = "^1", markers = "sys_platform == 'linux'"}
b = {version = "*", python = ">=3.9,<3.9.7", platform = "win32"}
c = {version = "1", python = "^3.9"}
d = {git = "https://g.example/o/d.git", markers = "extra == 'x'"}
"""
    declared = declare(tmp_path, {"pyproject.toml": content})
    assert [(one.marker, one.line) for one in declared.references] == [
        ("sys_platform == 'linux'", 5),
        ("(sys_platform == 'win32') and (python_version >= '3.9') and (python_full_version < '3.9.7')", 6),
        ("", 7),
        ("extra == 'x'", 8),
    ]


def test_every_source_of_poetry_stays_in_scope(tmp_path: Path) -> None:
    content = """[tool.poetry.dependencies]
a = "1"
b = {version = "1", source = "PyPI"}
[[tool.poetry.source]]
name = "one"
url = "https://one.example/simple"
[[tool.poetry.source]]
name = "two"
url = "https://two.example/simple"
[[tool.poetry.source]]
name = "PyPI"
priority = "supplemental"
"""
    assert brief(declare(tmp_path, {"pyproject.toml": content})) == [
        ("pypi", "a", "1", "https://two.example/simple+pypi+https://one.example/simple"),
        ("pypi", "b", "1", "pypi"),
    ]
    explicit = content.replace("supplemental", "explicit")
    assert brief(declare(tmp_path, {"pyproject.toml": explicit}))[0][3] == (
        "https://two.example/simple+https://one.example/simple"
    )


def test_a_name_bound_under_a_marker_comes_from_elsewhere_too(tmp_path: Path) -> None:
    content = """[project]
dependencies = ["a"]
[tool.uv.sources]
a = [{index = "x", marker = "sys_platform == 'linux'"}, {index = "y", marker = "sys_platform == 'win32'"}]
[[tool.uv.index]]
name = "x"
url = "https://x.example/simple"
explicit = true
[[tool.uv.index]]
name = "y"
url = "https://y.example/simple"
explicit = true
"""
    assert brief(declare(tmp_path, {"pyproject.toml": content})) == [
        ("pypi", "a", "", "https://x.example/simple+pypi+https://y.example/simple")
    ]


def test_dynamic_dependencies_that_something_else_tells_are_no_error(tmp_path: Path) -> None:
    poetry = "[project]\ndynamic=['dependencies']\n[tool.poetry.dependencies]\na='1'\n"
    assert not errors(declare(tmp_path, {"pyproject.toml": poetry}))
    hatch = "[project]\ndynamic=['dependencies']\n[tool.hatch.metadata.hooks.requirements_txt]\nfiles=['r.txt']\n"
    declared = declare(tmp_path, {"pyproject.toml": hatch, "r.txt": "b\n"})
    assert (names(declared), errors(declared)) == (["pypi:b"], [])


def test_a_comment_is_no_evidence_of_a_dependency(tmp_path: Path) -> None:
    content = (
        '[tool.poetry.dependencies]\n# a-b = "2" breaks\n#"c"\na-b = "1"\n[project]\ndependencies = [\n#"c"\n"c"]\n'
    )
    assert lines(declare(tmp_path, {"pyproject.toml": content})) == [("c", 8), ("a-b", 4)]
    script = '# /// script\n# dependencies = [\n#   "c",\n# ]\n# ///\n'
    assert lines(declare(tmp_path, {"x.py": script})) == [("c", 3)]


def test_where_and_when_a_pipfile_s_packages_are_installed(tmp_path: Path) -> None:
    content = """[packages]
ab = "*"
a = {version = ">=1", markers = "python_version < '3'", os_name = "== 'nt'", extras = ["x"]}
b = {hg = "https://g.example/b", ref = "tip"}
c = {path = "libs", editable = true}
d = {file = "https://h.example/d.zip"}
e = {git = "git@g.example:o/e.git"}
"""
    declared = declare(tmp_path, {"Pipfile": content})
    assert brief(declared) == [
        ("pypi", "ab", "", "pypi"),
        ("pypi", "a", ">=1", "pypi"),
        ("vcs", "hg+https://g.example/b", "tip", "g.example"),
        ("local", "./libs", "", "./libs"),
        ("url", "https://h.example/d.zip", "", "h.example"),
        ("vcs", "git@g.example:o/e.git", "", "g.example"),
    ]
    assert [line for _, line in lines(declared)] == [2, 3, 4, 5, 6, 7]
    assert declared.references[1].extras == ("x",)
    assert declared.references[1].marker == "(python_version < '3') and (os_name == 'nt')"
