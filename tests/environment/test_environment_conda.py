"""Conda environments: channels in order, channels of single packages, the pip section."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import CONDA_HOST, DEFAULTS_HOST, brief, declare, errors, lines, names, verdict

HEAD = "channels: [conda-forge]\ndependencies:\n"

SPECS = [
    ("python=3.10", ("conda", "python", "=3.10", "conda-forge")),
    ("python >=3.8,<3.10", ("conda", "python", ">=3.8,<3.10", "conda-forge")),
    ("numpy 1.2 py38_0", ("conda", "numpy", "1.2 py38_0", "conda-forge")),
    ("PyYAML==5.4.1", ("conda", "pyyaml", "==5.4.1", "conda-forge")),
    ("bioconda::hmmer==3.3.2", ("conda", "hmmer", "==3.3.2", "bioconda")),
    ("defaults/linux-64::zlib", ("conda", "zlib", "", "defaults")),
    ("'nvidia/label/cuda-11.8.0::cuda'", ("conda", "cuda", "", "nvidia/label/cuda-11.8.0")),
    ("'zlib[channel=evil,version=\">=1\"]'", ("conda", "zlib", ">=1", "evil")),
    ("'zlib[url=https://h.example/zlib-1-0.conda]'", ("conda", "zlib", "", "?url_in_spec")),
    ("evil:ns:zlib", ("conda", "zlib", "", "evil")),
    ("zlib.tar.bz2", ("local", "zlib.tar.bz2", "", "./zlib.tar.bz2")),
    ("'{{ name }}'", ("conda", "{{ name }}", "", "?template")),
    ("cuda-${V}", ("conda", "cuda-${V}", "", "?unresolved_variable")),
]


@pytest.mark.parametrize(("spec", "expected"), SPECS, ids=[spec for spec, _ in SPECS])
def test_a_match_spec(tmp_path: Path, spec: str, expected: tuple[str, str, str, str]) -> None:
    declared = declare(tmp_path, {"environment.yml": f"{HEAD}  - {spec}\n"})
    assert brief(declared) == [expected]
    assert errors(declared) == []


def test_every_channel_that_is_listed_can_deliver_every_package(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"environment.yml": "channels: [conda-forge, bioconda]\ndependencies: [a]\n"})
    assert brief(declared) == [("conda", "a", "", "conda-forge+bioconda")]
    assert verdict(declared).verdict == "needs_exception"


def test_no_channel_means_defaults_even_when_only_pip_packages_are_listed(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"environment.yml": "dependencies:\n- pip:\n  - azureml-sdk\n"})
    report = verdict(declared)
    assert report.verdict == "needs_exception"
    assert [one.disposed.disposition.value for one in report.references] == ["safelisted"]
    assert [(one.source.origin.location, one.safelisted) for one in report.sources] == [("defaults", False)]


def test_conda_forge_alone_passes_with_a_warning_that_nodefaults_silences(tmp_path: Path) -> None:
    plain = declare(tmp_path, {"a.yml": HEAD + "  - python\n"})
    strict = declare(tmp_path, {"b.yml": "channels: [conda-forge, nodefaults]\ndependencies: [python]\n"})
    assert verdict(plain).verdict == verdict(strict).verdict == "safelisted"
    assert [one.code for one in plain.problems] == ["implicit_defaults"]
    assert strict.problems == ()


@pytest.mark.parametrize(
    ("channel", "location"),
    [
        (f"https://{CONDA_HOST}/conda-forge", "conda-forge"),
        (f"https://{CONDA_HOST}/conda-forge/linux-64/", "conda-forge"),
        (f"https://{CONDA_HOST}.evil.example/conda-forge", f"https://{CONDA_HOST}.evil.example/conda-forge"),
        (f"http://{CONDA_HOST}/conda-forge", f"http://{CONDA_HOST}/conda-forge"),
        (f"https://{CONDA_HOST}/t/tk-secret/conda-forge", f"https://{CONDA_HOST}/t/***/conda-forge"),
        ("https://user:pw@h.example/conda-forge", "https://h.example/conda-forge"),
        (f"https://{DEFAULTS_HOST}/pkgs/main", "defaults"),
        ("conda-forge/label/dev", "conda-forge/label/dev"),
        ("/opt/conda-forge", "/opt/conda-forge"),
        ("file:///opt/conda-forge", "/opt/conda-forge"),
        ("${CHANNEL}", "${CHANNEL}"),
        ("https://[bad/conda-forge", "https://[bad/conda-forge"),
    ],
)
def test_a_channel_is_what_it_is_and_not_what_it_looks_like(tmp_path: Path, channel: str, location: str) -> None:
    declared = declare(tmp_path, {"environment.yml": f"channels: ['{channel}']\ndependencies: [a]\n"})
    assert [origin.location for origin in declared.references[0].origins] == [location]
    assert (verdict(declared).verdict == "safelisted") is (location == "conda-forge")


def test_the_pip_section_is_one_run_of_pip_wherever_its_options_stand(tmp_path: Path) -> None:
    content = (
        HEAD + "  - pip:\n    - a==1\n    - --extra-index-url=https://x.example/s\n    - -r r.txt\n    - -e .\n  - b\n"
    )
    declared = declare(tmp_path, {"environment.yml": content, "r.txt": "c # why\n"})
    assert brief(declared) == [
        ("conda", "b", "", "conda-forge"),
        ("pypi", "a", "==1", "pypi+https://x.example/s"),
        ("pypi", "c", "", "pypi+https://x.example/s"),
        ("local", ".", "", "."),
    ]


def test_variables_that_steer_pip_are_sources(tmp_path: Path) -> None:
    content = HEAD + "  - pip: [x]\nvariables: {PIP_EXTRA_INDEX_URL: https://x.example/s, A: b}\n"
    declared = declare(tmp_path, {"environment.yml": content})
    assert brief(declared) == [("pypi", "x", "", "pypi+https://x.example/s")]


def test_lines_are_those_of_the_items_also_in_a_block(tmp_path: Path) -> None:
    content = HEAD + "  - a\n  - pip:\n    - |\n      b\n      # no\n      c\n    - 'd>=1'\n"
    assert lines(declare(tmp_path, {"environment.yml": content})) == [("a", 3), ("b", 6), ("c", 8), ("d", 9)]


def test_pip_repositories_are_further_indexes(tmp_path: Path) -> None:
    content = "pip-repositories: ['http://$U:$P@p.example/s']\n" + HEAD + "  - pip: [x]\n"
    declared = declare(tmp_path, {"environment.yml": content})
    assert brief(declared) == [("pypi", "x", "", "pypi+http://p.example/s")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "unknown_format"),
        ("null\n", "unknown_format"),
        ("- a\n", "unknown_format"),
        ("channels: [a]\n", "no_dependencies"),
        ("dependencies: a\nchannels: [a]\n", "not_conda"),
        (HEAD + "  - [a]\n", "not_conda"),
        (HEAD + "  - npm: [a]\n", "unknown_section"),
        (HEAD + "  - pip: a\n", "not_conda"),
        (HEAD + "  - pip: [[a]]\n", "not_conda"),
        (HEAD + "  - '=1'\n", "invalid_matchspec"),
        ("channels: [[a]]\ndependencies: [a]\n", "not_conda"),
        ("channels: [a]\nchannels: [b]\ndependencies: []\n", "yaml_duplicate_key"),
        ("dependencies: !!python/object:os.system [a]\n", "yaml_tag"),
        ("dependencies: [a\n", "yaml_invalid"),
        ("a: &a [x]\ndependencies: *b\n", "yaml_alias"),
        ("dependencies: [a]\n---\ndependencies: [b]\n", "yaml_documents"),
        ("dependencies:\n  - {{x}}\n", "yaml_key"),
        ("x: &x {a: 1}\ndependencies: [a]\n<<: [*x, 3]\n", "yaml_merge"),
    ],
)
def test_bad_yaml_is_an_error_with_a_code(tmp_path: Path, content: str, code: str) -> None:
    declared = declare(tmp_path, {"conda.yaml": content})
    assert code in errors(declared)
    assert verdict(declared).verdict == "unparseable"


def test_an_empty_pip_section_and_anchors_and_merges_are_fine(tmp_path: Path) -> None:
    content = "base: &b {channels: [conda-forge]}\n<<: *b\ndependencies:\n  - &p python\n  - *p\n  - pip:\n"
    declared = declare(tmp_path, {"conda.yaml": content})
    assert names(declared) == ["conda:python", "conda:python"]
    assert errors(declared) == []


def test_an_explicit_list_is_read_by_address(tmp_path: Path) -> None:
    sha = "b" * 64
    content = (
        "# platform: linux-64\n@EXPLICIT\n"
        f"https://{CONDA_HOST}/conda-forge/linux-64/zlib-1.2.11-h1_3.tar.bz2#{sha}\n"
        f"https://{CONDA_HOST}/bioconda/noarch/vs-code-2-0.conda\n"
        "/local/linux-64/x-1-0.conda\n"
        "# pip y @ https://h.example/y.whl\n"
    )
    declared = declare(tmp_path, {"linux.lock": content})
    assert brief(declared) == [
        ("conda", "zlib", "1.2.11 h1_3", "conda-forge"),
        ("conda", "vs-code", "2 0", "bioconda"),
        ("conda", "x", "1 0", "/local/linux-64/x-1-0.conda"),
        ("url", "https://h.example/y.whl", "", "h.example"),
    ]
    assert declared.references[0].hashes == (f"sha256:{sha}",)


def test_an_explicit_list_with_something_else_in_it_is_unparseable(tmp_path: Path) -> None:
    assert errors(declare(tmp_path, {"x.txt": "@EXPLICIT\nzlib\n"})) == ["invalid_explicit"]


def test_an_address_among_match_specs_is_read_as_its_channel(tmp_path: Path) -> None:
    content = HEAD + f"  - https://{CONDA_HOST}/evil/noarch/a-1-0.conda\n"
    assert brief(declare(tmp_path, {"environment.yml": content})) == [("conda", "a", "1 0", "evil")]
