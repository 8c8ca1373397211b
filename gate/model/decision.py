"""Promote, hold or discard, with every rule's result. Codes and parameters, no prose."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from gate.model.base import Instant, Value, unsaid
from gate.model.digest import Digest
from gate.model.exception import Subject
from gate.model.origin import Disposition, Kind


class Outcome(StrEnum):
    """The three ways out. `hold` ends at the policy's deadline, in a discard."""

    PROMOTE = "promote"
    HOLD = "hold"
    DISCARD = "discard"


class Status(StrEnum):
    """What one rule says of one thing."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class RuleResult(Value):
    """One rule's answer about one subject.

    `code` picks the reason and the way out that the rule's page explains; `params` fill them in. `request` is the
    exception request that would lift it, where one can. `image` and `platform` name the child of an index that it is
    about; nothing if it is about all, or if there is only one image.
    """

    rule: str
    status: Status
    code: str
    subject: str = ""
    params: dict[str, str] = Field(default_factory=dict)
    request: str = ""
    image: Digest | None = None
    platform: str = ""

    def waiver(self, repository: str) -> Subject | None:
        """Return what a waiver that would lift it is about, or None if none would."""
        if not self.request or "waive" not in self.params:
            return None
        return Subject(
            kind=Kind(self.params["kind"]),
            name=self.params["name"],
            version=self.params["version"],
            repository=repository,
            vulnerability=self.params["waive"],
        )


class Disposed(Value):
    """The disposition of one reference or component: exactly one each, so that counts add up.

    `image` is the child of an index that the component is in; nothing if there is only one image.
    """

    kind: Kind
    name: str
    version: str = ""
    where: str
    disposition: Disposition
    code: str
    grant: str = ""
    request: str = ""
    image: Digest | None = None

    def subject(self, repository: str) -> Subject:
        """Return what an exception for it is about; a pin is the version that it pins, so that both ask for one."""
        version = self.version.replace(" ", "").lstrip("=") if self.kind is Kind.PYPI else self.version
        return Subject(kind=self.kind, name=self.name, version=version, repository=repository)


class Decision(Value):
    """What was decided, from which evidence, under which rules, as of when."""

    version: Literal["gate.decision/1"] = "gate.decision/1"
    outcome: Outcome
    subject: Digest
    repository: str
    decided_at: Instant
    policy: Digest
    ruleset: Digest
    evidence: Digest
    recorded_sources: tuple[str, ...] = ()
    """Sources whose answer is a recording and not a live one."""
    results: tuple[RuleResult, ...]
    references: tuple[Disposed, ...] = ()
    components: tuple[Disposed, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)
    requests: tuple[str, ...] = ()
    """Exception requests that would lift what blocks, sorted; opened as drafts if they do not exist."""
    missing: tuple[str, ...] = Field(default=(), exclude_if=unsaid)
    """Sources whose evidence policy requires and that is missing, too old or in doubt, sorted: what holds it."""

    def subjects(self) -> dict[str, Subject]:
        """Return what each request that would lift something is about, by its id."""
        disposed = (*self.references, *self.components)
        origins = {one.request: one.subject(self.repository) for one in disposed if one.request}
        waivers = {one.request: subject for one in self.results if (subject := one.waiver(self.repository))}
        return origins | waivers
