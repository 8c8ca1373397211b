"""What the resolver may cost, where this machine reaches the indexes, and what policy demands of a closed set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from gate.bounds import GIB, MIB, HttpBounds
from gate.model.base import Value
from gate.policy.schema import Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveBounds:
    """What one resolution may cost.

    Attributes:
        seconds: longest run of one resolver.
        output_bytes: most bytes that a resolver may print.
        packages: most packages of one closed set.
        pages: most project pages that one resolution may ask an index for.
        pages_bytes: most bytes of all pages together.
        page_bytes: largest project page.
        tunnel_bytes: most bytes that the resolver may read of package files, for their metadata.
        connections: most exchanges with an index at once.
        worker_bytes: most address space of the conda worker.
    """

    seconds: float = 300.0
    output_bytes: int = 16 * MIB
    packages: int = 5_000
    pages: int = 10_000
    pages_bytes: int = 2 * GIB
    page_bytes: int = 64 * MIB
    tunnel_bytes: int = 2 * GIB
    connections: int = 10
    worker_bytes: int = 8 * GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveConfig:
    """How this machine resolves; none of it comes from what is judged.

    Attributes:
        bounds: what it may cost.
        http: what one exchange with an index may cost.
        addresses: where this machine reaches a safelisted index or channel, by the name that policy gives it, if not
            where policy says: a proxy, an address with credentials.
        private_indexes: names of safelisted indexes that are the organisation's own: private names may be asked there.
        file_hosts: `host:port` beyond those that the indexes' pages name to which the files of packages may redirect.
        uv: the program; None for the one that comes with the Python package `uv`.
    """

    bounds: ResolveBounds = field(default_factory=ResolveBounds)
    http: HttpBounds = field(default_factory=HttpBounds)
    addresses: Mapping[str, str] = field(default_factory=dict)
    private_indexes: frozenset[str] = frozenset()
    file_hosts: tuple[str, ...] = ()
    uv: Path | None = None


class ResolutionPolicy(Value):
    """What is demanded of a closed set. The defaults are the strict ones.

    Attributes:
        cooling_off: how long a file must have been public. Three days: malicious releases of well-known packages tend
            to be withdrawn within hours to a few days, and every further day holds back every fix for as long.
        wheels_only: whether a source distribution blocks, for installing one runs its code at build time.
        pins: whether a declaration that names no exact version blocks.
        archived: whether an archived project blocks.
        deprecated: whether a deprecated project blocks.
    """

    cooling_off: Duration = timedelta(days=3)
    wheels_only: bool = True
    pins: bool = False
    archived: bool = True
    deprecated: bool = False
