"""Read the files again that have something to change: as bounded as the first time, and inside the same folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.reading import Reading
from gate.model.origin import Disposition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gate.bounds import DefinitionBounds
    from gate.environment.check import CheckReport

_REFUSED = frozenset({Disposition.BLOCKED, Disposition.UNDETERMINED})


def texts_of(report: CheckReport, roots: Iterable[Path], bounds: DefinitionBounds) -> Mapping[str, str]:
    """Return the text of each file with a refused reference, by its name; of several of one name, none.

    Two folders may hold a file of the same name, and a change must not be made in the other one.
    """
    wanted = {one.reference.file for one in report.references if one.disposed.disposition in _REFUSED}
    texts: dict[str, str] = {}
    doubted: set[str] = set()
    for root in dict.fromkeys(roots):
        reading = Reading(root, bounds)
        for file in wanted:
            text = reading.load(file) if reading.locate(file) else None
            if text is not None:
                doubted |= {file} & texts.keys()
                texts[file] = text.content
    return {file: text for file, text in texts.items() if file not in doubted}
