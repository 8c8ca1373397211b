"""What is inside an image, for a person at a terminal: what was read, what is there, what could not be read."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gate.model.origin import Kind
from gate.model.quiet import quiet
from gate.reports.inspect_json import is_readable

if TYPE_CHECKING:
    from gate.model.image import Component, Inventory, RecordCheck

_DIGEST = 19
"""How much of a digest a person needs to recognise it: `sha256:` and twelve digits."""


def render(inventory: Inventory, *, width: int = 120, color: bool = False) -> str:
    """Return the text, `width` columns wide."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False, markup=False
    )
    _image(console, inventory)
    if inventory.components:
        console.print(_table(inventory))
    _counts(console, inventory)
    for problem in inventory.problems:
        console.print(_visible(f"{problem.severity.value}[{problem.code}]: {problem.message}"), soft_wrap=True)
    if not is_readable(inventory):
        console.print("not everything could be read: what is not listed may be there all the same", soft_wrap=True)
    return quiet(console.file.getvalue())  # type: ignore[attr-defined] # the StringIO from above


def _image(console: Console, inventory: Inventory) -> None:
    image = inventory.image
    console.print(_visible(f"{image.repository}@{image.digest}"), soft_wrap=True)
    if image.index_digest:
        console.print(_visible(f"  by way of the index {image.index_digest}"), soft_wrap=True)
    size = sum(layer.size for layer in image.layers) / 1e6
    console.print(f"  {image.platform}, {len(image.layers)} layers, {size:.1f} MB compressed, {inventory.files} files")
    if inventory.base is not None:
        base = f"  base: {inventory.base.reference} (layers 0 to {inventory.base.layers - 1})"
        console.print(_visible(base), soft_wrap=True)
    else:
        console.print("  base: none that policy lists")


def _table(inventory: Inventory) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("kind", "name", "version", "layer", "origin in the image", "files"):
        table.add_column(column, overflow="fold", justify="right" if column == "layer" else "left")
    for component in inventory.components:
        layer = f"{component.layer}{' base' if component.in_base else ''}"
        cells = (component.kind.value, component.name, component.version, layer, _origin(component), _record(component))
        table.add_row(*(_visible(cell) for cell in cells))
    return table


def _origin(component: Component) -> str:
    facts = component.facts
    if component.direct_url:
        return component.direct_url
    if component.kind is Kind.CONDA:
        return facts.get("channel", "")
    return facts.get("owner") or facts.get("installer") or facts.get("source", "")


def _record(component: Component) -> str:
    check: RecordCheck | None = component.record
    if check is None:
        return component.facts.get("base_modified", "") and "changed since the base"
    bad = [f"{count} {word}" for count, word in ((check.missing, "missing"), (check.differing, "differ")) if count]
    return ", ".join(bad) or f"{check.equal} as recorded"


def _counts(console: Console, inventory: Inventory) -> None:
    counts = Counter(component.kind.value for component in inventory.components)
    total = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "none"
    console.print(f"components: {total}")
    if inventory.other:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(inventory.other.items()))
        console.print(f"also there, without a reader: {listed}")


def _visible(line: str) -> Text:
    """Show the control characters of what is judged; a terminal would obey them."""
    return Text("".join(one if one.isprintable() else ascii(one)[1:-1] for one in line))
