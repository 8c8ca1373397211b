"""What one stage of a Dockerfile knows by the time a line is reached: variables, files copied, indexes configured."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.model.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """One `COPY` or bind mount out of the build context: where from, and where it lies in the image, absolute.

    `unpacked`: the source is an archive, and what lies at the target is its content, which nobody can look into.
    """

    sources: tuple[str, ...]
    target: str
    unpacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """One `COPY --from=` of an earlier stage, or a `cp`: absolute paths there and here."""

    stage: Stage
    source: str
    target: str


_ARCHIVE = re.compile(r"(?i).+\.(?:tar(?:\.\w+)?|t[gbx]z2?|tzst|tlz)")

MOST_WRITES = 1000
"""How often one file may be added to; what is written more often is not known."""

MOST_WRITTEN = 1_000_000
"""Most characters that one file is known by."""

MOST_LINKS = 200
"""How many copies inside a build are followed in one stage."""


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
        written: files that commands wrote: the lines of the definition and what was written there, None past the bound.
        added: the same for what was added to files that came from elsewhere.
        links: what came out of earlier stages.
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
    written: dict[str, tuple[tuple[int, str], ...] | None] = field(default_factory=dict)
    added: dict[str, tuple[tuple[int, str], ...] | None] = field(default_factory=dict)
    links: list[Linked] = field(default_factory=list)
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
            written=dict(self.written),
            added=dict(self.added),
            links=list(self.links),
            shell=self.shell,
        )

    def absolute(self, path: str) -> str:
        """Return a path inside the image, normalised."""
        return posixpath.normpath(posixpath.join(self.workdir, path))

    def write(self, path: str, content: str, line: int, *, append: bool = False) -> None:
        """Note what a command wrote to a file; `line` is where the content stands in the definition."""
        target = self.absolute(path)
        table = self.added if append and target not in self.written else self.written
        if not append:
            self.added.pop(target, None)
        before = table.get(target, ()) if append else ()
        if before is None or len(before) >= MOST_WRITES or sum(len(one) for _, one in before) > MOST_WRITTEN:
            table[target] = None
        else:
            table[target] = (*before, (line, content))

    def forget(self, path: str) -> None:
        """Note that a file was written, and that nobody can tell what."""
        self.written[self.absolute(path)] = None

    def copied(self, sources: tuple[str, ...], target: str, *, unpacked: bool = False) -> None:
        """Note what came out of the build context; where it lies does not move when the working directory does."""
        place = posixpath.join(self.workdir, target)
        self.copies.append(Copied(sources=sources, target=place, unpacked=unpacked))

    def link(self, stage: Stage, source: str, target: str) -> None:
        """Note that a file or a folder of a stage, this one or an earlier one, was copied to another place."""
        if len(self.links) < MOST_LINKS:
            self.links.append(Linked(stage=stage, source=source, target=self.absolute(target)))

    def content(self, path: str) -> str | None:
        """Return what commands wrote to a file, each line at its line of the definition; None if that is not known."""
        target = self.absolute(path)
        return _laid_out(self.written[target] if target in self.written else self.added.get(target))

    def was_fetched(self, path: str) -> bool:
        """Say whether a local file, or a pattern of files, was downloaded before: its address is the reference."""
        name = posixpath.basename(path)
        if any(one in name for one in "*?["):
            return any(fnmatch.fnmatchcase(one, name) for one in self.fetched)
        return name in self.fetched

    def was_copied(self, path: str) -> bool:
        """Say whether a path lies where something was copied out of the build context."""
        target = self.absolute(path)
        return any(self._covers(one, source, target) for one in self.copies for source in one.sources)

    def _covers(self, copied: Copied, source: str, target: str) -> bool:
        folder = self.absolute(copied.target)
        name = posixpath.basename(source.rstrip("/"))
        if target in {folder, posixpath.join(folder, name)}:
            return True
        # A name with a suffix is a file, and brings nothing but itself into the folder, unless it is unpacked there.
        single = "." in name.strip(".") and not any(one in name for one in "*?[") and not copied.unpacked
        return not single and target.startswith(folder.rstrip("/") + "/")

    def in_clone(self, path: str, file: str = "") -> bool:
        """Say whether a path inside the image, or a file in it, lies in a folder whose content came from elsewhere.

        What was copied out of the build context into such a folder is the context's own, and no part of what came.
        """
        target = self.absolute(posixpath.join(path, file))
        folder = max((one for one in self.cloned if _lies_in(target, one)), key=len, default=None)
        return folder is not None and not any(
            self._covers(one, source, target)
            for one in self.copies
            if _lies_in(self.absolute(one.target), folder)
            for source in one.sources
        )


def is_archive(name: str) -> bool:
    """Say whether a file is one that `ADD` unpacks, by its name."""
    return _ARCHIVE.fullmatch(name) is not None


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _laid_out(segments: tuple[tuple[int, str], ...] | None) -> str | None:
    if not segments:
        return None
    lines: list[str] = []
    for line, content in segments:
        lines += [""] * (line - 1 - len(lines))
        lines += content.split("\n")
    return "\n".join(lines)


def locate(path: str, stage: Stage, contexts: list[str], reading: Reading) -> str | None:
    """Return the file of the build context that lies at this path of the image; None if none is known to.

    `contexts` are the folders that may be the build context, the likeliest first.
    """
    target = stage.absolute(path)
    for copied in reversed([one for one in stage.copies if not one.unpacked]):
        for context in contexts:
            for candidate in _candidates(copied, target, stage, context, reading):
                found = reading.locate(candidate, context)
                if found is not None:
                    return found
    return None


def linked(path: str, stage: Stage) -> list[tuple[Stage, str]]:
    """Return the earlier stages, and the paths in them, from which a file may have come; the latest first."""
    target = stage.absolute(path)
    out: list[tuple[Stage, str]] = []
    for link in reversed(stage.links):
        folder = link.target.rstrip("/") + "/"
        if target in {link.target, folder + link.source.rpartition("/")[2]}:
            out.append((link.stage, link.source))
        if target.startswith(folder):
            out.append((link.stage, f"{link.source.rstrip('/')}/{target[len(folder) :]}"))
    return out


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
