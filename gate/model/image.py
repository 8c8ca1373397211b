"""An image as its registry describes it, and what was found inside it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from gate.model.base import Value, unsaid
from gate.model.digest import Digest
from gate.model.drift import Drift
from gate.model.failure import Failure
from gate.model.origin import Kind, Origin
from gate.model.reference import Problem
from gate.model.steering import RunConfig, Steering


class Transport(StrEnum):
    """How the bytes of an image are reached."""

    REGISTRY = "registry"
    OCI_LAYOUT = "oci"
    DOCKER_ENGINE = "docker"


class ImageRef(Value):
    """An image as somebody names it: a place, and a tag or a digest.

    `repository` is `host[:port]/path` for a registry, the absolute folder for an OCI layout, the name for the
    local engine. Exactly one of `tag` and `digest` decides; a digest wins.
    """

    transport: Transport
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @property
    def place(self) -> str:
        """The repository with its transport, as policy names it: `oci:/srv/staging`, `host/staging/app`."""
        prefix = "" if self.transport is Transport.REGISTRY else f"{self.transport.value}:"
        return prefix + self.repository

    @classmethod
    def of_place(cls, place: str, *, tag: str = "", digest: Digest | None = None) -> ImageRef:
        """Return the ref of a place as `place` writes it."""
        for transport in (Transport.OCI_LAYOUT, Transport.DOCKER_ENGINE):
            prefix = f"{transport.value}:"
            if place.startswith(prefix):
                return cls(transport=transport, repository=place.removeprefix(prefix), tag=tag, digest=digest)
        return cls(transport=Transport.REGISTRY, repository=place, tag=tag, digest=digest)

    def __str__(self) -> str:
        """Write it the way it is typed."""
        return f"{self.place}@{self.digest}" if self.digest else f"{self.place}:{self.tag}"

    def at(self, digest: Digest) -> ImageRef:
        """Return the same place, pinned to bytes."""
        return self.model_copy(update={"digest": digest})


class LayerFact(Value):
    """One layer: its compressed digest and size in bytes, and the diff id that its content must have."""

    digest: Digest
    diff_id: Digest
    size: int
    media_type: str


class ImageFacts(Value):
    """What the manifest and the config of one single-platform image say, both checked against their digests.

    `digest` is the single-platform manifest's; `index_digest` is set if an index led to it, being what was asked for.
    `run` is what the config says of how a container starts.
    """

    repository: str
    digest: Digest
    index_digest: Digest | None = None
    media_type: str
    config_digest: Digest
    platform: str
    created: str = ""
    layers: tuple[LayerFact, ...]
    run: RunConfig = RunConfig()


class ChildRole(StrEnum):
    """What a child of an image index is. Only an image is run; all of them are released with the index."""

    IMAGE = "image"
    ATTESTATION = "attestation"
    """BuildKit's: both of its marks, and statements alone inside."""
    DISGUISED = "disguised"
    """Marked as an attestation, and holds something else: an image that hopes not to be looked at."""


class IndexChild(Value):
    """One entry of an index, once a digest.

    `platform` is what the index says (`os/architecture[/variant]`, nothing if it says none); `about` is the image that
    an attestation says it is about.
    """

    digest: Digest
    size: int
    media_type: str
    role: ChildRole
    platform: str = ""
    about: str = ""


class UnreadChild(Value):
    """An image of an index that was not read, and why; nothing is known of what is in it.

    `platform` is what its own config says, else what the index says; nothing if neither does.
    """

    digest: Digest
    platform: str = ""
    failure: Failure


class IndexFacts(Value):
    """What an image index lists, every child of it told apart, in the index's own order; `unread` are among them."""

    repository: str
    digest: Digest
    media_type: str
    children: tuple[IndexChild, ...]
    unread: tuple[UnreadChild, ...] = Field(default=(), exclude_if=unsaid)

    @property
    def images(self) -> tuple[IndexChild, ...]:
        """The children that can be run: each is read, judged and decided on."""
        return tuple(child for child in self.children if child.role is ChildRole.IMAGE)


class ProofLevel(StrEnum):
    """How well the origin of a component is known."""

    PROVEN = "proven"
    CONSISTENT = "consistent"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


