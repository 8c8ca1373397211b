"""`conda`, `mamba`, `micromamba`: install, create, update, `env create`, and what configures channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.conda import load_yaml, read_environment
from gate.environment.found import Found, Word
from gate.environment.matchspec import InvalidMatchSpecError, parse_matchspec
from gate.environment.options import Parsed, grammar, parse_options
from gate.environment.places import IMPLICIT_DEFAULTS, conda_channel, unresolved
from gate.environment.shell.manifests import manifest
from gate.environment.yaml_tree import Mapping
from gate.model.origin import CONDA_DEFAULTS, Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session
    from gate.model.origin import Origin

_OPTIONS = grammar(
    "-c/--channel -n/--name -p/--prefix -f/--file --repodata-fn --subdir/--platform --solver --clone -r/--root-prefix "
    "--log-level --rc-file --cacert-path --retries --timeout --experimental --shell -v/--verbosity --revision",
    "-y --yes -q --quiet -S --override-channels --all --update-all --no-deps --strict-channel-priority",
)
_CONFIG = grammar("--add/--prepend --prepend --append --remove --set --remove-key --file --env --get -f")
_VERBS = frozenset({"install", "create", "update", "upgrade"})
_PIXI = frozenset({"install", "i", "run", "r", "shell", "update", "upgrade", "lock", "reinstall"})
"""Verbs that resolve and install what the project names."""


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    operands = [index for index, word in enumerate(words) if index and not word.text.startswith("-")]
    if not operands:
        return
    verb, rest = words[operands[0]].text, words[1 : operands[0]] + words[operands[0] + 1 :]
    if name == "conda-lock":
        _lock(verb, rest, session)
        return
    if name == "pixi":
        if verb in {"add", "global"}:
            packages = [word for word in parse_options(rest, _OPTIONS).operands if word.text != "install"]
            _packages(packages, _channels(parse_options(rest, _OPTIONS), name, session), session)
        elif verb in _PIXI:
            manifest("pixi.toml", "pixi", words[0].line, session)
        return
    if verb == "env":
        _environment(rest, name, session)
    elif verb == "config":
        _configure(rest, session)
    elif verb in _VERBS:
        _install(rest, verb, name, session)


def _install(words: list[Word], verb: str, name: str, session: Session) -> None:
    parsed = parse_options(words, _OPTIONS)
    origins = _channels(parsed, name, session)
    for file in parsed.all("--file"):
        _file(file, origins, session)
    _packages(parsed.operands, origins, session)
    if verb in {"update", "upgrade"} and parsed.has("--all", "--update-all") and not parsed.operands:
        line = words[0].line if words else 0
        session.add(Found(kind=Kind.CONDA, name="<upgrade-all>", line=line), *origins)


def _channels(parsed: Parsed, name: str, session: Session) -> tuple[Origin, ...]:
    named: list[Origin] = []
    for word in parsed.all("--channel"):
        for one in word.text.split(","):
            if one.strip() and one != "nodefaults":
                origin = conda_channel(one)
                session.source(origin, word.line)
                named.append(origin)
    if named:
        extra = [] if parsed.has("--override-channels") else _configured(session)
        return tuple(dict.fromkeys((*named, *extra)))
    configured = _configured(session)
    if configured:
        return tuple(dict.fromkeys(configured))
    del name
    return (IMPLICIT_DEFAULTS,)


def _configured(session: Session) -> list[Origin]:
    channels = list(session.stage.channels)
    variable = session.setting("CONDA_CHANNELS") or session.setting("MAMBA_CHANNELS") or ""
    channels += [conda_channel(one) for one in variable.split(",") if one.strip()]
    if channels and not session.stage.no_defaults and all(one.location != CONDA_DEFAULTS for one in channels):
        channels.append(IMPLICIT_DEFAULTS)
    return channels


def _packages(words: list[Word], origins: tuple[Origin, ...], session: Session) -> None:
    for word in words:
        try:
            conda = parse_matchspec(word.text, word.line)
        except InvalidMatchSpecError:
            if word.text.strip():
                message = f"`{word.text[:80]}` is no conda package"
                session.reading.problem("invalid_matchspec", message, session.text, word.line)
            continue
        session.add(conda.found, *((conda.channel,) if conda.channel else origins))


def _file(word: Word, origins: tuple[Origin, ...], session: Session) -> None:
    """Read `--file`: an environment, an explicit list, or one match spec a line."""
    target = None if unresolved(word.text) else session.locate(word.text)
    if target is None:
        session.missing(word)
        return
    if target.lower().endswith((".yml", ".yaml")):
        _environment_file(target, word, session)
        return
    with session.reading.including(target, session.text, word.line) as text:
        for number, line in enumerate(text.lines if text else [], 1):
            spec = line.partition("#")[0].strip()
            if spec and not spec.startswith("@") and text:
                try:
                    conda = parse_matchspec(spec, number)
                except InvalidMatchSpecError as error:
                    session.reading.problem("invalid_matchspec", str(error), text, number)
                    continue
                session.reading.add(conda.found, (conda.channel,) if conda.channel else origins, text)


def _environment(words: list[Word], name: str, session: Session) -> None:
    parsed = parse_options(words, _OPTIONS)
    if not parsed.operands or parsed.operands[0].text not in {"create", "update"}:
        return
    files = parsed.all("--file")
    if not files:
        rest = parsed.operands[1:]
        files = rest[:1] or [Word(text="environment.yml", line=parsed.operands[0].line)]
    del name
    for file in files:
        target = None if unresolved(file.text) else session.locate(file.text)
        if target is None:
            session.missing(file)
        else:
            _environment_file(target, file, session)


def _lock(verb: str, words: list[Word], session: Session) -> None:
    """Read `conda-lock install [FILE]`: the lock file decides what comes from where."""
    if verb != "install":
        return
    from gate.environment.reader import read_as  # noqa: PLC0415 - the readers know one another through it alone

    operands = parse_options(words, _OPTIONS).operands
    file = operands[0] if operands else Word(text="conda-lock.yml", line=words[0].line if words else 0)
    target = session.locate(file.text)
    if target is None:
        session.missing(file)
    elif target not in session.reading.files:
        text = session.reading.load(target, session.text.path, file.line)
        if text is not None:
            read_as("conda_explicit" if target.endswith(".lock") else "conda_lock", text, session.reading)


def _environment_file(target: str, word: Word, session: Session) -> None:
    with session.reading.including(target, session.text, word.line) as text:
        root = load_yaml(text, session.reading) if text else None
        if text and isinstance(root, Mapping):
            read_environment(root, text, session.reading)
        elif text and root is not None:
            session.reading.problem("not_conda", "no mapping at the top of the file", text, root.line)


def _configure(words: list[Word], session: Session) -> None:
    key, action, previous = "", "", ""
    for word in words:
        if word.text.startswith("--"):
            action = word.text
        elif word.text in {"channels", "default_channels"}:
            key, previous = word.text, ""
            continue
        elif action in {"--add", "--append", "--prepend"} and key == "channels":
            origin = conda_channel(word.text)
            session.source(origin, word.line)
            session.stage.channels.append(origin)
        elif action == "--remove" and key == "channels":
            session.stage.no_defaults |= word.text == CONDA_DEFAULTS
            session.stage.channels = [one for one in session.stage.channels if one.location != word.text]
        elif previous == "channels":
            session.stage.channels.append(conda_channel(word.text))
        previous = word.text
