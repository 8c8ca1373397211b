"""What one stage of a Dockerfile knows by the time a line is reached: variables, files copied, indexes configured."""

from __future__ import annotations

import fnmatch
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.model.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """One `COPY` or bind mount out of the build context: where from, and where it lies in the image."""

    sources: tuple[str, ...]
    target: str


@dataclass(slots=True)
class Stage:
    """The state. A stage that builds on another starts as its copy.

    Attributes:
        env: variables with known values, `ENV` and `ARG`.
        workdir: where relative paths start.
        copies: what came out of the build context.
        channels: conda channels that a command configured.
        no_defaults: `defaults` was taken out of conda's configuration.
        archives: OS archives that a command added.
        cloned: folders whose content came from elsewhere (clones, unpacked archives).
        manifests: project manifests that were already counted, in the whole file.
        fetched: names of files that were downloaded, in the whole file; installing one is no second reference.
        shell: the program that `SHELL` names; empty: the one that the base image has.
    """

    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    copies: list[Copied] = field(default_factory=list)
    channels: list[Origin] = field(default_factory=list)
    no_defaults: bool = False
    archives: list[Origin] = field(default_factory=list)
    pip: dict[str, list[str]] = field(default_factory=dict)
    cloned: list[str] = field(default_factory=list)
    manifests: set[str] = field(default_factory=set)
    fetched: set[str] = field(default_factory=set)
    shell: str = ""

    def child(self) -> Stage:
        """Return the state of a stage that builds on this one."""
        return Stage(
            env=dict(self.env),
            workdir=self.workdir,
            copies=list(self.copies),
            channels=list(self.channels),
            no_defaults=self.no_defaults,
            archives=list(self.archives),
            pip={key: list(value) for key, value in self.pip.items()},
            cloned=list(self.cloned),
            manifests=self.manifests,
            fetched=self.fetched,
            shell=self.shell,
        )

    def absolute(self, path: str) -> str:
        """Return a path inside the image, normalised."""
        return posixpath.normpath(posixpath.join(self.workdir, path))

    def was_fetched(self, path: str) -> bool:
        """Say whether a local file, or a pattern of files, was downloaded before: its address is the reference."""
        name = posixpath.basename(path)
        if any(one in name for one in "*?["):
            return any(fnmatch.fnmatchcase(one, name) for one in self.fetched)
        return name in self.fetched

    def was_copied(self, path: str) -> bool:
        """Say whether a path lies where something was copied out of the build context."""
        target = self.absolute(path)
        folders = [self.absolute(one.target) for one in self.copies]
        return any(target == one or target.startswith(one.rstrip("/") + "/") for one in folders)

    def in_clone(self, path: str) -> bool:
        """Say whether a path inside the image lies in a folder whose content came from elsewhere."""
        target = self.absolute(path)
        return any(target == one or target.startswith(one.rstrip("/") + "/") for one in self.cloned)


def locate(path: str, stage: Stage, contexts: list[str], reading: Reading) -> str | None:
    """Return the file of the build context that lies at this path of the image; None if none is known to.

    `contexts` are the folders that may be the build context, the likeliest first.
    """
    target = stage.absolute(path)
    for copied in reversed(stage.copies):
        for context in contexts:
            for candidate in _candidates(copied, target, stage, context, reading):
                found = reading.locate(candidate, context)
                if found is not None:
                    return found
    return None


def _candidates(copied: Copied, target: str, stage: Stage, context: str, reading: Reading) -> list[str]:
    destination = stage.absolute(copied.target)
    into = copied.target.endswith(("/", "/.")) or copied.target in {".", ".."} or len(copied.sources) > 1
    out: list[str] = []
    for raw in copied.sources:
        source = raw.lstrip("/") or "."
        if reading.is_folder(source, context):
            if target.startswith(destination.rstrip("/") + "/"):
                out.append(posixpath.join(source, target[len(destination.rstrip("/")) + 1 :]))
            continue
        if any(one in source for one in "*?["):
            folder, name = posixpath.split(target)
            if folder == destination and fnmatch.fnmatchcase(name, posixpath.basename(source)):
                out.append(posixpath.join(posixpath.dirname(source), name))
            continue
        if target == destination or target == posixpath.join(destination, posixpath.basename(source)):
            if target == destination and into:
                continue
            out.append(source)
    return out
