"""Images and advisories for tests of findings. Every package, id and version here is made up unless said otherwise."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gate.data.memory import MemoryReferenceData
from gate.data.osv import parse_record
from gate.model.finding import DataSnapshot
from gate.model.image import Component, ImageFacts, Inventory
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.data.osv import Advisory

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SUBJECT = "sha256:" + "5" * 64
OTHER = "sha256:" + "6" * 64


def component(name: str, version: str, kind: Kind = Kind.PYPI, **facts: str) -> Component:
    """Return a component of the image."""
    return Component(kind=kind, name=name, version=version, path=f"lib/{name}", layer=0, facts=facts)


def image(*components: Component) -> Inventory:
    """Return an inventory with these components."""
    facts = ImageFacts(
        repository="oci:/srv/staging",
        digest=SUBJECT,
        media_type="application/vnd.oci.image.manifest.v1+json",
        config_digest=OTHER,
        platform="linux/amd64",
        layers=(),
    )
    return Inventory(image=facts, components=components)


def advisories(*raw: dict[str, Any]) -> tuple[Advisory, ...]:
    """Read records and return what they say, a name each."""
    return tuple(
        advisory for one in raw for advisory in parse_record(json.dumps(one).encode(), where="a test").advisories
    )


def snapshot(kind: str = "osv-pypi", letter: str = "a") -> DataSnapshot:
    """Return the facts of a snapshot."""
    return DataSnapshot(kind=kind, digest="sha256:" + letter * 64, source="a test", published_at=NOW, imported_at=NOW)


def keep(kept: MemoryReferenceData, raw: Iterable[dict[str, Any]]) -> MemoryReferenceData:
    """Import records as the advisories in use."""
    rows = [row for one in raw for row in parse_record(json.dumps(one).encode(), where="a test").rows()]
    kept.import_snapshot(snapshot(), rows)
    return kept
