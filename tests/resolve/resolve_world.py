"""References, policies and settings for tests of the closed set, and a telltale that leaves a file if it is run."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from index.index_server import IndexServer

from gate.bounds import HttpBounds
from gate.model.origin import CONDA_FORGE, PYPI, Kind, Origin, OriginKind
from gate.model.reference import Declared, Reference
from gate.policy.schema import CondaChannel, PythonIndex
from gate.policy.source import load_policy
from gate.resolve import closed_set
from gate.resolve.settings import ResolveBounds, ResolveConfig

if TYPE_CHECKING:
    from pathlib import Path

    from gate.model.resolution import Resolution
    from gate.policy.schema import Policy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
INDEX = Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI, implicit=True)
CHANNEL = Origin(kind=OriginKind.CONDA_CHANNEL, location=CONDA_FORGE)
ELSEWHERE = Origin(kind=OriginKind.PYTHON_INDEX, location="https://packages.example/simple")
FILE = "requirements.txt"


class MovingIndex(IndexServer):
    """An index some of whose paths have moved elsewhere."""

    def __init__(self) -> None:
        """Begin with nothing moved."""
        super().__init__()
        self.moved: dict[str, str] = {}

    def answer(self, path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        """Redirect what has moved, answer the rest."""
        if path in self.moved:
            self.asked.append((path, wanted))
            return 302, {"Location": self.moved[path]}, b""
        return super().answer(path, wanted)


def python_reference(name: str, spec: str = "", **update: object) -> Reference:
    """Return a Python reference that PyPI alone may deliver."""
    base = Reference(kind=Kind.PYPI, name=name, spec=spec, origins=(INDEX,), file=FILE, line=1)
    return base.model_copy(update=update)


def conda_reference(name: str, spec: str = "", **update: object) -> Reference:
    """Return a conda reference that conda-forge alone may deliver."""
    base = Reference(kind=Kind.CONDA, name=name, spec=spec, origins=(CHANNEL,), file="environment.yml", line=1)
    return base.model_copy(update=update)


def declared(*references: Reference) -> Declared:
    """Return a declaration that was read whole."""
    return Declared(references=references, files=tuple(dict.fromkeys(one.file for one in references)))


def policy(
    *, reserved: tuple[str, ...] = (), indexes: tuple[str, ...] = (PYPI,), channels: tuple[str, ...] = (CONDA_FORGE,)
) -> Policy:
    """Return the embedded policy with these private names, indexes and channels."""
    base = load_policy(None)
    update = {
        "reserved_names": reserved,
        "python_indexes": tuple(PythonIndex(name=name) for name in indexes),
        "conda_channels": tuple(CondaChannel(name=name) for name in channels),
    }
    return base.model_copy(update={"safelist": base.safelist.model_copy(update=update)})


def config(
    *, own: frozenset[str] = frozenset(), bounds: ResolveBounds | None = None, **addresses: str
) -> ResolveConfig:
    """Return settings under which origins are reached at these addresses; `_` in a name stands for `-`."""
    return ResolveConfig(
        addresses={name.replace("_", "-"): address for name, address in addresses.items()},
        private_indexes=own,
        http=HttpBounds(connect=2.0, read=5.0, total=10.0, attempts=1),
        bounds=bounds or ResolveBounds(seconds=60.0),
    )


def resolve(what: Declared, rules: Policy, settings: ResolveConfig) -> Resolution:
    """Resolve for Linux and Python 3.11."""
    return closed_set(what, rules, platform="linux-x86_64", python="3.11", now=NOW, config=settings)


def pins(resolution: Resolution) -> dict[str, str]:
    """Return versions by name."""
    return {package.name: package.version for package in resolution.packages}


def telltale_sdist(name: str, version: str, canary: Path) -> bytes:
    """Return a source distribution whose `setup.py` and whose build backend both leave a file if they are run."""
    leave = f"open({str(canary)!r}, 'w').write('run')\n".encode()
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        "setup.py": leave + b"from setuptools import setup; setup()\n",
        "backend.py": leave,
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()
