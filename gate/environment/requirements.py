"""Requirements and constraints files, as pip reads them: every option, nested files, continuations, hashes."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.found import MISSING, UNRESOLVED, Found, Word
from gate.environment.options import Parsed, grammar, parse_options
from gate.environment.pip_scope import PipScope, direct_origins
from gate.environment.places import unresolved
from gate.environment.requirement import InvalidRequirementError, parse_requirement
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.environment.reading import Reading
    from gate.environment.text import Text

OPTIONS = grammar(
    "-i/--pypi-url/--index-url --extra-index-url -c/--constraint -r/--requirement -e/--editable -f/--find-links "
    "--no-binary --only-binary --trusted-host --use-feature --hash --global-option --install-option "
    "-C/--config-settings/--config-setting --uploaded-prior-to --all-releases --only-final "
    "--allow-external --allow-unverified",
    "--no-index --prefer-binary --require-hashes --pre --allow-all-external --always-unzip -Z --no-use-wheel "
    "--process-dependency-links --use-mirrors --use-wheel --use-pep517 --no-use-pep517 --no-build-isolation",
    abbreviated=True,
)
_CODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PLAIN_CODINGS = frozenset({"utf-8", "utf8", "ascii", "us-ascii", "latin-1", "iso-8859-1", "utf-8-sig"})
_LONGEST = 128 * 1024
"""Longest line in characters, continuations joined: hashes of a thousand files."""

_HASH = re.compile(r"sha256:[0-9a-f]{64}")


def read(text: Text, reading: Reading) -> None:
    """Read a requirements file and all that it includes as one run of pip."""
    scope = PipScope(reading)
    with reading.entering(text.path):
        read_into(text, scope)
    scope.close()


def read_into(text: Text, scope: PipScope, *, constraint: bool = False) -> None:
    """Read one file into a run of pip that others may add to. A constraint is no reference, its options count."""
    for number, comment in enumerate(text.content.splitlines()[:2], 1):
        coding = _CODING.match(comment)
        if coding and coding[1].lower().replace("_", "-") not in _PLAIN_CODINGS:
            # pip would decode the file so, and could read something else than what stands here.
            message = f"a `coding` of `{coding[1][:40]}`: write it in UTF-8"
            scope.reading.problem("encoding", message, text, number)
    # pip splits as `str.splitlines` does: a form feed ends a comment, and what follows it is installed.
    for line, content in logical_lines(text.content.splitlines()):
        if scope.full or scope.reading.swamped:
            return
        read_line(content, line, text, scope, constraint=constraint)


def logical_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield (first line number, text) with continuations joined and comments gone, exactly as pip does."""
    held: list[str] = []
    first = 0
    for number, raw in enumerate(lines, 1):
        comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not comment:
            first = first if held else number
            held.append(raw.strip("\\"))
            continue
        joined = "".join((*held, " " + raw if comment else raw))
        start = first if held else number
        held = []
        if content := uncommented(joined):
            yield start, content
    if held and (content := uncommented("".join(held))):
        yield first, content


