"""Set the stage: a policy that differs from the defaults in named ways, advisory facts, a recorded scan."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import yaml

from gate.demo.wheels import PINS, PRIVATE_NAME, PRIVATE_URL
from gate.model.base import format_instant
from gate.policy.source import embedded

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

BASE = "demo.example/base:1"
MADE = "2026-01-01T00:00:00Z"

DIFFERENCES = (
    "a base image made here is listed by its diff ids",
    "two layout folders are the staging and the release place",
    "a recorded Defender answer is allowed",
    "advisories may be old, for the few facts below are, and so may the base image",
    "names that begin with `acme-` are private and never asked of PyPI",
)
"""What the demonstration's policy changes of the embedded defaults, in words."""

ADVISORIES = (
    {
        "schema_version": "1.6.0",
        "id": "GHSA-jjg7-2v4v-x38h",
        "aliases": ["CVE-2024-3651", "PYSEC-2024-60"],
        "modified": "2024-07-12T00:00:00Z",
        "published": "2024-04-11T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "idna"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.7"}]}],
            }
        ],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
    },
)
"""Facts about one vulnerability that the demonstration's wheels no longer have (GitHub advisory database)."""


def write_policy(folder: Path, base_diff_id: str, staging: Path, release: Path) -> None:
    """Write the embedded policy with the differences above."""
    for name in ("allowlist", "exceptions"):
        shutil.copytree(embedded() / name, folder / name)
    safelist, decision = folder / "allowlist" / "safelist.yaml", folder / "allowlist" / "policy.yaml"
    allowed = yaml.safe_load(safelist.read_text(encoding="utf-8"))
    allowed["base_images"] = [{"reference": BASE, "diff_ids": [base_diff_id], "created": MADE}]
    allowed["reserved_names"] = ["acme-*"]
    safelist.write_text(yaml.safe_dump(allowed), encoding="utf-8")
    rules = yaml.safe_load(decision.read_text(encoding="utf-8"))
    rules["base"] = {"max_age": "P36500D", "undated": "warn"}
    rules["findings"]["defender"]["allow_recorded"] = True
    rules["findings"]["advisories"] = {"soft_age": "P36500D", "hard_age": "P36500D"}
    rules["promotion"] = [{"staging": f"oci:{staging}", "release": f"oci:{release}"}]
    # The same image is shown twice, released and then denied: here its released copy does not keep it in staging.
    rules["discard"]["users"].remove("release")
    decision.write_text(yaml.safe_dump(rules), encoding="utf-8")


def write_advisories(path: Path) -> Path:
    """Write the advisory facts as an importable file."""
    path.write_text("".join(json.dumps(record) + "\n" for record in ADVISORIES), encoding="utf-8")
    return path


def write_recording(path: Path, digest: str, now: datetime) -> None:
    """Write a recording in which Defender scanned the digest and found nothing."""
    recording = {
        "schema": "gate.defender-recording/1",
        "recorded_at": format_instant(now),
        "digest": digest,
        "model": "none",
        "proof": "artifact",
        "scanned_at": format_instant(now),
        "rows": [],
    }
    path.write_text(json.dumps(recording), encoding="utf-8")


def write_environments(folder: Path) -> tuple[Path, Path]:
    """Write the definition of the image that complies, and of the one that does not."""
    first, second = folder / "requirements.txt", folder / "requirements-churn.txt"
    first.write_text("\n".join(PINS) + "\n", encoding="utf-8")
    second.write_text("\n".join((*PINS, f"{PRIVATE_NAME} @ {PRIVATE_URL}")) + "\n", encoding="utf-8")
    return first, second
