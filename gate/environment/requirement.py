"""One Python requirement as pip takes it, from a file or from a command: a name, an address, a path."""

from __future__ import annotations

import re
from dataclasses import replace

from gate.environment.found import TEMPLATE, UNRESOLVED, Found
from gate.environment.places import unresolved
from gate.environment.templates import Mask, has_template
from gate.model.origin import Kind

# Possessive throughout: a line of blanks or letters must not be tried in every division.
_NAME = r"[A-Za-z0-9]++(?:[._-]++[A-Za-z0-9]++)*+"
_CLAUSE = r"(?:===|==|~=|!=|<=|>=|<|>)\s*+[A-Za-z0-9\ue000\ue001*.+!_-]++"
_HEAD = rf"({_NAME})\s*+(?:\[([^\]]*+)\])?+\s*+"
_PLAIN = re.compile(rf"{_HEAD}\(?+\s*+({_CLAUSE}(?:\s*+,\s*+{_CLAUSE})*+)?+\s*+,?+\s*+\)?+")
_DIRECT = re.compile(rf"{_HEAD}@\s*+(\S++)\s*(?:(?<=\s);\s*+(.*))?", re.DOTALL)
_PINNED = re.compile(rf"{_NAME}\s*+(?:\[[^\]]*+\])?+\s*+(?:==|~=|!=|<=|>=|<|>)")
_VCS = re.compile(r"(?:(?:git|hg|svn|bzr)\+[a-z+]+:|(?:git|ssh|svn)://)", re.IGNORECASE)
_SCP = re.compile(r"(?:git\+)?[\w.-]+@[\w.-]+:(?!//)\S+")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ARCHIVE = re.compile(r"\.(?:whl|zip|egg|tar|tgz|tbz|txz|tar\.(?:gz|bz2|xz|lzma|zst))(?:\[[^\]]*\])?$", re.IGNORECASE)
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
_EXTRAS = re.compile(r"^(.*?)\s*\[([^\[\]]*)\]$")
_WHEEL = re.compile(r"([A-Za-z0-9_.]+)-[^-/]+(?:-\d[^-/]*)?-[^-/]+-[^-/]+-[^-/]+\.whl$")
_SDIST = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*?)-v?\d[^/]*\.(?:tar\.\w+|zip|tgz)$")


_LONGEST = 8192


class InvalidRequirementError(ValueError):
    """The text is nothing that pip would install."""


