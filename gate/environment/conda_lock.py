"""conda-lock's unified lock file: packages of conda and pip with the address of each file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.conda import load_yaml
from gate.environment.found import Found
from gate.environment.locked import locked_file
from gate.environment.matchspec import InvalidMatchSpecError, package_url
from gate.environment.yaml_tree import Mapping, Sequence
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text

VERSIONS = frozenset({"1"})


def read(text: Text, reading: Reading) -> None:
    """Read the file: one reference for each package and platform, for each is a file of its own."""
    root = load_yaml(text, reading)
    if root is None:
        return
    version = root.text("version") if isinstance(root, Mapping) else None
    packages = root.get("package") if isinstance(root, Mapping) else None
    if not isinstance(packages, Sequence):
        reading.problem("not_conda_lock", "no list of packages", text, root.line)
        return
    if version is not None and version.text not in VERSIONS:
        reading.problem("unknown_version", f"lock version `{version.text[:20]}` is not known", text, version.line)
    for item in packages.items:
        if isinstance(item, Mapping):
            _package(item, text, reading)
        else:
            reading.problem("not_conda_lock", "a package that is no mapping", text, item.line)


def _package(item: Mapping, text: Text, reading: Reading) -> None:
    name, version, url = item.text("name"), item.text("version"), item.text("url")
    manager = item.text("manager")
    if name is None or manager is None:
        reading.problem("not_conda_lock", "a package without name or manager", text, item.line)
        return
    checksum = item.mapping("hash")
    sha256 = checksum.text("sha256") if checksum else None
    hashes = (f"sha256:{sha256.text}",) if sha256 else ()
    spec = version.text if version else ""
    address = url.text if url else ""
    if manager.text == "conda":
        found = Found(kind=Kind.CONDA, name=name.text.lower(), spec=f"={spec}", line=name.line, hashes=hashes)
        try:
            channel = package_url(address, name.line).channel
        except InvalidMatchSpecError:
            channel = None
        reading.add(found, (channel,) if channel else (), text)
    elif manager.text == "pip":
        locked_file(name.text, spec, address, name.line, hashes).keep(text, reading)
    else:
        reading.problem("not_conda_lock", f"the manager `{manager.text[:40]}` is not known", text, manager.line)
