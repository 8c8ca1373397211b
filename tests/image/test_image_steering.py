"""What an image's config has loaded, found or installed before what was proven, and what installers would find."""

from __future__ import annotations

from typing import Any

import pytest
from image.image_world import SITE, Layer, Node, World, layer, wheel

from gate.errors import InputError
from gate.image.run import kind_of, run_config
from gate.model.image import Inventory
from gate.model.origin import OriginKind
from gate.model.steering import PlaceState, Steering

STDLIB = "usr/local/lib/python3.11"
BASE: dict[str, Node] = {
    f"{STDLIB}/json.py": b"",
    f"{STDLIB}/os.py": b"",
    "usr/local/bin/python3.11": b"\x7fELF",
    "usr/local/bin/tool": b"\x7fELF",
    "usr/lib/x86_64-linux-gnu/libssl.so.3": b"\x7fELF",
    "usr/lib/x86_64-linux-gnu/libjemalloc.so.2": b"\x7fELF",
    "usr/bin/bash": b"\x7fELF",
}


def read(*above: dict[str, Node], **config: Any) -> Inventory:
    """Read an image of the base, a wheel and these layers, with this part of a config."""
    world = World()
    base: Layer = layer(BASE)
    digest = world.image(base, layer(wheel()), *map(layer, above), config={"config": config})
    return world.read(digest, base_catalogue=[("mcr.example/base:1", (base.diff_id,))])[0]


def steering(*above: dict[str, Node], **config: Any) -> Steering:
    found = read(*above, **config).steering
    assert found is not None
    return found


def states(*above: dict[str, Node], **config: Any) -> set[tuple[str, str, str]]:
    return {(one.name, one.place, one.state.value) for one in steering(*above, **config).steers}


def test_an_image_without_a_config_to_speak_of_starts_nothing() -> None:
    assert steering() == Steering()
    assert read().image.run.command == ()


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "base"),
        ("libjemalloc.so.2", "base"),
        ("/opt/evil.so", "own"),
        ("/nowhere.so", "absent"),
        ("libnowhere.so", "absent"),
        (f"/{SITE}/demo/__init__.py", "owned"),
    ],
)
def test_a_preloaded_library_is_somebodys_or_it_is_told(value: str, state: str) -> None:
    evil: dict[str, Node] = {"opt/evil.so": b"evil"}
    assert ("LD_PRELOAD", value, state) in states(evil, Env=[f"LD_PRELOAD={value}"])


@pytest.mark.parametrize("name", ["PYTHONSTARTUP", "PYTHONHOME", "BASH_ENV", "LD_AUDIT", "PYTHONUSERBASE"])
def test_every_variable_that_loads_code_at_each_start_is_looked_at(name: str) -> None:
    assert (name, "/opt/evil", "own") in states({"opt/evil/x": b""}, Env=[f"{name}=/opt/evil"])
    assert kind_of(name) == "preload"


def test_a_relative_place_is_told() -> None:
    assert ("PYTHONSTARTUP", "start.py", "relative") in states(Env=["PYTHONSTARTUP=start.py"])
    assert ("PYTHONPATH", "", "relative") in states(Env=["PYTHONPATH=/app:"])


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"app/demo/__init__.py": b"evil"}, ("demo",)),
        ({"app/demo.py": b"evil"}, ("demo",)),
        ({"app/demo.cpython-311-x86_64-linux-gnu.so": b"evil"}, ("demo",)),
        ({"app/json.py": b"evil", "app/main.py": b""}, ("json",)),
        ({"app/main.py": b"", "app/demo/data.txt": b"", "app/tests/__init__.py": b""}, ()),
    ],
)
@pytest.mark.parametrize(
    "config",
    [
        {"Env": ["PYTHONPATH=/app"]},
        {"WorkingDir": "/app"},
        {"WorkingDir": "/", "Cmd": ["python", "/app/main.py"]},
        {"WorkingDir": "/srv", "Entrypoint": ["python", "../app/main.py"]},
    ],
)
def test_a_module_of_the_same_name_in_a_folder_that_is_searched_first_is_told(
    files: dict[str, Node], names: tuple[str, ...], config: dict[str, Any]
) -> None:
    told = [one for one in steering(files, **config).steers if one.state is PlaceState.SHADOWS]
    assert [one.names for one in told] == ([names] if names else [])
    assert {one.place for one in told} <= {"/app"}


