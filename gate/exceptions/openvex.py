"""Waivers in force as one OpenVEX document (specification 0.2.0), for scanners and for those who use the images.

Source: OpenVEX, https://github.com/openvex/spec, `OPENVEX-SPEC.md`. A waiver says `not_affected`, and why.
What does not hold as of the document's time is left out: a VEX statement has no end of its own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gate.errors import NotFoundError
from gate.model.base import canonical_json, format_instant
from gate.model.origin import Kind
from gate.policy.dispose import Bounds, GrantState, grant_state
from gate.policy.waiving import waiver_fault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from gate.model.exception import Grant
    from gate.policy.schema import WorkflowPolicy

CONTEXT = "https://openvex.dev/ns/v0.2.0"
_TYPES = {Kind.PYPI: "pypi", Kind.CONDA: "conda"}


def openvex(grants: Iterable[Grant], *, author: str, now: datetime, workflow: WorkflowPolicy) -> dict[str, Any]:
    """Return the document: one statement a waiver in force, sorted by id. The same input makes the same bytes.

    Args:
        grants: of any kind; those that are no waivers are left out.
        author: who vouches for it.
        now: the document's time (UTC), and that as of which waivers hold.
        workflow: what may be waived at all; a waiver that no evaluation would heed is left out.

    Raises:
        NotFoundError: `no_waivers`: none is in force, and a document without a statement is none.
    """
    bounds = Bounds(now=now, repository="")
    statements = [
        _statement(one)
        for one in sorted(grants, key=lambda grant: grant.id)
        if one.waives is not None
        and waiver_fault(one, workflow) is None
        and grant_state(one, bounds) is GrantState.IN_FORCE
    ]
    if not statements:
        message = "no waiver is in force"
        raise NotFoundError(message, code="no_waivers", hint="request one: `gate exception request --waive CVE-…`")
    body = {"author": author, "timestamp": format_instant(now), "version": 1, "statements": statements}
    return {"@context": CONTEXT, "@id": f"urn:sha256:{hashlib.sha256(canonical_json(body)).hexdigest()}", **body}


def _statement(waiver: Grant) -> dict[str, Any]:
    part = {"@id": _purl(waiver)}
    said = waiver.waives
    return {
        "@id": f"urn:gate:waiver:{quote(waiver.id, safe='')}",
        "vulnerability": {"name": said.vulnerability if said else ""},
        "timestamp": format_instant(waiver.not_before),
        "products": [{"@id": _place(entry), "subcomponents": [part]} for entry in waiver.scope.repositories],
        "status": "not_affected",
        "justification": said.justification.value if said else "",
        "impact_statement": waiver.reason,
        "status_notes": f"waived until {format_instant(waiver.expires)}",
    }


def _purl(waiver: Grant) -> str:
    name = quote(waiver.name, safe=".-_")
    version = f"@{quote(waiver.version, safe='.-_')}" if waiver.version else ""
    return f"pkg:{_TYPES.get(waiver.kind, 'generic')}/{name}{version}"


def _place(entry: str) -> str:
    """Name the images of a place, or of all places below a prefix (`repository_url` then ends in a slash)."""
    name = entry.rstrip("/").rpartition("/")[2].lower()
    return f"pkg:oci/{quote(name, safe='.-_')}?repository_url={quote(entry, safe='/:.-_')}"
