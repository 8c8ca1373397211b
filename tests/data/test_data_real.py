"""Real files import whole: what was counted when they were taken is what is kept."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

from data.reference_files import reference_file

from gate.data.conda_names import names_of
from gate.data.importer import import_file
from gate.data.interface import DataKind
from gate.data.memory import MemoryReferenceData
from gate.data.osv import Advisory

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_every_advisory_of_the_real_file_is_kept() -> None:
    path = reference_file("osv-pypi.jsonl.gz")
    raw = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    kept = MemoryReferenceData()
    stored = import_file(DataKind.OSV_PYPI, path, into=kept, source="pypa/advisory-database", now=NOW)
    assert len(raw) == stored.rows == 2661
    names = {
        entry["package"]["name"].lower().replace(".", "-").replace("_", "-") for one in raw for entry in one["affected"]
    }
    found = kept.lookup("osv-pypi", stored.snapshot.digest, names)
    advisories = [Advisory.parse(record) for records in found.values() for record in records]
    assert {advisory.id for advisory in advisories} == {one["id"] for one in raw}
    assert sum(advisory.withdrawn is not None for advisory in advisories) == 10
    assert sum(bool(advisory.severity) for advisory in advisories) == 202
    assert {advisory.id for advisory in advisories if advisory.unbounded} == {"PYSEC-2022-15"}
    assert stored.snapshot.published_at == datetime(2024, 10, 10, 17, 22, 0, 587279, tzinfo=UTC)


def test_the_real_catalogue_and_the_real_map_are_kept() -> None:
    kept = MemoryReferenceData()
    exploited = reference_file("known-exploited-vulnerabilities.json.gz")
    assert import_file(DataKind.KNOWN_EXPLOITED, exploited, into=kept, source="kev", now=NOW).rows == 1404
    names = reference_file("conda-forge-to-pypi.json.gz")
    stored = import_file(DataKind.CONDA_NAMES, names, into=kept, source="map", now=NOW, published_at=NOW)
    assert stored.rows == 33909
    found = kept.lookup("conda-names", stored.snapshot.digest, ["pytorch", "openssl", "numpy"])
    assert names_of(found["openssl"]) == ()
    assert names_of(found["numpy"]) == ("numpy",)
    assert "torch" in names_of(found["pytorch"])
