"""pixi.lock: for each environment and platform the addresses of its packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.conda import load_yaml
from gate.environment.found import Found
from gate.environment.locked import locked_file
from gate.environment.matchspec import InvalidMatchSpecError, package_url
from gate.environment.yaml_tree import Mapping, Scalar, Sequence
from gate.model.origin import Kind, Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text

VERSIONS = frozenset({"4", "5", "6"})


def read(text: Text, reading: Reading) -> None:
    """Read the file; one reference for each package file, however many environments share it."""
    root = load_yaml(text, reading)
    if root is None:
        return
    packages = root.get("packages") if isinstance(root, Mapping) else None
    version = root.text("version") if isinstance(root, Mapping) else None
    if not isinstance(packages, Sequence) or version is None:
        reading.problem("not_pixi_lock", "no list of packages or no version", text, root.line)
        return
    if version.text not in VERSIONS:
        reading.problem("unknown_version", f"lock version `{version.text[:20]}` is not known", text, version.line)
    for item in packages.items:
        if isinstance(item, Mapping):
            _package(item, text, reading)
        else:
            reading.problem("not_pixi_lock", "a package that is no mapping", text, item.line)


def _package(item: Mapping, text: Text, reading: Reading) -> None:
    kind = item.text("kind")
    conda = item.text("conda") or (item.text("url") if kind and kind.text == "conda" else None)
    pypi = item.text("pypi") or (item.text("url") or item.text("path") if kind and kind.text == "pypi" else None)
    sha256 = item.text("sha256")
    hashes = (f"sha256:{sha256.text}",) if sha256 else ()
    if conda is not None:
        _conda(conda, hashes, text, reading)
    elif pypi is not None:
        name, version = item.text("name"), item.text("version")
        label = name.text if name else pypi.text.rstrip("/").rpartition("/")[2]
        locked_file(label, version.text if version else "", pypi.text, pypi.line, hashes).keep(text, reading)
    else:
        reading.problem("not_pixi_lock", "a package that is neither conda nor pypi", text, item.line)


def _conda(node: Scalar, hashes: tuple[str, ...], text: Text, reading: Reading) -> None:
    try:
        conda = package_url(node.text, node.line)
    except InvalidMatchSpecError:
        path = Origin(kind=OriginKind.PATH, location=node.text)
        reading.add(Found(kind=Kind.LOCAL, name=node.text, line=node.line), (path,), text)
        return
    found = Found(kind=Kind.CONDA, name=conda.found.name, spec=conda.found.spec, line=node.line, hashes=hashes)
    reading.add(found, (conda.channel,) if conda.channel else (), text)
