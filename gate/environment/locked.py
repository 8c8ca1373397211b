"""One locked Python package: which place its recorded address stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.environment.found import Found
from gate.environment.pip_scope import direct_origins
from gate.environment.places import pypi_file
from gate.environment.requirement import InvalidRequirementError, normalise, parse_requirement
from gate.model.origin import PYPI, Kind, Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A reference and its origins."""

    found: Found
    origins: tuple[Origin, ...]

    def keep(self, text: Text, reading: Reading) -> None:
        """Hand it on."""
        reading.add(self.found, self.origins, text)


def locked_file(name: str, version: str, address: str, line: int, hashes: tuple[str, ...] = ()) -> Locked:
    """Return the reference for a package that a lock file binds to the address of one file."""
    spec = f"=={version}" if version else ""
    if pypi_file(address):
        found = Found(kind=Kind.PYPI, name=normalise(name), spec=spec, line=line, hashes=hashes)
        return Locked(found=found, origins=(Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI),))
    return locked_address(name, spec, address, line, hashes)


def locked_address(name: str, spec: str, address: str, line: int, hashes: tuple[str, ...] = ()) -> Locked:
    """Return the reference for a package that comes from an address of its own."""
    try:
        found = parse_requirement(address, line)
    except InvalidRequirementError:
        found = Found(kind=Kind.PYPI, name=normalise(name), spec=spec, line=line, undetermined="no_origin")
    if found.kind is Kind.PYPI:
        return Locked(found=found.doubted("no_origin"), origins=())
    named = Found(
        kind=found.kind,
        name=found.name,
        spec=found.spec,
        line=line,
        hashes=(*found.hashes, *hashes),
        distribution=normalise(name),
        undetermined=found.undetermined,
    )
    return Locked(found=named, origins=direct_origins(named))
