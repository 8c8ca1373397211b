"""The closed set behind a declaration: every package that an installation would bring, and the file it comes in."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from gate.model.base import Instant, Value
from gate.model.failure import Failure
from gate.model.finding import Finding
from gate.model.origin import Kind, Origin
from gate.model.reference import Problem, Severity


class FileKind(StrEnum):
    """What a file is: a wheel, a source distribution (which would have to be built), or a conda package."""

    WHEEL = "wheel"
    SDIST = "sdist"
    CONDA = "conda"


class ProjectStatus(StrEnum):
    """What an index says of a project (PEP 792).

    `unsaid` is an index that serves no status, which contradicts nothing; `unknown` is a word that nobody knows,
    which is a value of its own and never taken for `active`.
    """

    ACTIVE = "active"
    ARCHIVED = "archived"
    QUARANTINED = "quarantined"
    DEPRECATED = "deprecated"
    UNSAID = "unsaid"
    UNKNOWN = "unknown"


class ResolvedFile(Value):
    """The file that the stated platform would install.

    Attributes:
        filename: as the origin has it.
        url: where it lies, without credentials.
        sha256: `sha256:<hex>`; empty if the origin does not say.
        size: bytes, if the origin says.
        upload_time: of this very file, if the origin says.
        yanked: the reason, perhaps empty, if the file was yanked (PEP 592); else None.
        kind: wheel, sdist or conda.
    """

    filename: str
    url: str
    sha256: str = ""
    size: int | None = None
    upload_time: Instant | None = None
    yanked: str | None = None
    kind: FileKind


class ResolvedPackage(Value):
    """One package of the closed set.

    Attributes:
        kind: `pypi` or `conda`.
        name: PEP 503 name, or conda name.
        version: exact.
        build: conda's build string.
        origin: the safelisted place that it comes from.
        files: what would be installed; one for the stated platform.
        status: of the project.
        status_word: the index's own word, where it has one.
        status_reason: the index's own words.
        required_by: names of the packages of the set that ask for it, sorted.
        declared: `file:line` of every declaration that names it; empty if only others ask for it.
        pinned: whether a declaration pins it to one version (`==`, `===`, a hash, a conda build).
    """

    kind: Kind
    name: str
    version: str
    build: str = ""
    origin: Origin
    files: tuple[ResolvedFile, ...]
    status: ProjectStatus = ProjectStatus.UNSAID
    status_word: str = ""
    status_reason: str = ""
    required_by: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    pinned: bool = False


class Resolution(Value):
    """The closed set for one platform and one Python, as of one instant.

    Attributes:
        platform: as `gate.resolve.target` names it.
        python: the Python version that was stated.
        packages: sorted by kind and name.
        problems: what could not be resolved, and why; an error means that the set is not closed.
        origins: every place that was asked.
        tools: versions of the resolvers by name.
        resolved_at: the instant of the run.
    """

    platform: str
    python: str
    packages: tuple[ResolvedPackage, ...] = ()
    problems: tuple[Problem, ...] = ()
    origins: tuple[Origin, ...] = ()
    tools: dict[str, str] = Field(default_factory=dict)
    resolved_at: Instant

    @property
    def closed(self) -> bool:
        """Say whether the set is whole: nothing was left out, and at least one package came of it."""
        return bool(self.packages) and not self.blocked

    @property
    def blocked(self) -> bool:
        """Say whether something was left out, or may have been."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)


MENDS_UNKNOWN = "mends_unknown"
"""The code of the problem that nobody could tell what young releases would mend; nothing is left out for it."""


class ImageSet(Value):
    """What the declaration resolves to for one image: a closed set, or why there is none. Exactly one is said.

    Attributes:
        resolution: for the platform and the Python of the image, perhaps with problems.
        failure: why nothing was resolved: the image's Python can't be told, or a source or the resolver failed.
        mends: what blocks the same environment without the releases that are still cooling off.
    """

    resolution: Resolution | None = None
    failure: Failure | None = None
    mends: tuple[Finding, ...] = ()

    @model_validator(mode="after")
    def _either(self) -> ImageSet:
        if (self.resolution is None) == (self.failure is None):
            message = "a closed set, or why there is none"
            raise ValueError(message)
        return self
