"""What a data scientist files and what was approved: scoped, owned, reasoned, dated, bound to bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from enum import StrEnum

from pydantic import Field, model_validator

from gate.model.base import Instant, Value, canonical_json, unsaid
from gate.model.digest import Digest
from gate.model.origin import Kind
from gate.model.principal import Principal

VULNERABILITY = r"^[A-Za-z][A-Za-z0-9]{1,15}-[A-Za-z0-9][A-Za-z0-9._:-]{0,98}$"
"""One id of a database of vulnerabilities (`CVE-2026-1234`, `GHSA-…`, `PYSEC-…`), never a pattern."""

WAIVED_NAME = r"[^\s*?\[\]|,]{1,500}"
"""The name of one component, without a wildcard."""


class Justification(StrEnum):
    """Why a component that has a vulnerability is not affected by it: the words of OpenVEX 0.2.0, and no others."""

    COMPONENT_NOT_PRESENT = "component_not_present"
    CODE_NOT_PRESENT = "vulnerable_code_not_present"
    CODE_NOT_EXECUTED = "vulnerable_code_not_in_execute_path"
    NOT_CONTROLLABLE = "vulnerable_code_cannot_be_controlled_by_adversary"
    MITIGATED = "inline_mitigations_already_exist"


class Subject(Value):
    """What an exception is about: one version of one thing, in one place where images wait."""

    kind: Kind
    name: str
    version: str = ""
    repository: str
    vulnerability: str = Field(default="", exclude_if=unsaid)
    """Set if it is about this vulnerability on the thing, and not about where the thing is from."""

    def request_id(self) -> str:
        """Return the id that the draft for this subject has, the same at every evaluation."""
        raw = hashlib.sha256(canonical_json(self.model_dump(mode="json"))).digest()[:10]
        return "EXR-" + base64.b32encode(raw).decode().lower()


class RequestState(StrEnum):
    """The life of a request. A draft was opened by the gate and waits for somebody to give a reason."""

    DRAFT = "draft"
    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"


class ExceptionRequest(Value):
    """A request as it stands now. `origin` is where the bytes came from as far as known; never with credentials.

    `round` counts how often it was filed or is about to be: what was decided may be filed again, as a new round.
    """

    id: str
    subject: Subject
    state: RequestState
    origin: str = ""
    reason: str = ""
    requester: Principal
    opened_at: Instant
    evaluation: str = ""
    justification: Justification | None = Field(default=None, exclude_if=unsaid)
    """Of a request to waive a vulnerability."""
    decided_by: Principal | None = None
    decided_at: Instant | None = None
    comment: str = ""
    grant: str = ""
    round: int = Field(default=1, ge=1)


class GrantedFile(Value):
    """One file whose bytes were approved: name as its storage has it, sha256 of the whole file, size in bytes."""

    filename: str
    sha256: Digest
    size: int


class Scope(Value):
    """Where a grant holds: repositories by exact place or by a prefix that ends in `/`. Never empty."""

    repositories: tuple[str, ...] = Field(min_length=1)

    def covers(self, repository: str) -> bool:
        """Say whether an image in that place may use the grant."""
        return any(
            repository == entry or (entry.endswith("/") and repository.startswith(entry)) for entry in self.repositories
        )


class Waived(Value):
    """What a waiver is about: one vulnerability, by any one of its ids, and why it does not affect the component."""

    vulnerability: str = Field(pattern=VULNERABILITY)
    justification: Justification


class Grant(Value):
    """An approval of bytes, or a waiver: that of one vulnerability on one component.

    `not_before <= now < expires`; there is no grant without an end. A waiver is for no bytes and lifts no origin; one
    without a version is for every version of the component.
    """

    id: str
    kind: Kind
    name: str
    version: str
    files: tuple[GrantedFile, ...]
    references: tuple[str, ...] = ()
    """Declared addresses that the grant stands for (a VCS address, a URL), exactly as references name them."""
    scope: Scope
    owner: Principal
    approver: Principal
    reason: str = Field(min_length=1)
    ticket: str = ""
    not_before: Instant
    expires: Instant
    request: str = ""
    standing: bool = False
    """Kept as a file in the policy's `grants/` folder, not in the store."""
    waives: Waived | None = Field(default=None, exclude_if=unsaid)

    @model_validator(mode="after")
    def _sound(self) -> Grant:
        if self.expires <= self.not_before:
            message = "`expires` must lie after `not_before`"
            raise ValueError(message)
        if self.waives is not None and (self.files or self.references):
            message = "a waiver is for a vulnerability, and for no file and no address"
            raise ValueError(message)
        if self.waives is not None and not re.fullmatch(WAIVED_NAME, self.name):
            message = "a waiver names one component, without a wildcard"
            raise ValueError(message)
        if self.waives is None and self.kind in {Kind.PYPI, Kind.CONDA} and not self.files:
            message = "a package grant names the sha256 of at least one file"
            raise ValueError(message)
        if self.owner.key.casefold() == self.approver.key.casefold():
            message = "nobody approves their own request"
            raise ValueError(message)
        return self
