"""`cargo install`, what resolves `Cargo.toml`, and rustup's toolchains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import grammar, parse_options
from gate.environment.shell.manifests import manifest, place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_CARGO = grammar(
    "--version/--vers --git --branch --tag --rev --path --root --registry --index --features/-F --target --profile "
    "-p/--package --bin --manifest-path --target-dir -j/--jobs --example --color -Z --recipe-path --config"
)
_RUSTUP = grammar("--default-toolchain --profile --default-host -c/--component -t/--target --toolchain")
_CRATES, _TOOLCHAINS = "crates", "rust-toolchains"
_RESOLVING = frozenset({"build", "b", "run", "test", "check", "fetch", "rustc", "bench", "vendor"})


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name in {"rustup", "rustup-init"}:
        _rustup(words, session)
        return
    operands = [word for word in words[1:] if not word.text.startswith(("-", "+"))]
    if not operands:
        return
    verb = operands[0]
    rest = words[words.index(verb) + 1 :]
    if verb.text in {"install", "binstall"} or name == "cargo-binstall":
        _install(rest if name == "cargo" else words[1:], session)
    elif verb.text in _RESOLVING or [one.text for one in operands[:2]] == ["chef", "cook"]:
        manifest("Cargo.toml", _CRATES, verb.line, session)


def _install(words: list[Word], session: Session) -> None:
    parsed = parse_options(words, _CARGO)
    if (git := parsed.last("--git")) is not None:
        ref = parsed.last("--rev") or parsed.last("--tag") or parsed.last("--branch")
        session.add(Found(kind=Kind.VCS, name=git.text, spec=ref.text if ref else "", line=git.line))
        return
    if (path := parsed.last("--path")) is not None:
        if not session.stage.in_clone(path.text, "Cargo.toml"):
            manifest("Cargo.toml", _CRATES, path.line, session)
        return
    version = parsed.last("--version")
    for word in parsed.operands:
        name, _, spec = word.text.partition("@")
        spec = spec or (version.text if version else "")
        session.add(Found(kind=Kind.OTHER, name=name, spec=spec, line=word.line), place(_CRATES))


def toolchain(words: list[Word], session: Session) -> None:
    """Keep the toolchain that rustup's installer is told to install."""
    parsed = parse_options([word for word in words if word.text != "--"], _RUSTUP)
    for word in parsed.all("--default-toolchain"):
        if word.text != "none":
            found = Found(kind=Kind.OTHER, name="rust-toolchain", spec=word.text, line=word.line)
            session.add(found, place(_TOOLCHAINS))


def _rustup(words: list[Word], session: Session) -> None:
    parsed = parse_options(words[1:], _RUSTUP)
    toolchain(words[1:], session)
    verbs = [word.text for word in parsed.operands]
    if verbs[:2] in (["toolchain", "install"], ["component", "add"], ["target", "add"], ["toolchain", "add"]):
        session.add_all(Kind.OTHER, parsed.operands[2:], place(_TOOLCHAINS))
    elif verbs[:1] in (["install"], ["default"], ["update"]):
        session.add_all(Kind.OTHER, parsed.operands[1:], place(_TOOLCHAINS))
