"""`pip install|download|wheel` and `pip config set`: one command is one run of pip."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.found import UNRESOLVED, Found, Word
from gate.environment.options import Parsed, grammar, parse_options
from gate.environment.pip_scope import PipScope
from gate.environment.places import unresolved
from gate.environment.requirement import InvalidRequirementError, parse_requirement
from gate.environment.requirements import hold_missing, read_into
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

OPTIONS = grammar(
    "-i/--pypi-url/--index-url --extra-index-url -f/--find-links -r/--requirement -c/--constraint -e/--editable "
    "-b/--build-constraint --group -t/--target --prefix --root --src --timeout --default-timeout --retries "
    "--trusted-host --proxy --cert --client-cert --log --platform --python-version --abi --implementation "
    "--upgrade-strategy --no-binary --only-binary --progress-bar --global-option --install-option --build-option "
    "-C/--config-settings/--config-setting --cache-dir --exists-action --root-user-action --report --use-feature "
    "--use-deprecated --python --keyring-provider -d/--dest/--download -w/--wheel-dir --path --hash -p "
    "--uploaded-prior-to --build",
    "--no-index --pre --upgrade -U --user --no-deps --no-cache-dir --prefer-binary --require-hashes --ignore-installed "
    "--force-reinstall --no-build-isolation --use-pep517 --no-use-pep517 --quiet --verbose --no-input --isolated "
    "--disable-pip-version-check --break-system-packages --no-warn-script-location --no-compile --compile --dry-run "
    "--require-virtualenv --no-clean --ignore-requires-python --no-color --no-python-version-warning --editable-mode",
    abbreviated=True,
)
_INSTALLING = frozenset({"install", "download", "wheel", "lock"})
_BEFORE = frozenset(
    {"--python", "--proxy", "--cert", "--log", "--timeout", "--cache-dir", "--retries", "--trusted-host"}
)
_SETTINGS = {
    "index-url": "PIP_INDEX_URL",
    "extra-index-url": "PIP_EXTRA_INDEX_URL",
    "find-links": "PIP_FIND_LINKS",
    "no-index": "PIP_NO_INDEX",
}


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call of pip."""
    if name.startswith("easy_install"):
        install(words[1:], session)
        return
    index = 1
    while index < len(words) and words[index].text.startswith("-"):
        index += 2 if words[index].text in _BEFORE else 1
    if index >= len(words):
        return
    verb = words[index].text
    if verb in _INSTALLING:
        install(words[1:index] + words[index + 1 :], session)
    elif verb == "config":
        _configure(words[index + 1 :], session)


def _configure(words: list[Word], session: Session) -> None:
    operands = parse_options(words, grammar("")).operands
    if len(operands) < 3 or operands[0].text != "set":  # noqa: PLR2004 - set, key, value
        return
    variable = _SETTINGS.get(operands[1].text.rpartition(".")[2])
    if variable:
        session.stage.env[variable] = operands[2].text


def install(words: list[Word], session: Session) -> None:
    """Read the arguments of one install."""
    parsed = parse_options(words, OPTIONS)
    scope = PipScope(session.reading)
    line = words[0].line if words else 0
    _indexes(parsed, scope, session, line)
    for name, value in parsed.options:
        if value is None:
            continue
        match name:
            case "--requirement":
                requirements(value, scope, session)
            case "--constraint":
                requirements(value, scope, session, constraint=True)
            case "--editable":
                hold(value, scope, session, editable=True)
            case _:
                pass
    for operand in parsed.operands:
        hold(operand, scope, session)
    scope.close()


def _indexes(parsed: Parsed, scope: PipScope, session: Session, line: int) -> None:
    text = session.text
    for address in (session.setting("PIP_EXTRA_INDEX_URL") or "").split():
        scope.add_index(address, text, line)
    for address in (session.setting("PIP_FIND_LINKS") or "").split():
        scope.add_links(address, text, line)
    if index := session.setting("PIP_INDEX_URL"):
        scope.set_index(index, text, line)
    scope.no_index = (session.setting("PIP_NO_INDEX") or "0").lower() in {"1", "true", "yes", "on"}
    for name, value in parsed.options:
        match name:
            case "--index-url" if value:
                scope.set_index(value.text, text, value.line)
            case "--extra-index-url" if value:
                scope.add_index(value.text, text, value.line)
            case "--find-links" if value:
                scope.add_links(value.text, text, value.line)
            case "--no-index":
                scope.no_index = True
            case _:
                pass


def requirements(value: Word, scope: PipScope, session: Session, *, constraint: bool = False) -> None:
    """Read a requirements file that came out of the build context."""
    target = session.locate(value.text)
    if target is None:
        hold_missing(value, session.text, scope, constraint=constraint)
        return
    for one in filter(None, (target, session.added(value.text))):
        with session.reading.including(one, session.text, value.line) as nested:
            if nested is not None:
                read_into(nested, scope, constraint=constraint)


def hold(word: Word, scope: PipScope, session: Session, *, editable: bool = False) -> None:
    """Keep one requirement of a command line."""
    value = word.text.strip()
    if not value:
        return
    try:
        found = parse_requirement(value, word.line, editable=editable)
    except InvalidRequirementError as error:
        if unresolved(value):
            scope.hold(Found(kind=Kind.PYPI, name=value, line=word.line, undetermined=UNRESOLVED), session.text)
            return
        session.reading.problem("invalid_requirement", str(error), session.text, word.line)
        return
    if found.kind is Kind.LOCAL:
        if session.stage.was_fetched(found.name):
            return
        found = replace(found, undetermined=UNRESOLVED if unresolved(found.name) else "")
    scope.hold(found, session.text)
