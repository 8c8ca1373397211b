"""`apt-get`, `apt`, `dpkg`, `add-apt-repository`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import grammar, parse_options
from gate.environment.places import link_page
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.redact import redact_url

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_OPTIONS = grammar("-t/--target-release/--default-release -o/--option -c/--config-file -a/--host-architecture")
_UPGRADES = frozenset({"upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade"})
UPGRADE_ALL = "<upgrade-all>"
APT = Origin(kind=OriginKind.OS_ARCHIVE, location="apt:default", implicit=True)
_LIST = re.compile(r"\bdeb(?:-src)?\s+(?:\[[^\]]*\]\s*)?(https?://\S+)")


def archives(session: Session) -> tuple[Origin, ...]:
    """Return every archive that could deliver a package here."""
    return tuple(dict.fromkeys((APT, *session.stage.archives)))


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    match name:
        case "add-apt-repository" | "apt-add-repository":
            _repository(words, session)
        case "dpkg" | "gdebi":
            _deb(words, session)
        case "apt-key":
            session.add_addresses(words[1:])
        case _:
            _apt(words, session)


def _apt(words: list[Word], session: Session) -> None:
    parsed = parse_options(words[1:], _OPTIONS)
    if not parsed.operands:
        return
    verb, packages = parsed.operands[0], parsed.operands[1:]
    if verb.text in _UPGRADES and not packages:
        session.add(Found(kind=Kind.OS, name=UPGRADE_ALL, line=verb.line), *archives(session))
    elif verb.text in {"install", "reinstall", "build-dep", "satisfy", "download", "source", *_UPGRADES}:
        for word in packages:
            _package(word, session)


def _package(word: Word, session: Session) -> None:
    text = word.text.strip()
    if not text or text.endswith("-"):
        return
    if text.startswith(("./", "/", "~", "../")) or (text.endswith(".deb") and "://" not in text):
        session.add(Found(kind=Kind.LOCAL, name=text, line=word.line))
        return
    if "://" in text:
        session.add(Found(kind=Kind.URL, name=text, line=word.line))
        return
    name, _, spec = text.partition("=")
    name, _, release = name.partition("/")
    session.add(Found(kind=Kind.OS, name=name, spec=spec or release, line=word.line), *archives(session))


def _repository(words: list[Word], session: Session) -> None:
    operands = parse_options(words[1:], grammar("-P -S -U -k -p -c -s -u")).operands
    for word in operands:
        added(word.text, word.line, session)


def added(text: str, line: int, session: Session) -> None:
    """Keep an archive that a line of a sources list (or a PPA) puts in scope."""
    match = _LIST.search(text)
    location = redact_url(match[1]) if match else text if text.startswith("ppa:") else ""
    if not location and text.startswith(("http://", "https://")):
        location = link_page(text).location
    if location:
        origin = Origin(kind=OriginKind.OS_ARCHIVE, location=location)
        session.stage.archives.append(origin)
        session.source(origin, line)


def _deb(words: list[Word], session: Session) -> None:
    installs = any(word.text in {"-i", "--install", "-iE"} for word in words) or words[0].text.endswith("gdebi")
    for word in words[1:] if installs else []:
        if "://" in word.text:
            session.add(Found(kind=Kind.URL, name=word.text, line=word.line))
        elif not word.text.startswith("-") and word.text.endswith("deb"):
            session.add(Found(kind=Kind.LOCAL, name=word.text, line=word.line))
