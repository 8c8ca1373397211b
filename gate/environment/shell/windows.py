"""PowerShell and Windows installers, as far as they can be told: addresses, modules, and packages by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import grammar, parse_options
from gate.environment.shell.manifests import place
from gate.environment.shell.tools import tool_of
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session
    from gate.environment.stage import Stage

_ADDRESS = re.compile(r"(?:https?|ftp)://[^\s'\"`;,)|]+")
_OPTIONS = grammar("--version -s/--source --id -e")
_PLACES = {"choco": "chocolatey", "winget": "winget", "scoop": "scoop"}
_POWERSHELL = re.compile(r"(?i)(?:powershell|pwsh)(?:\.exe)?")
_CALLING = re.compile(rf"{_POWERSHELL.pattern}|[-&{{].*")
"""What stands before a command: the shell itself with its options, `&`, a brace."""

_MODULES = re.compile(r"(?i)(?:Install|Save)-(?:Module|Script|Package|PackageProvider)")
_NAMED = re.compile(r"(?i)-(?:Name|RequiredVersion|Repository|Source|Scope|MinimumVersion|ProviderName|Path)")
_STATEMENT = re.compile(r"""(?:'[^']*'|"[^"]*"|[^;|\n&'"]|&(?!&))+""")
_TOKEN = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")
LONGEST = 200_000


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name in _PLACES:
        parsed = parse_options(words[1:], _OPTIONS)
        version = parsed.last("--version")
        if parsed.operands and parsed.operands[0].text in {"install", "upgrade"}:
            for word in (*parsed.operands[1:], *parsed.all("--id"), *parsed.all("-e")):
                found = Found(kind=Kind.OTHER, name=word.text, spec=version.text if version else "", line=word.line)
                session.add(found, place(_PLACES[name]))
    elif _MODULES.fullmatch(name):
        _modules(words, session)
    elif _POWERSHELL.fullmatch(name):
        for word in words[1:]:
            read_code(word.text, word.line, session)
    else:
        for word in words[1:]:
            _addresses(word.text, word.line, session)


def powershell(script: str, stage: Stage) -> bool:
    """Say whether PowerShell reads a script: the stage's shell is one, or it is all that the script calls."""
    if _POWERSHELL.fullmatch(stage.shell.replace("\\", "/").rpartition("/")[2]):
        return True
    head, *rest = script.split(maxsplit=1) or [""]
    # On Linux a shell takes the command line apart first, as on Windows `&&` does.
    return (
        bool(rest and _POWERSHELL.fullmatch(head)) and "&&" not in script and not rest[0].rstrip().endswith(("'", '"'))
    )


def read_code(code: str, line: int, session: Session) -> None:
    """Read PowerShell, statement by statement: what its own commands fetch, and what other tools install."""
    from gate.environment.shell.commands import run_command  # noqa: PLC0415 - that module reads this one
    from gate.environment.shell.script import run_script  # noqa: PLC0415 - as above

    for match in _STATEMENT.finditer(code[:LONGEST].replace("\\\n", " \n").replace("`\n", " \n").replace("\\", "/")):
        start = line + code.count("\n", 0, match.start())
        words = [
            Word(text=token[0].replace("'", "").replace('"', ""), line=start + match[0].count("\n", 0, token.start()))
            for token in _TOKEN.finditer(match[0])
        ]
        words = words[next((at for at, word in enumerate(words) if not _CALLING.fullmatch(word.text)), len(words)) :]
        if words and tool_of(words[0].text) not in {"", "download"}:
            run_command(words, session, lambda script, first: run_script(script, first, session.nested(), 1))
        else:
            _addresses(match[0], start, session)


def _addresses(text: str, line: int, session: Session) -> None:
    for match in _ADDRESS.finditer(text):
        where = line + text.count("\n", 0, match.start())
        session.fetched.append(match[0])
        session.stage.fetched.add(match[0].rpartition("/")[2])
        session.add(Found(kind=Kind.URL, name=match[0], line=where))


def _modules(words: list[Word], session: Session) -> None:
    """Read `Install-Module [-Name] A, B -RequiredVersion 1`."""
    version, option = "", ""
    names: list[Word] = []
    for word in words[1:]:
        if word.text.startswith("-"):
            option = word.text if _NAMED.fullmatch(word.text) else ""
            continue
        if option.lower() in {"", "-name"}:
            names.append(word)
        elif option.lower() == "-requiredversion":
            version = word.text
        option = option if word.text.endswith(",") else "-Path"
    for word in names:
        for one in filter(None, word.text.split(",")):
            session.add(Found(kind=Kind.OTHER, name=one, spec=version, line=word.line), place("powershell-gallery"))
