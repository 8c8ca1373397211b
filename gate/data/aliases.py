"""Ids that name one vulnerability: closed over any number of records, whatever package each of them is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def closed(links: Iterable[Iterable[str]]) -> Mapping[str, frozenset[str]]:
    """Return for each id all ids that are tied to it, itself among them, by links of any number in a row.

    Args:
        links: ids that are one another's aliases, each link as one record says it; in any order, cycles and all.
    """
    above: dict[str, str] = {}
    for link in links:
        first = ""
        for identifier in link:
            root = _root(above, identifier)
            above[root] = first = first or root
    groups: dict[str, set[str]] = {}
    for identifier in above:
        groups.setdefault(_root(above, identifier), set()).add(identifier)
    whole = {root: frozenset(group) for root, group in groups.items()}
    return {identifier: whole[_root(above, identifier)] for identifier in above}


def _root(above: dict[str, str], identifier: str) -> str:
    """Return the id that stands for its group, and shorten the way to it."""
    root = identifier
    while (higher := above.setdefault(root, root)) != root:
        root = higher
    while above[identifier] != root:
        above[identifier], identifier = root, above[identifier]
    return root
