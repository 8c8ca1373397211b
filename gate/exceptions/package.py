"""What can be granted, and whether the files handed in are of what was asked for. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from gate.exceptions.refusals import Why, refusal
from gate.model.base import Value
from gate.model.exception import VULNERABILITY, WAIVED_NAME, GrantedFile, Subject
from gate.model.origin import Kind
from gate.model.redact import redact_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.policy.schema import WorkflowPolicy

_LONGEST = 2000

_ADDRESSED = frozenset({Kind.URL, Kind.VCS, Kind.LOCAL})
"""Kinds that name an address: a wheel made from what lies there stands for it."""


class OfferedFile(Value):
    """A wheel as its reader understood it, whole: the stored file, and the name and version that it says it is."""

    file: GrantedFile
    name: str
    version: str


class Package(Value):
    """What the files come to: one Python package in one version (both normalised), and the addresses it stands for."""

    name: str
    version: str
    references: tuple[str, ...] = ()


def subject_of(*, kind: Kind, name: str, version: str, repository: str, vulnerability: str = "") -> Subject:
    """Return what somebody asks for by hand, spelt as the gate spells it, so that it has the id of its draft.

    Raises:
        WrongContentError: `subject_unclear`.
    """
    for field, text in (("name", name), ("version", version), ("repository", repository)):
        if not text.isprintable() or len(text) > _LONGEST or redact_url(text) != text:
            raise refusal(Why.SUBJECT_UNCLEAR, field=field, problem="holds a secret, does not print, or is too long")
        if not text.strip() and field != "version":
            raise refusal(Why.SUBJECT_UNCLEAR, field=field, problem="is blank")
    if vulnerability and not re.fullmatch(VULNERABILITY, vulnerability):
        raise refusal(Why.SUBJECT_UNCLEAR, field="vulnerability", problem="is no single id of one")
    if vulnerability and not re.fullmatch(WAIVED_NAME, name.strip()):
        raise refusal(Why.SUBJECT_UNCLEAR, field="name", problem="is not that of one component")
    spelt = canonicalize_name(name.strip()) if kind is Kind.PYPI else name.strip()
    return Subject(
        kind=kind, name=spelt, version=version.strip(), repository=repository.strip(), vulnerability=vulnerability
    )


def refuse_never(kind: Kind, name: str, policy: WorkflowPolicy) -> None:
    """Refuse what policy says can never be excepted; names of Python packages in any spelling.

    Raises:
        RefusedError: `never_excepted`.
    """
    wanted = _plain(kind.value, name)
    for entry in policy.never:
        if _plain(*entry.partition("/")[::2]) == wanted:
            raise refusal(Why.NEVER_EXCEPTED, name=entry)


def refuse_ungrantable(kind: Kind) -> None:
    """Refuse kinds for which no grant would be for bytes: the model matches them by name alone.

    Raises:
        WrongContentError: `not_yet_grantable`.
    """
    if kind is not Kind.PYPI and kind not in _ADDRESSED:
        raise refusal(Why.NOT_YET_GRANTABLE, kind=kind.value)


def package_of(subject: Subject, files: Sequence[OfferedFile]) -> Package:
    """Hold the files to the request: all are wheels of one version of the package that was asked for.

    Raises:
        WrongContentError: `not_yet_grantable`, `no_file`, `wrong_package`.
    """
    refuse_ungrantable(subject.kind)
    if not files:
        raise refusal(Why.NO_FILE)
    first = files[0]
    name, version = canonicalize_name(first.name), _version(first, subject)
    for offered in files:
        if canonicalize_name(offered.name) != name or _version(offered, subject) != version:
            raise _wrong(offered, f"{name} {version} as the other files are")
        if not _is_asked_for(subject, name, version):
            raise _wrong(offered, f"{subject.name} {subject.version}".strip())
    references = (subject.name,) if subject.kind in _ADDRESSED else ()
    return Package(name=name, version=str(version), references=references)


def _is_asked_for(subject: Subject, name: str, version: Version) -> bool:
    if subject.kind in _ADDRESSED:
        return _address_agrees(subject.name, name, version)
    return canonicalize_name(subject.name) == name and _satisfies(version, subject.version.strip())


def _satisfies(version: Version, wanted: str) -> bool:
    """Say whether a version is the one observed or fits the declared specifier; none declared fits any."""
    try:
        return version == Version(wanted)
    except InvalidVersion:
        pass
    try:
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False


def _address_agrees(address: str, name: str, version: Version) -> bool:
    """Say whether an address that names a wheel names this one. What names no wheel says nothing."""
    try:
        filename = unquote(urlsplit(address).path).replace("\\", "/").rpartition("/")[2]
    except ValueError:
        return False
    if not filename.endswith(".whl"):
        return True
    try:
        named, numbered, _, _ = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion):
        return False
    return (named, numbered) == (name, version)


def _version(offered: OfferedFile, subject: Subject) -> Version:
    try:
        return Version(offered.version)
    except InvalidVersion:
        raise _wrong(offered, f"{subject.name} {subject.version}".strip()) from None


def _wrong(offered: OfferedFile, wanted: str) -> Exception:
    found = f"{offered.name} {offered.version}"
    return refusal(Why.WRONG_PACKAGE, filename=offered.file.filename, found=found, wanted=wanted)


def _plain(kind: str, name: str) -> tuple[str, str]:
    kind = kind.strip().casefold()
    return kind, canonicalize_name(name.strip()) if kind == Kind.PYPI.value else name.strip().casefold()
