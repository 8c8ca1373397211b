"""Whether an installed version is one that a declaration allows.

Sources: PEP 440 (specifiers) and Poetry's own; conda's match specifications, of which what has one reading in both.
"""

from __future__ import annotations

import re

from packaging.version import Version

from gate.model.origin import Kind
from gate.policy.versions import same_version
from gate.resolve.names import specifier_of

_EXACT = re.compile(r"==\s*([\w.!+]+?)(?:=[\w*.]+)?")
_PREFIX = re.compile(r"={0,1}\s*([\w.!+]+?)(?:\.\*|\*)?(?:[\s=]+[\w*.]+)?")
_ORDERED = re.compile(r"(?:\s*(?:>=|<=|>|<|!=|==|~=)\s*[\w.!+*]+\s*,?)+")


def allows(spec: str, version: str, kind: Kind) -> bool | None:
    """Say whether a specifier as it was declared allows a version; None if it can't be told."""
    spec = spec.strip()
    if spec in {"", "*"}:
        return True
    return _conda(spec, version) if kind is Kind.CONDA else _python(spec, version)


def _python(spec: str, version: str) -> bool | None:
    try:
        return specifier_of(spec).contains(Version(version), prereleases=True)
    except ValueError:
        return None


def _conda(spec: str, version: str) -> bool | None:
    if (exact := _EXACT.fullmatch(spec)) is not None:
        return same_version(exact[1], version)
    if (prefix := _PREFIX.fullmatch(spec)) is not None:
        wanted = prefix[1].rstrip(".")
        return same_version(wanted, version) or version.startswith(f"{wanted}.")
    return _python(spec, version) if _ORDERED.fullmatch(spec) else None
