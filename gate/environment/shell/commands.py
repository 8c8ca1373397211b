"""One command: unwrap what only runs another (`sudo`, `env`, `conda run`, `bash -c`), then hand it to its tool."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import Grammar, grammar, parse_options
from gate.environment.places import unresolved
from gate.environment.shell.called import call, define_alias
from gate.environment.shell.followed import follow, follow_text, is_script
from gate.environment.shell.opaque import addressed, decoded, given
from gate.environment.shell.printed import piped_words, show
from gate.environment.shell.remembered import remember
from gate.environment.shell.tools import base_name, tool_of
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.environment.shell.session import Session

    Nested = Callable[[str, int], None]
    """Reads a script that starts on a line."""

_INSTALLS = frozenset({"install", "add", "download"})
_LISTED = frozenset({"apt", "os_packages", "pip", "conda", "python", "python_tools", "node"})
_CAT = re.compile(r"\$\(\s*(?:cat|<)\s+([^\s|;&<>$]+)\s*\)")
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
    **dict.fromkeys(
        ("busybox", "toybox", "chronic", "unbuffer", "fakeroot", "dbus-run-session", "setsid"), grammar("")
    ),
    "strace": grammar("-e -o -p -s -u -E -P -O -S -I -a -b -X"),
    "flock": grammar("-w/--timeout --wait -E --conflict-exit-code"),
    "unshare": grammar("-S -G -R --root --wd -w --propagation --setgroups"),
    "timeout": grammar("-k/--kill-after -s/--signal"),
    "gosu": grammar(""),
    "su-exec": grammar(""),
    "chroot": grammar(""),
    "watch": grammar("-n/--interval"),
    "taskset": grammar(""),
    "coproc": grammar(""),
    "parallel": grammar("-j/--jobs -a/--arg-file -n --delay --retries --joblog"),
    **dict.fromkeys(("setpriv", "retry", "linux64", "linux32", "catchsegv", "caffeinate"), grammar("")),
}
_UV_RUN = grammar(
    "--with --with-editable --with-requirements -p/--python --project --directory --extra --group --index --env-file"
)
# How many operands of its own a wrapper takes before the command that it runs.
_TAKES = {"timeout": 1, "gosu": 1, "su-exec": 1, "chroot": 1, "flock": 1, "taskset": 1}


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
    remember(name, words, session)
    decoded(name, words, session)
    module = tool_of(name)
    if not module and len(words) > 2 and words[1].text == "-m":  # noqa: PLR2004 - an interpreter, -m, a module
        module = "python"
    if name in {"source", "."} and len(words) > 1:
        follow(words[1], session, sourced=True)
    elif name.endswith(".sh") or (not module and is_script(words[0], session)):
        follow(words[0], session)
    elif module:
        words = _known(words, module, session)
        importlib.import_module(f"gate.environment.shell.{module}").run(name, words, session)
    elif unresolved(words[0].text) and any(word.text in _INSTALLS for word in words[1:3]):
        # Some installer, nobody knows which: what it installs is in doubt, whatever its name.
        found = Found(kind=Kind.OTHER, name=words[0].text, line=words[0].line)
        session.add(found.doubted("unresolved_variable"))
    else:
        addressed(name, words, session)


def _executed(words: list[Word], session: Session, nested: Nested) -> None:
    """Read the commands that `find … -exec` runs; a file that it finds is what its `-name` says."""
    texts = [word.text for word in words]
    name = next((texts[at + 1] for at, one in enumerate(texts[:-1]) if one in {"-name", "-iname"}), "$(find)")
    for start, one in enumerate(texts):
        if one in {"-exec", "-execdir", "-ok"}:
            end = next((at for at in range(start, len(texts)) if texts[at] in {";", "+"}), len(texts))
            inner = [Word(text=word.text.replace("{}", name), line=word.line) for word in words[start + 1 : end]]
            run_command(inner, session, nested)


def _known(words: list[Word], module: str, session: Session) -> list[Word]:
    """Return the words with `$(cat FILE)` of a file that is not there taken out: the file itself is in doubt."""
    if module not in _LISTED or not any(word.text in _INSTALLS for word in words):
        return words
    for word in words:
        if match := _CAT.fullmatch(word.text):
            session.missing(Word(text=match[1], line=word.line))
    return [word for word in words if not _CAT.fullmatch(word.text)]


def _unwrap(words: list[Word], session: Session, nested: Nested) -> list[Word] | None:
    """Return the words of the command that this one runs, the same words if it runs none, None if it is done with."""
    if not words:
        return None
    name = base_name(words[0].text)
    if _ASSIGNMENT.match(words[0].text):
        key, _, value = words[0].text.partition("=")
        session.prefix[key] = value
        return words[1:]
    if name in _SCRIPTED:
        _SCRIPTED[name](words, session, nested)
        return None
    if name in _WRAPPERS:
        return _xargs(words, session, nested) if name == "xargs" else _rest(words, name)[_TAKES.get(name, 0) :]
    if (meant := call(name, words, session)) is not words:
        return meant
    return _running(name, words, session)


def _running(name: str, words: list[Word], session: Session) -> list[Word]:
    if len(words) < 3 or words[1].text != "run":  # noqa: PLR2004 - the tool, `run` and a command
        return words
    if name in {"conda", "mamba", "micromamba"}:
        return _conda_run(words)
    if name in {"uv", "poetry", "pipenv", "pdm", "hatch", "pixi"}:
        rest = _past(words, 2, _UV_RUN if name == "uv" else grammar(""))
        if name == "uv":
            # What `--with` names is brought along, whatever the command itself is.
            own = words[2 : len(words) - len(rest)]
            importlib.import_module("gate.environment.shell.python_tools").carried(own, session)
        return rest if rest and base_name(rest[0].text) != name else words
    return words


def _eval(words: list[Word], session: Session, nested: Nested) -> None:
    text = " ".join(word.text for word in words[1:])
    if not given(Word(text=text, line=words[0].line), session):
        nested(text, words[0].line)


def _first(words: list[Word], session: Session, nested: Nested) -> None:
    """Read `trap SCRIPT SIGNAL`, and the `-c SCRIPT` that a wrapper leaves."""
    for word in words[1:2]:
        if not given(word, session):
            nested(word.script or word.text, word.line)


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


def _xargs(words: list[Word], session: Session, nested: Nested) -> list[Word] | None:
    """Return the command with what is piped in; what reading can't see stands as a word in doubt."""
    inner = _rest(words, "xargs")
    for index, word in enumerate(words[: len(words) - len(inner)]):
        name, _, value = word.text.partition("=")
        if name in {"-a", "--arg-file"}:
            show([Word(text=value, line=word.line) if value else words[index + 1]], session)
    if not inner:
        return inner
    if session.piped_from is not None:
        # Its words stand in that file, on its lines.
        run_command([*inner, *piped_words(session)], replace(session, text=session.piped_from), nested)
        return None
    if session.unseen is not None:
        module = tool_of(inner[0].text)
        if module == "download" or (module and any(word.text in _INSTALLS for word in inner)):
            session.missing(session.unseen)
        return inner
    unseen = Word(text="$(xargs)", line=words[0].line)
    return [*inner, *(piped_words(session) or [unseen])]


