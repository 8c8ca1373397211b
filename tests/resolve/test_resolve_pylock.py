"""The lock file holds exactly the closed set, and is one by the standard's own reader."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe
from packaging.pylock import Pylock
from resolve.resolve_world import CHANNEL, INDEX, NOW, config, declared, policy, python_reference, resolve

from gate.errors import InputError
from gate.model.origin import Kind
from gate.model.reference import Problem
from gate.model.resolution import FileKind, Resolution, ResolvedFile, ResolvedPackage
from gate.resolve.pylock import render

if TYPE_CHECKING:
    from index.index_server import IndexServer

SHA = "a" * 64


def package(filename: str, of: FileKind = FileKind.WHEEL, **update: object) -> ResolvedPackage:
    file = ResolvedFile(
        filename=filename, url=f"https://files.example/{filename}", sha256=f"sha256:{SHA}", size=10, kind=of
    )
    base = ResolvedPackage(kind=Kind.PYPI, name="one", version="1.0", origin=INDEX, files=(file,))
    return base.model_copy(update=update)


def resolution(*packages: ResolvedPackage, **update: object) -> Resolution:
    base = Resolution(platform="linux-x86_64-glibc2.35", python="3.11.7", packages=packages, resolved_at=NOW)
    return base.model_copy(update=update)


def test_a_real_set_is_read_back_by_the_standards_own_reader(index: IndexServer) -> None:
    recipe = WheelRecipe(name="one")
    data = recipe.build_bytes()
    index.publish("one", recipe.filename, data)
    found = resolve(declared(python_reference("one")), policy(), config(pypi=index.url))
    lock = Pylock.from_dict(tomllib.loads(render(found)))
    wheels = lock.packages[0].wheels or ()
    assert [(one.name, str(one.version)) for one in lock.packages] == [("one", "1.0")]
    assert [(wheel.filename, wheel.size) for wheel in wheels] == [(recipe.filename, len(data))]
    assert wheels[0].hashes["sha256"] == found.packages[0].files[0].sha256.removeprefix("sha256:")
    assert wheels[0].upload_time == found.packages[0].files[0].upload_time
    assert render(found) == render(found)


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("linux-x86_64-glibc2.35", {"linux", "Linux", "x86_64"}),
        ("macos-arm64", {"darwin", "Darwin", "arm64"}),
        ("windows-x86_64", {"win32", "Windows", "AMD64"}),
    ],
)
def test_the_lock_is_for_the_stated_platform_and_python_alone(platform: str, words: set[str]) -> None:
    lock = Pylock.from_dict(tomllib.loads(render(resolution(package("one-1.0-py3-none-any.whl"), platform=platform))))
    assert lock.environments is not None
    assert all(f'"{word}"' in str(lock.environments[0]) for word in words)
    assert str(lock.requires_python) == "==3.11.*"


def test_sources_are_locked_as_sources_and_conda_packages_not_at_all() -> None:
    source = package("one-1.0.tar.gz", FileKind.SDIST)
    conda = package("lib-1.0-0.conda", FileKind.CONDA, kind=Kind.CONDA, name="lib", origin=CHANNEL)
    lock = Pylock.from_dict(tomllib.loads(render(resolution(conda, source))))
    assert [one.name for one in lock.packages] == ["one"]
    assert lock.packages[0].sdist is not None
    assert lock.packages[0].wheels is None


def test_odd_characters_are_written_so_that_they_are_read_back() -> None:
    odd = package("one-1.0-py3-none-any.whl")
    url = 'https://files.example/a"b\\c\x01\x7f/one-1.0-py3-none-any.whl'
    odd = odd.model_copy(update={"files": (odd.files[0].model_copy(update={"url": url}),)})
    lock = Pylock.from_dict(tomllib.loads(render(resolution(odd))))
    assert [wheel.url for wheel in lock.packages[0].wheels or ()] == [url]


@pytest.mark.parametrize(
    "half",
    [
        resolution(),
        resolution(package("one-1.0-py3-none-any.whl"), problems=(Problem(code="x", message="", file=""),)),
        resolution(package("one-1.0-py3-none-any.whl", files=())),
    ],
)
def test_half_a_set_is_not_locked(half: Resolution) -> None:
    with pytest.raises(InputError) as refused:
        render(half)
    assert refused.value.error_code == "set_not_closed"


def test_a_file_without_a_digest_is_not_locked() -> None:
    odd = package("one-1.0-py3-none-any.whl")
    odd = odd.model_copy(update={"files": (odd.files[0].model_copy(update={"sha256": ""}),)})
    with pytest.raises(InputError):
        render(resolution(odd))
