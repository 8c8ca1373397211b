"""Write the Python half of a closed set as `pylock.toml` (PEP 751)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from gate.errors import InputError
from gate.model.origin import Kind
from gate.model.resolution import FileKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from gate.model.resolution import Resolution, ResolvedFile, ResolvedPackage

_SYSTEMS = {"linux": ("linux", "Linux"), "macos": ("darwin", "Darwin"), "windows": ("win32", "Windows")}
_MACHINES = {("windows", "x86_64"): "AMD64"}
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def render(resolution: Resolution) -> str:
    """Return the lock file's text, the same for the same set; conda packages have no place in it.

    Raises:
        InputError: `set_not_closed`: a lock of half a set would install another one.
    """
    if not resolution.closed or any(not package.files for package in resolution.packages):
        message = "the set is not closed, so there is nothing to lock"
        raise InputError(message, hint="mend the problems that the check names", code="set_not_closed")
    packages = [_package(package) for package in resolution.packages if package.kind is Kind.PYPI]
    major, minor = resolution.python.split(".")[:2]
    lock = Pylock(
        lock_version=Version("1.0"),
        environments=[_environment(resolution)],
        requires_python=SpecifierSet(f"=={major}.{minor}.*"),
        created_by="gate",
        packages=packages,
    )
    lock.validate()
    return _toml(lock.to_dict())


def _environment(resolution: Resolution) -> Marker:
    system, machine = resolution.platform.split("-")[:2]
    platform, name = _SYSTEMS[system]
    return Marker(
        f'sys_platform == "{platform}" and platform_system == "{name}" '
        f'and platform_machine == "{_MACHINES.get((system, machine), machine)}"'
    )


def _package(package: ResolvedPackage) -> Package:
    wheels = [_wheel(file) for file in package.files if file.kind is FileKind.WHEEL]
    sdists = [_sdist(file) for file in package.files if file.kind is FileKind.SDIST]
    return Package(
        name=canonicalize_name(package.name),
        version=Version(package.version),
        wheels=wheels or None,
        sdist=sdists[0] if sdists else None,
    )


def _hashes(file: ResolvedFile) -> dict[str, str]:
    if not file.sha256:
        message = f"the digest of `{file.filename}` is not known, so it can't be locked"
        raise InputError(message, hint="use an index that publishes digests", code="set_not_closed")
    return {"sha256": file.sha256.removeprefix("sha256:")}


def _wheel(file: ResolvedFile) -> PackageWheel:
    return PackageWheel(
        name=file.filename, url=file.url, size=file.size, upload_time=file.upload_time, hashes=_hashes(file)
    )


def _sdist(file: ResolvedFile) -> PackageSdist:
    return PackageSdist(
        name=file.filename, url=file.url, size=file.size, upload_time=file.upload_time, hashes=_hashes(file)
    )


def _toml(content: Mapping[str, Any]) -> str:
    """Write TOML: scalars and lists first, then each package as a table; the order is the standard's own."""
    lines = [f"{key} = {_value(value)}" for key, value in content.items() if key != "packages"]
    for package in content["packages"]:
        lines += ["", "[[packages]]", *(f"{key} = {_value(value)}" for key, value in package.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    match value:
        case str():
            return _text(value)
        case int():
            return str(value)
        case dict():
            return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
        case list():
            return _array(value)
        case _:
            # A date and time, which TOML writes as RFC 3339 does.
            return str(value).replace(" ", "T").replace("+00:00", "Z")


def _array(values: Sequence[object]) -> str:
    return "[" + ", ".join(_value(one) for one in values) + "]"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one >= " " and one != "\x7f" else f"\\u{ord(one):04X}" for one in escaped) + '"'
