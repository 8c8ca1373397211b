"""Which module of this package reads which commands."""

from __future__ import annotations

import re

TOOLS: tuple[tuple[str, str], ...] = (
    (r"pip[\d.]*|pip\d*-\d[\d.]*|easy_install[\d.]*", "pip"),
    (r"uv|uvx|pipx|poetry|pipenv|pdm|hatch|mim", "python_tools"),
    (r"conda|mamba|micromamba|pixi|conda-lock", "conda"),
    (r"python[\d.]*|pypy[\d.]*", "python"),
    (r"(?:xx-)?(?:apt|apt-get)|apt-fast|nala|aptitude|dpkg|apt-key|add-apt-repository|apt-add-repository|gdebi", "apt"),
    (r"(?:xx-)?apk|yum|dnf5?|microdnf|tdnf|rpm|zypper|pacman|yay|paru|yum-config-manager|brew", "os_packages"),
    (r"emerge|xbps-install|swupd|eopkg|pkg|pkgin|pkg_add|opkg|urpmi|slackpkg|debootstrap|mmdebstrap", "os_packages"),
    (r"curl|wget2?|aria2c|axel|https?|xhs?|lynx|links|elinks|w3m|s?ftp|lftp", "download"),
    (r"rsync|scp|pscp", "copied_over"),
    (r"git|svn|hg|gh|git-lfs", "vcs"),
    (r"npm|npx|pnpx|yarn|pnpm|corepack|bun|bunx|deno|nvm|n", "node"),
    (r"(?:xx-)?go", "go"),
    (r"(?:xx-)?cargo|rustup|rustup-init|cargo-binstall", "rust"),
    (r"R|Rscript|install2\.r|installGithub\.r|installBioc\.r|install\.r", "r_lang"),
    (
        r"az|trivy|gem|bundle|dotnet|helm|jupyter|huggingface-cli|hf|julia|luarocks|cpan|cpanm|composer|tlmgr|vcpkg|pecl",
        "others",
    ),
    (r"powershell(?:\.exe)?|pwsh(?:\.exe)?|choco|winget|scoop", "windows"),
    (
        r"(?i:iwr|iex|irm|Invoke-(?:WebRequest|RestMethod|Expression)|Start-BitsTransfer|Install-(?:Module|Script))",
        "windows",
    ),
    (r"(?i:Install-(?:Package|PackageProvider)|Save-Module)", "windows"),
    (r"pyenv|rbenv|nodenv|goenv|fnm|asdf|mise|volta|sdk", "runtimes"),
    (r"aws|gsutil|gcloud|azcopy|rclone|docker|podman|nerdctl|buildah|skopeo|crane|oras", "stores"),
    (r"mvn|mvnw|gradle|gradlew|code|code-server|ansible-galaxy|playwright|spack|nix|nix-env|snap", "others"),
    (
        r"cabal|stack|opam|nuget|flatpak|guix|ollama|conan|mix|swift|kubectl|sbt|lein|rebar3|rosdep|bazel|bazelisk",
        "others",
    ),
    (r"perl[\d.]*|ruby[\d.]*|php[\d.]*|node|nodejs", "code"),
)
"""Which module of this package reads which commands, by the command's base name."""

_TABLE = [(re.compile(pattern), module) for pattern, module in TOOLS]


def base_name(path: str) -> str:
    """Return the last part of a command's path; variables before it do not matter."""
    return path.rstrip("/").rpartition("/")[2].removesuffix(".exe")


def tool_of(path: str) -> str:
    """Return the module of this package that reads a command; empty if none does."""
    name = base_name(path)
    return next((module for pattern, module in _TABLE if pattern.fullmatch(name)), "")