def test_a_folder_of_packages_on_the_path_shadows_nothing_of_its_own() -> None:
    assert ("PYTHONPATH", f"/{SITE}", "owned") in states(Env=[f"PYTHONPATH=/{SITE}"])


def test_a_program_before_the_bases_is_told_and_an_environments_own_is_not() -> None:
    files: dict[str, Node] = {"opt/bin/tool": b"evil", "opt/bin/python3": b"", "opt/bin/pip": b"", "opt/bin/mine": b""}
    (told,) = [one for one in steering(files, Env=["PATH=/opt/bin:/usr/local/bin"]).steers if one.name == "PATH"][:1]
    assert (told.place, told.state, told.names) == ("/opt/bin", PlaceState.SHADOWS, ("tool",))
    behind = states(files, Env=["PATH=/usr/local/bin:/opt/bin"])
    assert ("PATH", "/opt/bin", "own") in behind


def test_a_folder_that_is_named_twice_or_by_a_link_shadows_nothing_of_its_own() -> None:
    files: dict[str, Node] = {"usr/bin/mine": b"", "bin": "-> usr/bin", "opt/lib/libmine.so": b"", "lib": "-> opt/lib"}
    found = states(files, Env=["PATH=/usr/bin:/bin:/usr/bin", "LD_LIBRARY_PATH=/opt/lib"])
    assert {state for name, _, state in found if name in {"PATH", "LD_LIBRARY_PATH"}} <= {"own", "base", "owned"}


def test_a_library_before_the_bases_is_told() -> None:
    files: dict[str, Node] = {"opt/lib/libssl.so.3": b"evil", "opt/lib/libmine.so": b"", "opt/other/libmine.so": b""}
    told = steering(files, Env=["LD_LIBRARY_PATH=/opt/lib:/opt/other:/nowhere"]).steers
    assert [(one.place, one.state.value, one.names) for one in told if one.name == "LD_LIBRARY_PATH"] == [
        ("/opt/lib", "shadows", ("libssl.so.3",)),
        ("/opt/other", "own", ()),
        ("/nowhere", "absent", ()),
    ]


@pytest.mark.parametrize(
    ("command", "state"),
    [("tool", "base"), ("/app/run.sh", "own"), ("run.sh", "absent"), ("./run.sh", "own"), ("/nowhere", "absent")],
)
def test_the_program_that_is_started_is_looked_up(command: str, state: str) -> None:
    found = states({"app/run.sh": b""}, Entrypoint=[command], WorkingDir="/app")
    assert ("command", command, state) in found


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-c", "pip install evil && python app.py"],
        ["conda", "run", "-n", "x", "pip3", "install", "-r", "r.txt"],
        ["uv", "sync"],
        ["bash", "-c", "apt-get -y install x"],
    ],
)
def test_a_command_that_installs_at_every_start_is_told(command: list[str]) -> None:
    assert steering(Cmd=command).installs
    assert not steering(Cmd=["python", "-m", "app"]).installs


def test_no_secret_of_a_config_is_kept() -> None:
    config = {
        "Env": ["SECRET=hunter2", "PIP_INDEX_URL=https://me:hunter2@pypi.example.org/simple", "PATH=/bin"],
        "Cmd": ["app", "--password", "hunter2", "--url", "https://me:hunter2@example.org"],
    }
    found = read(**config)
    assert "hunter2" not in found.model_dump_json()
    assert found.image.run.variables.keys() == {"PATH", "PIP_INDEX_URL"}


@pytest.mark.parametrize("config", [{"Env": "PATH=/bin"}, {"Cmd": [1]}, {"Entrypoint": {"a": 1}}, {"WorkingDir": 3}])
def test_a_config_that_engines_could_read_otherwise_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        read(**config)
    assert caught.value.error_code == "config_unreadable"


@pytest.mark.parametrize("key", ["entrypoint", "CMD", "env", "workingdir"])
def test_a_second_spelling_of_a_key_is_refused(key: str) -> None:
    with pytest.raises(InputError) as caught:
        read(**{key: []})
    assert caught.value.error_code == "manifest_ambiguous"


def test_the_last_of_two_values_counts_and_a_long_one_is_marked() -> None:
    run = run_config({"Env": ["PATH=/a", "PATH=/b", "NOEQUALS", "PYTHONPATH=" + "x" * 5000], "Cmd": None})
    assert run.variables["PATH"] == "/b"
    assert run.variables["PYTHONPATH"].endswith("…")
    assert kind_of("PATH") == "search"
    assert kind_of("PIP_INDEX_URL") == "installer"
    assert kind_of("HOME") == ""


