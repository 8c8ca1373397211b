"""The conda half against a real channel of the test's own, solved by the real py-rattler in its child."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from index.wheel_maker import WheelRecipe
from resolve.resolve_channel import BUILT, CondaRecipe
from resolve.resolve_world import conda_reference, config, declared, pins, policy, python_reference, resolve

from gate.bounds import MIB
from gate.errors import BoundError, UpstreamError
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.resolution import FileKind
from gate.resolve.settings import ResolveBounds

if TYPE_CHECKING:
    from pathlib import Path

    from index.index_server import IndexServer
    from resolve.resolve_channel import CondaChannel

SECOND = Origin(kind=OriginKind.CONDA_CHANNEL, location="second")


def test_the_set_holds_what_is_declared_and_what_that_asks_for(channel: CondaChannel) -> None:
    numeric = CondaRecipe(
        name="numeric", version="1.26", build="py_0", subdir="linux-64", depends=("lib >=1", "python")
    )
    for recipe in (numeric, CondaRecipe(name="lib", old=True), CondaRecipe(name="python", version="3.11.7")):
        channel.publish(recipe)
    found = resolve(
        declared(conda_reference("numeric", "=1.26=py_0"), conda_reference("python", "=3.11")),
        policy(),
        config(conda_forge=channel.url),
    )
    assert pins(found) == {"lib": "1.0", "numeric": "1.26", "python": "3.11.7"}
    assert found.closed
    lib, numeric_found, python = found.packages
    assert (lib.required_by, lib.declared, lib.pinned) == (("numeric",), (), False)
    assert (numeric_found.build, numeric_found.declared, numeric_found.pinned) == ("py_0", ("environment.yml:1",), True)
    assert not python.pinned
    assert lib.files[0].filename == "lib-1.0-0.tar.bz2"
    file = numeric_found.files[0]
    assert (file.filename, file.kind) == ("numeric-1.26-py_0.conda", FileKind.CONDA)
    assert file.sha256.startswith("sha256:")
    assert file.size == len(numeric.build_bytes())
    assert file.upload_time is not None
    assert file.upload_time.timestamp() * 1000 == BUILT
    assert file.url.startswith(channel.url)
    assert {package.origin.location for package in found.packages} == {"conda-forge"}
    assert found.tools["rattler"]


def test_no_package_is_fetched(channel: CondaChannel) -> None:
    channel.publish(CondaRecipe(name="lib"))
    resolve(declared(conda_reference("lib")), policy(), config(conda_forge=channel.url))
    assert channel.asked
    assert not [path for path in channel.asked if "lib" in path]


def test_packages_without_a_time_say_none(channel: CondaChannel) -> None:
    channel.publish(CondaRecipe(name="lib", timestamp=None))
    found = resolve(declared(conda_reference("lib")), policy(), config(conda_forge=channel.url))
    assert found.packages[0].files[0].upload_time is None


def test_a_second_channel_that_is_not_safelisted_is_not_asked(
    channel: CondaChannel, other_channel: CondaChannel
) -> None:
    channel.publish(CondaRecipe(name="lib"))
    other_channel.publish(CondaRecipe(name="lib", version="9.9"))
    stranger = Origin(kind=OriginKind.CONDA_CHANNEL, location=other_channel.url)
    both = conda_reference("other", origins=(*conda_reference("x").origins, stranger))
    found = resolve(declared(conda_reference("lib"), both), policy(), config(conda_forge=channel.url))
    assert pins(found) == {"lib": "1.0"}
    assert [problem.code for problem in found.problems] == ["origin_not_safelisted"]
    assert other_channel.asked == []


@pytest.mark.parametrize("relation", ["base", "overrides"])
def test_a_channel_that_names_another_one_brings_nobody_in(channel: CondaChannel, relation: str) -> None:
    channel.publish(CondaRecipe(name="lib", depends=("evil",)))
    channel.publish(CondaRecipe(name="evil"), under="stranger")
    channel.extra.info = {"channel_relations": {relation: "../stranger"}}
    found = resolve(declared(conda_reference("lib")), policy(), config(conda_forge=channel.url))
    assert [problem.code for problem in found.problems] == ["unsatisfiable"]
    assert not [path for path in channel.asked if "stranger" in path]


def test_records_that_lie_elsewhere_are_an_error(channel: CondaChannel, other_channel: CondaChannel) -> None:
    channel.publish(CondaRecipe(name="lib"))
    channel.extra.info = {"base_url": f"{other_channel.url}/noarch/"}
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(conda_reference("lib")), policy(), config(conda_forge=channel.url))
    assert failed.value.error_code == "outside_channel"
    assert other_channel.asked == []


def test_a_channel_that_redirects_elsewhere_is_not_followed(channel: CondaChannel, other_channel: CondaChannel) -> None:
    other_channel.publish(CondaRecipe(name="lib"))
    channel.moved = other_channel.url
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(conda_reference("lib")), policy(), config(conda_forge=channel.url))
    assert failed.value.error_code in {"resolver_outside", "channel_failed"}
    assert other_channel.asked == []


def test_a_spec_that_names_its_channel_is_bound_to_it(channel: CondaChannel, other_channel: CondaChannel) -> None:
    channel.publish(CondaRecipe(name="lib"))
    other_channel.publish(CondaRecipe(name="lib", version="2.0"))
    other_channel.publish(CondaRecipe(name="more"))
    rules = policy(channels=("conda-forge", "second"))
    settings = config(conda_forge=channel.url, second=other_channel.url)
    first = conda_reference("lib").origins
    both = conda_reference("more", origins=(*first, SECOND))
    plain = resolve(declared(conda_reference("lib", origins=(*first, SECOND)), both), rules, settings)
    bound = resolve(declared(conda_reference("lib", origins=(SECOND,)), both), rules, settings)
    assert pins(plain) == {"lib": "1.0", "more": "1.0"}
    assert [package.origin.location for package in plain.packages] == ["conda-forge", "second"]
    assert pins(bound) == {"lib": "2.0", "more": "1.0"}


def test_a_channel_without_an_address_is_a_problem_with_a_way_out(channel: CondaChannel) -> None:
    found = resolve(declared(conda_reference("lib")), policy(), config())
    assert [problem.code for problem in found.problems] == ["channel_address_unknown"]
    assert "urls" in found.problems[0].message
    assert not found.closed
    assert channel.asked == []


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("=9", "unsatisfiable"),
        (">>1", "requirement_unreadable"),
        ("[url=http://x.example/a-1-0.conda]", "requirement_unreadable"),
        ("[channel=http://x.example/a]", "requirement_unreadable"),
        ("http://x.example/channel::lib", "requirement_unreadable"),
    ],
)
def test_a_spec_that_cannot_be_is_a_problem(channel: CondaChannel, spec: str, code: str) -> None:
    channel.publish(CondaRecipe(name="lib"))
    found = resolve(declared(conda_reference("lib", spec)), policy(), config(conda_forge=channel.url))
    assert [problem.code for problem in found.problems] == [code]
    assert not found.closed


@pytest.mark.parametrize("name", ["http://x.example/channel::lib", "lib[build=0]", "*", "lib evil"])
def test_a_name_that_is_more_than_a_name_is_not_asked(channel: CondaChannel, name: str) -> None:
    channel.publish(CondaRecipe(name="lib"))
    found = resolve(declared(conda_reference(name)), policy(), config(conda_forge=channel.url))
    assert [problem.code for problem in found.problems] == ["requirement_unreadable"]
    assert channel.asked == []


def test_bytes_that_the_declaration_does_not_demand_are_no_file_of_the_set(channel: CondaChannel) -> None:
    channel.publish(CondaRecipe(name="lib"))
    wanted = conda_reference("lib", hashes=("sha256:" + "0" * 64,))
    found = resolve(declared(wanted), policy(), config(conda_forge=channel.url))
    assert found.packages[0].files == ()


def test_another_python_than_the_stated_one_is_a_problem(channel: CondaChannel) -> None:
    channel.publish(CondaRecipe(name="python", version="3.12.1"))
    found = resolve(declared(conda_reference("python")), policy(), config(conda_forge=channel.url))
    assert [problem.code for problem in found.problems] == ["python_differs"]


@pytest.mark.parametrize("status", [500, 403])
def test_a_channel_that_fails_is_an_error_and_no_unsatisfiable_set(channel: CondaChannel, status: int) -> None:
    channel.publish(CondaRecipe(name="lib"))
    channel.status = status
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(conda_reference("lib")), policy(), config(conda_forge=channel.url))
    assert failed.value.error_code == "channel_failed"


def test_a_worker_without_memory_is_an_error_with_a_hint(channel: CondaChannel) -> None:
    channel.publish(CondaRecipe(name="lib"))
    bounds = ResolveBounds(seconds=30.0, worker_bytes=64 * MIB)
    with pytest.raises(UpstreamError) as failed:
        resolve(declared(conda_reference("lib")), policy(), config(conda_forge=channel.url, bounds=bounds))
    assert failed.value.error_code == "resolver_failed"
    assert "memory" in failed.value.hint


def test_more_packages_than_the_bound_are_an_error(channel: CondaChannel) -> None:
    channel.publish(CondaRecipe(name="lib", depends=("more",)))
    channel.publish(CondaRecipe(name="more"))
    with pytest.raises(BoundError) as failed:
        resolve(
            declared(conda_reference("lib")),
            policy(),
            config(conda_forge=channel.url, bounds=ResolveBounds(packages=1)),
        )
    assert failed.value.error_code == "too_many_packages"


def ask_worker(channel: CondaChannel, tmp_path: Path, **update: object) -> dict[str, Any]:
    """Run the worker as the gate does, and return its answer."""
    wanted = {
        "channels": [channel.url],
        "specs": ["lib"],
        "subdir": "linux-64",
        "virtual": {"__glibc": "2.28"},
        "cache": str(tmp_path / "cache"),
        "seconds": 5.0,
        "memory": 8192 * MIB,
        "newest": 0,
    }
    words = [sys.executable, "-m", "gate.resolve.conda_worker"]
    ended = subprocess.run(words, input=json.dumps(wanted | update), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def test_the_worker_ends_well_however_often_it_is_run(channel: CondaChannel, tmp_path: Path) -> None:
    channel.publish(CondaRecipe(name="lib", depends=("__glibc >=2.17",)))
    for _ in range(3):
        assert [record["name"] for record in ask_worker(channel, tmp_path)["records"]] == ["lib"]


def test_the_worker_takes_nothing_newer_than_it_is_told(channel: CondaChannel, tmp_path: Path) -> None:
    channel.publish(CondaRecipe(name="lib"))
    assert ask_worker(channel, tmp_path, newest=BUILT)["outcome"] == "solved"
    assert ask_worker(channel, tmp_path, newest=BUILT - 1000)["outcome"] == "unsatisfiable"


def test_the_worker_needs_no_bound_of_memory(channel: CondaChannel, tmp_path: Path) -> None:
    channel.publish(CondaRecipe(name="lib"))
    assert ask_worker(channel, tmp_path, memory=0)["outcome"] == "solved"


@pytest.mark.parametrize("spec", [">>", "lib[version=", "ns:lib::a:b", "conda-forge/linux-64:ns:lib"])
def test_the_worker_names_a_spec_that_is_none(channel: CondaChannel, tmp_path: Path, spec: str) -> None:
    assert ask_worker(channel, tmp_path, specs=[spec])["outcome"] == "unreadable"
    assert channel.asked == []


def test_the_worker_turns_every_failure_into_words(channel: CondaChannel, tmp_path: Path) -> None:
    channel.status = 500
    answer = ask_worker(channel, tmp_path)
    assert answer["outcome"] == "failed"
    assert answer["why"]


def test_conda_and_python_are_one_set(channel: CondaChannel, index: IndexServer) -> None:
    channel.publish(CondaRecipe(name="lib"))
    recipe = WheelRecipe(name="one")
    index.publish("one", recipe.filename, recipe.build_bytes())
    settings = config(conda_forge=channel.url, pypi=index.url)
    found = resolve(declared(conda_reference("lib"), python_reference("one")), policy(), settings)
    assert [(package.kind, package.name) for package in found.packages] == [(Kind.CONDA, "lib"), (Kind.PYPI, "one")]
    assert [origin.location for origin in found.origins] == ["conda-forge", "pypi"]
    assert set(found.tools) == {"rattler", "uv"}
