"""What policy says of findings: which block, how old each source's evidence may be, and which of it is required."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator, model_validator

from gate.model.base import Value
from gate.model.finding import FindingSeverity
from gate.policy.scanners import Identity, ScanSigner
from gate.policy.words import Duration, Treatment


class Freshness(Value):
    """How old the evidence of one source may be, and what is made of evidence that is missing or too old.

    Attributes:
        soft_age: past it a warning.
        hard_age: past it the evidence is missing.
        required: missing evidence holds the image; else it is a warning, and the decision does without.
    """

    soft_age: Duration
    hard_age: Duration
    required: bool

    @model_validator(mode="after")
    def _ordered(self) -> Freshness:
        if self.hard_age < self.soft_age:
            message = "`hard_age` must not be shorter than `soft_age`"
            raise ValueError(message)
        return self


class AdvisoryPolicy(Freshness):
    """The advisories on Python packages."""

    soft_age: Duration = timedelta(days=2)
    hard_age: Duration = timedelta(days=14)
    required: bool = True


class ExploitedPolicy(Freshness):
    """The list of known exploited vulnerabilities. What an old list says still counts: nothing leaves it."""

    soft_age: Duration = timedelta(days=7)
    hard_age: Duration = timedelta(days=30)
    required: bool = False


class CondaNamesPolicy(Freshness):
    """The map from conda names to PyPI names, for images with conda packages. Unmapped ones are named anyway."""

    soft_age: Duration = timedelta(days=30)
    hard_age: Duration = timedelta(days=180)
    required: bool = False


class DefenderPolicy(Value):
    """What is asked of Defender. `allow_recorded` is for demonstrations and tests alone.

    `signers` sign findings artifacts; `scanners` are the identities whose scan reports count. Nobody by default.
    A scan older than `soft_age`, if that is said, is a warning, and one older than `max_age` is none. `required` is as
    that of the other sources.
    """

    max_age: Duration = timedelta(days=7)
    soft_age: Duration | None = None
    required: bool = True
    allow_recorded: bool = False
    signers: tuple[ScanSigner, ...] = ()
    scanners: tuple[Identity, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> DefenderPolicy:
        if self.soft_age is not None and self.max_age < self.soft_age:
            message = "`max_age` must not be shorter than `soft_age`"
            raise ValueError(message)
        return self


class Bar(Value):
    """Which findings block: by severity, by whether a fix is available, and by how long it has been.

    Attributes:
        block: severities that block; `unknown` is one of its own.
        grace: by severity, how long a finding may stand after a fix for it appeared; none where nothing is said.
        unfixed: what is made of a finding of such a severity that no version fixes, `block` or `warn`.
    """

    block: tuple[FindingSeverity, ...] = (FindingSeverity.CRITICAL, FindingSeverity.HIGH, FindingSeverity.UNKNOWN)
    grace: dict[FindingSeverity, Duration] = Field(default_factory=dict)
    unfixed: Treatment = Treatment.BLOCK

    @field_validator("unfixed")
    @classmethod
    def _shown(cls, value: Treatment) -> Treatment:
        if value is Treatment.ALLOW:
            message = "`block` or `warn`: a finding is shown in any case"
            raise ValueError(message)
        return value


class FindingPolicy(Bar):
    """Which findings block, and how long an image may wait for evidence before it is discarded as not looked at.

    `base` is the bar for what lies in layers of a listed base image, where it is another one. Malicious packages and
    known exploited vulnerabilities block whatever a bar says.
    """

    base: Bar | None = None
    deadline: Duration = timedelta(hours=24)
    defender: DefenderPolicy = DefenderPolicy()
    advisories: AdvisoryPolicy = AdvisoryPolicy()
    exploited: ExploitedPolicy = ExploitedPolicy()
    conda_names: CondaNamesPolicy = CondaNamesPolicy()

    @model_validator(mode="after")
    def _looked(self) -> FindingPolicy:
        if not self.defender.required and not self.advisories.required:
            message = "one of `defender` and `advisories` must be required, or nobody need look at an image"
            raise ValueError(message)
        return self