class Proof(Value):
    """What proving the origin of one component came to.

    `code` names the way or the obstacle (`record_equal`, `metadata_equal`, `metadata_differs`, `no_such_project`,
    `no_such_file`, `direct_url`, `unreachable` …); `transient` says that asking again may tell more, so that the
    component is held and not refused; `evidence` has digests, file names and addresses without credentials.
    """

    level: ProofLevel
    code: str
    origin: Origin | None = None
    transient: bool = False
    grants: tuple[str, ...] = ()
    """Ids of the grants whose bytes these are, whatever their dates and scope: policy judges those."""
    evidence: dict[str, str] = Field(default_factory=dict)


class RecordCheck(Value):
    """The rows of an installed RECORD held against the image's own files.

    `missing` and `differing` count rows; `examples` names up to ten of their paths.
    """

    rows: int
    equal: int
    missing: int
    differing: int
    unhashed: int
    examples: tuple[str, ...] = ()


class Component(Value):
    """One thing found inside an image.

    Attributes:
        path: where the evidence lies, without a leading slash (`…/numpy-2.0.0.dist-info`).
        layer: 0-based index of the layer from which its evidence comes.
        in_base: the layer belongs to a base image that policy lists.
        facts: what was read: `installer`, `requested`, `metadata_sha256`, `wheel_tags`, `channel`, `url`, `build`,
            `sha256`, `architecture`, `status` …, as text.
        direct_url: PEP 610's address without credentials, if there is one.
    """

    kind: Kind
    name: str
    version: str
    path: str
    layer: int
    in_base: bool = False
    direct_url: str = ""
    facts: dict[str, str] = Field(default_factory=dict)
    record: RecordCheck | None = None
    proof: Proof | None = None

    @property
    def is_python(self) -> bool:
        """An installed Python package, wherever it came from: it is audited by its name and version."""
        return self.kind in {Kind.PYPI, Kind.URL, Kind.VCS, Kind.LOCAL} or "metadata_sha256" in self.facts


class BaseMatch(Value):
    """The base image whose diff ids are the leading layers; `layers` is how many."""

    reference: str
    layers: int


class LooseKind(StrEnum):
    """Why a file on top of the base matters that no package's record names."""

    IMPORTABLE = "importable"
    """Python would import it, or take it for part of a package."""
    STARTUP = "startup"
    """It is read at every start of Python or of any program: `.pth`, `sitecustomize.py`, `ld.so.preload` …"""
    INTERPRETER = "interpreter"
    """It is called Python and is not the base's."""
    LIBRARY = "library"
    """A shared library where the loader looks."""
    PROGRAM = "program"
    """A program in machine code (ELF) under a name without a suffix."""
    SHELL = "shell"
    """It is read when a shell starts: `profile.d`, `.bashrc` …"""
    BASE_CHANGED = "base_changed"
    """A program of the base that is another one now, and that no package of the base lists."""
    BYTECODE = "bytecode"
    """A byte code cache: Python runs it instead of its source, with which nobody compared it."""
    UNCHECKED = "unchecked"
    """A byte code cache that Python runs without even looking at its source (PEP 552)."""
    STALE = "stale"
    """A byte code cache that says it was made of a source of another size."""


class Loose(Value):
    """Files of one kind that nobody owns: how many, and the paths of up to ten."""

    kind: LooseKind
    count: int
    examples: tuple[str, ...] = ()


class Above(Value):
    """What lies on top of the base and belongs to no component; `other` counts by kind what has no reader."""

    loose: tuple[Loose, ...] = ()
    other: dict[str, int] = Field(default_factory=dict)


class Inventory(Value):
    """Everything found in one image. `other` counts what has no reader yet; nothing is left out in silence.

    `above`, `steering` and `drift` are nothing if nobody looked, which is not the same as nothing found.
    """

    image: ImageFacts
    base: BaseMatch | None = None
    components: tuple[Component, ...] = ()
    other: dict[str, int] = Field(default_factory=dict)
    above: Above | None = None
    steering: Steering | None = None
    drift: Drift | None = None
    problems: tuple[Problem, ...] = ()
    files: int = 0
