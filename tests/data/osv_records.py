"""Builders of OSV records for tests. Their shape is that of the published format; every value is made up."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

Record = dict[str, Any]


def record(identifier: str = "PYSEC-2026-1", name: str = "example", **changes: object) -> Record:
    """Return a whole record: `name` is affected below 1.5; changes replace top-level keys, None takes one out."""
    made: Record = {
        "schema_version": "1.6.0",
        "id": identifier,
        "modified": "2026-10-01T00:00:00Z",
        "published": "2026-09-01T00:00:00Z",
        "aliases": [f"CVE-2026-{identifier.rsplit('-', 1)[-1]}"],
        "summary": "an example that reads too far",
        "affected": [affected(name)],
    }
    made.update(changes)
    return {key: value for key, value in made.items() if value is not None}


def affected(
    name: str = "example",
    *events: dict[str, str],
    versions: list[str] | None = None,
    ecosystem: str = "PyPI",
    kind: str = "ECOSYSTEM",
) -> Record:
    """Return one entry of `affected`; without events it is everything below 1.5."""
    turns = list(events) or [{"introduced": "0"}, {"fixed": "1.5"}]
    entry: Record = {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": kind, "events": turns}],
    }
    if versions is not None:
        entry["versions"] = versions
    return entry


def lines(*records: Record) -> bytes:
    """Return records as JSON lines."""
    return b"".join(json.dumps(item).encode() + b"\n" for item in records)


def gzipped(*records: Record) -> bytes:
    """Return records as gzipped JSON lines."""
    return gzip.compress(lines(*records), mtime=0)


def zipped(*records: Record) -> bytes:
    """Return records as the ecosystem's dump has them: one document a record."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in records:
            archive.writestr(f"{item['id']}.json", json.dumps(item))
    return packed.getvalue()
