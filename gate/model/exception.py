"""What a data scientist files and what was approved: scoped, owned, reasoned, dated, bound to bytes."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum

from pydantic import Field, model_validator

from gate.model.base import Instant, Value, canonical_json
from gate.model.digest import Digest
from gate.model.origin import Kind
from gate.model.principal import Principal


class Subject(Value):
    """What an exception is about: one version of one thing, in one place where images wait."""

    kind: Kind
    name: str
    version: str = ""
    repository: str

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


class Grant(Value):
    """An approval of bytes. `not_before <= now < expires`; there is no grant without an end."""

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

    @model_validator(mode="after")
    def _sound(self) -> Grant:
        if self.expires <= self.not_before:
            message = "`expires` must lie after `not_before`"
            raise ValueError(message)
        if self.kind in {Kind.PYPI, Kind.CONDA} and not self.files:
            message = "a package grant names the sha256 of at least one file"
            raise ValueError(message)
        if self.owner.key == self.approver.key:
            message = "nobody approves their own request"
            raise ValueError(message)
        return self
