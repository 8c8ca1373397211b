"""The lines of a Dockerfile as they stand, so that what a `RUN` installs is found on the right one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.environment.found import Word

if TYPE_CHECKING:
    import dockerfile as buildkit

    from gate.environment.text import Text

_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
_SLASHES = re.compile(r"//\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
_KEYWORD = re.compile(r"\s*(?:ONBUILD\s+)?(?:RUN|CMD|ENTRYPOINT)\b", re.IGNORECASE)
_FLAG = re.compile(r"((?:\s|\\\n)*)(--[a-z][a-z.]*(?:=(?:\"[^\"]*\"|'[^']*'|\S)*)?)(?=\s|\\\n|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heredoc:
    """A here-document and the line of the file on which its body starts."""

    name: str
    content: str
    line: int


def directives(text: Text) -> dict[str, Word]:
    """Return the parser directives: comments of the form `# key=value` before anything else."""
    found: dict[str, Word] = {}
    for number, line in enumerate(text.lines, 1):
        match = _DIRECTIVE.match(line.strip()) or (number == 1 and _SLASHES.match(line.strip()))
        if line.startswith("#!") and number == 1:
            continue
        if not match or match[1].lower() in found:
            break
        found[match[1].lower()] = Word(text=match[2], line=number)
    return found


def syntax_directive(text: Text) -> Word | None:
    """Return the frontend image that `# syntax=` names; its options after a space are left out."""
    word = directives(text).get("syntax")
    return Word(text=word.text.split()[0], line=word.line) if word else None


def escape_of(text: Text) -> str:
    """Return the character that continues lines."""
    word = directives(text).get("escape")
    return "`" if word and word.text == "`" else "\\"


def heredocs_of(command: buildkit.Command) -> list[Heredoc]:
    """Return an instruction's here-documents with their lines, counted back from its end."""
    line = command.end_line
    out: list[Heredoc] = []
    for one in reversed(command.heredocs):
        line -= one.content.count("\n")
        out.append(Heredoc(name=one.name, content=one.content, line=line))
        line -= 1
    return list(reversed(out))


def body_of(command: buildkit.Command, heredocs: list[Heredoc], text: Text) -> str:
    """Return the script of a `RUN`, line for line as a shell reads it: comments and blank lines become continuations.

    The keyword and its flags are blanked, so that the script's first line is the instruction's first line.
    """
    last = heredocs[0].line - 1 if heredocs else command.end_line
    escape = escape_of(text)
    continued = re.compile(re.escape(escape) + r"[ \t]*$")
    lines = text.lines[command.start_line - 1 : last]
    out: list[str] = []
    for index, line in enumerate(lines):
        stripped = line.strip()
        if index and (not stripped or stripped.startswith("#")):
            out.append("\\")
            continue
        out.append(continued.sub("\\\\", line))
    if out:
        out[-1] = out[-1].rstrip("\\") if out[-1].strip() == "\\" else out[-1]
    return _blank("\n".join(out))


def _blank(script: str) -> str:
    match = _KEYWORD.match(script)
    end = match.end() if match else 0
    while (flag := _FLAG.match(script, end)) and flag.end() > end:
        end = flag.end()
    return re.sub(r"[^\n\\]|\\(?!\n)", " ", script[:end]) + script[end:]
