"""The policy as types. Unknown keys are refused, an empty list lets nothing in, nothing defaults to open."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator

from gate.model.base import Value
from gate.model.exception import Grant
from gate.model.image import ProofLevel
from gate.model.origin import PYPI
from gate.policy.bases import BaseAges, BaseImage
from gate.policy.evidence import AdvisoryPolicy, DefenderPolicy, FindingPolicy
from gate.policy.observed import ContentPolicy, DriftPolicy, ResolutionPolicy
from gate.policy.retiring import RetirementPolicy
from gate.policy.users import EVERY_USER, UserKind
from gate.policy.words import Duration, Treatment

__all__ = [
    "AdvisoryPolicy",
    "BaseImage",
    "ContentPolicy",
    "DefenderPolicy",
    "DriftPolicy",
    "FindingPolicy",
    "ResolutionPolicy",
    "Treatment",
]
"""What is defined in other modules and belongs to the policy's types; the rest is defined here."""


class PythonIndex(Value):
    """A Python index that anyone may use. `pypi` is named, its address is not policy's to say.

    `url` is for an organisation's mirror: what is read from there counts as the name. `private` says that the index
    is the organisation's own: private names (`reserved_names`) may be asked there, and there alone.
    """

    name: str = Field(min_length=1)
    url: str = ""
    private: bool = False

    @field_validator("url")
    @classmethod
    def _https(cls, value: str) -> str:
        return _plain_https(value)

    @model_validator(mode="after")
    def _own(self) -> PythonIndex:
        if self.private and self.name == PYPI:
            message = f"`{PYPI}` is nobody's own: a private name that is asked there could be anybody's tomorrow"
            raise ValueError(message)
        return self


class CondaChannel(Value):
    """A conda channel that anyone may use, by its name and the addresses under which it is known."""

    name: str = Field(min_length=1)
    urls: tuple[str, ...] = ()

    @field_validator("urls")
    @classmethod
    def _https(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_plain_https(url) for url in value)


class ImageRegistry(Value):
    """A registry whose images anyone may build upon, by host; `path` narrows it to a prefix of whole segments.

    `mirrors` are the organisation's own copies of it, as `host/prefix`: what is read from there counts as the host's.
    """

    host: str = Field(min_length=1)
    path: str = ""
    mirrors: tuple[str, ...] = ()

    @field_validator("mirrors")
    @classmethod
    def _places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _mirror_places(value)


class OsArchive(Value):
    """A distribution's archive that the organisation lets in outside base images: `debian`, `ubuntu`, `azurelinux`."""

    name: str = Field(min_length=1)


class Safelist(Value):
    """The origins that anyone may use. An empty list lets nothing in."""

    version: Literal["gate.safelist/1"]
    python_indexes: tuple[PythonIndex, ...]
    conda_channels: tuple[CondaChannel, ...]
    image_registries: tuple[ImageRegistry, ...]
    os_archives: tuple[OsArchive, ...] = ()
    azureml_registries: tuple[str, ...] = ()
    base_images: tuple[BaseImage, ...] = ()
    """With those of the files in `allowlist/bases`."""
    implicit_defaults: Treatment = Treatment.WARN
    """What a conda file says that names no `defaults` and no `nodefaults`: conda may add `defaults` by itself."""
    reserved_names: tuple[str, ...] = ()
    """Private Python names, exact or as a prefix that ends in `*`: never asked of a public index."""

    @property
    def takes_pypi(self) -> bool:
        """Say whether PyPI is one of the indexes."""
        return any(index.name == PYPI for index in self.python_indexes)


class ProofPolicy(Value):
    """The least level of proof for a component of each kind; anything below is undetermined.

    What an image's own conda records say of their channel is `consistent` at best: whoever built the image wrote them.
    """

    pypi: ProofLevel = ProofLevel.PROVEN
    conda: ProofLevel = ProofLevel.PROVEN

    @field_validator("pypi", "conda")
    @classmethod
    def _meaningful(cls, value: ProofLevel) -> ProofLevel:
        if value not in {ProofLevel.PROVEN, ProofLevel.CONSISTENT}:
            message = "only `proven` or `consistent` can be demanded"
            raise ValueError(message)
        return value


