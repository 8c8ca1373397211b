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
    modules = [word for word in rest if not word.text.startswith((".", "/")) and "." in word.text.split("/")[0]]
    if modules and _named(verb, rest, modules, session):
        session.add_all(Kind.OTHER, modules, place(_PROXY))
    elif (verb in _RESOLVING and not _offline(parsed.all("-mod"), session)) or (
        verb == "mod" and rest and rest[0].text in {"tidy", "download", "vendor"}
    ):
        manifest("go.mod", _PROXY, words[1].line, session)


def _named(verb: str, rest: list[Word], modules: list[Word], session: Session) -> bool:
    """Say whether the call fetches modules that it names, rather than what the project's own `go.mod` lists."""
    if verb == "get" or (verb in {"install", "run"} and any("@" in word.text for word in modules)):
        return True
    if session.stage.in_clone(".", "go.mod"):
        return False
    if verb == "mod":
        return rest[0].text == "download"
    return verb == "install" and not any(_own(word.text, session) for word in modules)


def _own(module: str, session: Session) -> bool:
    # `/go/src/github.com/o/r` is the folder of the module `github.com/o/r`.
    return f"/{'/'.join(module.split('/')[:3])}/" in f"{session.stage.workdir}/"


def _offline(modes: list[Word], session: Session) -> bool:
    """Say whether go is told to take everything from `vendor`, or to know of no modules at all."""
    flags = (session.setting("GOFLAGS") or "").split()
    vendored = "-mod=vendor" in flags or any(word.text == "vendor" for word in modes)
    return vendored or session.setting("GO111MODULE") == "off"
