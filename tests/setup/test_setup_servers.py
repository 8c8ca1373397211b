"""The set-up of the tests: it says what is missing and fails, and what it makes it makes whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from servers import install
from servers.base import DebianBase, archive_by_docker, debian_mirror
from servers.cache import cache_folder
from servers.engine import DockerEngine
from servers.processes import ServerError, run, running
from servers.registry import registry_program

SCRIPT = Path(install.__file__)


def test_what_is_missing_is_named_and_the_set_up_fails(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    done = subprocess.run([sys.executable, str(SCRIPT)], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for program in ("docker-registry", "docker", "openssl"):
        assert f"missing: `{program}`" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_machine_that_has_everything_passes() -> None:
    assert install.missing() == []
    assert install.main() == 0


def test_a_need_is_met_by_the_path_or_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "lib" / "15").mkdir(parents=True)
    need = install.Need(program="initdb", package="postgresql", folders=f"{tmp_path}/lib/*")
    assert not need.met()
    (tmp_path / "lib" / "15" / "initdb").write_text("")
    assert need.met()


def test_the_registrys_program_comes_out_of_its_image_where_there_is_no_package(
    docker_engine: DockerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = registry_program()
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY registry /bin/registry\nCMD ["/bin/registry"]\n')
    shutil.copyfile(program, tmp_path / "registry")
    docker_engine.build(tmp_path, "gate-tests/like-registry:1")
    for name, value in docker_engine.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    install.take_registry("gate-tests/like-registry:1")
    assert (cache_folder() / "docker-registry").read_bytes() == Path(program).read_bytes()


def test_the_base_can_be_made_by_an_engine_alone(
    docker_engine: DockerEngine, debian_base: DebianBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in docker_engine.environ.items():
        monkeypatch.setenv(name, value)
    # Stands for Debian's image, which can't be pulled everywhere; its apt answers without a network.
    (tmp_path / "Dockerfile").write_text(f"FROM {debian_base.reference}\nRUN ln -sf /bin/true /usr/local/bin/apt-get\n")
    docker_engine.build(tmp_path, "gate-tests/like-debian:1")
    kept = tmp_path / "base.tar"
    archive_by_docker(kept, "gate-tests/like-debian:1", network="none")
    with tarfile.open(kept) as archive:
        assert "usr/bin/python3" in archive.getnames()
    assert [file.name for file in tmp_path.glob("*.part")] == []


def test_the_mirror_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_TESTS_DEBIAN_MIRROR", "http://mirror.example.org/debian")
    assert debian_mirror() == "http://mirror.example.org/debian"


def test_a_server_that_does_not_come_up_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such setting'); raise SystemExit(3)"]
    with pytest.raises(ServerError, match="no such setting"), running(command, tmp_path / "log", ready=lambda: False):
        pytest.fail("the block must not be entered")


def test_a_program_that_fails_or_is_not_there_is_an_error() -> None:
    with pytest.raises(ServerError, match="bad news"):
        run([sys.executable, "-c", "raise SystemExit('bad news')"])
    with pytest.raises(ServerError, match="can't be run"):
        run(["/nonexistent/program"])
