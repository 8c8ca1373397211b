"""What is inside an image, for a person at a terminal: what was read, what is there and is proved, what is unread."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gate.model.image import ChildRole, ProofLevel
from gate.model.origin import Kind
from gate.model.quiet import quiet

if TYPE_CHECKING:
    from gate.model.image import Component, IndexFacts, Inventory, RecordCheck
    from gate.reports.inspected import Inspected

_DIGEST = 19
"""How much of a digest a person needs to recognise it: `sha256:` and twelve digits."""


def render(found: Inspected, *, width: int = 120, color: bool = False) -> str:
    """Return the text, `width` columns wide."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False, markup=False
    )
    if found.index is not None:
        _index(console, found.index)
    for inventory in found.images:
        _inventory(console, inventory)
    if not found.readable:
        console.print("not everything could be read: what is not listed may be there all the same", soft_wrap=True)
    return quiet(console.file.getvalue())  # type: ignore[attr-defined] # the StringIO from above


def _index(console: Console, index: IndexFacts) -> None:
    console.print(_visible(f"index {index.repository}@{index.digest}"), soft_wrap=True)
    for child in index.children:
        what = "DISGUISED as an attestation" if child.role is ChildRole.DISGUISED else child.role.value
        about = f" about {child.about}" if child.about else ""
        console.print(_visible(f"  {what} {child.platform} {child.digest}{about}"), soft_wrap=True)


def _inventory(console: Console, inventory: Inventory) -> None:
    _image(console, inventory)
    if inventory.components:
        console.print(_table(inventory))
    _counts(console, inventory)
    for problem in inventory.problems:
        console.print(_visible(f"{problem.severity.value}[{problem.code}]: {problem.message}"), soft_wrap=True)


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
    looked = any(component.proof for component in inventory.components)
    proof = ("proof", "origin") if looked else ("origin in the image",)
    for column in ("kind", "name", "version", "layer", *proof, "files"):
        table.add_column(column, overflow="fold", justify="right" if column == "layer" else "left")
    for component in inventory.components:
        layer = f"{component.layer}{' base' if component.in_base else ''}"
        origin = (_proof(component), _proved_origin(component)) if looked else (_origin(component),)
        cells = (component.kind.value, component.name, component.version, layer, *origin, _record(component))
        table.add_row(*(_visible(cell) for cell in cells))
    return table


def _origin(component: Component) -> str:
    facts = component.facts
    if component.direct_url:
        return component.direct_url
    if component.kind is Kind.CONDA:
        return facts.get("channel", "")
    return facts.get("owner") or facts.get("installer") or facts.get("source", "")


def _proof(component: Component) -> str:
    proof = component.proof
    return f"{proof.level.value} ({proof.code})" if proof else "not looked up"


def _proved_origin(component: Component) -> str:
    """Name the place that was found, and what was held against the image there."""
    proof = component.proof
    place = proof.origin.location if proof and proof.origin else component.direct_url or "unknown"
    evidence = proof.evidence if proof else {}
    held = evidence.get("wheel") or evidence.get("package") or evidence.get("detail", "")
    return f"{place}: {held}" if held else place


def _record(component: Component) -> str:
    check: RecordCheck | None = component.record
    if check is None:
        return component.facts.get("base_modified", "") and "changed since the base"
    bad = [f"{count} {word}" for count, word in ((check.missing, "missing"), (check.differing, "differ")) if count]
    return ", ".join(bad) or f"{check.equal} as recorded"


def _counts(console: Console, inventory: Inventory) -> None:
    levels = Counter(component.proof.level for component in inventory.components if component.proof)
    if levels:
        console.print("proof: " + ", ".join(f"{levels[level]} {level.value}" for level in ProofLevel if levels[level]))
    counts = Counter(component.kind.value for component in inventory.components)
    total = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "none"
    console.print(f"components: {total}")
    if inventory.other:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(inventory.other.items()))
        console.print(f"also there, without a reader: {listed}")


def _visible(line: str) -> Text:
    """Show the control characters of what is judged; a terminal would obey them."""
    return Text("".join(one if one.isprintable() else ascii(one)[1:-1] for one in line))
