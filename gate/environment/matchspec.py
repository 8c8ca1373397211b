"""One conda match spec: name, channel, the rest as written (conda's `MatchSpec` forms)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.environment.found import TEMPLATE, UNRESOLVED, Found
from gate.environment.places import conda_channel, unresolved
from gate.environment.templates import has_template
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.model.origin import Origin

_NAME = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_.*-]*")
_BRACKETS = re.compile(r"\[([^\]]*)\]\s*$")
_PAIR = re.compile(r"""\s*([a-z0-9_]+)\s*=\s*('[^']*'|"[^"]*"|[^,'"]+)\s*(?:,|$)""")
_LONGEST = 4096
_ARCHIVES = (".tar.bz2", ".conda")
_FILE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+?)(?:\.tar\.bz2|\.conda)$")


class InvalidMatchSpecError(ValueError):
    """The text is no match spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaFound:
    """A conda reference and the channel that it names itself, if it does."""

    found: Found
    channel: Origin | None = None


def parse_matchspec(text: str, line: int) -> CondaFound:
    """Read a match spec or the address of a package file.

    Raises:
        InvalidMatchSpecError: there is no package name in it.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        message = f"a match spec of more than {_LONGEST} characters"
        raise InvalidMatchSpecError(message)
    if "://" in text.split("[", 1)[0]:
        return package_url(text, line)
    body, pairs = _brackets(text)
    channel, rest = _channel(body)
    channel = pairs.get("channel", channel).strip()
    if rest.lower().endswith(_ARCHIVES):
        return CondaFound(found=Found(kind=Kind.LOCAL, name=rest, line=line), channel=conda_channel("./" + rest))
    match = _NAME.match(rest)
    if (unresolved(rest) and match is None) or (match and rest[match.end() :].startswith(("{", "$"))):
        code = TEMPLATE if has_template(rest) else UNRESOLVED
        return CondaFound(found=Found(kind=Kind.CONDA, name=rest, line=line, undetermined=code))
    if match is None:
        message = f"`{text[:80]}` is no conda package"
        raise InvalidMatchSpecError(message)
    spec = rest[match.end() :].strip() or pairs.get("version", "")
    undetermined = "url_in_spec" if "url" in pairs else ""
    found = Found(kind=Kind.CONDA, name=match[0].lower(), spec=spec, line=line, undetermined=undetermined)
    return CondaFound(found=found, channel=conda_channel(channel) if channel else None)


def _channel(body: str) -> tuple[str, str]:
    """Split `channel::name` and the older `channel:namespace:name`; a colon in a version is not one of them."""
    head = re.split(r"[\s=<>!~]", body, maxsplit=1)[0]
    if "://" not in head and "::" not in head and head.count(":") > 1:
        channel, _, rest = body.partition(":")
        return channel, rest.partition(":")[2].strip()
    channel, _, rest = body.rpartition("::")
    return channel, rest.strip()


def _brackets(text: str) -> tuple[str, dict[str, str]]:
    match = _BRACKETS.search(text)
    if match is None:
        return text, {}
    pairs = {key: value.strip("'\" ") for key, value in _PAIR.findall(match[1])}
    return text[: match.start()].strip(), pairs


def package_url(text: str, line: int) -> CondaFound:
    """Read the address of a package file (`…/channel/subdir/name-version-build.conda#md5`).

    Raises:
        InvalidMatchSpecError: the last part is no conda file name.
    """
    address, _, checksum = text.partition("#")
    folder, _, file = address.rpartition("/")
    match = _FILE.match(file)
    if match is None:
        message = f"`{text[:80]}` is no address of a conda package"
        raise InvalidMatchSpecError(message)
    hashes = (f"sha256:{checksum.lower()}",) if re.fullmatch(r"[0-9A-Fa-f]{64}", checksum) else ()
    spec = f"{match['version']} {match['build']}"
    found = Found(kind=Kind.CONDA, name=match["name"].lower(), spec=spec, line=line, hashes=hashes)
    return CondaFound(found=found, channel=conda_channel(folder))
