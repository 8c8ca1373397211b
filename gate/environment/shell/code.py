"""Programs given as text to perl, ruby, PHP or Node: what they fetch, as far as that stands in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.shell.manifests import place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_GIVEN = re.compile(r"-(?:[A-Za-z0-9]*[eEr]|-eval|-run|p|-print)")
_FETCHES = re.compile(
    r"open-uri|URI\.open|Net::(?:HTTP|FTP)|LWP|HTTP::|File::Fetch|getstore|\bcopy\s*\(|file_get_contents|readfile|fopen"
    r"|curl_|\bhttps?\b[^:]{0,20}\.(?:get|request)|\bfetch\s*\(|child_process|\bsystem\b|\bexec\w*\b|\bqx\b|%x|`|passthru"
)
"""What fetches, or runs another program; text that is only changed holds addresses that nobody asks."""

_ADDRESS = re.compile(r"(?:https?|ftp)://[^\s'\"`;,)|<>]+")
_BRINGS = re.compile(
    r"\binstall\b|\b(?:curl|wget|git|npm|pip3?|gem|apt(?:-get)?)\b|open-uri|getstore|\.get\b|\bfetch\b"
)
_CPAN = re.compile(r"\binstall\b\W*([\w:]+)")


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call that is given its program as a word; the pipe and files are not looked into."""
    at = next((index for index, word in enumerate(words) if index and _GIVEN.fullmatch(word.text)), len(words))
    options = [word.text for word in words[1:at]]
    script = words[at + 1] if at + 1 < len(words) else None
    if any("CPAN" in one for one in options):
        _cpan(words, script, session)
    elif script is not None:
        _program(name, " ".join([*options, script.text]), script.line, session)


def _cpan(words: list[Word], script: Word | None, session: Session) -> None:
    names = _CPAN.findall(script.text) if script else []
    for one in names:
        session.add(Found(kind=Kind.OTHER, name=one, line=words[0].line), place("cpan"))
    if script and not names and "install" in script.text:
        session.add(Found(kind=Kind.OTHER, name="perl -MCPAN", line=script.line).doubted("code"))


def _program(name: str, code: str, line: int, session: Session) -> None:
    if not _FETCHES.search(code):
        return
    addresses = _ADDRESS.findall(code)
    for address in addresses:
        session.fetched.append(address)
        session.add(Found(kind=Kind.URL, name=address, line=line))
    if not addresses and _BRINGS.search(code):
        session.add(Found(kind=Kind.OTHER, name=f"{name} -e", line=line).doubted("code"))