PIP_CONF = b"[global]\nindex-url = https://me:hunter2@pypi.example.org/simple\nfind-links = https://example.org/l\n"
CONDARC = b"channels:\n  - https://conda.example.org/private\n  - nodefaults\n"
UV = b"""
index-url = "https://a.example.org/simple"
find-links = ["https://b.example.org/l"]
[[index]]
url = "https://c.example.org/s"
[pip]
extra-index-url = ["https://d.example.org/s"]
"""


@pytest.mark.parametrize(
    ("path", "data", "tool", "places"),
    [
        ("etc/pip.conf", PIP_CONF, "pip", {"https://pypi.example.org/simple", "https://example.org/l"}),
        ("root/.config/pip/pip.conf", PIP_CONF, "pip", {"https://pypi.example.org/simple", "https://example.org/l"}),
        ("opt/venv/pip.conf", b"[global]\ntimeout = 1\n", "pip", set()),
        ("opt/conda/.condarc", CONDARC, "conda", {"https://conda.example.org/private"}),
        ("etc/conda/condarc", CONDARC, "conda", {"https://conda.example.org/private"}),
        ("condarc", b"[]", "conda", set()),
        (
            "etc/uv/uv.toml",
            UV,
            "uv",
            {f"https://{one}.example.org/{two}" for one, two in [("a", "simple"), ("b", "l"), ("c", "s"), ("d", "s")]},
        ),
    ],
)
def test_configuration_left_behind_is_found_with_its_places(
    path: str, data: bytes, tool: str, places: set[str]
) -> None:
    found = steering({path: data})
    (one,) = found.tools
    assert (one.path, one.tool, one.layer, one.in_base, one.unread) == (path, tool, 2, False, "")
    assert {origin.location for origin in one.origins} == places
    assert one.secret == (b"hunter2" in data)
    assert "hunter2" not in found.model_dump_json()


def test_variables_that_say_where_installers_look_are_configuration() -> None:
    env = [
        "PIP_INDEX_URL=https://a.example.org/simple",
        "UV_INDEX=mine=https://b.example.org/simple https://c.example.org/simple",
        "CONDA_CHANNELS=one,two",
        "PIP_FIND_LINKS=https://me:pw@d.example.org/l",
        "PIP_CONFIG_FILE=/etc/other.conf",
    ]
    found = {one.path: one for one in steering(Env=env).tools}
    assert {path: {origin.location for origin in one.origins} for path, one in found.items()} == {
        "Env CONDA_CHANNELS": {"one", "two"},
        "Env PIP_CONFIG_FILE": set(),
        "Env PIP_FIND_LINKS": {"https://d.example.org/l"},
        "Env PIP_INDEX_URL": {"https://a.example.org/simple"},
        "Env UV_INDEX": {"https://b.example.org/simple", "https://c.example.org/simple"},
    }
    assert found["Env PIP_FIND_LINKS"].secret
    assert found["Env CONDA_CHANNELS"].origins[0].kind is OriginKind.CONDA_CHANNEL
    assert {one.layer for one in found.values()} == {-1}


@pytest.mark.parametrize(
    ("path", "node", "unread"),
    [
        ("root/.condarc", b"channels: [", "yaml_invalid"),
        ("root/uv.toml", b"= no", "toml_invalid"),
        ("root/pip.conf", "-> nowhere", "not_a_file"),
    ],
)
def test_configuration_that_cannot_be_read_is_told(path: str, node: Node, unread: str) -> None:
    (one,) = steering({path: node}).tools
    assert (one.path, one.unread) == (path, unread)


@pytest.mark.parametrize(("name", "tool"), [(".netrc", "netrc"), (".pypirc", "pypirc")])
def test_files_of_credentials_are_named_and_never_read(name: str, tool: str) -> None:
    found = steering({f"root/{name}": b"machine example.org password hunter2"})
    (one,) = found.tools
    assert (one.tool, one.secret) == (tool, True)


def test_configuration_of_the_base_is_the_bases() -> None:
    world = World()
    base = layer(BASE | {"etc/pip.conf": PIP_CONF})
    digest = world.image(base, layer(wheel()))
    found = world.read(digest, base_catalogue=[("mcr.example/base:1", (base.diff_id,))])[0].steering
    assert found is not None
    assert [one.in_base for one in found.tools] == [True]
