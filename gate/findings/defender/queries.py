"""The questions for Resource Graph, written once. KQL has no parameters there: what is put in is checked here.

Selected by digest and nothing more: the rows of a finding have no fixed key, and the fields that say what kind of
resource they are about are published nowhere for images. Whatever names the digest is taken and must be understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.model.digest import is_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gate.cloud import RegistryId

_ASSESSMENTS = 'securityresources | where type == "microsoft.security/assessments"'
_DIGEST = "extend digest = tolower(tostring(parse_json(tostring(properties.resourceAdditionalData)).Digest))"


def about_digest(digest: str) -> str:
    """Ask for every assessment that names the digest, by its image's data or by the id of what it is about."""
    known = _checked(digest)
    return (
        f"{_ASSESSMENTS} | {_DIGEST}"
        f' | where digest == "{known}" or tolower(tostring(properties.resourceDetails.Id)) endswith "{known}"'
        " | project id, name, type, properties | order by id asc"
    )


def counts_by_digest(digests: Iterable[str]) -> str:
    """Ask how many rows each of these digests has; those without any are not in the answer."""
    names = ", ".join(f'"{_checked(digest)}"' for digest in digests)
    return f"{_ASSESSMENTS} | {_DIGEST} | where digest in ({names}) | summarize rows = count() by digest"


def counts_by_subscription() -> str:
    """Ask how many assessments of any kind can be seen: where Defender is on, none at all means hidden rows."""
    return f"{_ASSESSMENTS} | summarize rows = count() by subscriptionId"


def registries(wanted: Sequence[RegistryId]) -> str:
    """Ask which of these registries can be seen. Their ids were read by a strict grammar."""
    names = ", ".join(f'"{registry.id.lower()}"' for registry in wanted)
    return f"resources | where tolower(id) in ({names}) | project id"


def _checked(digest: str) -> str:
    if not is_digest(digest):
        message = f"`{digest[:80]}` is no digest"
        raise UsageError(message, code="bad_digest")
    return digest
