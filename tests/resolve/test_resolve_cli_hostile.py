"""A hostile project through the real command: nothing of it is run, and nobody is asked whom policy does not name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from resolve.resolve_cli import Caller, publish
from resolve.resolve_world import telltale_sdist

if TYPE_CHECKING:
    from index.index_server import IndexServer

NAMES = (
    "UV_INDEX UV_DEFAULT_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL "
    "PIP_FIND_LINKS PIP_PROXY CONDA_CHANNELS CONDA_CHANNEL_ALIAS RATTLER_MIRROR"
)


def hostile(folder: Path, canary: IndexServer, left: Path) -> dict[str, str]:
    """Fill a project with everything that tools take orders from; return the environment that goes with it."""
    address, leave = canary.url, f"open({str(left)!r}, 'w').write('run')\n"
    for name in ("setup.py", "sitecustomize.py", "usercustomize.py", "uv.py", "rattler.py", "gate.py", "json.py"):
        (folder / name).write_text(leave)
    (folder / "setup.cfg").write_text("[metadata]\nname = evil\n[options]\ninstall_requires = evil\n")
    (folder / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['evil']\nbuild-backend = 'setup'\nbackend-path = ['.']\n"
        "[project]\nname = 'evil'\nversion = '1'\ndependencies = ['fine==1.0']\n"
        f"[tool.uv]\nindex-url = '{address}'\nextra-index-url = ['{address}']\nfind-links = ['{address}']\n"
        f"[[tool.uv.index]]\nurl = '{address}'\ndefault = true\n"
        f"[tool.uv.pip]\nindex-url = '{address}'\n[tool.uv.sources]\nfine = {{ url = '{address}fine.whl' }}\n"
    )
    uv, pip = f"index-url = '{address}'\n[pip]\nindex-url = '{address}'\n", f"[global]\nindex-url = {address}\n"
    home = folder / "home"
    netrc = "machine 127.0.0.1 login evil password stolen-word\ndefault login evil password stolen-word\n"
    files = {
        folder / "uv.toml": uv,
        folder / "pip.conf": pip,
        folder / ".condarc": f"channels: [{address}]\n",
        folder / ".env": f"UV_INDEX_URL={address}\n",
        folder / ".python-version": "2.7\n",
        folder / "constraints.txt": "fine==9.9\n",
        home / ".config" / "uv" / "uv.toml": uv,
        home / ".config" / "pip" / "pip.conf": pip,
        home / ".pip" / "pip.conf": pip,
        home / ".condarc": f"channels: [{address}]\n",
        home / ".netrc": netrc,
        folder / ".netrc": netrc,
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (home / ".netrc").chmod(0o600)
    return dict.fromkeys(NAMES.split(), address) | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "NETRC": str(folder / ".netrc"),
        "PIP_CONFIG_FILE": str(folder / "pip.conf"),
        "PIP_CONSTRAINT": str(folder / "constraints.txt"),
        "PIP_REQUIREMENT": str(folder / "constraints.txt"),
        "UV_CONFIG_FILE": str(folder / "uv.toml"),
        "UV_CONSTRAINT": str(folder / "constraints.txt"),
        "UV_OVERRIDE": str(folder / "constraints.txt"),
        "UV_PYTHON": str(folder / "setup.py"),
        "UV_WORKING_DIR": str(folder),
        "UV_PROJECT": str(folder),
        "UV_ENV_FILE": str(folder / ".env"),
        "UV_NO_BUILD": "0",
        "CONDARC": str(folder / ".condarc"),
    }


DEFINITIONS = {
    "requirements.txt": ("fine==1.0\n-e .\n.\nlink @ {root}/files/fine/fine-9.9-py3-none-any.whl\n", 10),
    "pyproject.toml": ("", 10),
    "pinned.txt": ("fine==1.0\n", 0),
    "indexed.txt": ("--extra-index-url {url}\nfine==1.0\n", 10),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_command_runs_nothing_and_asks_nobody_else(
    caller: Caller, index: IndexServer, canary: IndexServer, tmp_path: Path, name: str
) -> None:
    content, code = DEFINITIONS[name]
    left = tmp_path / "left"
    environment = hostile(caller.folder, canary, left)
    publish(index, "fine")
    publish(canary, "fine", "9.9")
    publish(canary, "evil", "9.9")
    index.publish("raw", "raw-1.0.tar.gz", telltale_sdist("raw", "1.0", left))
    if content:
        caller.write(content.format(root=canary.root, url=canary.url), name)
    command = [str(Path(sys.executable).with_name("gate")), "check", name, "--resolve", "--format", "json"]
    done = subprocess.run(
        command, cwd=caller.folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == ""
    assert canary.asked == []
    assert not left.exists()
    assert index.credentials == [], "no netrc is read"
    assert {path.split("/")[2] for path in index.paths()} <= {"fine"}
    (closed,) = json.loads(done.stdout)["closed_sets"]
    resolved = {one["name"]: one["version"] for one in closed["packages"]}
    assert resolved == ({} if name in {"indexed.txt", "pyproject.toml"} else {"fine": "1.0"})


def test_a_page_that_names_files_elsewhere_is_asked_for_those_alone(
    caller: Caller, index: IndexServer, canary: IndexServer
) -> None:
    recipe = publish(index, "fine")
    publish(canary, "fine")
    index.behaviour.file_fields[recipe.filename]["url"] = f"{index.root}/files/fine/{recipe.filename}"
    index.moved = {  # type: ignore[attr-defined]  # the fixture's index can move
        f"/files/fine/{recipe.filename}.metadata": f"{canary.root}/files/fine/{recipe.filename}.metadata"
    }
    caller.write("fine==1.0\n")
    said = caller.check()
    assert said.code == 12
    assert said.green == set()
    assert said.only["failure"]["code"] == "resolver_outside"
    assert "GATE_FILE_HOSTS" in said.only["failure"]["hint"]
    assert canary.asked == []
    caller.monkeypatch.setenv("GATE_FILE_HOSTS", canary.root.removeprefix("http://"))
    assert caller.check().code == 0
    assert canary.asked
