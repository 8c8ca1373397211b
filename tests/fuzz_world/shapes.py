"""Which files there are: links, pipes, other names, circles of includes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fuzz_world.words import OUTSIDE

if TYPE_CHECKING:
    from random import Random

    from fuzz_world.seeds import Files


@dataclass
class Case:
    """One definition to read: files, links (name to target), named pipes, and the entry (empty: the whole folder)."""

    files: Files
    links: dict[str, str] = field(default_factory=dict)
    pipes: list[str] = field(default_factory=list)
    entry: str = ""
    did: list[str] = field(default_factory=list)


def link(case: Case, name: str, random: Random) -> None:
    """Put links into the folder, one maybe in the place of a file of the definition."""
    targets = (
    f"{OUTSIDE}/requirements.txt", OUTSIDE, "../outside/environment.yml", "/etc/passwd", "/proc/self/environ",
    "/dev/zero", "link", ".", "..", "nowhere", name, f"{OUTSIDE}/Dockerfile", "/", "../outside/deep",
    )  # fmt: skip
    place = random.choice(("link", "link.txt", "requirements.txt", "environment.yml", "Dockerfile", "sub", name))
    case.files = {one: data for one, data in case.files.items() if one != place and not one.startswith(f"{place}/")}
    case.links[place] = random.choice(targets)
    case.entry = random.choice((case.entry, "", place))


def pipe(case: Case, name: str, random: Random) -> None:
    """Put a named pipe where a file is wanted: to open it would wait for ever."""
    place = random.choice(("pipe", "requirements.txt", name))
    case.files.pop(place, None)
    case.pipes.append(place)
    case.entry = random.choice((case.entry, "", place))


_NAMES = (
    "requirements.txt", "environment.yml", "Dockerfile", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile",
    "Pipfile.lock", "conda-lock.yml", "pixi.lock", "MLmodel", "pylock.toml", "pip.conf", ".condarc", "uv.toml",
    "x.py", "x", "x.yaml", "x.toml", "spec.yaml", "requirements-\udcff\udcfe.txt", "new\nline.txt",
    "sp ace/\u202ereq.txt", "-r.txt", "*", "~", "$HOME.txt", "CON", "x" * 200 + ".txt", "::x", "%2e",
)  # fmt: skip


def rename(case: Case, name: str, random: Random) -> None:
    """Give a file another format's name, or one that is hard to carry."""
    data = case.files.pop(name, b"")
    other = random.choice(_NAMES)
    case.files = {one: kept for one, kept in case.files.items() if one != other and not one.startswith(f"{other}/")}
    case.files[other] = data
    case.entry = random.choice(("", other))


def mix(case: Case, name: str, random: Random) -> None:
    """Lay a file of the definition below further names, each of them read."""
    data = case.files.get(name, b"")
    for one in random.sample(_NAMES[:20], 4):
        case.files.setdefault(f"more/{one}", data)
    case.entry = ""


def cycle(case: Case, name: str, random: Random) -> None:
    """Let files include each other in a circle, or in a chain that is longer than any bound."""
    count = random.choice((1, 2, 60, 250))
    for number in range(count):
        case.files[f"chain/{number}.txt"] = b"-r %d.txt\n-r %d.txt\n" % ((number + 1) % count, (number * 7) % count)
    case.files["chain/requirements.txt"] = b"-r 0.txt\n"
    case.entry = random.choice(("", "chain/requirements.txt"))
    del name


SHAPES = (link, link, pipe, rename, rename, mix, cycle)
"""Every way to change which files there are."""
