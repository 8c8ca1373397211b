"""`go get`, `go install`, and what resolves `go.mod`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.found import Word
from gate.environment.options import grammar, parse_options
from gate.environment.shell.manifests import manifest, place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_OPTIONS = grammar("-ldflags -tags -o -p -mod -modfile -asmflags -gcflags -buildmode -C -overlay -pkgdir -toolexec")
_PROXY = "go-modules"
_RESOLVING = frozenset({"build", "install", "generate", "test"})


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    del name
    if len(words) < 2:  # noqa: PLR2004 - the tool and a verb
        return
    parsed = parse_options(words[2:], _OPTIONS)
    verb, rest = words[1].text, parsed.operands
    vendored = any(word.text == "vendor" for word in parsed.all("-mod"))
    modules = [word for word in rest if not word.text.startswith((".", "/")) and "." in word.text.split("/")[0]]
    if verb == "get" or (verb in {"install", "run"} and any("@" in word.text for word in modules)):
        session.add_all(Kind.OTHER, modules, place(_PROXY))
    elif (verb in _RESOLVING and not vendored) or (
        verb == "mod" and rest and rest[0].text in {"tidy", "download", "vendor"}
    ):
        manifest("go.mod", _PROXY, words[1].line, session)