def uncommented(line: str) -> str:
    """Return the line without its comment: a `#` at the start or after a blank, as pip has it."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return (line if at < 0 else line[:at]).strip()


def read_line(content: str, line: int, text: Text, scope: PipScope, *, constraint: bool = False) -> None:
    """Read one logical line: a requirement with its own options, or options for the whole run."""
    if len(content) > _LONGEST:
        scope.reading.problem("line_too_long", f"a line of more than {_LONGEST} characters, joined", text, line)
        return
    requirement, options = _split_options(content)
    try:
        words = [Word(text=one, line=line) for one in shlex.split(options)]
    except ValueError as error:
        scope.reading.problem("invalid_option", f"{error} in `{content[:80]}`", text, line)
        return
    parsed = parse_options(words, OPTIONS)
    _check_options(parsed, text, line, scope)
    if requirement:
        if not constraint:
            hashes = tuple(one.text for one in parsed.all("--hash") if _HASH.fullmatch(one.text))
            hold_requirement(requirement, line, text, scope, hashes=hashes)
        _also_in_scope(parsed, text, scope)
        return
    _apply_options(parsed, text, scope, constraint=constraint)


def _split_options(content: str) -> tuple[str, str]:
    tokens = content.split(" ")
    for index, token in enumerate(tokens):
        if token.startswith("-"):
            return " ".join(tokens[:index]).strip(), " ".join(tokens[index:])
    return content.strip(), ""


def _check_options(parsed: Parsed, text: Text, line: int, scope: PipScope) -> None:
    for name, value in parsed.options:
        known = name in OPTIONS.flags or name in OPTIONS.values
        if not known and not any(one.startswith(name) for one in OPTIONS.flags if name.startswith("--")):
            scope.reading.problem("unknown_option", f"pip has no option `{name}` in requirements files", text, line)
        elif name in OPTIONS.values and value is None:
            scope.reading.problem("invalid_option", f"`{name}` needs a value", text, line)


def hold_requirement(  # noqa: PLR0913 - the parts of one line
    requirement: str,
    line: int,
    text: Text,
    scope: PipScope,
    *,
    editable: bool = False,
    hashes: tuple[str, ...] = (),
) -> None:
    """Parse one requirement and keep it in the run; what pip would refuse is an error."""
    try:
        found = parse_requirement(requirement, line, editable=editable)
    except InvalidRequirementError as error:
        scope.reading.problem("invalid_requirement", str(error), text, line)
        return
    scope.hold(replace(found, hashes=(*found.hashes, *hashes)), text)


def _also_in_scope(parsed: Parsed, text: Text, scope: PipScope) -> None:
    """Take the places behind a requirement on its line as further ones: pip passes them over, who wrote them did not.

    Other installers obey them, and nothing may pass because one of the two readings is clean.
    """
    for option in ("--index-url", "--extra-index-url"):
        for value in parsed.all(option):
            scope.add_index(value.text, text, value.line)
    for value in parsed.all("--find-links"):
        scope.add_links(value.text, text, value.line)


def _apply_options(parsed: Parsed, text: Text, scope: PipScope, *, constraint: bool) -> None:
    for name, value in parsed.options:
        if value is None:
            scope.no_index = scope.no_index or (name.startswith("--no-i") and "--no-index".startswith(name))
            continue
        match name:
            case "--index-url":
                scope.set_index(value.text, text, value.line)
            case "--extra-index-url":
                scope.add_index(value.text, text, value.line)
            case "--find-links":
                scope.add_links(value.text, text, value.line)
            case "--editable" if not constraint:
                hold_requirement(value.text, value.line, text, scope, editable=True)
            case "--requirement":
                include(value, text, scope, constraint=constraint)
            case "--constraint":
                include(value, text, scope, constraint=True)
            case _:
                pass


def include(value: Word, text: Text, scope: PipScope, *, constraint: bool) -> None:
    """Follow `-r` or `-c`: into the file if it lies inside the root, else leave a reference that blocks."""
    path = value.text.removeprefix("file:")
    target = scope.reading.locate(path, posixpath.dirname(text.path))
    if target is None:
        hold_missing(value, text, scope, constraint=constraint)
        return
    with scope.reading.including(target, text, value.line) as nested:
        if nested is not None:
            read_into(nested, scope, constraint=constraint)


def hold_missing(value: Word, text: Text, scope: PipScope, *, constraint: bool) -> None:
    """Keep what can't be opened: an address is a `url`, a path one `other`; a missing constraint only a warning."""
    if "://" in value.text and not value.text.lower().startswith("file:"):
        found = Found(kind=Kind.URL, name=value.text, line=value.line)
        scope.reading.add(found, direct_origins(found), text)
    elif constraint:
        scope.reading.problem("missing_constraint", f"`{value.text}` is not there", text, value.line, error=False)
    else:
        code = UNRESOLVED if unresolved(value.text) else MISSING
        scope.hold(Found(kind=Kind.OTHER, name=value.text, line=value.line, undetermined=code), text)
