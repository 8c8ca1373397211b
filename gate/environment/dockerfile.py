"""Dockerfiles: stages, arguments, images, downloads, and what every `RUN` installs (BuildKit's parser)."""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

import dockerfile as buildkit

from gate.environment import configured, docker_run
from gate.environment.docker_bounds import too_much
from gate.environment.docker_lines import heredocs_of, syntax_directive
from gate.environment.expand import expand
from gate.environment.found import Found, Word
from gate.environment.images import parse_image
from gate.environment.stage import Stage, is_archive
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.shell.session import Session
    from gate.environment.text import Text

_AT_START = re.compile(r"\b(?:pip[\d.]*|conda|mamba|uv|apt|apt-get|npm)\b.{0,40}\b(?:install|add|sync)\b")
# What BuildKit sets by itself for the one platform that an Azure ML image has.
_PLATFORM = {
    "TARGETPLATFORM": "linux/amd64",
    "TARGETOS": "linux",
    "TARGETARCH": "amd64",
    "TARGETVARIANT": "",
    "BUILDPLATFORM": "linux/amd64",
    "BUILDOS": "linux",
    "BUILDARCH": "amd64",
    "BUILDVARIANT": "",
}
# Variables that steer where installers look.
_STEERING = frozenset(
    [
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX"),
        *("UV_DEFAULT_INDEX", "CONDA_CHANNELS", "MAMBA_CHANNELS"),
    ]
)
# Instructions that bring nothing in.
_INERT = frozenset(
    ["CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "SHELL", "STOPSIGNAL", "USER", "VOLUME"]
)
_WINDOWS = re.compile(r"(?i)(?:^|[/_-])(?:windows|servercore|nanoserver)(?:$|[/:_@-])")
"""Images whose default shell is `cmd`."""

_GIT = re.compile(r"(?:git@|ssh://|git://)|https?://.+\.git(?:#.*)?$")


def read(text: Text, reading: Reading) -> None:
    """Read a Dockerfile whose build context is its own folder, or one above it."""
    folder = posixpath.dirname(text.path)
    contexts = [folder]
    while folder:
        folder = posixpath.dirname(folder)
        contexts.append(folder)
    with reading.entering(text.path):
        read_in(text, reading, contexts)


def read_in(text: Text, reading: Reading, contexts: list[str]) -> None:
    """Read a Dockerfile; `contexts` are the folders that may be its build context, the likeliest first."""
    if not text.content.strip():
        reading.problem("empty", "the file says nothing", text, 1)
        return
    if refusal := too_much(text):
        reading.problem(*refusal, text)
        return
    try:
        commands = buildkit.parse_string(text.content)
    except (ValueError, UnicodeError) as error:
        reading.problem("dockerfile_invalid", str(error).splitlines()[0][:300], text)
        return
    _Dockerfile(text, reading, contexts).run(commands)


def session_of(text: Text, reading: Reading, stage: Stage, contexts: list[str]) -> Session:
    """Return a new session of the shell in this stage."""
    from gate.environment.shell.session import Session  # noqa: PLC0415 - as above

    return Session(text=text, reading=reading, stage=stage, contexts=contexts)


class _Dockerfile:
    """One file, instruction by instruction."""

    def __init__(self, text: Text, reading: Reading, contexts: list[str]) -> None:
        self.text, self.reading, self.contexts = text, reading, contexts
        self.arguments: dict[str, str] = dict(_PLATFORM)
        self.stages: dict[str, Stage] = {}
        self.stage: Stage | None = None
        self.count = 0
        self.manifests: set[str] = set()
        self.fetched: set[str] = set()

    def run(self, commands: tuple[buildkit.Command, ...]) -> None:
        if (syntax := syntax_directive(self.text)) is not None:
            found, origins = parse_image(syntax.text, syntax.line)
            name = found.name
            self.reading.add(Found(kind=Kind.OTHER, name=name, spec=found.spec, line=found.line), origins, self.text)
        for command in commands:
            self.instruction(command)
        if self.count == 0:
            self.reading.problem("no_from", "no `FROM`: not a Dockerfile that builds", self.text, 1)

    def instruction(self, command: buildkit.Command) -> None:
        name = (command.cmd or "").upper()
        if name == "ONBUILD":
            name = (command.sub_cmd or "").upper()
        if not command.value and name in {"FROM", "WORKDIR", "COPY", "ADD"}:
            self.reading.problem("dockerfile_invalid", f"`{name}` says nothing", self.text, command.start_line)
        elif name == "FROM":
            self.begin(command)
        elif name == "ARG":
            self.argument(command)
        elif self.stage is None:
            self.reading.problem("before_from", f"`{name}` before the first `FROM`", self.text, command.start_line)
        else:
            self.in_stage(name, command, self.stage)

    def in_stage(self, name: str, command: buildkit.Command, stage: Stage) -> None:
        match name:
            case "ENV":
                self.environment(command, stage)
            case "WORKDIR":
                stage.workdir = stage.absolute(_unquote(expand(command.value[0], stage.env)))
            case "COPY" | "ADD":
                self.copy(name, command, stage)
            case "SHELL" if command.value:
                stage.shell = command.value[0]
            case "RUN":
                self.mounts(command, stage)
                self.commands(command, stage)
            case "CMD" | "ENTRYPOINT" if _AT_START.search(command.original):
                message = "installs something at every start, which no check of the image can see"
                self.reading.problem("installs_at_start", message, self.text, command.start_line, error=False)
                self.commands(command, stage)
            case _ if name not in _INERT:
                message = f"`{name[:40]}` is no instruction"
                self.reading.problem("unknown_instruction", message, self.text, command.start_line)
            case _:
                pass

    # stages and variables

    def begin(self, command: buildkit.Command) -> None:
        self.count += 1
        image = _unquote(expand(command.value[0], self.arguments))
        base = self.stages.get(image.lower())
        if base is None and image.lower() != "scratch":
            self.image(image, self.line_of(command.value[0], command))
        shell = "cmd" if _WINDOWS.search(image) else ""
        self.stage = base.child() if base else Stage(manifests=self.manifests, fetched=self.fetched, shell=shell)
        words = [one.upper() for one in command.value[1:2]]
        if words == ["AS"] and len(command.value) > 2:  # noqa: PLR2004 - image, AS, name
            self.stages[expand(command.value[2], self.arguments).lower()] = self.stage
        self.stages[str(self.count - 1)] = self.stage

    def image(self, image: str, line: int) -> None:
        found, origins = parse_image(image, line)
        self.reading.add(found, origins, self.text)

    def line_of(self, word: str, command: buildkit.Command) -> int:
        """Return the line on which a word of an instruction stands; its first line if it can't be seen."""
        for number in range(command.start_line, command.end_line + 1):
            if number <= len(self.text.lines) and word in self.text.lines[number - 1]:
                return number
        return int(command.start_line)

    def argument(self, command: buildkit.Command) -> None:
        target = self.arguments if self.stage is None else self.stage.env
        for word in command.value:
            name, equals, value = word.partition("=")
            if equals:
                target[name] = expand(_unquote(value), target)
            elif self.stage is not None and name in self.arguments:
                target[name] = self.arguments[name]
            elif self.stage is not None and name in _STEERING:
                # Whoever builds says it, and says where everything comes from.
                target[name] = f"${{{name}}}"

    def environment(self, command: buildkit.Command, stage: Stage) -> None:
        before = dict(stage.env)
        pairs = list(command.value)
        for name, value in zip(pairs[::2], pairs[1::2], strict=False):
            stage.env[name] = expand(_unquote(value), before)

    # files

    def copy(self, name: str, command: buildkit.Command, stage: Stage) -> None:
        origin = next((one.partition("=")[2] for one in command.flags if one.startswith("--from=")), "")
        if origin:
            image = _unquote(expand(origin, {**self.arguments, **stage.env}))
            self.external(image, self.line_of(origin, command))
            self.linked(image, command, stage)
            return
        self.documents(command, stage)
        words = [_unquote(expand(one, stage.env)) for one in command.value]
        sources = [one for one in words[:-1] if not one.startswith("<<")]
        for raw, source in zip(command.value, sources, strict=False):
            if name == "ADD" and ("://" in source or _GIT.match(source)):
                self.added(source, self.line_of(raw, command), stage, words[-1])
        local = tuple(one for one in sources if "://" not in one and not _GIT.match(one))
        for archives in (False, True):
            # `ADD` unpacks an archive of the context.
            some = tuple(one for one in local if (name == "ADD" and is_archive(one)) is archives)
            if some:
                stage.copied(some, words[-1], unpacked=archives)
        spot = configured.Spot(stage=stage, text=self.text, reading=self.reading, line=command.start_line)
        for source in local:
            configured.copied(source, words[-1], self.contexts, spot)

    def linked(self, image: str, command: buildkit.Command, stage: Stage) -> None:
        """Take files of an earlier stage into account: they are what that stage says they are."""
        other = self.stages.get(image.lower())
        words = [_unquote(expand(one, stage.env)) for one in command.value]
        if other is not None and other is not stage:
            for source in words[:-1]:
                stage.link(other, posixpath.normpath(posixpath.join("/", source)), words[-1])

    def documents(self, command: buildkit.Command, stage: Stage) -> None:
        """Take here-documents that `COPY` writes into account."""
        target = _unquote(expand(command.value[-1], stage.env))
        for heredoc in heredocs_of(command):
            plain = f"<<{heredoc.name}" in command.value or f"<<-{heredoc.name}" in command.value
            content = expand(heredoc.content, stage.env) if plain else heredoc.content
            path = posixpath.join(target, heredoc.name) if target.endswith("/") else target
            stage.write(path, content, heredoc.line)
            if configured.is_configuration(path):
                spot = configured.Spot(stage=stage, text=self.text, reading=self.reading, line=heredoc.line)
                configured.apply(posixpath.basename(path), content, spot)

    def external(self, image: str, line: int) -> None:
        if image.lower() not in self.stages and image.lower() != "scratch":
            self.image(image, line)

    def added(self, address: str, line: int, stage: Stage, target: str) -> None:
        session = session_of(self.text, self.reading, stage, self.contexts)
        if _GIT.match(address):
            body, _, ref = address.partition("#")
            session.add(Found(kind=Kind.VCS, name=body, spec=ref, line=line))
            stage.cloned.append(stage.absolute(target))
        else:
            stage.fetched.add(posixpath.basename(address.partition("?")[0]))
            session.add(Found(kind=Kind.URL, name=address, line=line))

    def mounts(self, command: buildkit.Command, stage: Stage) -> None:
        for flag in command.flags:
            if not flag.startswith("--mount="):
                continue
            pairs = [one.partition("=") for one in flag.removeprefix("--mount=").split(",")]
            options = {key.strip(): value for key, _, value in pairs}
            origin = expand(options.get("from", ""), {**self.arguments, **stage.env})
            if origin:
                self.external(origin, self.line_of(options["from"], command))
            elif options.get("type", "bind") == "bind":
                target = options.get("target") or options.get("dst") or options.get("destination") or "."
                source = options.get("source") or options.get("src") or "."
                stage.copied((source,), target)

    # commands

    def commands(self, command: buildkit.Command, stage: Stage) -> None:
        workdir = stage.workdir
        words = [Word(text=one, line=self.line_of(one, command)) for one in command.value]
        docker_run.run(command, words, session_of(self.text, self.reading, stage, self.contexts))
        stage.workdir = workdir


def _unquote(value: str) -> str:
    if not any(one in value for one in "'\""):
        return value
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value
