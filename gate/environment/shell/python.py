"""`python -m …`, `python setup.py …`."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.shell.followed import INSTALLER, unseen_script
from gate.environment.shell.manifests import place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_MODULES = {
    "pip": "pip",
    "pipx": "python_tools",
    "uv": "python_tools",
    "poetry": "python_tools",
    "pipenv": "python_tools",
}


_MODULE = re.compile(r"-[bBdEhiIOPqsSuvVx]*m(.*)")
"""`-m`, with other flags before it and the module right behind it, as the interpreter takes them."""


def run(name: str, words: list[Word], session: Session) -> None:
    """Read a call of the interpreter as far as it installs something."""
    del name
    value = False
    for index, word in enumerate(words[1:], 1):
        if value:
            value = False
            continue
        if word.text in {"-", "/dev/stdin"}:
            break
        value = word.text in {"-X", "-W"}
        if match := _MODULE.fullmatch(word.text):
            _module([Word(text=match[1], line=word.line)] * bool(match[1]) + words[index + 1 :], session)
            return
        if not word.text.startswith("-"):
            _script(words[index:], session)
            return
        if word.text == "-c":
            _code(words[index + 1 : index + 2], session)
            return
    _code(session.piped, session)


_INSTALLS = re.compile(
    r"\bpip\b.*\b(?:install|main)\b|\burl(?:open|retrieve)\b|\brequests\.get\b|\bget_ipython\b|_download\(|\.download\("
    r"|\bfrom_pretrained\(",
    re.DOTALL,
)

_FETCHES = re.compile(
    r"\b((?:nltk\.|spacy\.cli\.|gensim\.downloader\.|\w+\.)?(?:download|snapshot_download|hf_hub_download|from_pretrained)"
    r"|torch\.hub\.load|load_dataset)\s*\(([^()]*)\)"
)
"""Calls that download what they name."""


def _code(words: list[Word], session: Session) -> None:
    """Code that installs or downloads can't be told by reading it: it is in doubt as a whole."""
    for word in words:
        calls = _FETCHES.findall(word.text)
        if not calls and _INSTALLS.search(word.text):
            session.add(Found(kind=Kind.OTHER, name="python -c", line=word.line).doubted("code"))
        for call, argument in calls:
            name = f"{call}({argument.strip()[:80]})"
            session.add(Found(kind=Kind.OTHER, name=name, line=word.line).doubted("code"))


def _module(words: list[Word], session: Session) -> None:
    name = words[0].text if words else ""
    if name in _MODULES:
        importlib.import_module(f"gate.environment.shell.{_MODULES[name]}").run(name, words, session)
    elif name == "spacy" and len(words) > 2 and words[1].text == "download":  # noqa: PLR2004 - spacy, download, a model
        session.add_all(
            Kind.OTHER, [word for word in words[2:] if not word.text.startswith("-")], place("spacy-models")
        )
    elif name == "nltk.downloader":
        packages = [word for word in words[1:] if not word.text.startswith(("-", "/"))]
        session.add_all(Kind.OTHER, packages, place("nltk-data"))


def _script(words: list[Word], session: Session) -> None:
    path = words[0].text
    if INSTALLER.search(path.rpartition("/")[2]) and not path.endswith("setup.py") and not session.stage.in_clone(path):
        # A program that installs by its name: what it brings in can't be told from here.
        unseen_script(words[0], session)
    if words[0].text.rpartition("/")[2] != "setup.py" or session.stage.in_clone(path):
        return
    if any(word.text in {"install", "develop"} for word in words[1:]):
        folder = words[0].text.rpartition("/")[0] or "."
        session.add(Found(kind=Kind.LOCAL, name=folder, line=words[0].line))
