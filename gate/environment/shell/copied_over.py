"""`rsync` and `scp`: what they copy from another host."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import Grammar, grammar, parse_options
from gate.environment.places import unresolved
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_GRAMMARS: dict[str, Grammar] = {
    "rsync": grammar(
        "-e/--rsh -f/--filter --exclude --include --exclude-from --include-from --files-from --rsync-path "
        "--password-file --port --timeout --contimeout --bwlimit --max-size --min-size --partial-dir "
        "-T/--temp-dir --compare-dest --copy-dest --link-dest --backup-dir --suffix --chmod --chown --usermap "
        "--groupmap --log-file --out-format --info --debug -B -M --block-size --compress-level "
        "--modify-window --address --protocol --iconv"
    ),
    "scp": grammar("-c -D -F -i -J -l -o -P -S -X"),
    "pscp": grammar("-P -l -pw -i -load -hostkey"),
}
_REMOTE = re.compile(r"(?:(?:rsync|scp|sftp|ssh)://.+|[^/:]+::?.*)", re.DOTALL)
"""A colon before the first slash names a host."""


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call: every source on another host; what comes last is where it goes."""
    operands = parse_options(words[1:], _GRAMMARS[name]).operands
    for word in operands[:-1] or operands:
        if _REMOTE.fullmatch(word.text) or unresolved(word.text.partition("/")[0]):
            session.fetched.append(word.text)
            session.stage.fetched.add(posixpath.basename(word.text))
            session.add(Found(kind=Kind.URL, name=word.text, line=word.line))
