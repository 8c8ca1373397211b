"""The platform and Python that a closed set is for: what uv, wheel tags and conda call them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging import tags
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from gate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_PLATFORM = "linux-x86_64"
"""What Azure Machine Learning's own images are, with a C library that all of them have."""

_GLIBC = 28
_GLIBC_LEAST = 17
_NAME = re.compile(r"linux-(x86_64|aarch64)(?:-glibc2\.(\d{2}))?")
GLIBCS = frozenset({17, 28, *range(31, 41)})
"""Minor versions of the C library that uv knows."""
_PYTHON = re.compile(r"3\.\d{1,2}(?:\.\d{1,3})?")
_MACOS = {"macos-arm64": "arm64", "macos-x86_64": "x86_64"}
_MACOS_RELEASE = (13, 0)
_WINDOWS = {"windows-x86_64": "win_amd64"}
_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_SUBDIRS = {
    "linux-x86_64": "linux-64",
    "linux-aarch64": "linux-aarch64",
    "macos-arm64": "osx-arm64",
    "macos-x86_64": "osx-64",
    "windows-x86_64": "win-64",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One platform and one Python.

    Attributes:
        name: as it was stated.
        python: `3.11` or `3.11.7`.
        system: `linux`, `macos` or `windows`.
        machine: `x86_64`, `aarch64` or `arm64`.
        glibc: minor version of the C library on Linux, else 0.
    """

    name: str
    python: str
    system: str
    machine: str
    glibc: int = 0

    @property
    def uv_platform(self) -> str:
        """What uv calls it."""
        if self.system == "linux":
            return f"{self.machine}-manylinux_2_{self.glibc}"
        if self.system == "macos":
            return "aarch64-apple-darwin" if self.machine == "arm64" else "x86_64-apple-darwin"
        return "x86_64-pc-windows-msvc"

    @property
    def subdir(self) -> str:
        """What conda calls it."""
        return _SUBDIRS[f"{self.system}-{self.machine}"]

    @property
    def virtual_packages(self) -> dict[str, str]:
        """What conda takes for given there, by name: the system, and no GPU."""
        if self.system == "linux":
            return {"__unix": "0", "__linux": "5.15", "__glibc": f"2.{self.glibc}", "__archspec": "1"}
        if self.system == "macos":
            return {"__unix": "0", "__osx": ".".join(map(str, _MACOS_RELEASE)), "__archspec": "1"}
        return {"__win": "0", "__archspec": "1"}

    @cached_property
    def ranks(self) -> dict[tags.Tag, int]:
        """The wheel tags that can be installed there, the best with rank 0."""
        version = [int(part) for part in self.python.split(".")[:2]]
        platforms = list(self._platforms())
        interpreter = f"cp{version[0]}{version[1]}"
        best = [
            *tags.cpython_tags(version, platforms=platforms),
            *tags.compatible_tags(version, interpreter, platforms),
        ]
        return {tag: rank for rank, tag in reversed(list(enumerate(best)))}

    def _platforms(self) -> Iterator[str]:
        if self.system == "windows":
            yield _WINDOWS["windows-x86_64"]
        elif self.system == "macos":
            yield from tags.mac_platforms(_MACOS_RELEASE, self.machine)
        else:
            least = 5 if self.machine == "x86_64" else _GLIBC_LEAST
            for minor in range(self.glibc, least - 1, -1):
                yield f"manylinux_2_{minor}_{self.machine}"
                if minor in _ALIASES:
                    yield f"{_ALIASES[minor]}_{self.machine}"
            yield f"linux_{self.machine}"

    def takes(self, requires_python: str) -> bool:
        """Say whether this Python is one that a file asks for; what can't be read asks for nothing."""
        try:
            return SpecifierSet(requires_python).contains(Version(self.python), prereleases=True)
        except (InvalidSpecifier, InvalidVersion):
            return True


def parse_target(platform: str, python: str) -> Target:
    """Read the platform and the Python that were stated.

    Args:
        platform: `linux-x86_64`, `linux-aarch64` (also with `-glibc2.35`), `macos-arm64`, `macos-x86_64`,
            `windows-x86_64`.
        python: `3.11` or `3.11.7`.

    Raises:
        UsageError: there is none of that name.
    """
    if not _PYTHON.fullmatch(python):
        message = f"`{python[:40]}` is no version of Python 3"
        raise UsageError(message, hint="write it as `3.11`", code="python_unknown")
    if match := _NAME.fullmatch(platform):
        glibc = int(match[2] or _GLIBC)
        if glibc in GLIBCS:
            return Target(name=platform, python=python, system="linux", machine=match[1], glibc=glibc)
    elif platform in _MACOS:
        return Target(name=platform, python=python, system="macos", machine=_MACOS[platform])
    elif platform in _WINDOWS:
        return Target(name=platform, python=python, system="windows", machine="x86_64")
    message = f"`{platform[:60]}` is no platform that the gate resolves for"
    known = ", ".join(("linux-x86_64", "linux-aarch64", *_MACOS, *_WINDOWS))
    hint = f"known: {known}; on Linux also with `-glibc2.31` to `-glibc2.40`"
    raise UsageError(message, hint=hint, code="platform_unknown")
