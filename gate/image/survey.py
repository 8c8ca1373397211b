"""One walk over the merged file system: where metadata of packages lies, and what else there is to count."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.image.capture import RPM_FOLDERS, TOOL_FILES
from gate.image.tree import Folder, walk

if TYPE_CHECKING:
    from gate.image.tree import Entry

INTERPRETER = re.compile(r"(?:python|pypy)(?:\d(?:\.\d+)*)?t?")
"""Names under which an interpreter of Python is called."""

_RPM_UNREAD = frozenset({"Packages", "Packages.db"})
"""rpm's databases in the formats of Berkeley DB and ndb."""

_OTHERS = _RPM_UNREAD | {"package.json", "DESCRIPTION", "installed"}
"""Names by which packages without a reader are told, in the folders where they tell."""

_TOOLS = frozenset({*TOOL_FILES, ".netrc", ".pypirc"})
_ARCHIVES = {".jar": "jar", ".war": "jar", ".ear": "jar", ".egg": "zipped_egg", ".whl": "wheel_file"}
_PLAIN = frozenset({".py", ".pyc", ".pyi", ".so", ".h", ".hpp", ".txt", ".list", ".md5sums", ".gz", ".pxd", ".csv"})
"""How most files are called that tell nothing: no name that is looked for ends so."""

_SITES = ("site-packages", "dist-packages")
_PERL = re.compile(r"(?:usr/(?:local/)?)?(?:lib|share)(?:/[^/]+)*?/(?:perl5?|site_perl|vendor_perl)(?:/.*)?")
"""Where Perl looks for its modules."""

_R_LIBRARY = ("/R/library", "/R/site-library")


@dataclass(slots=True, kw_only=True)
class Survey:
    """What the walk met; every list in the order of the path.

    Attributes:
        dist_infos: paths named `*.dist-info`, folders and links alike.
        egg_infos: `*.egg-info` (folder, file or link) and `EGG-INFO` folders.
        egg_links: `*.egg-link` files.
        conda_metas: folders named `conda-meta`.
        conda_caches: folders of packages in a `pkgs` folder.
        dpkgs: folders `…/lib/dpkg`.
        rpms: folders in which rpm keeps what is installed.
        eggs: zipped eggs in a folder from which Python imports.
        tools: configuration of installers, and files that hold credentials for them.
        pythons: interpreters and `site-packages`/`dist-packages` folders: signs that Python is there.
        other: counts of what no reader here knows.
        files: how many entries are no folder.
    """

    dist_infos: list[str] = field(default_factory=list)
    egg_infos: list[str] = field(default_factory=list)
    egg_links: list[str] = field(default_factory=list)
    conda_metas: list[str] = field(default_factory=list)
    conda_caches: list[str] = field(default_factory=list)
    dpkgs: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    pythons: list[str] = field(default_factory=list)
    apk: list[str] = field(default_factory=list)
    rpms: list[str] = field(default_factory=list)
    eggs: list[str] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    files: int = 0


def survey(root: Folder) -> Survey:
    """Walk the tree once."""
    found = Survey()
    for path, folder in walk(root):
        _folder(found, path, folder)
        start = f"{path}/" if path else ""
        in_bin = path == "bin" or path.endswith("/bin")
        for name, entry in folder.entries.items():
            if type(entry) is not Folder:
                found.files += 1
            if name[name.rfind(".") :] not in _PLAIN and ("." in name or "-" in name or in_bin):
                _entry(found, start, name, entry, in_bin=in_bin)
    for paths in (found.dist_infos, found.egg_infos, found.egg_links, found.conda_metas, found.conda_caches):
        paths.sort()
    found.dpkgs.sort()
    found.rpms.sort()
    found.eggs.sort()
    found.pythons.sort()
    return found


def _entry(found: Survey, start: str, name: str, entry: Entry, *, in_bin: bool) -> None:
    path = start + name
    lower = name.lower()  # Python finds these in any spelling
    if lower.endswith(".dist-info"):
        found.dist_infos.append(path)
    elif lower.endswith(".egg-info") or name == "EGG-INFO":
        found.egg_infos.append(path)
    elif name.endswith(".egg-link"):
        found.egg_links.append(path)
    elif name in _TOOLS:
        if type(entry) is not Folder:
            found.tools.append(path)
    elif name == "conda-meta":
        found.conda_metas.append(path)
    elif name in ("site-packages", "dist-packages") or (in_bin and INTERPRETER.fullmatch(name)):
        found.pythons.append(path)
    elif type(entry) is not Folder and (kind := _ARCHIVES.get(name[name.rfind(".") :])):
        if kind == "zipped_egg" and any(part in _SITES for part in path.split("/")):
            found.eggs.append(path)
        else:
            found.other[kind] += 1


def _folder(found: Survey, path: str, folder: Folder) -> None:
    """Look at what a folder's own path says of its files."""
    if "condarc" in folder.entries and type(folder.entries["condarc"]) is not Folder:
        found.tools.append(f"{path}/condarc" if path else "condarc")
    if path.endswith("lib/dpkg"):
        found.dpkgs.append(path)
    elif "index.json" in folder.entries and path.endswith("/info") and path.split("/")[-3:-2] == ["pkgs"]:
        found.conda_caches.append(path.removesuffix("/info"))
    elif path.endswith("lib/apk/db") and "installed" in folder.entries:
        found.apk.append(f"{path}/installed")
    elif path.endswith(RPM_FOLDERS):
        found.rpms.append(path)
        found.other["rpm_database"] += len(_RPM_UNREAD & folder.entries.keys())
    elif path.endswith(_R_LIBRARY):
        found.other["r"] += sum(
            isinstance(entry, Folder) and "DESCRIPTION" in entry.entries for entry in folder.entries.values()
        )
    elif "package.json" in folder.entries and _is_node_module(path):
        found.other["npm"] += 1


def _is_node_module(path: str) -> bool:
    head, _, _ = path.rpartition("/")
    parent = head.rpartition("/")[2]
    return parent == "node_modules" or (parent.startswith("@") and head.rpartition("/")[0].endswith("node_modules"))


def other_kind(folder: str, name: str) -> str:
    """Say of what kind without a reader a file tells, by its folder and name; nothing if it tells of none."""
    suffix = name[name.rfind(".") :]
    if kind := _ARCHIVES.get(suffix):
        return kind
    if name not in _OTHERS:
        return "perl" if suffix == ".pm" and _PERL.fullmatch(folder) else ""
    if name == "package.json" and _is_node_module(folder):
        return "npm"
    if name == "DESCRIPTION" and folder.rpartition("/")[0].endswith(_R_LIBRARY):
        return "r"
    if name in _RPM_UNREAD and folder.endswith(RPM_FOLDERS):
        return "rpm_database"
    return "apk" if name == "installed" and folder.endswith("lib/apk/db") else ""
