"""The page of the architecture shows the layers that the tests hold, and names files that are there."""

from __future__ import annotations

import re

from docs.consoles import ROOT
from test_architecture import LAYERS

PAGE = ROOT / "docs" / "architecture.md"


def shown() -> list[set[str]]:
    """Return the layers of the picture, from low to high."""
    block = PAGE.read_text().split("## Layers", 1)[1].split("```")[1]
    rows = [re.split(r"  +", line.strip(), maxsplit=1)[0] for line in block.strip().splitlines()]
    return [set(row.split()) for row in reversed(rows)]


def test_the_picture_shows_the_layers_that_are_held() -> None:
    assert shown() == LAYERS, "draw the layers of tests/test_architecture.py in docs/architecture.md"


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:gate|tests|docs|allowlist|exceptions)/[\w/.]+)`", PAGE.read_text()))
    assert len(named) > 15
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_name_of_code_that_the_page_gives_is_in_the_file_that_it_gives() -> None:
    pairs = re.findall(r"`(\w+)` in `(gate/[\w/.]+)`", PAGE.read_text())
    assert len(pairs) >= 5
    assert [name for name, path in pairs if not re.search(rf"\b{name}\b", (ROOT / path).read_text())] == []
