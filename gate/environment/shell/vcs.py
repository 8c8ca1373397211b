"""`git clone`, `git submodule add`, `svn checkout`, `hg clone`."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import grammar, parse_options
from gate.environment.pip_scope import vcs_host
from gate.environment.places import unresolved
from gate.model.origin import Kind, Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_GLOBAL = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--exec-path", "--namespace"})
_CLONE = grammar(
    "-b/--branch/--revision --depth -j/--jobs -o/--origin -u/--upload-pack -c/--config --reference --separate-git-dir "
    "--filter --shallow-since --shallow-exclude --template --bundle-uri --server-option -r/--rev --revision "
    "--username --password -C"
)
_VERBS = {
    "git": frozenset({"clone"}),
    "svn": frozenset({"checkout", "co", "export"}),
    "hg": frozenset({"clone"}),
    "gh": frozenset({"clone"}),
}


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    index = 1
    while index < len(words) and words[index].text.startswith("-"):
        index += 2 if words[index].text in _GLOBAL else 1
    if name == "gh" and index < len(words) and words[index].text == "repo":
        index += 1
    if index >= len(words):
        return
    verb, rest = words[index].text, words[index + 1 :]
    if verb in _VERBS.get(name, ()):
        _clone(rest, session)
    elif verb in {"checkout", "reset"} and name == "git":
        return
    elif verb == "submodule" and rest and rest[0].text == "add":
        _clone(rest[1:], session)
    elif verb in {"fetch", "pull", "remote"} and name == "git":
        _addressed(rest, session)


def _addressed(words: list[Word], session: Session) -> None:
    for word in words:
        if "://" in word.text or word.text.startswith("git@"):
            _add(word, "", session)


def _clone(words: list[Word], session: Session) -> None:
    parsed = parse_options(words, _CLONE)
    if not parsed.operands:
        return
    address = parsed.operands[0]
    ref = parsed.last("--revision")
    _add(address, ref.text if ref else "", session)
    folder = posixpath.basename(address.text.rstrip("/")).removesuffix(".git")
    target = parsed.operands[1].text if len(parsed.operands) > 1 else folder
    session.stage.cloned.append(session.stage.absolute(target))


def _add(word: Word, ref: str, session: Session) -> None:
    address = word.text.strip()
    at = address.rfind("@")
    if not ref and at > address.find("/", address.find("://") + 3) > 0:
        address, ref = address[:at], address[at + 1 :]
    if not ("://" in address or ":" in address or unresolved(address)):
        return
    origin = Origin(kind=OriginKind.VCS, location=vcs_host(address) or address)
    session.add(Found(kind=Kind.VCS, name=address, spec=ref, line=word.line), origin)
