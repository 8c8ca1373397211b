"""A hostile project: nothing of it is run, and nobody is asked whom policy does not name."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe
from resolve.resolve_world import (
    NOW,
    MovingIndex,
    config,
    declared,
    pins,
    policy,
    python_reference,
    resolve,
    telltale_sdist,
)

from gate.bounds import DefinitionBounds
from gate.environment.reader import read_definition
from gate.errors import UpstreamError
from gate.resolve import closed_set
from gate.resolve.settings import ResolveConfig

if TYPE_CHECKING:
    from pathlib import Path

    from index.index_server import IndexServer


def publish(index: IndexServer, name: str, version: str = "1.0", metadata: str = "") -> None:
    recipe = WheelRecipe(name=name, version=version, metadata=metadata)
    index.publish(name, recipe.filename, recipe.build_bytes())


@pytest.fixture
def project(tmp_path: Path, canary: IndexServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project that tries everything to be run, or to bring its own index in, and stand in its folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    left = tmp_path / "left"
    leave = f"open({str(left)!r}, 'w').write('run')\n"
    for name in ("setup.py", "sitecustomize.py", "usercustomize.py", "uv.py", "rattler.py", "gate.py", "json.py"):
        (folder / name).write_text(leave)
    address = canary.url
    (folder / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'setup'\nbackend-path = ['.']\n"
        "[project]\nname = 'evil'\nversion = '1'\ndependencies = ['fine']\n"
        f"[tool.uv]\nindex-url = '{address}'\nextra-index-url = ['{address}']\nfind-links = ['{address}']\n"
        f"[[tool.uv.index]]\nurl = '{address}'\ndefault = true\n"
        f"[tool.uv.pip]\nindex-url = '{address}'\n[tool.uv.sources]\nfine = {{ url = '{address}fine.whl' }}\n"
    )
    (folder / "uv.toml").write_text(f"index-url = '{address}'\n[pip]\nindex-url = '{address}'\n")
    (folder / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")
    (folder / ".condarc").write_text(f"channels: [{address}]\n")
    (folder / ".env").write_text(f"UV_INDEX_URL={address}\n")
    (folder / ".python-version").write_text("2.7\n")
    home = folder / "home"
    for place in (".config/uv/uv.toml", ".config/pip/pip.conf", ".pip/pip.conf", ".condarc", ".netrc"):
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (folder / ("uv.toml" if "uv" in place else "pip.conf")).read_text()
        path.write_text("default login a password b\n" if place == ".netrc" else text)
    words = "UV_INDEX UV_DEFAULT_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL"
    for name in words.split():
        monkeypatch.setenv(name, address)
    monkeypatch.setenv("UV_CONFIG_FILE", str(folder / "uv.toml"))
    monkeypatch.setenv("UV_CONSTRAINT", str(folder / "constraints.txt"))
    monkeypatch.setenv("UV_PYTHON", str(folder / "setup.py"))
    monkeypatch.setenv("UV_WORKING_DIR", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(folder / "pip.conf"))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    (folder / "constraints.txt").write_text("fine==9.9\n")
    monkeypatch.chdir(folder)
    return folder


def test_nothing_of_a_hostile_project_is_run_or_asked(
    project: Path, index: IndexServer, canary: IndexServer, tmp_path: Path
) -> None:
    publish(index, "fine")
    publish(canary, "fine", "9.9")
    index.publish("raw", "raw-1.0.tar.gz", telltale_sdist("raw", "1.0", tmp_path / "left"))
    requirements = project / "requirements.txt"
    requirements.write_text(
        f"fine\n-e .\n.\nlink @ {canary.root}/files/fine/fine-9.9-py3-none-any.whl\n"
        f"git+{canary.root}/evil.git#egg=evil\n"
    )
    what = read_definition(requirements, project, DefinitionBounds())
    found = closed_set(what, policy(), platform="linux-x86_64", python="3.11", now=NOW, config=config(pypi=index.url))
    assert pins(found) == {"fine": "1.0"}
    assert not found.closed
    assert {problem.code for problem in found.problems} == {"not_resolvable"}
    raw = resolve(declared(python_reference("raw")), policy(), config(pypi=index.url))
    assert [problem.code for problem in raw.problems] == ["unsatisfiable", "source_only"]
    assert canary.asked == []
    assert not (tmp_path / "left").exists()


def test_an_index_that_the_project_names_makes_its_names_nobodys(
    project: Path, index: IndexServer, canary: IndexServer
) -> None:
    publish(index, "fine")
    publish(canary, "fine", "9.9")
    requirements = project / "requirements.txt"
    requirements.write_text(f"--extra-index-url {canary.url}\nfine\n")
    what = read_definition(requirements, project, DefinitionBounds())
    found = closed_set(what, policy(), platform="linux-x86_64", python="3.11", now=NOW, config=config(pypi=index.url))
    assert found.packages == ()
    assert [problem.code for problem in found.problems] == ["origin_not_safelisted"]
    assert canary.asked == []
    assert index.asked == []


def test_the_environments_own_words_do_not_reach_the_child(project: Path, tmp_path: Path) -> None:
    from gate.resolve.child import clean_environment  # noqa: PLC0415 - used here alone

    given = clean_environment(tmp_path, {})
    assert str(project) not in " ".join(given.values())
    assert not [name for name in given if name.startswith(("UV_", "PIP_", "CONDA_", "PYTHON"))]
    assert given["HOME"] == str(tmp_path)


def test_a_dependency_by_address_is_not_fetched(index: IndexServer, canary: IndexServer) -> None:
    publish(canary, "evil")
    publish(index, "fine", metadata=f"Requires-Dist: evil @ {canary.root}/files/evil/evil-1.0-py3-none-any.whl\n")
    found = resolve(declared(python_reference("fine")), policy(), config(pypi=index.url))
    assert found.packages == ()
    assert not found.closed
    assert canary.asked == []


def test_a_file_that_redirects_elsewhere_is_not_followed(index: MovingIndex, canary: IndexServer) -> None:
    publish(index, "fine")
    name = "fine-1.0-py3-none-any.whl"
    index.moved = {f"/files/fine/{name}.metadata": f"{canary.root}/files/fine/{name}.metadata"}
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(python_reference("fine")), policy(), config(pypi=index.url))
    assert failed.value.error_code == "resolver_outside"
    assert failed.value.facts["place"] in canary.root
    assert canary.asked == []


def test_a_file_host_that_settings_name_may_be_redirected_to(index: MovingIndex, canary: IndexServer) -> None:
    publish(index, "fine")
    publish(canary, "fine")
    name = "fine-1.0-py3-none-any.whl"
    index.moved = {f"/files/fine/{name}.metadata": f"{canary.root}/files/fine/{name}.metadata"}
    settings = ResolveConfig(addresses={"pypi": index.url}, file_hosts=(canary.root.removeprefix("http://"),))
    assert pins(resolve(declared(python_reference("fine")), policy(), settings)) == {"fine": "1.0"}


def test_credentials_of_an_index_reach_nobody_but_the_index(index: IndexServer) -> None:
    publish(index, "fine", metadata="Requires-Dist: missing\n")
    address = index.url.replace("http://", "http://robot:hunter2@")
    found = resolve(declared(python_reference("fine")), policy(), config(pypi=address))
    assert "hunter2" not in found.model_dump_json()
    assert [problem.code for problem in found.problems] == ["unsatisfiable"]


def test_the_child_runs_the_gates_own_interpreter(index: IndexServer, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(index, "fine")
    monkeypatch.setenv("PATH", "")
    assert pins(resolve(declared(python_reference("fine")), policy(), config(pypi=index.url))) == {"fine": "1.0"}
    assert os.path.isabs(sys.executable)  # noqa: PTH117 - a question about a text
