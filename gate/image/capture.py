"""Which files' bytes are kept in memory: those that tell what is installed. All others are only hashed."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ANYWHERE = frozenset({"METADATA", "RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json", "PKG-INFO"})
"""Files of a `.dist-info` or `.egg-info`; kept wherever they lie, for a link may lead to them."""

TOOL_FILES = {"pip.conf": "pip", "pip.ini": "pip", ".condarc": "conda", "condarc": "conda", "uv.toml": "uv"}
"""Configuration of installers by its name, wherever it lies, and whose it is."""

RPM_FOLDERS = ("lib/rpm", "lib/sysimage/rpm", "lib/rpmmanifest")
"""Where rpm keeps what is installed; the last is what distroless images of Azure Linux have instead."""

RPM_FILES = frozenset({"rpmdb.sqlite", "container-manifest-1", "container-manifest-2"})
"""What of it can be read; databases of older formats can't."""

_CACHED = frozenset({"index.json", "repodata_record.json", "paths.json"})
_SUFFIXES = (".egg-info", ".egg-link")


class Shelf(Enum):
    """What a folder's path says of the files directly in it."""

    PLAIN = "plain"
    PYTHON = "python"
    CONDA = "conda"
    CONDA_CACHE = "conda_cache"
    DPKG = "dpkg"
    DPKG_STATUS = "dpkg_status"
    DPKG_INFO = "dpkg_info"
    ETC = "etc"
    APK = "apk"
    RPM = "rpm"


def shelf_of(folder: str) -> Shelf:
    """Tell the shelf of a folder by its path, at any prefix: a file system may lie below another."""
    name = folder.rpartition("/")[2]
    if name.lower().endswith((".dist-info", ".egg-info")) or name == "EGG-INFO":
        return Shelf.PYTHON
    if name == "conda-meta":
        return Shelf.CONDA
    if name == "info" and folder.split("/")[-3:-2] == ["pkgs"]:
        return Shelf.CONDA_CACHE
    for tail, shelf in _TAILS:
        if folder == tail or folder.endswith(f"/{tail}"):
            return shelf
    return Shelf.PLAIN


_TAILS = (
    ("lib/dpkg", Shelf.DPKG),
    ("lib/dpkg/status.d", Shelf.DPKG_STATUS),
    ("lib/dpkg/info", Shelf.DPKG_INFO),
    ("lib/apk/db", Shelf.APK),
    *((folder, Shelf.RPM) for folder in RPM_FOLDERS),
    ("etc", Shelf.ETC),
    ("usr/lib", Shelf.ETC),
)


def is_kept(shelf: Shelf, name: str) -> bool:
    """Say whether the content of a file is kept."""
    return _KEPT[shelf](name)


def _is_python(name: str) -> bool:
    return name in ANYWHERE or name in TOOL_FILES or name.lower().endswith(_SUFFIXES)


_KEPT: dict[Shelf, Callable[[str], bool]] = {
    Shelf.PLAIN: _is_python,
    Shelf.PYTHON: _is_python,
    Shelf.CONDA: lambda name: name.endswith(".json") or name == "history",
    Shelf.CONDA_CACHE: lambda name: name in _CACHED,
    Shelf.DPKG: lambda name: name == "status",
    Shelf.DPKG_STATUS: bool,
    Shelf.DPKG_INFO: lambda name: name.endswith(".list"),
    Shelf.ETC: lambda name: name == "os-release" or name in TOOL_FILES,
    Shelf.APK: lambda name: name == "installed",
    Shelf.RPM: lambda name: name in RPM_FILES,
}
