"""What a ledger holds as it was found, before anybody believes it: rows, openings and the head's claim."""

from __future__ import annotations

from dataclasses import dataclass

from gate.ledger.record import SALT_BYTES, commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A personal value kept beside the ledger, with the salt that opens its commitment."""

    commitment: str
    field: str
    salt: bytes
    value: str

    def opens(self) -> bool:
        """Say whether field, value and salt are those of the commitment."""
        # SQLite keeps text in a column of bytes, and bytes in one of text, if somebody puts them there.
        if not isinstance(self.salt, bytes) or not isinstance(self.value, str) or len(self.salt) != SALT_BYTES:
            return False
        return commit(self.field, self.value, self.salt) == self.commitment


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