def normalise(name: str) -> str:
    """Return the name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_requirement(text: str, line: int, *, editable: bool = False) -> Found:
    """Read one requirement without options. Spec and marker are kept as written.

    Raises:
        InvalidRequirementError: pip would refuse it (PEP 508).
    """
    text = text.strip()
    if len(text) > _LONGEST:
        message = f"a requirement of more than {_LONGEST} characters"
        raise InvalidRequirementError(message)
    if not text:
        message = "empty requirement"
        raise InvalidRequirementError(message)
    if _VCS.match(text) or _SCP.fullmatch(text):
        return _vcs(text, line)
    direct = _DIRECT.fullmatch(text)
    if direct and not editable:
        found = _address(direct[3], line)
        return replace(found, distribution=normalise(direct[1]), extras=_extras(direct[2]), marker=direct[4] or "")
    if _URL.match(text) or text.lower().startswith("file:"):
        body, _, marker = text.partition(" ;")
        return replace(_address(body.strip(), line), marker=marker.strip())
    if editable or (_is_path(text) and not _PINNED.match(text)):
        return _local(text, line)
    return _named(text, line)


def _is_path(text: str) -> bool:
    head = text.split(";", 1)[0].strip()
    bare = head.split("[", 1)[0]
    if has_template(bare):
        bare = re.sub(r"\{\{.*\}\}", "", bare)
    return "/" in bare or bare.startswith((".", "~")) or bool(_WINDOWS.match(bare)) or _ARCHIVE.search(head) is not None


def _address(address: str, line: int) -> Found:
    if _VCS.match(address) or _SCP.fullmatch(address):
        return _vcs(address, line)
    if address.lower().startswith("file:"):
        return _local(re.sub(r"(?i)^file:(?://)?", "", address), line)
    body, _, fragment = address.partition("#")
    found = Found(kind=Kind.URL, name=body, line=line, hashes=_fragment_hashes(fragment), distribution=_egg(fragment))
    if not found.distribution:
        found = replace(found, distribution=_from_file(body))
    return found.doubted(UNRESOLVED) if unresolved(body) else found


def _vcs(address: str, line: int) -> Found:
    body, _, fragment = address.partition("#")
    body = body.strip()
    start = body.find("://") + 3 if "://" in body else 0
    at, slash = body.rfind("@"), body.find("/", start)
    ref = ""
    if at > slash > 0:
        body, ref = body[:at], body[at + 1 :]
    found = Found(kind=Kind.VCS, name=body, spec=ref, line=line, distribution=_egg(fragment))
    return found.doubted(UNRESOLVED) if unresolved(body) else found


def _local(text: str, line: int) -> Found:
    body, _, marker = text.partition(";")
    body, extras = body.strip(), ""
    if match := _EXTRAS.match(body):
        body, extras = match[1], match[2]
    body = body.partition("#")[0].strip() if "#egg=" in body or "#subdirectory=" in body else body
    return Found(
        kind=Kind.LOCAL,
        name=body,
        line=line,
        extras=_extras(extras),
        marker=marker.strip(),
        distribution=_from_file(body),
    )


def _named(text: str, line: int) -> Found:
    mask = Mask()
    head, _, marker = mask.hide(text).partition(";")
    match = _PLAIN.fullmatch(head.strip())
    if match is None:
        return _odd(text, mask, head.strip(), line)
    return Found(
        kind=Kind.PYPI,
        name=normalise(match[1]),
        spec=mask.show(match[3] or "").strip(),
        extras=_extras(match[2]),
        marker=mask.show(marker).strip(),
        line=line,
    )


def _odd(text: str, mask: Mask, head: str, line: int) -> Found:
    if unresolved(text) or mask.show(head) != head:
        return _half_known(text, line)
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - 60 ms, and seldom needed

    try:
        parsed = Requirement(text)
    except InvalidRequirement as error:
        message = f"`{text[:80]}` is no requirement: {str(error).splitlines()[0]}"
        raise InvalidRequirementError(message) from error
    return Found(
        kind=Kind.PYPI,
        name=normalise(parsed.name),
        spec=str(parsed.specifier),
        extras=tuple(sorted(parsed.extras)),
        marker=str(parsed.marker or ""),
        line=line,
    )


def _half_known(text: str, line: int) -> Found:
    # `torch==${V}` tells the name, `$PKG==1` and `{{name}}` do not: the first is known, the second is in doubt.
    match = re.match(rf"{_HEAD}(?=[=<>!~\[])", text)
    if match and not unresolved(match[0]):
        rest, _, marker = text[match.end() :].partition(";")
        return Found(
            kind=Kind.PYPI,
            name=normalise(match[1]),
            spec=rest.strip(),
            extras=_extras(match[2]),
            marker=marker.strip(),
            line=line,
        )
    code = TEMPLATE if has_template(text) else UNRESOLVED
    return Found(kind=Kind.PYPI, name=text[:200], line=line, undetermined=code)


def _extras(text: str | None) -> tuple[str, ...]:
    return tuple(one.strip() for one in (text or "").split(",") if one.strip())


def _egg(fragment: str) -> str:
    match = re.search(r"(?:^|&)egg=([A-Za-z0-9._-]+)", fragment)
    return normalise(match[1]) if match else ""


def _fragment_hashes(fragment: str) -> tuple[str, ...]:
    return tuple(f"sha256:{one.lower()}" for one in re.findall(r"sha256=([0-9A-Fa-f]{64})", fragment))


def _from_file(path: str) -> str:
    file = path.rpartition("/")[2]
    match = _WHEEL.match(file) or _SDIST.match(file)
    return normalise(match[1]) if match else ""
