"""The child that solves conda environments: one JSON object in, one out, in a process whose memory is bounded.

It runs as `python -m gate.resolve.conda_worker`. Nothing is installed and no package is fetched: repodata is read,
from the channels that it is given and from no other, whatever that repodata says of further channels.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from rattler import MatchSpec
    from rattler.repo_data import RepoDataRecord
    from rattler.virtual_package import GenericVirtualPackage

_MILLISECONDS = 1000


class Wanted(TypedDict):
    """What is put to the worker.

    Attributes:
        channels: addresses, the first with the highest priority.
        specs: match specs.
        subdir: `linux-64` and so on.
        virtual: virtual packages, name to version.
        cache: an empty folder.
        seconds: longest time for the solver itself.
        memory: most bytes of address space; 0 for no bound.
        newest: milliseconds since 1970; records that are newer are left out. 0 for no bound.
    """

    channels: list[str]
    specs: list[str]
    subdir: str
    virtual: dict[str, str]
    cache: str
    seconds: float
    memory: int
    newest: int


class Record(TypedDict):
    """One package of the answer, as the channel's repodata has it. Instants are milliseconds since 1970."""

    name: str
    version: str
    build: str
    url: str
    filename: str
    sha256: str
    size: int | None
    timestamp: int | None
    depends: list[str]


class Answer(TypedDict, total=False):
    """What the worker prints: `solved` with records, or why not."""

    outcome: Literal["solved", "unsatisfiable", "unreadable", "failed"]
    records: list[Record]
    why: str
    version: str


def bound_memory(most: int) -> None:
    """Let this process have no more address space than this; where the system knows no such bound, have none."""
    if not most:
        return
    try:
        import resource  # noqa: PLC0415 - POSIX alone has it
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def solve(wanted: Wanted) -> Answer:
    """Solve, and turn every way of failing into words."""
    # What this brings in is why the worker is a process of its own.
    from rattler import __version__  # noqa: PLC0415
    from rattler.exceptions import InvalidMatchSpecError, SolverError  # noqa: PLC0415

    try:
        specs = [_spec(text) for text in wanted["specs"]]
    except (InvalidMatchSpecError, ValueError) as error:
        return {"outcome": "unreadable", "why": str(error), "version": __version__}
    try:
        records = asyncio.run(_solve(wanted, specs))
    except SolverError as error:
        return {"outcome": "unsatisfiable", "why": str(error), "version": __version__}
    except Exception as error:  # noqa: BLE001 - rattler's errors have no common root; each is an answer with its words
        return {"outcome": "failed", "why": f"{type(error).__name__}: {error}", "version": __version__}
    return {"outcome": "solved", "records": [_record(record) for record in records], "version": __version__}


def _spec(text: str) -> MatchSpec:
    from rattler import MatchSpec  # noqa: PLC0415 - see `solve`

    spec = MatchSpec(text)
    if spec.file_name is not None or spec.namespace is not None:
        message = f"`{text}` is more than a name and a version"
        raise ValueError(message)
    return spec


async def _solve(wanted: Wanted, specs: list[MatchSpec]) -> list[RepoDataRecord]:
    from rattler import Channel, Gateway, solve  # noqa: PLC0415 - see `solve`

    newest = wanted["newest"]
    return await solve(
        sources=[Channel(address) for address in wanted["channels"]],
        specs=specs,
        gateway=Gateway(cache_dir=wanted["cache"]),  # type: ignore[arg-type]  # a path as text does
        platforms=[wanted["subdir"], "noarch"],  # type: ignore[list-item]  # it checks the name itself
        virtual_packages=[_virtual(name, version) for name, version in wanted["virtual"].items()],
        timeout=timedelta(seconds=wanted["seconds"]),
        exclude_newer=datetime.fromtimestamp(newest / _MILLISECONDS, UTC) if newest else None,
        # Repodata may name further channels (CEP 42), and rattler would go and ask them.
        channel_relations="disabled",
    )


def _virtual(name: str, version: str) -> GenericVirtualPackage:
    from rattler import GenericVirtualPackage, PackageName, Version  # noqa: PLC0415 - see `solve`
    from rattler.package import BuildString  # noqa: PLC0415 - as above

    return GenericVirtualPackage(PackageName(name), Version(version), BuildString("0"))


def _record(record: RepoDataRecord) -> Record:
    # The time at which the channel took the package in, where it says so; else the one at which it was built.
    instant = record.indexed_timestamp or record.timestamp
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "url": record.url,
        "filename": record.file_name,
        "sha256": record.sha256.hex() if record.sha256 else "",
        "size": record.size,
        "timestamp": round(instant.timestamp() * _MILLISECONDS) if instant else None,
        "depends": list(record.depends),
    }


def main() -> None:
    """Answer the one question on standard input."""
    wanted: Any = json.loads(sys.stdin.buffer.read())
    bound_memory(int(wanted["memory"]))
    sys.stdout.write(json.dumps(solve(wanted)))
    sys.stdout.flush()
    # Not `sys.exit`: rattler's threads outlive the answer, and take the interpreter down when it ends under them.
    os._exit(0)


if __name__ == "__main__":
    main()
