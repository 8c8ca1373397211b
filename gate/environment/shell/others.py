"""Tools that install by name from registries of their own (az, gem, dotnet, helm, trivy …); none is safelisted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import Grammar, grammar, parse_options
from gate.environment.shell.manifests import manifest, place
from gate.model.origin import Kind

if TYPE_CHECKING:
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
    "nix": ((("profile", "install"),), "nix"),
    "nix-env": (((),), "nix"),
    "cabal": ((("install",),), "hackage"),
    "stack": ((("install",),), "hackage"),
    "opam": ((("install",),), "opam"),
    "nuget": ((("install",),), "nuget"),
    "flatpak": ((("install",),), "flatpak"),
    "guix": ((("install",),), "guix"),
    "ollama": ((("pull",),), "ollama"),
}
_MANIFESTS: dict[str, tuple[frozenset[str], str, str]] = {
    "bundle": (frozenset({"install", "update"}), "Gemfile", "rubygems"),
    "dotnet": (frozenset({"restore", "build", "publish", "test", "pack"}), "*.csproj", "nuget"),
    "composer": (frozenset({"install", "update"}), "composer.json", "packagist"),
    "mvn": (frozenset({"package", "install", "verify", "compile", "dependency:resolve"}), "pom.xml", "maven"),
    "mvnw": (frozenset({"package", "install", "verify", "compile"}), "pom.xml", "maven"),
    "gradle": (frozenset({"build", "assemble", "jar", "installDist", "shadowJar"}), "build.gradle", "maven"),
    "conan": (frozenset({"install", "create", "build"}), "conanfile.py", "conan"),
    "mix": (frozenset({"deps.get", "deps.compile"}), "mix.exs", "hex"),
    "swift": (frozenset({"build"}), "Package.swift", "swift"),
    "nix": (frozenset({"build", "develop", "shell"}), "flake.nix", "nix"),
    "gradlew": (frozenset({"build", "assemble", "jar", "installDist", "shadowJar"}), "build.gradle", "maven"),
}
_FIRST = frozenset({"huggingface-cli", "hf"})
"""What follows the first name is files of it."""

_AZ: Grammar = grammar("-n/--name -s/--source --version --pip-extra-index-urls --index -y")


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name == "az":
        _az(words, session)
        return
    if name == "trivy":
        _trivy(words, session)
        return
    if name in {"code", "code-server"}:
        extensions = parse_options(words[1:], grammar("--install-extension")).all("--install-extension")
        session.add_all(Kind.OTHER, extensions, place("vscode-marketplace"))
        return
    if name == "julia":
        _julia(words, session)
        return
    parsed = parse_options(words[1:], _PLAIN)
    operands = parsed.operands
    texts = [word.text for word in operands]
    verbs, where = _NAMED.get(name, ((), ""))
    for verb in verbs:
        if tuple(texts[: len(verb)]) == verb:
            chosen = operands[len(verb) :][: 1 if name in _FIRST else None]
            _add(chosen, parsed.last("--version"), where, session)
            return
    if name in _MANIFESTS:
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
