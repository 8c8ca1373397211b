"""What a ledger holds as it was found, before anybody believes it: rows, openings and the head's claim."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A personal value kept beside the ledger, with the salt that opens its commitment."""

    commitment: str
    field: str
    salt: bytes
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """One row. Only `leaf_bytes` is the record; the columns beside it find it and must say the same.

    Attributes:
        leaf_hash: 32 raw bytes, as the row claims.
        openings: personal values that were not erased.
    """

    index: int
    evaluation: str
    event: str
    attempt: int
    recorded_at: str
    subject: str
    leaf_bytes: bytes
    leaf_hash: bytes
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedHead:
    """What the head says of the ledger: its name, size and root, and the frontier from which it grows."""

    origin: str
    size: int
    root: bytes
    frontier: bytes
