"""Which Debian, rpm or conda package installed a Python distribution: only if it lists all that tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.image.scene import TELLING
from gate.image.tree import find_file
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.image.scene import Found, Scene

_PREFIXES = {Kind.OS: "dpkg", Kind.CONDA: "conda"}


class Owners:
    """Files of Python metadata by the package that lists them."""

    def __init__(self, scene: Scene, found: Iterable[Found]) -> None:
        """Look through the lists of all packages that have one."""
        self._scene = scene
        self._listed: dict[str, tuple[str, str]] = {}
        for entry in found:
            prefix = _PREFIXES.get(entry.component.kind)
            if prefix is None:
                continue
            prefix = entry.component.facts.get("manager", prefix)
            name = f"{prefix}:{entry.component.name}"
            for path, sha256 in entry.claims.items():
                claim = (name, sha256)
                # What two packages list is nobody's: one of them lies.
                self._listed[path] = claim if self._listed.get(path, claim)[0] == name else ("", "")

    def owner_of(self, entry: Found) -> str:
        """Return `dpkg:NAME`, `rpm:NAME` or `conda:NAME`; nothing if no package vouches for all that tells of it.

        A file that the package does not list (another `INSTALLER`, a `direct_url.json`), or that has other bytes than
        it lists, was put there by someone else.
        """
        if entry.component.kind in _PREFIXES:
            return ""
        files = {entry.evidence, *(f"{entry.path}/{name}" for name in (*TELLING, "PKG-INFO"))}
        owners = {self._vouched(path) for path in files}
        owners.discard(None)
        return owners.pop() or "" if len(owners) == 1 else ""

    def _vouched(self, path: str) -> str | None:
        """Return who lists a file with these bytes, nothing if nobody does; None if there is no such file."""
        found = find_file(self._scene.system.root, path)
        if found is None:
            return None
        name, sha256 = self._listed.get(path, ("", ""))
        return name if sha256 in ("", found[1].sha256.hex()) else ""
