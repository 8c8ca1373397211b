"""The child that looks packages up in a conda channel: names in, their records out, in a process of bounded memory.

It runs as `python -m gate.resolve.conda_records`. Repodata is read from the one channel that it is given, by shards
where the channel has them; no package is fetched, and no other channel is asked, whatever repodata says.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from gate.resolve.conda_worker import bound_memory

if TYPE_CHECKING:
    from rattler.repo_data import RepoDataRecord


class Wanted(TypedDict):
    """What is put to the worker.

    Attributes:
        channel: its address.
        subdirs: `noarch`, `linux-64` and so on.
        names: of packages.
        stems: `name-version-build` of the files that are asked for; others are left out.
        cache: a folder for repodata.
        memory: most bytes of address space; 0 for no bound.
    """

    channel: str
    subdirs: list[str]
    names: list[str]
    stems: list[str]
    cache: str
    memory: int


class Listed(TypedDict):
    """One file as the channel's repodata has it; digests in hexadecimal, empty if it does not say."""

    filename: str
    url: str
    subdir: str
    sha256: str
    md5: str
    size: int | None


class Answer(TypedDict, total=False):
    """What the worker prints."""

    outcome: Literal["listed", "failed"]
    records: list[Listed]
    why: str


def look_up(wanted: Wanted) -> Answer:
    """Look up, and turn every way of failing into words."""
    try:
        records = asyncio.run(_query(wanted))
    except Exception as error:  # noqa: BLE001 - rattler's errors have no common root; each is an answer with its words
        return {"outcome": "failed", "why": f"{type(error).__name__}: {error}"}
    stems = set(wanted["stems"])
    listed = [_listed(record) for record in records]
    return {"outcome": "listed", "records": [one for one in listed if _stem(one["filename"]) in stems]}


def _stem(filename: str) -> str:
    return filename.removesuffix(".tar.bz2").removesuffix(".conda")


async def _query(wanted: Wanted) -> list[RepoDataRecord]:
    # What this brings in is why the worker is a process of its own.
    from rattler import Channel, Gateway, MatchSpec  # noqa: PLC0415

    found = await Gateway(cache_dir=wanted["cache"]).query(  # type: ignore[arg-type]  # a path as text does
        [Channel(wanted["channel"])],
        wanted["subdirs"],  # type: ignore[arg-type]  # it checks the names itself
        [MatchSpec(name) for name in wanted["names"]],
        recursive=False,
        # Repodata may name further channels (CEP 42), and rattler would go and ask them.
        channel_relations="disabled",
    )
    return [record for records in found for record in records]


def _listed(record: RepoDataRecord) -> Listed:
    return {
        "filename": record.file_name,
        "url": record.url,
        "subdir": record.subdir,
        "sha256": record.sha256.hex() if record.sha256 else "",
        "md5": record.md5.hex() if record.md5 else "",
        "size": record.size,
    }


def main() -> None:
    """Answer the one question on standard input."""
    wanted: Any = json.loads(sys.stdin.buffer.read())
    bound_memory(int(wanted["memory"]))
    sys.stdout.write(json.dumps(look_up(wanted)))
    sys.stdout.flush()
    # Not `sys.exit`: rattler's threads outlive the answer, and take the interpreter down when it ends under them.
    os._exit(0)


if __name__ == "__main__":
    main()
