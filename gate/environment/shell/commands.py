"""One command: unwrap what only runs another (`sudo`, `env`, `conda run`, `bash -c`), then hand it to its tool."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

from gate.environment.found import Word
from gate.environment.options import grammar, parse_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.environment.shell.session import Session

    Nested = Callable[[str, int], None]

TOOLS: tuple[tuple[str, str], ...] = (
    (r"pip[\d.]*|pip\d*-\d[\d.]*|easy_install[\d.]*", "pip"),
    (r"uv|uvx|pipx|poetry|pipenv|pdm|hatch|mim", "python_tools"),
    (r"conda|mamba|micromamba|pixi", "conda"),
    (r"python[\d.]*|pypy[\d.]*", "python"),
    (r"apt|apt-get|aptitude|dpkg|apt-key|add-apt-repository|apt-add-repository|gdebi", "apt"),
    (r"apk|yum|dnf|microdnf|tdnf|rpm|zypper|pacman|yum-config-manager|brew", "os_packages"),
    (r"curl|wget|aria2c|axel", "download"),
    (r"git|svn|hg|gh|git-lfs", "vcs"),
    (r"npm|npx|yarn|pnpm|corepack|bun|nvm|n", "node"),
    (r"go", "go"),
    (r"cargo|rustup|rustup-init|cargo-binstall", "rust"),
    (r"R|Rscript|install2\.r|installGithub\.r|installBioc\.r|install\.r", "r_lang"),
    (r"az|trivy|gem|bundle|dotnet|helm|jupyter|huggingface-cli|hf|docker|podman|julia|luarocks|cpan|cpanm|composer|mvn"
     r"|gradle|gradlew|mvnw|code|code-server|ansible-galaxy|krew|sdk|jlpm|playwright|spack|nix-env|oras|snap|powershell|pwsh", "others"),
)  # fmt: skip
"""Which module of this package reads which commands, by the command's base name."""

_TABLE = [(re.compile(pattern), module) for pattern, module in TOOLS]
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")

_WRAPPERS = {
    "sudo": grammar("-u/--user -g/--group -C -D -R -T -h -p"),
    "doas": grammar("-u -C"),
    "env": grammar("-u/--unset -C/--chdir -S"),
    "time": grammar("-f -o"),
    "exec": grammar("-a"),
    "command": grammar(""),
    "nohup": grammar(""),
    "nice": grammar("-n"),
    "ionice": grammar("-c -n"),
    "eatmydata": grammar(""),
    "builtin": grammar(""),
    "xargs": grammar("-n -P -I -L -d -a -s -E --arg-file --max-args --max-procs --delimiter"),
    "setarch": grammar(""),
    "stdbuf": grammar("-i -o -e"),
    "xvfb-run": grammar("-s -n -e -f -p -w"),
    "tini": grammar(""),
    "then": grammar(""),
    "yes": grammar(""),
}
# How many operands of its own a wrapper takes before the command that it runs.
_TAKES = {"timeout": 1, "gosu": 1, "su-exec": 1, "chroot": 1, "setpriv": 0, "retry": 0, "linux64": 0, "linux32": 0}


def base_name(path: str) -> str:
    """Return the last part of a command's path; variables before it do not matter."""
    return path.rstrip("/").rpartition("/")[2]


def run_command(words: list[Word], session: Session, nested: Nested) -> None:
    """Look at one command with resolved words."""
    for _ in range(20):
        inner = _unwrap(words, session, nested)
        if inner is None:
            return
        if inner is words:
            break
        words = inner
    if not words:
        return
    name = base_name(words[0].text)
    _remember(name, words, session)
    for pattern, module in _TABLE:
        if pattern.fullmatch(name):
            importlib.import_module(f"gate.environment.shell.{module}").run(name, words, session)
            return


