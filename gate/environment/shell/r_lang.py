"""R: `install.packages` and its relatives inside `R -e` and `Rscript -e`, and `install2.r`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import grammar, parse_options
from gate.environment.shell.followed import unseen_script
from gate.environment.shell.manifests import manifest, place
from gate.model.origin import Kind, Origin

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_CALL = re.compile(
    r"(?:\b\w++::)?(install\.packages|install_github|install_gitlab|install_version|install_cran|install_url|install_git|"
    r"install|pkg_install|pak)\s*\("
)
_RESTORES = {
    "renv::restore": "renv.lock",
    "packrat::restore": "packrat.lock",
    "devtools::install_deps": "DESCRIPTION",
    "remotes::install_deps": "DESCRIPTION",
    "pak::local_install_deps": "DESCRIPTION",
}
"""Calls that install what a file of the project lists."""

_STRING = re.compile(r"""(?:\b(\w++)\s*+=\s*+)?(c\s*\(|"[^"]*"|'[^']*'|\))""")
_LITTLER = grammar("-r/--repos -n/--ncpus -l/--libloc -t -m/--method -d/--deps")
_CRAN = "cran"


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name in {"R", "Rscript"}:
        _interpreter(words, session)
        return
    if name == "installGithub.r":
        for word in parse_options(words[1:], _LITTLER).operands:
            session.add_all(Kind.OTHER, [word], place("github"))
        return
    session.add_all(Kind.OTHER, parse_options(words[1:], _LITTLER).operands, place(_CRAN))


def _interpreter(words: list[Word], session: Session) -> None:
    for index, word in enumerate(words[1:], 1):
        if word.text in {"-e", "--eval"} and index + 1 < len(words):
            read_code(words[index + 1], session)
        elif word.text.startswith("--eval="):
            read_code(Word(text=word.text[7:], line=word.line), session)
        elif word.text.lower().endswith(".r") and "(" not in word.text:
            _file(word, session)
    for piped in session.piped:
        read_code(piped, session)


def _file(word: Word, session: Session) -> None:
    """Read a script of R; one that was copied and is not there is an unknown place."""
    text = session.open(word.text, word.line)
    if text is None:
        unseen_script(word, session)
    else:
        read_code(Word(text=text.content, line=1), replace(session, text=text))


def read_code(code: Word, session: Session) -> None:
    """Read R code for calls that install; only literal names can be known."""
    for match in _CALL.finditer(code.text):
        if match[1] in {"install", "pak"} and "::" not in match[0]:
            continue
        arguments = _arguments(code.text, match.end())
        line = code.line + code.text.count("\n", 0, match.start())
        _install(match[1], arguments, line, session)
    for call, file in _RESTORES.items():
        if (at := code.text.find(f"{call}(")) >= 0:
            manifest(file, _CRAN, code.line + code.text.count("\n", 0, at), session)


def _arguments(text: str, start: int) -> str:
    depth = 1
    for index in range(start, len(text)):
        depth += (text[index] == "(") - (text[index] == ")")
        if depth == 0:
            return text[start:index]
    return text[start:]


def _install(function: str, arguments: str, line: int, session: Session) -> None:
    origin: Origin = place("github" if "github" in function else _CRAN)
    names: list[tuple[str, int]] = []
    vector = False
    for match in _STRING.finditer(arguments):
        key, value = match[1] or "", match[2]
        if value.startswith("c"):
            vector = key in {"", "pkgs", "repo"}
            skipping = not vector
            continue
        if value == ")":
            vector = skipping = False
            continue
        in_other = not vector and (key not in {"", "pkgs", "repo", "package", "pkg", "url"} or bool(names))
        if in_other or (not vector and "skipping" in dir() and skipping):
            continue
        names.append((value[1:-1], line + arguments.count("\n", 0, match.start())))
    for name, where in names:
        if "://" in name:
            session.add(Found(kind=Kind.URL, name=name, line=where))
        else:
            session.add(Found(kind=Kind.OTHER, name=name, line=where), origin)
