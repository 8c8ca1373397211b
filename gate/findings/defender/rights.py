"""Whether an identity may do what its duty takes, registry by registry, by the kind of roles that each honours.

Scanning, promoting, discarding and retiring are duties that are best given to an identity each. Each asks for itself:
Azure tells nobody what somebody else may do.

Sources: Microsoft's page on registry roles and its list of resource provider operations. The actions for locks and for
attribute-based access are general knowledge and were not checked against a tenant; docs/defender.md says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_REGISTRIES = "Microsoft.ContainerRegistry/registries"
_REPOSITORIES = f"{_REGISTRIES}/repositories"
_READER, _WRITER, _CONTRIBUTOR = (
    f"Container Registry Repository {kind}" for kind in ("Reader", "Writer", "Contributor")
)


REGISTRY, APART = "duty-registry", "duties-apart"
"""Two more checks: whether anything can be told at all, and whether an identity may do more than its duties take."""


IMPORT, SOFT_DELETE = "promote-import", "soft-delete"
"""Whether Azure may bring images between registries by itself, and what a registry keeps of what is deleted."""

IMPORT_ACTION = f"{_REGISTRIES}/importImage/action"
"""Control plane, in both kinds of registries; the page on importing asks for the role that has it on either side."""
IMPORT_ROLE = "Container Registry Data Importer and Data Reader"


class Duty(StrEnum):
    """What the gate does in a registry."""

    SCAN = "scan"
    PROMOTE = "promote"
    DISCARD = "discard"
    RETIRE = "retire"


EVERY_RUN = frozenset({Duty.SCAN, Duty.PROMOTE, Duty.DISCARD})
"""What an evaluation may come to. To retire a release is nothing that a pipeline's identity need be able to do."""


class Part(StrEnum):
    """Which of the two places a right is for."""

    STAGING = "staging"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Something that a registry lets an identity do.

    Attributes:
        verb: what that is, in a word.
        classic: the action that allows it in a classic registry; `classic_role` the role that grants it.
        abac: the same for one with attribute-based access, where it is a data action.
    """

    verb: str
    classic: str
    classic_role: str
    abac: str
    abac_role: str


READ = Right(
    verb="read",
    classic=f"{_REGISTRIES}/pull/read",
    classic_role="AcrPull",
    abac=f"{_REPOSITORIES}/content/read",
    abac_role=_READER,
)
WRITE = Right(
    verb="write",
    classic=f"{_REGISTRIES}/push/write",
    classic_role="AcrPush",
    abac=f"{_REPOSITORIES}/content/write",
    abac_role=_WRITER,
)
LOCK = Right(
    verb="lock",
    classic=f"{_REGISTRIES}/metadata/write",
    classic_role=f"a custom role with `{_REGISTRIES}/metadata/write`, for AcrPush sets no locks",
    abac=f"{_REPOSITORIES}/metadata/write",
    abac_role=_WRITER,
)
DELETE = Right(
    verb="delete",
    classic=f"{_REGISTRIES}/artifacts/delete",
    classic_role="AcrDelete",
    abac=f"{_REPOSITORIES}/content/delete",
    abac_role=_CONTRIBUTOR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a duty takes in one of the places, and why."""

    duty: Duty
    part: Part
    right: Right
    why: str

    @property
    def id(self) -> str:
        """The check's name."""
        return f"{self.duty.value}-{self.part.value}-{self.right.verb}"

    @property
    def title(self) -> str:
        """What the check asks."""
        return f"the identity that is to {self.duty.value} may {self.why}"

    @property
    def mend(self) -> str:
        """What to do where it fails, for both kinds of registries."""
        return (
            f"classic registry: {self.right.classic_role}; registry with attribute-based access:"
            f" {self.right.abac_role}, where policy can narrow it to the {self.part.value} place"
        )


NEEDS: Mapping[str, Need] = {
    need.id: need
    for need in (
        Need(duty=Duty.PROMOTE, part=Part.STAGING, right=READ, why="read where images wait"),
        Need(duty=Duty.PROMOTE, part=Part.RELEASE, right=READ, why="read back what it released"),
        Need(duty=Duty.PROMOTE, part=Part.RELEASE, right=WRITE, why="write where images are released"),
        Need(duty=Duty.PROMOTE, part=Part.RELEASE, right=LOCK, why="lock what it released"),
        Need(duty=Duty.DISCARD, part=Part.STAGING, right=READ, why="see who uses what is to be discarded"),
        Need(duty=Duty.DISCARD, part=Part.STAGING, right=DELETE, why="delete where images wait"),
        Need(duty=Duty.DISCARD, part=Part.STAGING, right=LOCK, why="lift locks where images wait"),
        Need(duty=Duty.RETIRE, part=Part.RELEASE, right=READ, why="see who uses what is to be retired"),
        Need(duty=Duty.RETIRE, part=Part.RELEASE, right=DELETE, why="delete what was released"),
        Need(duty=Duty.RETIRE, part=Part.RELEASE, right=LOCK, why="lift the locks of what was released"),
    )
}
"""Every need, by the name of its check. Lifting locks is needed only where policy says so (`discard.unlock`).

What scanning takes is asked by the preflight, for an evaluation depends on it.
"""

EXCESS: Mapping[Duty, tuple[tuple[Part, Right], ...]] = {
    Duty.SCAN: ((Part.STAGING, WRITE), (Part.STAGING, DELETE), (Part.RELEASE, WRITE), (Part.RELEASE, DELETE)),
    Duty.PROMOTE: ((Part.STAGING, DELETE), (Part.RELEASE, DELETE)),
    Duty.DISCARD: ((Part.RELEASE, WRITE), (Part.RELEASE, DELETE)),
    Duty.RETIRE: ((Part.STAGING, WRITE), (Part.STAGING, DELETE)),
}
"""What no identity of that duty alone should be able to do."""
