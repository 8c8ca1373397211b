"""YAML as a tree of plain text with line numbers, bounded: no tags, no duplicate keys, no alias bombs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml
from yaml import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.bounds import DefinitionBounds

# libyaml where PyYAML was built with it: ten times faster, same events.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLOCKS = frozenset({"|", ">"})
_TAGS = frozenset({"str", "int", "float", "bool", "null", "seq", "map", "timestamp", "!"})
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class YamlError(ValueError):
    """The text is no YAML that a definition may be. `code` is stable, `line` 1-based."""

    def __init__(self, line: int, code: str, message: str) -> None:
        """Keep code and line apart from the message."""
        super().__init__(message)
        self.code, self.line = code, line


@dataclass(slots=True)
class Node:
    """Any node, with the line on which it starts."""

    line: int


@dataclass(slots=True)
class Scalar(Node):
    """A scalar as written; `3.10` stays `3.10`. `plain` says that it was not quoted; `block` that it was `|` or `>`."""

    text: str = ""
    plain: bool = True
    block: bool = False

    @property
    def null(self) -> bool:
        """Say whether YAML takes it for null."""
        return self.plain and self.text in _NULLS


@dataclass(slots=True)
class Sequence(Node):
    """A list."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping(Node):
    """A mapping; keys are text, each once, in order."""

    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """Return the value of a key, None if it is missing or null."""
        node = self.entries.get(key)
        return None if isinstance(node, Scalar) and node.null else node

    def text(self, key: str) -> Scalar | None:
        """Return the value of a key if it is a scalar and not null."""
        node = self.get(key)
        return node if isinstance(node, Scalar) else None

    def mapping(self, key: str) -> Mapping | None:
        """Return the value of a key if it is a mapping."""
        node = self.entries.get(key)
        return node if isinstance(node, Mapping) else None

    def items_of(self, key: str) -> list[Node]:
        """Return the items of a key's list; a lone scalar counts as a list of one."""
        node = self.get(key)
        if isinstance(node, Sequence):
            return node.items
        return [node] if isinstance(node, Scalar) else []


class _Composer:
    """Builds the tree from events, counting every node, aliases by what they stand for."""

    def __init__(self, content: str, bounds: DefinitionBounds) -> None:
        self.bounds = bounds
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.nodes = 0
        self.loader = _Loader(content)
        self.next: Callable[[], events.Event] = self.loader.get_event

    def document(self) -> Node | None:
        self.next()
        event = self.next()
        if isinstance(event, events.StreamEndEvent):
            return None
        root = self.node(self.next(), 1)
        self.next()
        if not isinstance(self.next(), events.StreamEndEvent):
            raise YamlError(root.line, "yaml_documents", "holds more than one YAML document")
        return root

    def count(self, number: int, line: int) -> None:
        self.nodes += number
        if self.nodes > self.bounds.nodes:
            raise YamlError(line, "yaml_too_large", f"more than {self.bounds.nodes} nodes, aliases expanded")

    def node(self, event: events.Event, depth: int) -> Node:
        kind = type(event)
        line = _line(event)
        if depth > self.bounds.depth:
            raise YamlError(line, "yaml_too_deep", f"nested deeper than {self.bounds.depth}")
        if kind is events.AliasEvent:
            return self.alias(str(getattr(event, "anchor", "")), line)
        tag: str | None = getattr(event, "tag", None)
        if tag is not None and tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            raise YamlError(line, "yaml_tag", f"the tag `{tag}` is refused")
        before = self.nodes
        self.count(1, line)
        node: Node
        if kind is events.ScalarEvent:
            style: str | None = getattr(event, "style", None)
            node = Scalar(line, getattr(event, "value", ""), not style, style in _BLOCKS)
        elif kind is events.SequenceStartEvent:
            node = self.sequence(line, depth + 1)
        else:
            node = self.mapping(line, depth + 1)
        anchor: str | None = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = node, self.nodes - before
        return node

    def sequence(self, line: int, depth: int) -> Sequence:
        sequence = Sequence(line)
        add, following = sequence.items.append, self.next
        while type(event := following()) is not events.SequenceEndEvent:
            add(self.node(event, depth))
        return sequence

    def mapping(self, line: int, depth: int) -> Mapping:
        mapping = Mapping(line)
        following = self.next
        while type(event := following()) is not events.MappingEndEvent:
            self.entry(mapping, event, depth)
        return mapping

    def entry(self, mapping: Mapping, event: events.Event, depth: int) -> None:
        key = self.node(event, depth)
        value = self.node(self.next(), depth)
        if not isinstance(key, Scalar):
            raise YamlError(key.line, "yaml_key", "a key that is no text; an unquoted template reads so")
        if key.plain and key.text == "<<":
            self.merge(mapping, value)
            return
        if key.text in mapping.keys:
            raise YamlError(key.line, "yaml_duplicate_key", f"the key `{key.text[:80]}` stands twice")
        mapping.entries[key.text] = value
        mapping.keys[key.text] = key.line

    def merge(self, mapping: Mapping, value: Node) -> None:
        parts = value.items if isinstance(value, Sequence) else [value]
        for part in parts:
            if not isinstance(part, Mapping):
                raise YamlError(value.line, "yaml_merge", "only mappings can be merged")
            for key, node in part.entries.items():
                mapping.entries.setdefault(key, node)

    def alias(self, anchor: str, line: int) -> Node:
        if anchor not in self.anchors:
            raise YamlError(line, "yaml_alias", f"no anchor `{anchor}` before this, or it holds itself")
        node, size = self.anchors[anchor]
        self.count(size, line)
        return node


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def parse_yaml(content: str, bounds: DefinitionBounds) -> Node | None:
    """Parse one document; None for an empty one.

    Raises:
        YamlError: the text is no YAML, or breaks a bound.
    """
    try:
        composer = _Composer(content, bounds)
        try:
            return composer.document()
        finally:
            composer.loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 0, "yaml_invalid", error.problem or "no YAML") from error
    except yaml.YAMLError as error:
        raise YamlError(0, "yaml_invalid", str(error).splitlines()[0]) from error
    except RecursionError as error:
        raise YamlError(0, "yaml_too_deep", "nested too deep") from error
