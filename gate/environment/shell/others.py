"""Tools that install by name from registries of their own (az, gem, dotnet, helm, trivy …); none is safelisted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import Grammar, grammar, parse_options
from gate.environment.shell.manifests import manifest, place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_PLAIN = grammar("-v/--version -i --install-dir --bindir --source -s -c --source-file -n --repo --framework -f -p")
# Tool: the words before the names that it installs, the place, and how its options read.
_NAMED: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "gem": ((("install",), ("i",)), "rubygems"),
    "luarocks": ((("install",),), "luarocks"),
    "cpan": (((),), "cpan"),
    "cpanm": (((),), "cpan"),
    "helm": ((("plugin", "install"), ("pull",), ("install",)), "helm"),
    "jupyter": ((("labextension", "install"), ("nbextension", "install")), "npm"),
    "dotnet": ((("tool", "install"), ("workload", "install"), ("new", "install")), "nuget"),
    "composer": ((("require",), ("global", "require")), "packagist"),
    "code": ((("--install-extension",),), "vscode-marketplace"),
    "code-server": ((("--install-extension",),), "vscode-marketplace"),
    "ansible-galaxy": ((("install",), ("collection", "install"), ("role", "install")), "ansible-galaxy"),
    "snap": ((("install",),), "snap"),
    "playwright": ((("install",),), "playwright"),
    "spack": ((("install",),), "spack"),
    "huggingface-cli": ((("download",),), "huggingface"),
    "hf": ((("download",),), "huggingface"),
    "sdk": ((("install",),), "sdkman"),
    "nix": ((("profile", "install"),), "nix"),
    "nix-env": (((),), "nix"),
}
_MANIFESTS: dict[str, tuple[frozenset[str], str, str]] = {
    "bundle": (frozenset({"install", "update"}), "Gemfile", "rubygems"),
    "dotnet": (frozenset({"restore", "build", "publish", "test", "pack"}), "*.csproj", "nuget"),
    "composer": (frozenset({"install", "update"}), "composer.json", "packagist"),
    "mvn": (frozenset({"package", "install", "verify", "compile", "dependency:resolve"}), "pom.xml", "maven"),
    "mvnw": (frozenset({"package", "install", "verify", "compile"}), "pom.xml", "maven"),
    "gradle": (frozenset({"build", "assemble", "jar", "installDist", "shadowJar"}), "build.gradle", "maven"),
    "gradlew": (frozenset({"build", "assemble", "jar", "installDist", "shadowJar"}), "build.gradle", "maven"),
}
_AZ: Grammar = grammar("-n/--name -s/--source --version --pip-extra-index-urls --index -y")


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name == "az":
        _az(words, session)
        return
    if name == "trivy":
        _trivy(words, session)
        return
    operands = parse_options(words[1:], _PLAIN).operands
    texts = [word.text for word in operands]
    verbs, where = _NAMED.get(name, ((), ""))
    for verb in verbs:
        if tuple(texts[: len(verb)]) == verb:
            session.add_all(Kind.OTHER, operands[len(verb) :], place(where))
            return
    if name in _MANIFESTS:
        resolving, file, where = _MANIFESTS[name]
        if resolving & set(texts):
            manifest(file, where, words[0].line, session)


def _az(words: list[Word], session: Session) -> None:
    parsed = parse_options(words[1:], _AZ)
    verbs = [word.text for word in parsed.operands]
    if verbs[:2] in (["extension", "add"], ["extension", "update"]):
        for word in parsed.all("--name"):
            session.add(Found(kind=Kind.OTHER, name=word.text, line=word.line), place("az-extensions"))
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
