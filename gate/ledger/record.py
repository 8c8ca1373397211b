"""One entry of the ledger: what happened to what, in codes and digests, with personal values only as commitments.

The index is not part of the hashed content: the tree fixes it, and a record is the same fact wherever it stands.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gate.model.base import Instant, Value, canonical_json
from gate.model.digest import Digest
from gate.model.redact import redact

SALT_BYTES = 32
LEAF_BYTES = 64 * 1024
"""Largest record, in bytes of its canonical form; what is larger belongs into a blob."""

CONTENT_FACTS = ("decision", "evidence", "plan", "receipt", "withdrawal", "failure")
"""Facts that name kept content by digest: what they name must still be there when the ledger is verified."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Event(StrEnum):
    """Everything that the ledger knows to happen."""

    EVALUATION_SUBMITTED = "evaluation_submitted"
    DIGEST_RESOLVED = "digest_resolved"
    EVIDENCE_GATHERED = "evidence_gathered"
    DECIDED = "decided"
    RECONSIDERED = "reconsidered"
    PROMOTION_INTENDED = "promotion_intended"
    PROMOTED = "promoted"
    DISCARD_INTENDED = "discard_intended"
    DISCARDED = "discarded"
    DELETION_INTENDED = "deletion_intended"
    DELETED = "deleted"
    DELETION_FAILED = "deletion_failed"
    DELETION_KEPT = "deletion_kept"
    TOMBSTONE_RENEWED = "tombstone_renewed"
    TOMBSTONE_LIFTED = "tombstone_lifted"
    HOLD_PLACED = "hold_placed"
    HOLD_RELEASED = "hold_released"
    HELD = "held"
    FAILED = "failed"
    ADOPTED = "adopted"
    EXCEPTION_DRAFTED = "exception_drafted"
    EXCEPTION_REQUESTED = "exception_requested"
    EXCEPTION_APPROVED = "exception_approved"
    EXCEPTION_DENIED = "exception_denied"
    RETIREMENT_REQUESTED = "retirement_requested"
    RETIREMENT_APPROVED = "retirement_approved"
    RETIREMENT_DENIED = "retirement_denied"
    RETIREMENT_INTENDED = "retirement_intended"
    RETIREMENT_HIDDEN = "retirement_hidden"
    RETIREMENT_FAILED = "retirement_failed"
    RETIRED = "retired"
    REINSTATED = "reinstated"
    DATA_IMPORTED = "data_imported"
    SCAN_FILED = "scan_filed"
    DRY_RUN = "dry_run"
    NOTIFIED = "notified"
    NOTIFICATION_FAILED = "notification_failed"


def _named(value: str) -> str:
    if not _NAME.fullmatch(value):
        message = f"not a field name: {value[:80]!r}"
        raise ValueError(message)
    return value


FieldName = Annotated[str, AfterValidator(_named)]
"""Lower case, digits and underscores, at most 64 characters."""

Fact = Annotated[str, Field(max_length=4096), AfterValidator(redact)]
"""A digest, a code or a name; secrets in addresses are hidden before it is hashed."""


class LedgerRecord(Value):
    """What one leaf holds.

    Attributes:
        evaluation: id of the run, or of what else this is about (an exception request, a data snapshot).
        attempt: counts repetitions of the same event there, from 1; with `evaluation` and `event` it is unique.
        subject: the image digest that it is about, if there is one yet.
        facts: digests, codes and names by field. Nothing about a person.
        commitments: salted commitments to personal values by field (`actor` …); the writer fills them in.
    """

    version: Literal["gate.ledger/1"] = "gate.ledger/1"
    event: Event
    evaluation: str = Field(min_length=1, max_length=256)
    attempt: int = Field(default=1, ge=0, le=2**31 - 1)
    recorded_at: Instant
    subject: Digest | None = None
    repository: Fact = ""
    facts: dict[FieldName, Fact] = Field(default_factory=dict, max_length=64)
    commitments: dict[FieldName, Digest] = Field(default_factory=dict, max_length=16)


def commit(field: str, value: str, salt: bytes) -> Digest:
    """Return the commitment to a personal value: it binds field and value, and shows neither without the salt.

    Raises:
        ValueError: the salt is not 32 bytes.
    """
    if len(salt) != SALT_BYTES:
        message = f"a salt has {SALT_BYTES} bytes"
        raise ValueError(message)
    content = b"gate.commitment/1\x00" + salt + canonical_json([field, value])
    return "sha256:" + hashlib.sha256(content).hexdigest()
