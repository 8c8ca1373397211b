"""Reading is bounded, stays inside the folder that was handed in, and touches nothing else."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from environment_world.definitions import declare, errors, names, verdict, write

from gate.bounds import DefinitionBounds
from gate.environment.reader import read_definition

SMALL = DefinitionBounds(file_bytes=2000, line_bytes=500, files=5, depth=8, nodes=200, references=10)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "a\n" * 2000}, bounds=SMALL)
    assert errors(declared) == ["file_too_large"]
    assert declared.references == ()


def test_a_line_that_is_too_long_is_named_with_its_number_and_bound(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "a\n" + "b" * 600 + "\n"}, bounds=SMALL)
    assert [(one.code, one.line) for one in declared.problems] == [("line_too_long", 2)]
    assert "500" in declared.problems[0].message


def test_a_line_of_a_hundred_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert errors(read_definition(path, tmp_path, DefinitionBounds())) == ["file_too_large"]


def test_too_many_references_are_one_error_and_no_pass(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "a\n" * 50}, bounds=SMALL)
    assert errors(declared) == ["too_many_references"]
    assert len(declared.references) == SMALL.references
    assert verdict(declared).verdict == "unparseable"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n", "yaml_too_large"),
        ("a: " + "[" * 30 + "]" * 30 + "\n", "yaml_too_deep"),
        ("a: &a [*a]\n", "yaml_alias"),
        ("? [a]\n: b\n", "yaml_key"),
    ],
    ids=["alias bomb", "depth", "alias of itself", "key that is a list"],
)
def test_yaml_that_is_an_attack(tmp_path: Path, content: str, code: str) -> None:
    declared = declare(tmp_path, {"conda.yaml": "dependencies: []\n" + content}, bounds=SMALL)
    assert errors(declared)[0] == code
    assert declared.problems[0].line > 0


def test_nesting_is_bounded_at_the_default_bounds_too(tmp_path: Path) -> None:
    for content in ("[" * 100_000, "{a: " * 100_000, "- " * 200_000):
        assert errors(declare(tmp_path, {"conda.yaml": "dependencies: " + content}))


def test_deep_toml_and_json_are_errors(tmp_path: Path) -> None:
    assert errors(declare(tmp_path, {"uv.lock": "a = " + "[" * 100_000})) == ["toml_invalid"]
    assert errors(declare(tmp_path, {"Pipfile.lock": '{"a":' * 100_000})) == ["pipfile_invalid"]


def test_includes_that_go_round_end_with_an_error(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"a.txt": "-r b.txt\none\n", "b.txt": "-r a.txt\ntwo\n"})
    assert errors(declared) == ["include_cycle"]
    assert names(declared) == ["pypi:two", "pypi:one"]
    assert errors(declare(tmp_path, {"requirements.txt": "-r requirements.txt\n"})) == ["include_cycle"]


def test_includes_are_bounded_in_depth_and_number(tmp_path: Path) -> None:
    chain = {f"r{number}.txt": f"-r r{number + 1}.txt\n" for number in range(20)}
    assert "too_deep" in errors(declare(tmp_path, {**chain}, bounds=replace(SMALL, files=100)))
    wide: dict[str, str | bytes] = {"requirements.txt": "".join(f"-r w{number}.txt\n" for number in range(20))}
    wide |= {f"w{number}.txt": "a\n" for number in range(20)}
    assert "too_many_files" in errors(declare(tmp_path, wide, bounds=SMALL))


ESCAPES = [
    "../secret.txt",
    "/etc/passwd",
    "~/.netrc",
    "a/../../secret.txt",
    "file:///etc/passwd",
    "link.txt",
    "d/secret.txt",
    "x" * 4000,
]


@pytest.mark.parametrize("path", ESCAPES, ids=[path[:20] for path in ESCAPES])
def test_nothing_outside_the_folder_is_opened(tmp_path: Path, path: str) -> None:
    write(tmp_path, {"secret.txt": "canary\n", "in/requirements.txt": f"-r {path}\n"})
    (tmp_path / "in/link.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "in/d").symlink_to(tmp_path, target_is_directory=True)
    declared = read_definition(tmp_path / "in/requirements.txt", tmp_path / "in", DefinitionBounds())
    assert "pypi:canary" not in names(declared)
    assert [one.undetermined for one in declared.references] == ["missing_file"]
    assert declared.files == ("requirements.txt",)


HANGS = [
    "A" * 900_000,
    "a=" + "1" * 900_000,
    "#" + " " * 900_000,
    " " * 900_000 + "x",
    "\n" * 900_000 + "x",
    "{" * 900_000,
    "{{" * 400_000,
    "$" * 900_000,
    "${" * 400_000,
    "token" * 180_000,
    "https://" + "a" * 900_000,
    "a@" * 450_000,
    "a,b{" * 200_000,
    "{a,b}" * 20_000,
    "a[" * 400_000,
    "'" * 900_000,
    "a " * 450_000,
    "- " * 450_000,
]


@pytest.mark.parametrize(
    "name", ["requirements.txt", "conda.yaml", "Dockerfile", "pyproject.toml", "x.lock", "pip.conf", "x"]
)
@pytest.mark.parametrize("content", HANGS, ids=[one.strip()[:8] for one in HANGS])
def test_a_megabyte_of_nonsense_ends_soon(tmp_path: Path, name: str, content: str) -> None:
    # No time is asserted: what does not end within the limit of a test does not end.
    body = {"Dockerfile": f"FROM a\nRUN x {content}\n", "conda.yaml": f"dependencies:\n- {content}\n"}.get(
        name, content
    )
    declared = declare(tmp_path, {name: body})
    assert verdict(declared).verdict != "safelisted" or name in {"requirements.txt", "conda.yaml"}


def test_includes_that_multiply_are_bounded(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"r{number}.txt": f"-r r{number + 1}.txt\n" * 9 for number in range(12)}
    declared = declare(tmp_path, {**files, "r12.txt": "a\n" * 50})
    assert set(errors(declared)) <= {"too_many_files", "too_many_references", "too_deep"}
    assert errors(declared)


def test_a_name_that_never_ends_is_an_error(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "-r " + "x" * 5000 + "\n"})
    assert errors(declared) == ["word_too_long"]


def test_a_link_out_of_the_folder_is_no_entry(tmp_path: Path) -> None:
    write(tmp_path, {"secret.txt": "canary\n", "in/x": ""})
    (tmp_path / "in/requirements.txt").symlink_to(tmp_path / "secret.txt")
    declared = read_definition(tmp_path / "in/requirements.txt", tmp_path / "in", DefinitionBounds())
    assert errors(declared) == ["outside_root"]
    assert declared.references == ()


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"real.txt": "a\n", "requirements.txt": "-r link.txt\n"})
    (tmp_path / "link.txt").symlink_to("real.txt")
    assert names(read_definition(tmp_path / "requirements.txt", tmp_path, DefinitionBounds())) == ["pypi:a"]


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "requirements.txt")
    assert errors(read_definition(tmp_path / "requirements.txt", tmp_path, DefinitionBounds())) == ["no_such_file"]
    write(tmp_path, {"r.txt": "-r requirements.txt\n"})
    assert [
        one.undetermined for one in read_definition(tmp_path / "r.txt", tmp_path, DefinitionBounds()).references
    ] == ["missing_file"]


def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    write(tmp_path, {"requirements.txt": "a\n"})
    monkeypatch.setattr(Path, "open", refuse)
    assert errors(read_definition(tmp_path / "requirements.txt", tmp_path, DefinitionBounds())) == ["unreadable"]


def test_the_environment_and_the_network_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        message = "reading opened a connection"
        raise AssertionError(message)

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("CANARY", "canary")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://canary.example")
    files: dict[str, str | bytes] = {
        "Dockerfile": "FROM mcr.microsoft.com/a:${CANARY}\nRUN curl https://h.example/$CANARY && pip install $CANARY\n",
        "requirements.txt": "${CANARY}\n-r https://h.example/r.txt\n--index-url https://${CANARY}/s\n",
    }
    for entry in files:
        told = declare(tmp_path, files, entry).model_dump_json()
        assert "canary" not in told


def test_nothing_is_written_and_nothing_run(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "Dockerfile": f"FROM x\nRUN touch {tmp_path}/ran $(touch {tmp_path}/ran2) && pip install .\n",
        "setup.py": "raise SystemExit\n",
        "pyproject.toml": "[build-system]\nrequires=['a']\n",
        "s.py": "# /// script\n# dependencies=['b']\n# ///\nopen('ran3', 'w')\n",
    }
    write(tmp_path, files)
    before = sorted(os.listdir(tmp_path))  # noqa: PTH208 - names alone
    read_definition(tmp_path, tmp_path, DefinitionBounds())
    assert sorted(os.listdir(tmp_path)) == before  # noqa: PTH208 - as above


def test_a_reader_that_fails_lets_nothing_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        message = "unforeseen"
        raise LookupError(message)

    monkeypatch.setattr("gate.environment.requirements.read", fail)
    declared = declare(tmp_path, {"requirements.txt": "a\n"})
    assert errors(declared) == ["reader_failed"]
    assert verdict(declared).verdict == "unparseable"


def test_a_folder_is_read_as_a_whole_and_nothing_twice(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a/Dockerfile": "FROM mcr.microsoft.com/a\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n",
        "a/requirements.txt": "one\n",
        "b/conda.yaml": "channels: [conda-forge]\ndependencies: [two]\n",
        "README.md": "pip install no\n",
        "compose.yaml": "version: 3\n",
        ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    runs-on: x\n    environment: production\n",
        "tool.toml": "[tool.ruff]\n",
        "data.bin": b"\x00",
        ".git/requirements.txt": "no\n",
        "node_modules/x/requirements.txt": "no\n",
    }
    declared = declare(tmp_path, files, ".")
    assert names(declared) == ["image:mcr.microsoft.com/a", "pypi:one", "conda:two"]
    assert sorted(declared.files) == ["a/Dockerfile", "a/requirements.txt", "b/conda.yaml", "tool.toml"]
    assert errors(declared) == []


def test_a_definition_in_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    assert errors(declare(tmp_path, {"a.txt": "a\n", "requirements.txt": b"\x00"}, ".")) == ["not_text"]


def test_a_folder_of_many_files_is_bounded(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"{number}.md": "" for number in range(300)}
    assert "too_many_files" in errors(declare(tmp_path, files, ".", replace(SMALL, files=2)))


def test_a_folder_without_a_definition_proves_nothing(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"x/README.md": "no\n"}, "x")
    assert errors(declared) == ["nothing_found"]
    assert verdict(declared).verdict == "unparseable"


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.md", "hello"), ("x.json", "{}"), ("setup.cfg", "[metadata]"), ("main.py", "import os"), ("a.toml", "x=1")],
)
def test_a_file_of_no_known_format_is_an_error(tmp_path: Path, name: str, content: str) -> None:
    assert errors(declare(tmp_path, {name: content})) == ["unknown_format"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("build.txt.in", "a==1\n", "pypi:a"),
        ("requirements", "a==1\n", "pypi:a"),
        ("constraints.lst", "a==1\n", "pypi:a"),
        ("my.Dockerfile", "FROM a\n", "image:a"),
        ("Dockerfile.gpu", "FROM a\n", "image:a"),
        ("Containerfile", "FROM a\n", "image:a"),
        ("image-build", "# x\nARG A=1\nFROM a AS b\n", "image:a"),
        ("env", "channels:\n- conda-forge\ndependencies:\n- a\n", "conda:a"),
        ("environment.yml.jinja", "dependencies:\n- a\n", "conda:a"),
        ("deploy", "environment:\n  image: a\n", "image:a"),
        ("x.toml", "[project]\ndependencies=['a']\n", "pypi:a"),
        ("y.toml", "[[package]]\nname='a'\nversion='1'\n", "pypi:a"),
        ("lock.yaml", "package:\n- manager: conda\n  name: a\n", "conda:a"),
        ("spec.txt", "@EXPLICIT\nhttps://h.example/c/noarch/a-1-0.conda\n", "conda:a"),
    ],
)
def test_formats_are_found_by_content_where_the_name_says_little(
    tmp_path: Path, name: str, content: str, expected: str
) -> None:
    assert names(declare(tmp_path, {name: content})) == [expected]
