"""Python scripts with inline metadata (PEP 723)."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from gate.environment.indexes import Indexes, bindings_of
from gate.environment.lines import Finder
from gate.environment.pyproject import declare_uv

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text

_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""The expression of PEP 723."""


def read(text: Text, reading: Reading) -> None:
    """Read the `script` block; two of them are an error, as the PEP says."""
    blocks = [match for match in _BLOCK.finditer(text.content + "\n") if match["type"] == "script"]
    if len(blocks) != 1:
        reading.problem("script_invalid", f"{len(blocks)} `script` blocks, and one is wanted", text, 1)
        return
    line = text.content.count("\n", 0, blocks[0].start()) + 1
    content = "".join(
        one[2:] if one.startswith("# ") else one[1:] for one in blocks[0]["content"].splitlines(keepends=True)
    )
    try:
        data = tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        reading.problem("toml_invalid", str(error), text, line)
        return
    tool = data.get("tool")
    uv = tool.get("uv") if isinstance(tool, dict) else None
    uv = uv if isinstance(uv, dict) else {}
    indexes = Indexes(reading, Finder(text, comment=""))
    declare_uv(uv, indexes)
    indexes.bindings = bindings_of(uv.get("sources"))
    dependencies = data.get("dependencies", [])
    for one in dependencies if isinstance(dependencies, list) else [dependencies]:
        if isinstance(one, str):
            indexes.requirement(one)
        else:
            reading.problem("invalid_requirement", "a dependency that is no text", text, line)
