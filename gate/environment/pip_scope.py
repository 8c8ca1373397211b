"""What one run of pip takes into scope: its indexes, links and requirements, wherever they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.environment.found import Found
from gate.environment.places import PYPI_INDEX, host_of, link_page, python_index
from gate.model.origin import Kind, Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text


@dataclass(slots=True)
class PipScope:
    """The indexes of one pip run. Options bind to all its requirements, also to those that stood before them."""

    reading: Reading
    index: Origin | None = None
    extra: list[Origin] = field(default_factory=list)
    links: list[Origin] = field(default_factory=list)
    no_index: bool = False
    _held: list[tuple[Found, Text]] = field(default_factory=list)

    def set_index(self, address: str, text: Text, line: int) -> None:
        """Replace the index; the last one given counts."""
        self.index = python_index(address)
        self.reading.source(self.index, text, line)

    def add_index(self, address: str, text: Text, line: int) -> None:
        """Add an index beside the first: pip takes the best version of any of them."""
        origin = python_index(address)
        self.extra.append(origin)
        self.reading.source(origin, text, line)

    def add_links(self, address: str, text: Text, line: int) -> None:
        """Add a page or folder of files."""
        origin = link_page(address)
        self.links.append(origin)
        self.reading.source(origin, text, line)

    @property
    def full(self) -> bool:
        """Say whether more is held than is ever kept; the first one too many is, so that it is told."""
        return len(self._held) > self.reading.bounds.references

    def hold(self, found: Found, text: Text) -> None:
        """Keep a requirement until all options are known."""
        if self.full:
            return
        self._held.append((found, text))

    def origins(self) -> tuple[Origin, ...]:
        """Return every place that could deliver a named requirement."""
        indexes = [] if self.no_index else [self.index or PYPI_INDEX, *self.extra]
        return tuple(dict.fromkeys((*indexes, *self.links)))

    def close(self) -> None:
        """Hand all requirements on, each with its origins."""
        named = self.origins()
        for found, text in self._held:
            if found.kind is Kind.PYPI:
                self.reading.add(found if named else found.doubted("no_index"), named, text)
            else:
                self.reading.add(found, direct_origins(found), text)
        self._held.clear()


def direct_origins(found: Found) -> tuple[Origin, ...]:
    """Return the origin of something that names its own place: an address, a repository, a path."""
    if found.kind is Kind.URL:
        return (Origin(kind=OriginKind.URL, location=host_of(found.name) or found.name),)
    if found.kind is Kind.VCS:
        return (Origin(kind=OriginKind.VCS, location=vcs_host(found.name)),)
    if found.kind is Kind.LOCAL:
        return (Origin(kind=OriginKind.PATH, location=found.name),)
    return ()


def vcs_host(address: str) -> str:
    """Return the host of a repository address, also of the `user@host:path` form."""
    if "://" in address:
        return host_of(address)
    return address.removeprefix("git+").rpartition("@")[2].partition(":")[0]
