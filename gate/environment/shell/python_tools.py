"""uv, pipx, poetry, pipenv, pdm: what they add, and the project that they sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import grammar, parse_options
from gate.environment.pip_scope import PipScope
from gate.environment.shell import pip
from gate.environment.shell.manifests import place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_OPTIONS = grammar(
    "-i/--pypi-url/--index-url --index --default-index --extra-index-url -f/--find-links -p/--python --from --with "
    "--with-editable --with-requirements --spec -G/--group --extra --directory --project -E/--extras --source --suffix "
    "--pip-args --cache-dir --link-mode --python-version --only --without -n --platform --config-file --no-group "
    "--only-group --package --refresh-package --upgrade-package --preinstall --torch-backend -r/--requirements"
)
_PROJECTS = {
    "uv": ("uv.lock", "pyproject.toml"),
    "poetry": ("poetry.lock", "pyproject.toml"),
    "pdm": ("pdm.lock", "pyproject.toml"),
    "pipenv": ("Pipfile.lock", "Pipfile"),
    "hatch": ("pyproject.toml",),
}


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    operands = parse_options(words[1:], _OPTIONS).operands
    verbs = [word.text for word in operands[:2]]
    if name == "uvx":
        _named(words[1:], 0, session, first_only=True)
    elif name == "uv" and verbs[:1] == ["pip"]:
        _uv_pip(words, verbs, session)
    elif name == "mim" and verbs[:1] == ["install"]:
        pip.install(words[2:], session)
    elif verbs == ["python", "install"]:
        for word in operands[2:] or [Word(text="", line=words[0].line)]:
            session.add(Found(kind=Kind.OTHER, name="python", spec=word.text, line=word.line), place("python-builds"))
    elif skip := _names_after(name, verbs):
        _named(words[1:], skip, session)
    elif verbs and verbs[0] in {"sync", "install", "lock", "export", "update"} and name in _PROJECTS:
        _project(name, words, session)


def _names_after(name: str, verbs: list[str]) -> int:
    """Return how many words stand before the packages; 0 if the call names none."""
    if verbs in (["tool", "install"], ["tool", "run"], ["self", "add"]) or (name == "pipx" and verbs[:1] == ["inject"]):
        return 2
    if verbs[:1] == ["add"] or (name == "pipx" and verbs[:1] == ["run"]):
        return 1
    return 1 if name in {"pipx", "pipenv"} and verbs[:1] == ["install"] and len(verbs) > 1 else 0


def _uv_pip(words: list[Word], verbs: list[str], session: Session) -> None:
    if len(verbs) > 1 and verbs[1] in {"install", "sync", "compile"}:
        start = next(index for index, word in enumerate(words) if word.text == verbs[1])
        arguments = words[start + 1 :]
        if verbs[1] in {"sync", "compile"}:
            arguments = _as_requirements(arguments)
        pip.install(_uv_spelling(arguments), uv_session(session))


def _as_requirements(arguments: list[Word]) -> list[Word]:
    """Return the arguments with every file that `sync` and `compile` take as an operand put behind `-r`."""
    operands = parse_options(arguments, pip.OPTIONS).operands
    files = [part for word in operands for part in (Word(text="-r", line=word.line), word)]
    return [word for word in arguments if not any(word is one for one in operands)] + files


def _uv_spelling(words: list[Word]) -> list[Word]:
    table = {"--default-index": "--index-url", "--index": "--extra-index-url"}
    out: list[Word] = []
    for word in words:
        name, equals, value = word.text.partition("=")
        out.append(Word(text=table.get(name, name) + equals + value, line=word.line))
    return out


def uv_session(session: Session) -> Session:
    """Return the session with uv's variables under pip's names; uv does not read pip's own."""
    inner = session.nested()
    for theirs, ours in (
        ("UV_INDEX_URL", "PIP_INDEX_URL"),
        ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"),
        ("UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"),
        ("UV_INDEX", "PIP_EXTRA_INDEX_URL"),
        ("UV_FIND_LINKS", "PIP_FIND_LINKS"),
    ):
        if value := session.setting(theirs):
            inner.prefix[ours] = value
    return inner


def _named(words: list[Word], skip: int, session: Session, *, first_only: bool = False) -> None:
    parsed = parse_options(words, _OPTIONS)
    scope = PipScope(session.reading)
    for address in (*parsed.all("--index-url"), *parsed.all("--default-index")):
        scope.set_index(address.text, session.text, address.line)
    for address in (*parsed.all("--extra-index-url"), *parsed.all("--index")):
        scope.add_index(address.text.rpartition("=")[2] or address.text, session.text, address.line)
    packages = [*parsed.all("--from"), *parsed.all("--spec")] or parsed.operands[skip:]
    for word in packages[:1] if first_only else packages:
        pip.hold(Word(text=_poetry(word.text), line=word.line), scope, session)
    for word in parsed.all("--with"):
        for one in word.text.split(","):
            pip.hold(Word(text=one, line=word.line), scope, session)
    scope.close()


def carried(words: list[Word], session: Session) -> None:
    """Read what `uv run` is told to bring along: `--with`, `--with-editable`, `--with-requirements`."""
    parsed = parse_options(words, _OPTIONS)
    named = [
        Word(text=one, line=word.line) for word in parsed.all("--with") for one in word.text.split(",") if one.strip()
    ]
    files = [part for word in parsed.all("--with-requirements") for part in (Word(text="-r", line=word.line), word)]
    local = [part for word in parsed.all("--with-editable") for part in (Word(text="-e", line=word.line), word)]
    pip.install([*named, *files, *local], uv_session(session))


def _poetry(text: str) -> str:
    """Return `name@^1` and `name@latest` as pip would write them."""
    name, at, spec = text.partition("@")
    if not at or "://" in text or "/" in text or not name.strip():
        return text
    return name if not spec[:1].isdigit() else f"{name}=={spec}"


def _project(name: str, words: list[Word], session: Session) -> None:
    from gate.environment.detect import detect  # noqa: PLC0415 - only when a project is synced
    from gate.environment.reader import READERS, read_as  # noqa: PLC0415

    if all(session.stage.in_clone(".", file) for file in _PROJECTS[name]):
        return
    for file in _PROJECTS[name]:
        target = session.locate(file)
        if target is None or target in session.reading.files:
            if target is not None:
                return
            continue
        text = session.reading.load(target, session.text.path, words[0].line)
        if text is not None and detect(text) in READERS:
            read_as(detect(text), text, session.reading)
            return
    file = _PROJECTS[name][-1]
    if file not in session.stage.manifests:
        session.stage.manifests.add(file)
        session.reading.add(
            Found(kind=Kind.OTHER, name=file, line=words[0].line, undetermined="missing_file"), (), session.text
        )
