"""What steers what a container runs, and where installers inside it would look: variables and files left behind."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from gate.model.base import Value
from gate.model.origin import Origin


class RunConfig(Value):
    """What an image's config says of how a container starts; bounded, and without credentials.

    Attributes:
        command: `Entrypoint` and `Cmd`, one after the other.
        variables: those of `Env` that steer what is run or where installers look, by name; others are not kept, for
            they may hold secrets.
        folder: `WorkingDir`.
    """

    command: tuple[str, ...] = ()
    variables: dict[str, str] = Field(default_factory=dict)
    folder: str = ""


class PlaceState(StrEnum):
    """What lies where a variable or the command leads."""

    BASE = "base"
    """The base image brought it, and it is unchanged."""
    OWNED = "owned"
    """A package's record names it."""
    OWN = "own"
    """It lies on top of the base and no record names it: the application's own, or anybody's."""
    ABSENT = "absent"
    """Nothing is there; whoever starts the container may put something there."""
    RELATIVE = "relative"
    """It depends on the folder in which a program is started."""
    SHADOWS = "shadows"
    """A folder that is searched first holds names that packages, Python or the base have too."""


class Steer(Value):
    """One place to which one variable leads, or the program that the command starts.

    `name` is the variable's, or `command`. `names` are up to ten of what a shadowing folder hides.
    """

    name: str
    place: str
    state: PlaceState
    names: tuple[str, ...] = ()


class ToolConfig(Value):
    """Configuration of an installer that was left in the image.

    Attributes:
        path: of the file, or `Env` for variables of the image's config.
        tool: `pip`, `conda`, `uv`; `netrc` and `pypirc` for files that hold credentials and nothing else.
        layer: 0-based index of the layer that put it there; -1 for the config.
        in_base: it came with the base image.
        origins: the places that it puts in scope, without credentials.
        secret: it holds credentials.
        unread: why it could not be read, if it could not.
    """

    path: str
    tool: str
    layer: int
    in_base: bool = False
    origins: tuple[Origin, ...] = ()
    secret: bool = False
    unread: str = ""


class Steering(Value):
    """All of it. `installs` are commands that would install something at every start, without credentials."""

    steers: tuple[Steer, ...] = ()
    installs: tuple[str, ...] = ()
    tools: tuple[ToolConfig, ...] = ()
