"""`npm`, `yarn`, `pnpm` and their like: named packages, and `package.json` where none are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import grammar, parse_options
from gate.environment.shell.manifests import manifest, place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_OPTIONS = grammar(
    "--registry --prefix --cache --loglevel --workspace/-w --cwd --network-timeout --network-concurrency --mutex "
    "--omit --include --only --fetch-timeout --fetch-retries --modules-folder --cache-folder --filter/-F --dir -C "
    "--userconfig --maxsockets --store-dir"
)
_NAMES = frozenset({"update", "upgrade", "install", "i", "add", "in", "isntall", "install-test", "it"})
_MANIFEST = frozenset({"ci", "install", "i", "clean-install", "install-clean", "cit", "fetch"})
_NPM = "npm"
_RUNNING = frozenset({"dlx", "exec", "x", "create", "init"})
"""Verbs that fetch a package to run it; `create X` takes it from `create-X`."""

_DENO = frozenset({"install", "run", "cache", "add", "compile", "bundle", "i", "test", "serve", "eval", "task"})


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    parsed = parse_options(words[1:], _OPTIONS)
    operands = parsed.operands
    if name in {"nvm", "n"}:
        _versions(name, operands, session)
        return
    if name in {"npx", "pnpx", "bunx", "corepack", "deno"}:
        _runners(name, operands, session)
        return
    if not operands:
        if name == "yarn" and not parsed.has("--version", "-v"):
            manifest("package.json", _NPM, words[0].line, session)
        return
    verb, rest = operands[0], operands[1:]
    if verb.text == "global" and rest:
        verb, rest = rest[0], rest[1:]
    if verb.text in _RUNNING and (rest or verb.text != "init"):
        session.add_all(Kind.OTHER, rest[:1], place(_NPM))
    elif verb.text in _NAMES and rest:
        for word in rest:
            _package(word, session)
    elif verb.text in _MANIFEST:
        manifest("package.json", _NPM, verb.line, session)


def _runners(name: str, operands: list[Word], session: Session) -> None:
    if name == "deno":
        _deno(operands, session)
    elif name != "corepack":
        session.add_all(Kind.OTHER, operands[:1], place(_NPM))
    elif operands and operands[0].text in {"prepare", "use", "install"}:
        session.add_all(Kind.OTHER, operands[1:], place(_NPM))


def _package(word: Word, session: Session) -> None:
    text = word.text
    if text.startswith(("git+", "git://", "github:")) or text.endswith(".git"):
        session.add(Found(kind=Kind.VCS, name=text.partition("#")[0], spec=text.partition("#")[2], line=word.line))
    elif "://" in text:
        session.add(Found(kind=Kind.URL, name=text, line=word.line))
    elif text.startswith((".", "/", "file:")):
        session.add(Found(kind=Kind.LOCAL, name=text.removeprefix("file:"), line=word.line))
    else:
        session.add_all(Kind.OTHER, [word], place(_NPM))


def _deno(operands: list[Word], session: Session) -> None:
    """Read Deno: modules by address or by the name of a registry, and the project's own where none is named."""
    if not operands or operands[0].text not in _DENO:
        return
    named = [word for word in operands[1:] if "://" in word.text or word.text.startswith(("npm:", "jsr:"))]
    if operands[0].text in {"install", "i", "add"} and not named and len(operands) > 1:
        named = operands[1:]
    for word in named:
        if "://" in word.text:
            session.add(Found(kind=Kind.URL, name=word.text, line=word.line))
        else:
            session.add(Found(kind=Kind.OTHER, name=word.text, line=word.line), place("deno"))
    if not named:
        # What a module of the project imports is fetched when it is first run.
        manifest("deno.json", "deno", operands[0].line, session)


def _versions(name: str, operands: list[Word], session: Session) -> None:
    chosen = operands[1:2] if name == "nvm" and operands and operands[0].text == "install" else []
    chosen = operands[:1] if name == "n" else chosen
    for word in chosen:
        session.add(Found(kind=Kind.OTHER, name="node", spec=word.text, line=word.line), place("nodejs"))