class Promotion(Value):
    """A place where images wait and the place where they are released: prefixes of whole path segments.

    `mirrors` are the organisation's own copies of the staging place's registry, as `host/prefix`: an evaluation may
    read there what has a digest. What is promoted comes from the staging place itself.
    """

    staging: str = Field(min_length=1)
    release: str = Field(min_length=1)
    mirrors: tuple[str, ...] = ()

    @field_validator("mirrors")
    @classmethod
    def _places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _mirror_places(value)


class DiscardPolicy(Value):
    """What a discard may do beyond deleting, and whose use of the image keeps it from being done.

    Attributes:
        unlock: lets it lift locks from what is denied; else a locked image is not discarded.
        users: the kinds of users outside the image's repository for whom it is refused; the others are not asked. A
            source of these that can't be asked refuses too.
        grace: for how long the bytes are kept where nobody can pull them, before they are deleted. None deletes at
            once, and so does a place that can hide nothing: what was denied is never left to be deployed.
    """

    unlock: bool = False
    users: tuple[UserKind, ...] = EVERY_USER
    grace: Duration | None = None


class DecisionPolicy(Value):
    """The decision's own settings."""

    version: Literal["gate.policy/1"]
    platforms: tuple[str, ...] = ("linux",)
    """For what images may be: `os`, `os/architecture` or with its variant. An empty list lets none in."""
    proof: ProofPolicy = ProofPolicy()
    findings: FindingPolicy = FindingPolicy()
    content: ContentPolicy = ContentPolicy()
    base: BaseAges = BaseAges()
    drift: DriftPolicy = DriftPolicy()
    resolution: ResolutionPolicy = ResolutionPolicy()
    promotion: tuple[Promotion, ...] = ()
    sbom: bool = True
    """Attach the bill of materials of each image that is released, beside the signed verdict that names it."""
    discard: DiscardPolicy = DiscardPolicy()
    retirement: RetirementPolicy = RetirementPolicy()

    @field_validator("platforms")
    @classmethod
    def _platforms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not one or not all(one.split("/")) for one in value):
            message = "`os`, `os/architecture` or `os/architecture/variant`"
            raise ValueError(message)
        return value

    def lets_in(self, platform: str) -> bool:
        """Say whether images may be for a platform, as `os/architecture[/variant]`."""
        return any(platform == one or platform.startswith(f"{one}/") for one in self.platforms)


class WorkflowPolicy(Value):
    """The exception workflow: who may approve is a later matter of roles; how long is said here."""

    version: Literal["gate.workflow/1"]
    longest: Duration = timedelta(days=180)
    default: Duration = timedelta(days=90)
    never: tuple[str, ...] = ()
    """Names that can never be excepted, as `kind/name`."""
    waive_exploited: bool = False
    """Whether a waiver may hide a vulnerability that is known to be exploited."""

    @model_validator(mode="after")
    def _ordered(self) -> WorkflowPolicy:
        if self.default > self.longest:
            message = "`default` must not be longer than `longest`"
            raise ValueError(message)
        return self


class Policy(Value):
    """The whole policy. Its digest stands in every decision."""

    safelist: Safelist
    decision: DecisionPolicy
    workflow: WorkflowPolicy
    grants: tuple[Grant, ...] = ()


def _plain_https(url: str) -> str:
    if url and (not url.startswith("https://") or "@" in url or "?" in url):
        message = "an https address without credentials or query"
        raise ValueError(message)
    return url.rstrip("/")


def _mirror_places(value: tuple[str, ...]) -> tuple[str, ...]:
    if any(not mirror or "://" in mirror or "@" in mirror or mirror.endswith("/") for mirror in value):
        message = "`host/prefix`, without a scheme, credentials or a slash at the end"
        raise ValueError(message)
    return value
