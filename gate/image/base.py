"""Which base image the leading layers are, and whether what came with it is still as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.image.tree import Folder, LinkEntry, RealPaths, shown
from gate.model.image import BaseMatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gate.image.files import FileSystem
    from gate.image.scene import Found
    from gate.model.digest import Digest
    from gate.model.image import Component, LayerFact

CONFIG = "etc/"
"""Where configuration lies. A status file of an upper layer could call a library configuration; not here."""

CatalogueEntry = tuple[str, tuple[str, ...]]
"""A base image that policy lists: its reference, and the diff ids of all its layers, or their digests."""


def match_base(layers: Sequence[LayerFact], catalogue: Iterable[CatalogueEntry]) -> BaseMatch | None:
    """Return the longest listed base all of whose diff ids or digests are the leading layers'; ties go to the first.

    A base without layers matches nothing: it would make every image its child.
    """
    diff_ids: tuple[Digest, ...] = tuple(layer.diff_id for layer in layers)
    digests = tuple(layer.digest for layer in layers)
    best: BaseMatch | None = None
    for reference, listed in catalogue:
        leads = listed in (diff_ids[: len(listed)], digests[: len(listed)])
        if listed and leads and (best is None or len(listed) > best.layers):
            best = BaseMatch(reference=reference, layers=len(listed))
    return best


class BaseCheck:
    """Decides for each component whether it is the base's, unchanged."""

    def __init__(self, system: FileSystem) -> None:
        """Work out once what the layers above changed of the base."""
        self._system = system
        self._modified = system.modified()
        self._links = tuple(f"{path}/" for path in self._modified if isinstance(system.covered.get(path), LinkEntry))
        self._real = RealPaths(system.root)

    def settle(self, found: Found) -> Component:
        """Return the component with `in_base` set, if its evidence lies in the base and no file of it was changed.

        A file that a layer above changed, took away or added takes the component out of the base and is counted in
        `base_modified`. What is there to be changed does not, and is counted apart: configuration in
        `base_config_modified`, byte code that Python writes when it first imports in `base_bytecode_modified`.
        """
        component = found.component
        if component.layer >= self._system.base_layers:
            return component
        if self._real.of(found.evidence) != found.evidence:
            return component.model_copy(update={"facts": component.facts | {"base_modified_example": "link"}})
        changed = {path for path in found.files() if self._is_changed(path)}
        changed |= {path for path in self._modified if path.startswith(found.below)}
        config = {path for path in changed if path in found.config and path.startswith(CONFIG)}
        bytecode = {path for path in changed if path.endswith(".pyc") and "/__pycache__/" in path}
        other = sorted(changed - config - bytecode)
        counts = {"base_config_modified": config, "base_bytecode_modified": bytecode, "base_modified": other}
        facts = component.facts | {key: str(len(paths)) for key, paths in counts.items() if paths}
        if other:
            facts["base_modified_example"] = shown(other[0])[:300]
        return component.model_copy(update={"in_base": not other, "facts": facts})

    def _is_changed(self, path: str) -> bool:
        real, entry = self._real.look(path)
        if path in self._modified or real in self._modified or path.startswith(self._links):
            return True
        if entry is None or isinstance(entry, Folder):
            return False
        return entry.layer >= self._system.base_layers and real not in self._system.covered
