"""The commands of one instruction: a list of words, a shell's script with its here-documents, or PowerShell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.docker_lines import Heredoc, body_of, escape_of, heredocs_of
from gate.environment.expand import expand
from gate.environment.found import Word

if TYPE_CHECKING:
    import dockerfile as buildkit

    from gate.environment.shell.session import Session

_SHELL_NAME = re.compile(r"(?:\S*/)?(?:env\s+)?(?:ba|da|a|z|k)?sh$")
_HEREDOC = r"<<-?\s*(['\"]?){name}\1"
_CMD = re.compile(r"(?i)(?:^|[\\/])cmd(?:\.exe)?$")


def run(command: buildkit.Command, words: list[Word], session: Session) -> None:
    """Read what an instruction runs; `words` are its list, if it has the form of one."""
    from gate.environment.shell.commands import run_command  # noqa: PLC0415 - the grammar loads when it is needed
    from gate.environment.shell.script import run_script  # noqa: PLC0415 - as above
    from gate.environment.shell.windows import powershell, read_code  # noqa: PLC0415 - as above

    if command.json:
        run_command(words, session, lambda script, line: run_script(script, line, session, 1))
        return
    heredocs = heredocs_of(command)
    script = body_of(command, heredocs, session.text)
    if powershell(script, session.stage):
        read_code(script, command.start_line, session)
        return
    if escape_of(session.text) == "`" or _CMD.search(session.stage.shell):
        script = re.sub(r"\\(?!\n)", "/", script)
    _script(script, command.start_line, heredocs, session)


def _script(script: str, line: int, heredocs: list[Heredoc], session: Session) -> None:
    """Read a script. A here-document is a script of its own where a shell gets it; any other command reads it."""
    from gate.environment.shell.script import run_script  # noqa: PLC0415 - as above

    fed: list[Heredoc] = []
    for number, heredoc in enumerate(heredocs):
        match = re.search(_HEREDOC.format(name=re.escape(heredoc.name)), script)
        if match is None:
            continue
        before = script[: match.start()].replace("\\\n", " ").strip()
        command = re.split(r"[;&|\n]", before)[-1].strip()
        first = command.split()[0] if command else ""
        given = ""
        if not _other_reader(command, script[match.end() :]) or _SHELL_NAME.match(first):
            fed.append(heredoc)
        else:
            name = f"__heredoc_{number}"
            content = heredoc.content if match[1] else expand(heredoc.content, session.values())
            session.variables[name] = Word(text=content.rstrip("\n"), line=heredoc.line)
            given = f'<<< "${name}"'
        script = script[: match.start()] + " " * len(match[0]) + script[match.end() :]
        # The grammar takes a here-string before a redirect, not after it.
        redirect = re.search(r"\s\d*>[^;&|]*$", script[: match.start()])
        at = redirect.start() if redirect and given else match.start()
        script = f"{script[:at]} {given} {script[at:]}" if given else script
    if script.replace("\\\n", "").strip():
        run_script(script, line, session)
    for heredoc in fed:
        shebang = heredoc.content.lstrip().partition("\n")[0]
        if not shebang.startswith("#!") or re.search(r"\b(?:ba|da|a|z|k)?sh\b", shebang):
            run_script(heredoc.content, heredoc.line, session)
        else:
            _other_script(heredoc, shebang, session)


def _other_reader(command: str, after: str) -> bool:
    """Say whether a command that is no shell stands around `<<EOF`: `cat <<EOF > x`, `<<EOF cat`."""
    follows = re.match(r"[ \t]*([^\s<>|&;]+)", after)
    return bool(command) or (follows is not None and not _SHELL_NAME.match(follows[1]))


def _other_script(heredoc: Heredoc, shebang: str, session: Session) -> None:
    from gate.environment.shell.commands import run_command  # noqa: PLC0415 - as above

    session.piped = [Word(text=heredoc.content, line=heredoc.line)]
    interpreter = [Word(text=one, line=heredoc.line) for one in shebang[2:].split()]
    run_command(interpreter, session, lambda script, line: None)  # noqa: ARG005 - another interpreter runs no shell script
    session.piped = []
