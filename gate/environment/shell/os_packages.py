"""OS package managers beside apt: apk, yum, dnf, microdnf, tdnf, rpm, zypper, pacman, brew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import Grammar, grammar, parse_options
from gate.environment.shell.apt import UPGRADE_ALL
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.redact import redact_url

if TYPE_CHECKING:
    from gate.environment.shell.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manager:
    """How one manager is called: what takes a value, what installs, what upgrades everything."""

    options: Grammar
    installs: frozenset[str]
    upgrades: frozenset[str]


_RPM = _Manager(
    options=grammar(
        "--enablerepo --disablerepo --repo/--repoid -c/--config --setopt --releasever --installroot -x/--exclude "
        "--downloaddir --advisory --forcearch -d -e --color"
    ),
    installs=frozenset({"install", "localinstall", "reinstall", "groupinstall", "builddep", "swap", "downgrade"}),
    upgrades=frozenset({"update", "upgrade", "distro-sync", "dup", "upgrade-minimal", "update-minimal"}),
)
_MANAGERS = {
    "apk": _Manager(
        options=grammar(
            "-t/--virtual -X/--repository -p/--root --repositories-file --keys-dir --cache-dir --arch --wait"
        ),
        installs=frozenset({"add"}),
        upgrades=frozenset({"upgrade"}),
    ),
    "zypper": _Manager(
        options=grammar("-r/--repo --from -c --root -t/--type"),
        installs=frozenset({"install", "in"}),
        upgrades=frozenset({"update", "up", "dist-upgrade", "dup", "patch"}),
    ),
    "brew": _Manager(options=grammar(""), installs=frozenset({"install"}), upgrades=frozenset({"upgrade"})),
}
_NAME = re.compile(r"([^<>=~!@]+)(.*)", re.DOTALL)


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name == "rpm":
        _files(words[1:], session)
    elif name == "pacman":
        _pacman(words, session)
    elif name == "yum-config-manager":
        _repository(words, session)
    else:
        _managed(name, words, session)


def _managed(name: str, words: list[Word], session: Session) -> None:
    manager = _MANAGERS.get(name.removeprefix("xx-"), _RPM)
    parsed = parse_options(words[1:], manager.options)
    origins = _origins(name, [word.text for word in parsed.all("--repository")], session)
    if not parsed.operands:
        return
    verb, packages = parsed.operands[0], parsed.operands[1:]
    if verb.text == "config-manager":
        _repository(words, session)
    elif verb.text in manager.upgrades and not packages:
        session.add(Found(kind=Kind.OS, name=UPGRADE_ALL, line=verb.line), *origins)
    elif verb.text in manager.installs | manager.upgrades:
        for word in packages:
            _package(word, origins, session)
    elif verb.text in {"group", "module"} and packages and packages[0].text == "install":
        for word in packages[1:]:
            _package(word, origins, session)


def _origins(name: str, repositories: list[str], session: Session) -> tuple[Origin, ...]:
    default = Origin(kind=OriginKind.OS_ARCHIVE, location=f"{name}:default", implicit=True)
    added = [Origin(kind=OriginKind.OS_ARCHIVE, location=redact_url(one)) for one in repositories]
    return tuple(dict.fromkeys((default, *added, *session.stage.archives)))


def _package(word: Word, origins: tuple[Origin, ...], session: Session) -> None:
    text = word.text.strip()
    if "://" in text:
        session.add(Found(kind=Kind.URL, name=text, line=word.line))
    elif text.startswith(("/", "./", "../")) or text.endswith((".rpm", ".apk")):
        session.add(Found(kind=Kind.LOCAL, name=text, line=word.line))
    elif (match := _NAME.fullmatch(text)) and not text.startswith(("!", ".")):
        session.add(Found(kind=Kind.OS, name=match[1].strip(), spec=match[2], line=word.line), *origins)


def _files(words: list[Word], session: Session) -> None:
    if not any(re.match(r"-\w*[iUF]|--(?:install|upgrade|freshen|import)", word.text) for word in words):
        return
    session.add_addresses(words)
    for word in words:
        if word.text.endswith("rpm") and "://" not in word.text and not word.text.startswith("-"):
            session.add(Found(kind=Kind.LOCAL, name=word.text, line=word.line))


def _pacman(words: list[Word], session: Session) -> None:
    actions = [word.text for word in words[1:] if word.text.startswith("-")]
    packages = [word for word in words[1:] if not word.text.startswith("-")]
    if not any(one.startswith(("-S", "--sync", "-U")) for one in actions):
        return
    origins = _origins("pacman", [], session)
    if any("u" in one[2:] for one in actions if one.startswith("-S")):
        session.add(Found(kind=Kind.OS, name=UPGRADE_ALL, line=words[0].line), *origins)
    for word in packages:
        _package(word, origins, session)


def _repository(words: list[Word], session: Session) -> None:
    for word in words[1:]:
        address = word.text.partition("=")[2] if word.text.startswith("--add-repo=") else word.text
        if "://" in address:
            origin = Origin(kind=OriginKind.OS_ARCHIVE, location=redact_url(address))
            session.stage.archives.append(origin)
            session.source(origin, word.line)