def _conda_run(words: list[Word]) -> list[Word]:
    return _past(words, 2, grammar("-n/--name -p/--prefix --cwd -a/--attach -e"))


def _past(words: list[Word], start: int, rules: Grammar) -> list[Word]:
    """Return the words behind the options that a wrapper has of its own."""
    index = start
    while index < len(words) and words[index].text.startswith("-") and words[index].text != "--":
        index += 2 if words[index].text in rules.values else 1
    return words[index + 1 :] if index < len(words) and words[index].text == "--" else words[index:]


def _shell(words: list[Word], session: Session, nested: Nested) -> None:
    for index, word in enumerate(words[1:], 1):
        if word.text.startswith("-") and not word.text.startswith("--") and "c" in word.text[1:]:
            if index + 1 < len(words) and not given(words[index + 1], session):
                nested(words[index + 1].script or words[index + 1].text, words[index + 1].line)
            return
        if not word.text.startswith(("-", "+")):
            follow(word, session)
            break
    if session.piped_from is not None:
        follow_text(session.piped_from, session)
        return
    if session.unseen is not None and not given(session.unseen, session):
        follow(session.unseen, session)
    for piped in session.piped:
        nested(piped.script or piped.text, piped.line)
    _installer_arguments(words, session)


def _installer_arguments(words: list[Word], session: Session) -> None:
    # `curl https://sh.rustup.rs | sh -s -- --default-toolchain X`: the toolchain is a reference of its own.
    if any("rustup" in one for one in session.fetched):
        importlib.import_module("gate.environment.shell.rust").toolchain(words[1:], session)


def _su(words: list[Word], session: Session, nested: Nested) -> None:
    parsed = parse_options(words[1:], grammar("-c/--command -s/--shell -g -u"))
    for script in parsed.all("--command"):
        nested(script.script or script.text, script.line)
    if parsed.has("-u") and parsed.operands and base_name(words[0].text) == "runuser":
        # `runuser -u USER [--] COMMAND…` runs the command itself.
        at = next(index for index, word in enumerate(words) if word is parsed.operands[0])
        run_command(words[at:], session, nested)


_SCRIPTED: dict[str, Callable[[list[Word], Session, Nested], None]] = {
    **dict.fromkeys(("sh", "bash", "dash", "ash", "zsh", "ksh", "script"), _shell),
    **dict.fromkeys(("su", "runuser"), _su),
    "eval": _eval,
    "alias": lambda words, session, _: define_alias(words, session),
    **dict.fromkeys(("trap", "-c"), _first),
    "find": _executed,
}
"""Commands that are given a script as text, or by a pipe."""
