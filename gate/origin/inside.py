"""Copies that nobody declares: packages that came inside another one, and code without a package of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.model.drift import Difference, DriftAgainst, DriftKind
from gate.model.image import LooseKind
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from gate.model.image import Component, Inventory

_FOLDERS = frozenset(
    {"_vendor", "vendor", "_vendored", "vendored", "_vendored_packages", "third_party", "_third_party", "thirdparty"}
)
"""How packages call the folder in which they carry others."""

_MODULE = re.compile(r".*/(?:site|dist)-packages/|.*/python3[^/]*/")
_SIGNS = ("vendor", "third")
_CODE = (".py", ".so", ".pyd")


def vendored(components: Sequence[Component], rows: Mapping[int, AbstractSet[str]]) -> Iterator[Difference]:
    """Yield every package that lies inside another one on top of the base, once a holder.

    Args:
        components: with their proofs.
        rows: by index of the component, the paths in the image that its own record names.
    """
    named: set[tuple[str, str]] = set()
    for component in components:
        proof = component.proof
        if proof is not None and proof.code == "vendored" and not component.in_base:
            folder = component.path.rpartition("/")[0]
            named.add((folder, component.name.replace("-", "_")))
            yield _inside(component.name, proof.evidence.get("inside", ""), component.path, component.version)
    for index, paths in sorted(rows.items()):
        holder = components[index]
        if holder.in_base or (holder.proof is not None and holder.proof.code == "vendored"):
            continue
        for folder, name in sorted(_trees(paths)):
            if (folder, name.lower()) not in named:
                yield _inside(name, holder.name, f"{folder}/{name}")


def copied(inventory: Inventory) -> Iterator[Difference]:
    """Yield code that was copied to where Python imports from, as far as it was named: nobody can have declared it."""
    for loose in inventory.above.loose if inventory.above is not None else ():
        for path in loose.examples if loose.kind is LooseKind.IMPORTABLE else ():
            yield Difference(
                kind=DriftKind.UNDECLARED,
                against=DriftAgainst.DECLARED,
                component=Kind.LOCAL,
                name=_MODULE.sub("", path).partition("/")[0].partition(".")[0][:300] or path[:300],
                found="without metadata",
                where=path[:300],
            )


def _trees(paths: AbstractSet[str]) -> set[tuple[str, str]]:
    """Return folder and name of each package that lies in a folder for such, the outermost alone."""
    found: set[tuple[str, str]] = set()
    for path in paths:
        if not path.endswith(_CODE) or not any(sign in path for sign in _SIGNS):
            continue
        parts = path.split("/")
        place = next((number for number, part in enumerate(parts[:-1]) if part in _FOLDERS), None)
        if place is None:
            continue
        name = parts[place + 1].partition(".")[0]
        if name.isidentifier() and not name.startswith("__"):
            found.add(("/".join(parts[: place + 1]), name))
    return found


def _inside(name: str, holder: str, where: str, version: str = "") -> Difference:
    return Difference(
        kind=DriftKind.VENDORED,
        against=DriftAgainst.DECLARED,
        component=Kind.PYPI,
        name=name[:300],
        wanted=holder[:300],
        found=version[:300],
        where=where[:300],
    )
