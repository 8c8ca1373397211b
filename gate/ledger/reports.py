"""The JSON that `gate audit` prints: one shape for each subcommand, its schema in `docs/schemas/ledger-*.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gate.ledger.audit import Account
from gate.ledger.reader import LedgerEntry
from gate.ledger.verify import Corrupt, Verified
from gate.model.base import Value


class ListReport(Value):
    """What `gate audit list` prints. `next` is what to pass as `--after` for the next page, if there may be one."""

    form: Literal["gate.audit-list/1"] = Field(default="gate.audit-list/1", alias="schema")
    records: tuple[LedgerEntry, ...]
    next: int | None


class ShowReport(Account):
    """What `gate audit show` prints."""

    form: Literal["gate.audit-show/1"] = Field(default="gate.audit-show/1", alias="schema")


class VerifiedReport(Verified):
    """What `gate audit verify` prints of a ledger that is what it claims to be."""

    form: Literal["gate.audit-verify/1"] = Field(default="gate.audit-verify/1", alias="schema")
    verdict: Literal["verified"] = "verified"


class CorruptReport(Corrupt):
    """What `gate audit verify` prints of one that is not."""

    form: Literal["gate.audit-verify/1"] = Field(default="gate.audit-verify/1", alias="schema")
    verdict: Literal["ledger_corrupt"] = "ledger_corrupt"


def verify_report(result: Verified | Corrupt) -> VerifiedReport | CorruptReport:
    """Return the report of a verification."""
    kind = VerifiedReport if isinstance(result, Verified) else CorruptReport
    return kind.model_validate(result.model_dump())
