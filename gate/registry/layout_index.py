"""The `index.json` of an OCI image layout: which manifests it names, under which tags (OCI image-spec 1.1).

A value: reading it and changing it are pure; `gate.registry.layout` keeps the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from gate.errors import InputError
from gate.model.digest import Digest
from gate.registry.content import OCI_INDEX, read_descriptor, strict_object
from gate.registry.interface import Descriptor

TAG = "org.opencontainers.image.ref.name"
MARKER = "oci-layout"
INDEX = "index.json"
MARKER_BYTES = b'{"imageLayoutVersion":"1.0.0"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the index: a manifest, its tag (or none), and the object as it was read, unknown keys and all."""

    descriptor: Descriptor
    tag: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutIndex:
    """All of `index.json`. `rest` holds what is not `manifests` and is written back as it was."""

    entries: tuple[Entry, ...] = ()
    rest: dict[str, Any]

    @classmethod
    def empty(cls) -> Self:
        """Return the index of a layout without images."""
        return cls(rest={"schemaVersion": 2, "mediaType": OCI_INDEX})

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the file.

        Raises:
            InputError: it is not an index that everybody reads alike.
        """
        data = strict_object(raw, what="`index.json`")
        manifests = data.pop("manifests", None)
        if not isinstance(manifests, list) or data.get("schemaVersion") != 2:  # noqa: PLR2004 - the only version
            message = "`index.json` of the OCI layout has no list of manifests of schema version 2"
            raise InputError(message, code="layout_invalid")
        return cls(entries=tuple(_entry(raw) for raw in manifests), rest=data)

    def dump(self) -> bytes:
        """Return the file's bytes."""
        return json.dumps({**self.rest, "manifests": [entry.raw for entry in self.entries]}).encode()

    def tags(self) -> tuple[str, ...]:
        """Return the tags, sorted, each once."""
        return tuple(sorted({entry.tag for entry in self.entries if entry.tag}))

    def tagged(self, tag: str) -> Descriptor | None:
        """Return what the tag points at, or nothing.

        Raises:
            InputError: `tag_ambiguous`, if the index names two different manifests by it.
        """
        found = {entry.descriptor.digest: entry.descriptor for entry in self.entries if entry.tag == tag}
        if len(found) > 1:
            message = f"the OCI layout has {len(found)} different manifests under the tag `{tag}`"
            raise InputError(message, code="tag_ambiguous", tag=tag)
        return next(iter(found.values()), None)

    def with_manifest(self, descriptor: Descriptor, tag: str) -> LayoutIndex:
        """Return the index with the manifest in it, and under the tag alone if there is one.

        What the tag was on before stays readable by its digest, as in a registry.
        """
        if self.tagged_exactly(descriptor, tag):
            return self
        others = tuple(entry for entry in self.entries if not (tag and entry.tag == tag))
        entries = (*others, _make(descriptor, tag))
        named = {entry.descriptor.digest for entry in entries}
        lost = {entry.descriptor.digest: entry.descriptor for entry in self.entries}
        left = tuple(_make(found, "") for digest, found in lost.items() if digest not in named)
        return LayoutIndex(entries=(*entries, *left), rest=self.rest)

    def tagged_exactly(self, descriptor: Descriptor, tag: str) -> bool:
        """Say whether the index has the manifest already: under that tag alone, or at all if there is no tag."""
        if not tag:
            return any(entry.descriptor == descriptor for entry in self.entries)
        return [entry.descriptor for entry in self.entries if entry.tag == tag] == [descriptor]

    def without_tag(self, tag: str) -> LayoutIndex:
        """Return the index without the tag; what it was on stays readable by its digest."""
        kept = tuple(entry for entry in self.entries if entry.tag != tag)
        named = {entry.descriptor.digest for entry in kept}
        lost = {entry.descriptor.digest: entry.descriptor for entry in self.entries}
        left = tuple(_make(found, "") for digest, found in lost.items() if digest not in named)
        return LayoutIndex(entries=(*kept, *left), rest=self.rest)

    def without(self, digest: Digest) -> LayoutIndex:
        """Return the index without the manifest and without every tag on it."""
        kept = tuple(entry for entry in self.entries if entry.descriptor.digest != digest)
        return LayoutIndex(entries=kept, rest=self.rest)


def _make(descriptor: Descriptor, tag: str) -> Entry:
    raw: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
        **({"annotations": {TAG: tag}} if tag else {}),
    }
    return Entry(descriptor=descriptor, tag=tag, raw=raw)


def _entry(raw: object) -> Entry:
    descriptor = read_descriptor(raw, what="`index.json`")
    assert isinstance(raw, dict)  # noqa: S101 - `read_descriptor` refuses all else; this tells the type checker
    annotations = raw.get("annotations") or {}
    tag = annotations.get(TAG, "") if isinstance(annotations, dict) else ""
    return Entry(descriptor=descriptor, tag=tag if isinstance(tag, str) else "", raw=raw)
