"""What the readers of components share: the merged file system, the survey, and a list for problems."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gate.errors import BoundError
from gate.image.tree import FileEntry, find, find_file, shown
from gate.model.reference import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gate.bounds import ImageBounds
    from gate.image.files import FileSystem
    from gate.image.survey import Survey
    from gate.model.image import Component

PROBLEMS = 1000
"""Problems that are named in one inventory; more are counted."""


LISTED = 100_000
"""Rows of an image after which no more lists are held in memory; they are read again when they are needed."""

TELLING = ("METADATA", "RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json")
"""The files of a `.dist-info` that tell who it is and where it is from."""


class Read(NamedTuple):
    """A metadata file: its bytes, the layer that put it there, its sha256 in hexadecimal."""

    data: bytes
    layer: int
    sha256: str


@dataclass(slots=True, kw_only=True)
class Found:
    """A component and the paths, from the root of the image, of what it installed.

    Attributes:
        path: where its metadata lies, as the file system writes it.
        evidence: the metadata file itself.
        files: tells what it installed, when asked; nothing if its metadata does not say.
        claims: the Python metadata among them, with the sha256 (hexadecimal) that it must have, or nothing.
        config: paths among them that are meant to be edited.
        below: starts of the paths among which its files lie, where `files` does not say which they are.
    """

    component: Component
    path: str
    evidence: str
    files: Callable[[], Iterable[str]] = tuple
    claims: Mapping[str, str] = field(default_factory=dict)
    config: frozenset[str] = frozenset()
    below: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Scene:
    """One image, merged and surveyed."""

    system: FileSystem
    survey: Survey
    bounds: ImageBounds
    problems: list[Problem] = field(default_factory=list)
    dropped: int = 0
    rows: int = 0
    owned: frozenset[str] | None = None
    """What `gate.image.loose.owned_paths` found, once it was asked."""

    listed: dict[str, list[str]] = field(default_factory=dict)
    """What the RECORD of a distribution lists, by the path of its metadata, for images that are not huge."""

    def spend_row(self) -> None:
        """Count one row of a list of files.

        Raises:
            BoundError: there are more than the bound `rows`, over all lists.
        """
        self.rows += 1
        if self.rows > self.bounds.rows:
            message = f"the lists of files in the image have more than {self.bounds.rows} rows"
            raise BoundError(message, bound="rows")

    def listing(self, path: str) -> list[str] | None:
        """Return a new list to be filled with what a RECORD lists; nothing where that would take too much memory."""
        if self.rows > LISTED:
            return None
        self.listed[path] = paths = list[str]()
        return paths

    def read(self, path: str) -> Read | None:
        """Return a metadata file, links followed; nothing if there is none.

        What is there but can't be read (its bytes were not kept, it is a folder, its link leads nowhere) is a
        problem and then nothing.
        """
        found = find_file(self.system.root, path)
        if found is None:
            if find(self.system.root, path, follow_last=False) is not None:
                self.problem("metadata_unreadable", "is no regular file", path)
            return None
        entry = found[1]
        data = self.system.kept.get(entry.sha256)
        if data is None:
            self.problem("metadata_unreadable", "leads to a file whose content was not kept", path)
            return None
        return Read(data, entry.layer, entry.sha256.hex())

    def file(self, path: str) -> FileEntry | None:
        """Return the entry of a regular file, links followed."""
        found = find_file(self.system.root, path)
        return found[1] if found is not None else None

    def problem(self, code: str, what: str, path: str, severity: Severity = Severity.ERROR) -> None:
        """Note a problem; an error says that the inventory may lack something, so nothing passes."""
        if len(self.problems) >= PROBLEMS:
            self.dropped += 1
            return
        message = f"`{shown(path)[:300]}` {what}"
        self.problems.append(Problem(code=code, message=message, file=shown(path)[:1000], severity=severity))


def is_python_metadata(path: str) -> bool:
    """Say whether a path is one by which a package claims to have installed a Python distribution."""
    return ".dist-info" in path or ".egg-info" in path
