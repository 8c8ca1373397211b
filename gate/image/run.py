"""What an image's config says of how a container starts, without what may be secret in it.

Source: OCI image-spec 1.1, `config.md` (`Entrypoint`, `Cmd`, `Env`, `WorkingDir`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gate.errors import InputError
from gate.image.tree import shown
from gate.model.redact import redact
from gate.model.steering import RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

RUN_KEYS = frozenset({"Entrypoint", "Cmd", "Env", "WorkingDir"})
"""The keys that matter; another spelling of one of them is refused, for engines read it all the same."""

PRELOADS = frozenset(
    {"LD_PRELOAD", "LD_AUDIT", "PYTHONSTARTUP", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR", "BASH_ENV", "ENV"}
)
"""Variables that name files or a folder from which code is loaded at every start of a program."""

SEARCHES = frozenset({"PATH", "PYTHONPATH", "LD_LIBRARY_PATH"})
"""Variables that name folders in which programs, modules and libraries are looked for first."""

INSTALLERS = frozenset(
    {
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE"),
        *("UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_CONFIG_FILE"),
        *("CONDA_CHANNELS", "MAMBA_CHANNELS", "CONDA_CHANNEL_ALIAS", "CONDARC"),
    }
)
"""Variables that say where pip, uv and conda look."""

_WATCHED = PRELOADS | SEARCHES | INSTALLERS
_TEXT = 2000
_WORDS = 100


class _Run(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    entrypoint: list[str] | None = Field(default=None, alias="Entrypoint")
    cmd: list[str] | None = Field(default=None, alias="Cmd")
    env: list[str] | None = Field(default=None, alias="Env")
    folder: str | None = Field(default=None, alias="WorkingDir")


def run_config(document: dict[str, object]) -> RunConfig:
    """Parse the part of a config that says how a container starts.

    Of two entries of one variable the last counts, as it does for engines. A text longer than is kept ends in `…`,
    so that nobody takes it for the whole.

    Raises:
        InputError: `config_unreadable`.
    """
    try:
        run = _Run.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        message = f"the config can't be read: `config.{first['loc'][0]}`: {first['msg'][:200]}"
        raise InputError(
            message, code="config_unreadable", hint="Build the image again with a current tool."
        ) from error
    words = [*(run.entrypoint or ()), *(run.cmd or ())]
    return RunConfig(
        command=tuple(_redacted(words[:_WORDS])),
        variables=dict(sorted(_variables(run.env or ()).items())),
        folder=shown(_cut(run.folder or "")),
    )


def kind_of(name: str) -> Literal["preload", "search", "installer", ""]:
    """Say what a variable steers; nothing if it is none that is watched."""
    if name in PRELOADS:
        return "preload"
    if name in SEARCHES:
        return "search"
    return "installer" if name in INSTALLERS else ""


def _variables(pairs: Iterable[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name in _WATCHED:
            found[name] = redact(shown(_cut(value)))
    return found


def _redacted(words: Sequence[str]) -> Iterator[str]:
    """Yield words without what may be secret: a password may be a word of its own, told by the option before it."""
    before = ""
    for word in (shown(_cut(one)) for one in words):
        whole = redact(f"{before} {word}")
        yield (
            redact(word)
            if whole == f"{before} {word}" or not whole.startswith(f"{before} ")
            else whole[len(before) + 1 :]
        )
        before = word


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else text[:_TEXT] + "…"
