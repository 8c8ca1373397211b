"""Tools that install by name from registries of their own (az, gem, dotnet, helm, trivy …); none is safelisted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import Grammar, grammar, parse_options
from gate.environment.shell.manifests import manifest, place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.environment.shell.session import Session

_JULIA = re.compile(r"\bPkg\.(?:add|develop)\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_STRINGS = re.compile(r"\"([^\"]+)\"")
_PLAIN = grammar(
    "-v/--version -i --install-dir --bindir --source -s -c --source-file -n --repo --framework -f -p "
    "--local-dir --revision --include --exclude --repo-type --token --cache-dir"
)
# Tool: the words before the names that it installs, the place, and how its options read.
_NAMED: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "gem": ((("install",), ("i",)), "rubygems"),
    "luarocks": ((("install",),), "luarocks"),
    "tlmgr": ((("install",),), "ctan"),
    "vcpkg": ((("install",),), "vcpkg"),
    "pecl": ((("install",),), "pecl"),
    "cpan": (((),), "cpan"),
    "cpanm": (((),), "cpan"),
    "helm": ((("plugin", "install"), ("pull",), ("install",)), "helm"),
    "jupyter": ((("labextension", "install"), ("nbextension", "install")), "npm"),
    "dotnet": ((("tool", "install"), ("workload", "install"), ("new", "install"), ("add", "package")), "nuget"),
    "composer": ((("require",), ("global", "require")), "packagist"),
    "ansible-galaxy": ((("install",), ("collection", "install"), ("role", "install")), "ansible-galaxy"),
    "snap": ((("install",),), "snap"),
    "playwright": ((("install",),), "playwright"),
    "spack": ((("install",),), "spack"),
    "huggingface-cli": ((("download",),), "huggingface"),
    "hf": ((("download",),), "huggingface"),
    "nix": ((("profile", "install"), ("profile", "add")), "nix"),
    "nix-env": (((),), "nix"),
    "cabal": ((("install",), ("v2-install",), ("new-install",)), "hackage"),
    "kubectl": ((("krew", "install"),), "krew"),
    "stack": ((("install",),), "hackage"),
    "opam": ((("install",),), "opam"),
    "nuget": ((("install",),), "nuget"),
    "flatpak": ((("install",),), "flatpak"),
    "guix": ((("install",), ("package",)), "guix"),
    "ollama": ((("pull",),), "ollama"),
}
_GRAMMARS = {
    "nix-env": grammar("-f/--file -p/--profile -I --option --arg --argstr --system-filter -j --cores"),
    "guix": grammar("-p/--profile -L/--load-path"),
    **dict.fromkeys(("cpan", "cpanm"), grammar("-l -L -M --mirror --from --local-lib -j")),
}
"""How the options of a tool read that has letters of its own for what others give a value."""

_NIX_LOOKS = re.compile(r"-[eqQGS]\w*|--(?:uninstall|query|switch-\w+|list-generations|delete-generations|rollback)")
_IDLE = frozenset(
    {"help", "clean", "wrapper", "init", "tasks", "projects", "properties", "version", "validate", "stop"}
)
"""Goals of a build tool that resolve no dependency; every other one does, whatever a build calls it."""

_ANY: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("mvn", "mvnw"), ("pom.xml", "maven")),
    **dict.fromkeys(("gradle", "gradlew"), ("build.gradle", "maven")),
    "sbt": ("build.sbt", "maven"),
    "lein": ("project.clj", "clojars"),
}
_MANIFESTS: dict[str, tuple[frozenset[str], str, str]] = {
    "bundle": (frozenset({"install", "update"}), "Gemfile", "rubygems"),
    "dotnet": (frozenset({"restore", "build", "publish", "test", "pack"}), "*.csproj", "nuget"),
    "composer": (frozenset({"install", "update"}), "composer.json", "packagist"),
    "stack": (frozenset({"build", "install", "setup", "test"}), "stack.yaml", "hackage"),
    "cabal": (
        frozenset({"build", "install", "v2-build", "v2-install", "new-build", "new-install", "fetch"}),
        "cabal.project",
        "hackage",
    ),
    "rosdep": (frozenset({"install"}), "package.xml", "rosdep"),
    "rebar3": (frozenset({"get-deps", "compile", "release", "tar"}), "rebar.config", "hex"),
    **dict.fromkeys(
        ("bazel", "bazelisk"), (frozenset({"build", "run", "test", "fetch", "sync"}), "MODULE.bazel", "bazel")
    ),
    "conan": (frozenset({"install", "create", "build"}), "conanfile.py", "conan"),
    "mix": (frozenset({"deps.get", "deps.compile"}), "mix.exs", "hex"),
    "swift": (frozenset({"build"}), "Package.swift", "swift"),
    "nix": (frozenset({"build", "develop", "shell"}), "flake.nix", "nix"),
}
_FIRST = frozenset({"huggingface-cli", "hf"})
"""What follows the first name is files of it."""

_AZ: Grammar = grammar("-n/--name -s/--source --version --pip-extra-index-urls --index -y")


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name in _OWN:
        _OWN[name](words, session)
        return
    if name == "nix-env" and any(_NIX_LOOKS.fullmatch(word.text) for word in words[1:]):
        return
    parsed = parse_options(words[1:], _GRAMMARS.get(name, _PLAIN))
    operands = parsed.operands
    texts = [word.text for word in operands]
    verbs, where = _NAMED.get(name, ((), ""))
    for verb in verbs:
        chosen = operands[len(verb) :][: 1 if name in _FIRST else None]
        if tuple(texts[: len(verb)]) == verb and (chosen or name not in _MANIFESTS):
            session.add_addresses(parsed.all("--file"))
            _add(chosen, parsed.last("--version"), where, session)
            return
    if name in _ANY:
        if set(texts) - _IDLE:
            manifest(*_ANY[name], words[0].line, session)
    elif name in _MANIFESTS:
        resolving, file, where = _MANIFESTS[name]
        if resolving & set(texts):
            manifest(file, where, words[0].line, session)


def _add(words: list[Word], version: Word | None, where: str, session: Session) -> None:
    session.add_addresses(words)
    for word in words:
        if "://" not in word.text:
            at = word.text.rfind(":" if where == "rubygems" else "@")
            name, spec = (word.text[:at], word.text[at + 1 :]) if at > 0 else (word.text, "")
            spec = spec or (version.text if version else "")
            session.add(Found(kind=Kind.OTHER, name=name, spec=spec, line=word.line), place(where))


def _code(words: list[Word], session: Session) -> None:
    extensions = parse_options(words[1:], grammar("--install-extension")).all("--install-extension")
    session.add_all(Kind.OTHER, extensions, place("vscode-marketplace"))


def _julia(words: list[Word], session: Session) -> None:
    for code in words[1:]:
        for call in _JULIA.finditer(code.text):
            for name in _STRINGS.findall(call[1]):
                line = code.line + code.text.count("\n", 0, call.start())
                session.add(Found(kind=Kind.OTHER, name=name, line=line), place("julia-registry"))


def _az(words: list[Word], session: Session) -> None:
    parsed = parse_options(words[1:], _AZ)
    verbs = [word.text for word in parsed.operands]
    if verbs[:2] in (["extension", "add"], ["extension", "update"]):
        version = parsed.last("--version")
        for word in parsed.all("--name") if not parsed.has("--source") else []:
            found = Found(kind=Kind.OTHER, name=word.text, spec=version.text if version else "", line=word.line)
            session.add(found, place("az-extensions"))
        for word in parsed.all("--source"):
            kind = Kind.URL if "://" in word.text else Kind.LOCAL
            session.add(Found(kind=kind, name=word.text, line=word.line))
    elif verbs[:1] in (["aks"], ["bicep"]) and verbs[1:2] in (["install-cli"], ["install"]):
        session.add(Found(kind=Kind.OTHER, name=verbs[0], line=words[0].line), place("az-tools"))


def _trivy(words: list[Word], session: Session) -> None:
    for word in words[1:]:
        if word.text == "--download-db-only":
            session.add(Found(kind=Kind.OTHER, name="trivy-db", line=word.line), place("trivy-db"))
        elif word.text == "--download-java-db-only":
            session.add(Found(kind=Kind.OTHER, name="trivy-java-db", line=word.line), place("trivy-db"))


_OWN: dict[str, Callable[[list[Word], Session], None]] = {
    "az": _az,
    "trivy": _trivy,
    "julia": _julia,
    **dict.fromkeys(("code", "code-server"), _code),
}
"""Tools that read like no other."""
