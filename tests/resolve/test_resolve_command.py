"""The parts of `gate check --resolve`: which definitions there are, for which Python, and what may be locked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe
from resolve.resolve_world import NOW, conda_reference, config, declared, policy, python_reference

from gate.bounds import DefinitionBounds
from gate.cli.resolving import Stated, definitions_of, is_lock, lock_text, stated
from gate.config import load_config
from gate.environment.reader import read_definition
from gate.errors import GateError, InputError, UsageError
from gate.policy.schema import ResolutionPolicy, Treatment
from gate.resolve.judged import JudgedSet, judge_closed_set
from gate.wiring_resolving import resolve_config

if TYPE_CHECKING:
    from pathlib import Path

    from index.index_server import IndexServer

    from gate.model.reference import Declared


def judged(index: IndexServer, what: Declared, demands: ResolutionPolicy | None = None) -> JudgedSet:
    recipe = WheelRecipe(name="one")
    index.publish("one", recipe.filename, recipe.build_bytes())
    return judge_closed_set(
        what,
        policy(),
        definition="requirements.txt",
        platform="linux-x86_64",
        python="3.11",
        now=NOW,
        config=config(pypi=index.url),
        demands=demands,
    )


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("pylock.toml", True),
        ("pylock.dev.toml", True),
        ("pylock..toml", False),
        ("pylock.a.b.toml", False),
        ("pyproject.toml", False),
        ("pylock", False),
    ],
)
def test_lock_files_are_known_by_their_names(name: str, lock: bool) -> None:
    assert is_lock(name) is lock


def test_a_lock_is_of_one_set(index: IndexServer) -> None:
    one = judged(index, declared(python_reference("one", "==1.0")))
    for sets in ((), (one, one), (one.model_copy(update={"verdict": "empty"}),)):
        with pytest.raises(UsageError) as refused:
            lock_text(sets)
        assert refused.value.error_code == "lock_of_one"
    assert "one" in lock_text((one, one.model_copy(update={"verdict": "empty"})))


def test_a_set_that_is_not_closed_not_resolved_or_refused_is_not_locked(index: IndexServer) -> None:
    what = declared(python_reference("one", "==1.0"))
    refused = judged(index, what, ResolutionPolicy(cooling_off=timedelta(days=400)))
    with pytest.raises(InputError) as error:
        lock_text((refused,))
    assert error.value.error_code == "set_refused"
    with pytest.raises(InputError) as error:
        lock_text((judged(index, declared(python_reference("absent"))),))
    assert error.value.error_code == "set_not_closed"
    index.behaviour.statuses = {"/simple/one/": 500}
    with pytest.raises(GateError) as failed:
        lock_text((judged(index, what),))
    assert failed.value.exit_code == 12


def test_what_is_refused_for_want_of_pins_alone_is_locked_for_a_lock_is_the_way_out(index: IndexServer) -> None:
    loose = judged(index, declared(python_reference("one")), ResolutionPolicy(unpinned=Treatment.BLOCK))
    assert loose.verdict == "refused"
    assert 'version = "1.0"' in lock_text((loose,))


@pytest.mark.parametrize(
    ("spec", "python"), [("=3.9", "3.9"), ("==3.12.1", "3.12"), ("=3.10.*", "3.10"), (">=3.9", "3.11"), ("", "3.11")]
)
def test_the_python_is_the_stated_one_else_the_one_that_conda_pins(spec: str, python: str) -> None:
    what = declared(conda_reference("python", spec), python_reference("python", "==2"))
    assert Stated(platform="linux-x86_64", python="").python_for(what) == python
    assert Stated(platform="linux-x86_64", python="3.13").python_for(what) == "3.13"
    two = declared(conda_reference("python", "=3.9"), conda_reference("python", "=3.10"))
    assert Stated(platform="linux-x86_64", python="").python_for(two) == "3.11"


def test_what_is_stated_is_read_before_anything_else() -> None:
    assert stated("", "") == Stated(platform="linux-x86_64", python="")
    for platform, python in (("amiga", ""), ("", "2.7"), ("", "three")):
        with pytest.raises(UsageError):
            stated(platform, python)


def names(*paths: Path, root: Path) -> list[str]:
    bounds = DefinitionBounds()
    roots = [root for _ in paths]
    read = [read_definition(path, root, bounds) for path in paths]
    return [name for name, _ in definitions_of(read, paths, roots, bounds)]


def test_each_file_is_an_environment_and_in_a_folder_each_that_no_other_includes(tmp_path: Path) -> None:
    for name, text in {
        "train/requirements.txt": "-r more.txt\none\n",
        "train/more.txt": "two\n",
        "serve/requirements.txt": "three\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert names(tmp_path, root=tmp_path) == ["serve/requirements.txt", "train/requirements.txt"]
    assert names(tmp_path / "train" / "more.txt", tmp_path / "serve", root=tmp_path) == [
        "train/more.txt",
        "serve/requirements.txt",
    ]
    (tmp_path / "train" / "more.txt").write_text("-r requirements.txt\ntwo\n")
    assert names(tmp_path, root=tmp_path) == ["serve/requirements.txt", "train/more.txt"]


def test_a_file_without_a_word_is_still_a_definition(tmp_path: Path) -> None:
    (tmp_path / "nothing").write_bytes(b"\xff\xfe\x00")
    assert names(tmp_path / "nothing", root=tmp_path) == ["nothing"]


def test_addresses_come_from_the_settings_and_private_indexes_from_policy() -> None:
    settings = load_config(
        {
            "GATE_HOME": "/srv/gate",
            "GATE_INDEX_ADDRESSES": "pypi=https://u:p@mirror.example/simple acme=https://acme.example/simple",
            "GATE_CHANNEL_ADDRESSES": "conda-forge=https://conda.example/cf",
            "GATE_FILE_HOSTS": "Files.example:443",
            "GATE_BOUND_RESOLVE_PACKAGES": "7",
        }
    )
    rules = policy(indexes=("pypi", "acme"))
    own = tuple(one.model_copy(update={"private": one.name == "acme"}) for one in rules.safelist.python_indexes)
    rules = rules.model_copy(update={"safelist": rules.safelist.model_copy(update={"python_indexes": own})})
    made = resolve_config(settings, rules)
    assert made.addresses == {
        "pypi": "https://u:p@mirror.example/simple",
        "acme": "https://acme.example/simple",
        "conda-forge": "https://conda.example/cf",
    }
    assert made.private_indexes == {"acme"}
    assert made.file_hosts == ("files.example:443",)
    assert made.bounds.packages == 7


def test_one_name_for_an_index_and_a_channel_is_refused() -> None:
    twice = {"GATE_INDEX_ADDRESSES": "acme=https://a.example", "GATE_CHANNEL_ADDRESSES": "acme=https://b.example"}
    with pytest.raises(UsageError):
        resolve_config(load_config({"GATE_HOME": "/srv/gate", **twice}), policy())
