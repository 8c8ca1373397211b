"""The parts that decide what is asked and what is installed: targets, names, files, uv's answer."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename
from resolve.resolve_world import python_reference

from gate.errors import BoundError, GateError, UpstreamError, UsageError
from gate.index.project import IndexFile
from gate.policy.private import reserved
from gate.resolve.child import PrivateFolder, clean_environment, own_program, run_child
from gate.resolve.files import installed_file
from gate.resolve.names import is_pinned, requirement_of
from gate.resolve.settings import ResolveConfig
from gate.resolve.target import parse_target
from gate.resolve.uv import Pin, parse_pins, uv_program, uv_version

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "uv", "subdir", "tag"),
    [
        ("linux-x86_64", "x86_64-manylinux_2_28", "linux-64", "cp311-cp311-manylinux_2_28_x86_64"),
        ("linux-x86_64-glibc2.35", "x86_64-manylinux_2_35", "linux-64", "cp311-cp311-manylinux_2_35_x86_64"),
        ("linux-aarch64", "aarch64-manylinux_2_28", "linux-aarch64", "cp311-cp311-manylinux2014_aarch64"),
        ("macos-arm64", "aarch64-apple-darwin", "osx-arm64", "cp311-cp311-macosx_13_0_arm64"),
        ("macos-x86_64", "x86_64-apple-darwin", "osx-64", "cp311-cp311-macosx_10_12_x86_64"),
        ("windows-x86_64", "x86_64-pc-windows-msvc", "win-64", "cp311-cp311-win_amd64"),
    ],
)
def test_a_platform_has_one_name_in_each_tool(name: str, uv: str, subdir: str, tag: str) -> None:
    target = parse_target(name, "3.11")
    assert (target.uv_platform, target.subdir) == (uv, subdir)
    assert Tag(*tag.split("-")) in target.ranks
    assert Tag("cp312", "cp312", tag.split("-")[2]) not in target.ranks
    assert Tag("py3", "none", "any") in target.ranks
    assert all(virtual.startswith("__") for virtual in target.virtual_packages)


@pytest.mark.parametrize(
    ("platform", "python"),
    [
        ("linux-x86_64", "2.7"),
        ("linux-x86_64", "3"),
        ("linux-x86_64", "3.11 --index-url x"),
        ("linux-x86_64-glibc2.29", "3.11"),
        ("linux-x86_64-glibc2.99", "3.11"),
        ("linux", "3.11"),
        ("--universal", "3.11"),
        ("", "3.11"),
    ],
)
def test_a_platform_or_python_that_is_none_is_refused(platform: str, python: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_target(platform, python)
    assert refused.value.exit_code == 2


def test_a_file_that_asks_for_another_python_is_not_taken() -> None:
    target = parse_target("linux-x86_64", "3.11")
    assert target.takes("")
    assert target.takes(">=3.8")
    assert not target.takes(">=3.12")
    assert not target.takes(">=3.11.4")
    assert target.takes("nonsense")


@pytest.mark.parametrize(
    ("name", "private"),
    [
        ("acme-core", True),
        ("Acme_Core", True),
        ("ACME.core", True),
        ("acmecore", False),
        ("secret", True),
        ("secrets", False),
    ],
)
def test_private_names_match_in_any_spelling(name: str, private: bool) -> None:
    assert reserved(("acme-*", "Secret"))(name) is private


def test_no_pattern_makes_no_name_private() -> None:
    assert not reserved(())("anything")


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        ("", "one"),
        ("*", "one"),
        ("==1.0", "one==1.0"),
        (">=1, <2", "one<2,>=1"),
        ("(>=1)", "one>=1"),
        ("1.0", "one==1.0"),
        ("^1.2.3", "one<2,>=1.2.3"),
        ("^0.2.3", "one<0.3,>=0.2.3"),
        ("^0.0.3", "one<0.0.4,>=0.0.3"),
        ("^0", "one<1,>=0"),
        ("~1.2.3", "one<1.3,>=1.2.3"),
        ("~1", "one<2,>=1"),
        ("~=1.2", "one~=1.2"),
        ("===1.0", "one===1.0"),
    ],
)
def test_requirements_are_written_anew(spec: str, written: str) -> None:
    assert str(requirement_of(python_reference("One", spec))) == written


@pytest.mark.parametrize(
    "odd",
    [
        python_reference("one @ https://packages.example/one.whl"),
        python_reference("one --index-url https://packages.example"),
        python_reference("one\n--index-url https://packages.example"),
        python_reference("one", "==1\n--index-url https://packages.example"),
        python_reference("one", "@ https://packages.example/one.whl"),
        python_reference("one", marker='python_version > "3"\n--index-url https://packages.example'),
        python_reference("one", extras=("a\n-r x",)),
        python_reference("../one"),
        python_reference(""),
        python_reference("one", "^"),
        python_reference("one", "==${VERSION}"),
    ],
)
def test_nothing_but_a_requirement_is_written(odd: object) -> None:
    try:
        written = str(requirement_of(odd))  # type: ignore[arg-type]  # a reference
    except ValueError:
        return
    assert "\n" not in written
    assert "packages.example" not in written


@pytest.mark.parametrize(
    ("spec", "pinned"),
    [
        ("==1.0", True),
        ("===1.0", True),
        ("==1.*", False),
        ("~=1.0", False),
        ("", False),
        (">=1,==1.5", True),
        (">>", False),
    ],
)
def test_a_pin_names_one_version(spec: str, pinned: bool) -> None:
    assert is_pinned(python_reference("one", spec)) is pinned


def test_a_hash_is_a_pin() -> None:
    assert is_pinned(python_reference("one", hashes=("sha256:" + "0" * 64,)))


def index_file(filename: str, **update: object) -> IndexFile:
    wheel = filename.endswith(".whl")
    version = str(parse_wheel_filename(filename)[1]) if wheel else "1.0"
    fields = {"filename": filename, "url": f"https://files.example/{filename}", "version": version, "is_wheel": wheel}
    return IndexFile(**fields | update)  # type: ignore[arg-type]  # each test names fields of the file


def chosen(*files: IndexFile, hashes: tuple[str, ...] = ()) -> str:
    file = installed_file(files, parse_target("linux-x86_64", "3.11"), hashes)
    return file.filename if file else ""


def test_a_wheel_goes_before_sources_and_the_highest_build_before_others() -> None:
    source = index_file("one-1.0.tar.gz")
    assert chosen(source, index_file("one-1.0-py3-none-any.whl")) == "one-1.0-py3-none-any.whl"
    builds = [index_file(f"one-1.0-{build}-py3-none-any.whl") for build in (2, 10)]
    assert chosen(*builds, index_file("one-1.0-py3-none-any.whl")) == "one-1.0-10-py3-none-any.whl"


def test_a_wheel_for_elsewhere_is_no_wheel() -> None:
    elsewhere = index_file("one-1.0-cp311-cp311-win_amd64.whl")
    assert chosen(elsewhere) == ""
    assert chosen(elsewhere, index_file("one-1.0.tar.gz")) == "one-1.0.tar.gz"
    assert chosen(IndexFile(filename="odd.whl", url="", is_wheel=True)) == ""
    assert chosen(index_file("one-1.0.exe", version="1.0")) == ""


def test_a_yanked_file_is_the_last_choice() -> None:
    yanked = index_file("one-1.0-py3-none-any.whl", yanked="")
    assert chosen(yanked, index_file("one-1.0.tar.gz")) == "one-1.0.tar.gz"
    assert chosen(yanked) == "one-1.0-py3-none-any.whl"


def test_demanded_bytes_and_python_narrow_the_choice() -> None:
    best = index_file("one-1.0-cp311-cp311-manylinux2014_x86_64.whl", sha256="sha256:a")
    plain = index_file("one-1.0-py3-none-any.whl", sha256="sha256:b")
    later = index_file("one-1.0-cp311-abi3-manylinux_2_28_x86_64.whl", requires_python=">=3.12")
    assert chosen(plain, best) == best.filename
    assert chosen(plain, best, hashes=("sha256:b",)) == plain.filename
    assert chosen(plain, hashes=("sha256:c",)) == ""
    assert chosen(later) == ""


def test_uvs_answer_is_read_strictly() -> None:
    answer = "one==1.0  # via -r requirements.in\ntwo==2.0+cpu  # via one, three[more]\nfour==1!1.0rc1\n\n"
    assert parse_pins(answer) == (
        Pin(name="one", version="1.0", declared=True),
        Pin(name="two", version="2.0+cpu", required_by=("one", "three")),
        Pin(name="four", version="1!1.0rc1"),
    )


@pytest.mark.parametrize(
    "line",
    ["one", "one>=1", "one @ https://packages.example/one.whl", "-e .", "# words", "one==nonsense", "one==1 # via ?!"],
)
def test_an_answer_that_is_no_pin_is_an_error(line: str) -> None:
    with pytest.raises(UpstreamError) as refused:
        parse_pins(f"two==2.0\n{line}\n")
    assert refused.value.error_code == "resolver_answer"


def test_uv_comes_with_its_package_or_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uv_program(ResolveConfig()).name.startswith("uv")
    assert uv_version(ResolveConfig())[0].isdigit()
    assert uv_program(ResolveConfig(uv=tmp_path / "uv")) == tmp_path / "uv"
    assert uv_version(ResolveConfig(uv=tmp_path / "uv")) == str(tmp_path / "uv")
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(GateError) as missing:
        uv_program(ResolveConfig())
    assert missing.value.error_code == "resolver_missing"


def run(code: str, folder: Path, *, seconds: float = 20.0, most: int = 1000, given: bytes = b"") -> tuple[int, bytes]:
    ended = run_child(
        [sys.executable, "-I", "-c", code],
        clean_environment(folder, {}),
        folder=folder,
        given=given,
        seconds=seconds,
        most=most,
    )
    return ended.code, ended.output


def test_a_child_is_given_input_and_its_end_is_told(tmp_path: Path) -> None:
    assert run("import sys; print(sys.stdin.read()); sys.exit(3)", tmp_path, given=b"word") == (3, b"word\n")


def test_a_child_that_does_not_read_does_not_stall(tmp_path: Path) -> None:
    assert run("print(1)", tmp_path, given=b"x" * 10_000_000) == (0, b"1\n")


def test_a_child_that_prints_too_much_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(BoundError) as stopped:
        run("while True: print('x' * 100)", tmp_path)
    assert stopped.value.error_code == "resolver_output"


def test_a_child_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    late = tmp_path / "late"
    grandchild = f"import time; time.sleep(3); open({str(late)!r}, 'w')"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {grandchild!r}]); time.sleep(60)"
    with pytest.raises(BoundError) as stopped:
        run(code, tmp_path, seconds=1.0)
    assert stopped.value.error_code == "resolver_timeout"
    assert not late.exists()


def test_a_child_whose_own_child_keeps_talking_has_not_ended(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with pytest.raises(BoundError) as stopped:
        run(code, tmp_path, seconds=1.0)
    assert stopped.value.error_code == "resolver_timeout"


def test_a_child_does_not_outlive_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    late = tmp_path / "late"
    monkeypatch.setattr("gate.resolve.child._Pipes.drain", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(f"import time; time.sleep(2); open({str(late)!r}, 'w')", tmp_path)
    assert not late.exists()


@pytest.mark.parametrize("memory", ["nowhere", "full"])
def test_a_private_folder_needs_no_memory_to_lie_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    monkeypatch.setattr("gate.resolve.child._MEMORY", tmp_path / memory)
    if memory == "full":
        (tmp_path / memory).mkdir()
        monkeypatch.setattr("gate.resolve.child._ROOM", 1 << 80)
    folder = PrivateFolder()
    assert tmp_path not in folder.path.parents
    assert folder.path.stat().st_mode & 0o077 == 0
    (folder.path / "left").write_text("left")
    folder.close()
    assert not folder.path.exists()


def test_certificates_reach_the_child_under_the_one_name_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert "SSL_CERT_FILE" not in clean_environment(tmp_path, {})
    monkeypatch.setenv("SSL_CERT_FILE", "/first.pem")
    assert clean_environment(tmp_path, {})["SSL_CERT_FILE"] == "/first.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/second.pem")
    assert clean_environment(tmp_path, {})["SSL_CERT_FILE"] == "/second.pem"


def test_a_program_of_the_gates_own_starts_where_nothing_but_the_gate_s_folder_is_known(tmp_path: Path) -> None:
    """In a container the gate lies in a folder that only a variable names, and children are given no variable."""
    command = own_program("gate.bounds")
    assert command[1] == "-I"
    bare = [command[0], "-S", *command[1:]]
    assert subprocess.run(bare, cwd=tmp_path, env={}, check=False).returncode == 0
    elsewhere = [str(tmp_path) if part == command[4] else part for part in bare]
    assert subprocess.run(elsewhere, cwd=tmp_path, env={}, capture_output=True, check=False).returncode == 1
    (tmp_path / "argparse.py").write_text("raise SystemExit(7)")
    shadowed = [*elsewhere[:-1], "argparse"]
    assert subprocess.run(shadowed, cwd=tmp_path, env={}, check=False).returncode == 0
