"""OS package managers beside apt: apk, yum, dnf, rpm, zypper, pacman, brew and those of smaller distributions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
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
    """How one manager is called: what takes a value, installs (empty: it has no verb), upgrades everything."""

    options: Grammar
    installs: frozenset[str] = frozenset()
    upgrades: frozenset[str] = frozenset()


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
    "emerge": _Manager(options=grammar("-j/--jobs -l --root --config-root --sysroot --with-bdeps --backtrack")),
    "xbps-install": _Manager(options=grammar("-R/--repository -r/--rootdir -c -C")),
    "pkg_add": _Manager(options=grammar("-D -p -t -P")),
    "urpmi": _Manager(options=grammar("--root --media --excludemedia")),
    "swupd": _Manager(
        options=grammar("-p/--path -u/--url -m -F -S -n"),
        installs=frozenset({"bundle-add", "os-install"}),
        upgrades=frozenset({"update"}),
    ),
    "eopkg": _Manager(options=grammar("-D -c"), installs=frozenset({"install", "it"}), upgrades=frozenset({"up"})),
    "pkg": _Manager(options=grammar("-r/--repository"), installs=frozenset({"install", "add"})),
    "pkgin": _Manager(options=grammar(""), installs=frozenset({"install", "in"})),
    "opkg": _Manager(options=grammar("-d -o -f"), installs=frozenset({"install"}), upgrades=frozenset({"upgrade"})),
    "slackpkg": _Manager(options=grammar(""), installs=frozenset({"install"}), upgrades=frozenset({"upgrade-all"})),
}
_NAME = re.compile(r"([^<>=~!@]+)(.*)", re.DOTALL)


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name == "rpm":
        _files(words[1:], session)
    elif name in {"debootstrap", "mmdebstrap"}:
        _bootstrap(name, words, session)
    elif name in {"pacman", "yay", "paru"}:
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
    if not manager.installs:
        for word in parsed.operands:
            _package(replace(word, text=word.text.lstrip("=<>~!@")), origins, session)
    elif verb.text == "config-manager":
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


def _bootstrap(name: str, words: list[Word], session: Session) -> None:
    """Read `debootstrap SUITE FOLDER [MIRROR]`: a whole system, out of the mirror or of one that nobody names."""
    operands = parse_options(words[1:], grammar("")).operands
    mirrors = [word.text for word in operands if "://" in word.text]
    location = redact_url(mirrors[0]) if mirrors else f"{name}:default"
    origin = Origin(kind=OriginKind.OS_ARCHIVE, location=location, implicit=not mirrors)
    for word in operands[:1]:
        session.add(Found(kind=Kind.OS, name=word.text, line=word.line), origin)


def _repository(words: list[Word], session: Session) -> None:
    for word in words[1:]:
        address = word.text.partition("=")[2] if word.text.startswith("--add-repo=") else word.text
        if "://" in address:
            origin = Origin(kind=OriginKind.OS_ARCHIVE, location=redact_url(address))
            session.stage.archives.append(origin)
            session.source(origin, word.line)
