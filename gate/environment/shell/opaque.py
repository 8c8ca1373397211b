"""What nobody can read before the build runs: scripts out of variables or decoders, programs that are unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.found import UNRESOLVED, Found, Word
from gate.environment.shell.followed import follow
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_DECODERS = frozenset(
    {"base64", "base32", "openssl", "xxd", "uudecode", "gunzip", "zcat", "xzcat", "bzcat", "gpg", "rev"}
)
"""Programs whose output is no part of what they are given, as it can be read."""

_VARIABLE = re.compile(r"\"?\$(?:\w+|\{\w+\})\"?")
_SHOWN = re.compile(r"(?:\$\(\s*(?:cat\s|<)|`\s*cat\s)\s*[\"']?([^\s|;&<>\"'`)]+)[\"']?\s*[)`]")
_DECODED = re.compile(rf"(?:\$\(|`)[^()`]*\b(?:{'|'.join(sorted(_DECODERS))})\b[^()`]*[)`]")
_ADDRESS = re.compile(r"(?:-{1,2}[\w-]+=)?((?:https?|ftps?|git|ssh|rsync|s3|gs|oci)://[^\s\"'<>|]+)", re.IGNORECASE)
_PLAIN_WORDS = (
    "echo printf print sed gsed awk gawk mawk grep egrep fgrep rg test [ [[ export local declare typeset "
    "readonly set unset read return exit true false : cat tee tr cut sort head tail case if while basename "
    "dirname envsubst jq yq crudini xmlstarlet dasel openssl keytool su useradd adduser usermod chpasswd "
    "logger expr let alias mkdir touch rm cp mv ln chmod chown ls cmp diff wait-for-it wait-for nc ping dig "
    "host nslookup getent debconf-set-selections replace patch cmake make ninja gmake configure"
)
_PLAIN = frozenset(_PLAIN_WORDS.split())
"""Programs to which an address is text, or that only look whether somebody answers."""


LONGEST_NAME = 200
"""Most characters of a script that name it in a report."""


def given(script: Word, session: Session) -> bool:
    """Keep a script that a shell is given and that can't be read; say whether it is one."""
    text = script.text.strip()
    if match := _SHOWN.fullmatch(text):
        word = Word(text=match[1], line=script.line)
        if session.locate(match[1]) is None and not _brought(match[1], session):
            session.missing(word)
        else:
            follow(word, session)
        return True
    if _VARIABLE.fullmatch(text) or _DECODED.fullmatch(text):
        session.add(Found(kind=Kind.OTHER, name=text[:LONGEST_NAME], line=script.line).doubted(UNRESOLVED))
        return True
    return False


def _brought(path: str, session: Session) -> bool:
    return session.stage.was_fetched(path) or session.stage.in_clone(path)


def decoded(name: str, words: list[Word], session: Session) -> None:
    """Note that what a decoder prints into a pipe can't be told."""
    if name in _DECODERS and session.piping:
        # Where it was downloaded, the address stands for it.
        text = " ".join(word.text for word in words[:3])
        session.feed([], unseen=None if session.fetched else Word(text=f"$({text})", line=words[0].line))


def addressed(name: str, words: list[Word], session: Session) -> None:
    """Keep every address that an unknown program is given: to fetch is the likeliest use of one."""
    if name in _PLAIN:
        return
    for word in words[1:]:
        if match := _ADDRESS.fullmatch(word.text):
            session.fetched.append(match[1])
            session.add(Found(kind=Kind.URL, name=match[1], line=word.line))