def _unwrap(words: list[Word], session: Session, nested: Nested) -> list[Word] | None:
    """Return the words of the command that this one runs, the same words if it runs none, None if it is done with."""
    if not words:
        return None
    name = base_name(words[0].text)
    if _ASSIGNMENT.match(words[0].text):
        key, _, value = words[0].text.partition("=")
        session.prefix[key] = value
        return words[1:]
    if name in _SHELLS:
        return _shell(words, session, nested)
    if name == "eval":
        nested(" ".join(word.text for word in words[1:]), words[0].line)
        return None
    if name in {"su", "runuser"}:
        return _su(words, nested)
    if name in _WRAPPERS:
        inner = _rest(words, name)
        return inner + session.piped if name == "xargs" and inner else inner
    if name in _TAKES:
        rest = _skip_options(words[1:])
        return rest[_TAKES[name] :]
    if name in {"conda", "mamba", "micromamba"} and len(words) > 1 and words[1].text == "run":
        return _conda_run(words)
    if name in {"uv", "poetry", "pipenv", "pdm", "hatch", "pixi"} and len(words) > 2 and words[1].text == "run":  # noqa: PLR2004 - the tool, `run` and a command
        rest = _skip_options(words[2:])
        return rest if rest and base_name(rest[0].text) != name else words
    return words


def _rest(words: list[Word], name: str) -> list[Word]:
    # Only leading options belong to the wrapper: `sudo -E pip install -r x` keeps its `-r`.
    rules = _WRAPPERS[name]
    index = 1
    while index < len(words) and words[index].text.startswith("-") and words[index].text != "--":
        option = words[index].text
        index += 2 if option in rules.values else 1
    if index < len(words) and words[index].text == "--":
        index += 1
    return words[index:]


def _skip_options(words: list[Word]) -> list[Word]:
    index = 0
    while index < len(words) and words[index].text.startswith("-"):
        index += 1
    return words[index:]


def _conda_run(words: list[Word]) -> list[Word]:
    rules = grammar("-n/--name -p/--prefix --cwd -a/--attach -e")
    index = 2
    while index < len(words) and words[index].text.startswith("-"):
        index += 2 if words[index].text in rules.values else 1
    return words[index:]


def _shell(words: list[Word], session: Session, nested: Nested) -> list[Word] | None:
    for index, word in enumerate(words[1:], 1):
        if word.text.startswith("-") and not word.text.startswith("--") and "c" in word.text[1:]:
            if index + 1 < len(words):
                nested(words[index + 1].text, words[index + 1].line)
            return None
        if not word.text.startswith(("-", "+")):
            break
    for piped in session.piped:
        nested(piped.text, piped.line)
    _installer_arguments(words, session)
    return None


def _installer_arguments(words: list[Word], session: Session) -> None:
    # `curl https://sh.rustup.rs | sh -s -- --default-toolchain X`: the toolchain is a reference of its own.
    if any("rustup" in one for one in session.fetched):
        importlib.import_module("gate.environment.shell.rust").toolchain(words[1:], session)


def _su(words: list[Word], nested: Nested) -> None:
    parsed = parse_options(words[1:], grammar("-c/--command -s/--shell -g -u"))
    for script in parsed.all("--command"):
        nested(script.text, script.line)


def _remember(name: str, words: list[Word], session: Session) -> None:
    """Follow what other commands depend on: the folder, what was printed into a pipe, exported variables."""
    operands = [word for word in words[1:] if not word.text.startswith("-")]
    match name:
        case "cd" | "pushd" if operands:
            session.stage.workdir = session.stage.absolute(operands[0].text)
        case "echo" | "printf":
            session.piped = [word for word in words[1:] if not word.text.startswith("-")]
        case "tar" | "unzip" | "bsdtar":
            _unpacked(name, words, session)
        case "export" | "set" | "source" | ".":
            pass
        case _:
            pass


def _unpacked(name: str, words: list[Word], session: Session) -> None:
    option = "-d" if name == "unzip" else "-C"
    for index, word in enumerate(words):
        if word.text in {option, "--directory"} and index + 1 < len(words):
            session.stage.cloned.append(session.stage.absolute(words[index + 1].text))
