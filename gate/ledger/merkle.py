"""The Merkle tree of RFC 6962, section 2: roots, and proofs that need no trust in who gives them. No input or output.

Hashes are 32 raw bytes. A leaf is hashed with a 0x00 in front and a node with a 0x01, so that neither can pass for
the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a log with nothing in it."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be kept of a tree to append to it: the roots of its full subtrees, largest first, and its size."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a frontier that no tree of this size has."""
        if self.size < 0 or self.size.bit_count() != len(self.hashes):
            message = f"a tree of {self.size} leaves has no frontier of {len(self.hashes)} hashes"
            raise ValueError(message)
        if any(len(value) != HASH_BYTES for value in self.hashes):
            message = "a hash has 32 bytes"
            raise ValueError(message)

    def push(self, leaf: bytes) -> Frontier:
        """Return the frontier with one more leaf hash."""
        hashes, node, size = list(self.hashes), leaf, self.size
        while size & 1:
            node = node_hash(hashes.pop(), node)
            size >>= 1
        return Frontier(self.size + 1, (*hashes, node))

    def root(self) -> bytes:
        """Return the tree's root."""
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = node_hash(left, node)
        return node

    def packed(self) -> bytes:
        """Return the hashes one after the other: how the frontier is stored."""
        return b"".join(self.hashes)

    @classmethod
    def unpack(cls, size: int, data: bytes) -> Frontier:
        """Read a stored frontier.

        Raises:
            ValueError: the bytes are no frontier of a tree of this size.
        """
        return cls(size, tuple(data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)))


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, by the RFC's own recursion: the yardstick for `Frontier`."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(tree_root(leaves[:split]), tree_root(leaves[split:]))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the path (RFC 6962, 2.1.1) that proves leaf `index` (from 0) of the tree over these leaf hashes.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        message = f"no leaf {index} in a tree of {len(leaves)}"
        raise ValueError(message)
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if index < split:
        return (*inclusion_proof(leaves[:split], index), tree_root(leaves[split:]))
    return (*inclusion_proof(leaves[split:], index - split), tree_root(leaves[:split]))


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> tuple[bytes, ...]:
    """Return the proof (RFC 6962, 2.1.2) that the tree of the first `earlier` leaves is a prefix of this one.

    Raises:
        ValueError: `earlier` is not between 1 and the number of leaves.
    """
    if not 0 < earlier <= len(leaves):
        message = f"no earlier tree of {earlier} leaves in one of {len(leaves)}"
        raise ValueError(message)
    return _subproof(leaves, earlier, whole=True)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether the proof leads from the leaf hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(other, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, other)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(
    earlier: int, later: int, proof: Sequence[bytes], earlier_root: bytes, later_root: bytes
) -> bool:
    """Say whether the proof shows that the later tree only added to the earlier one (RFC 9162, 2.1.4.2)."""
    if not 0 < earlier <= later:
        return False
    if earlier == later:
        return not proof and earlier_root == later_root
    path = list(proof) if earlier & (earlier - 1) else [earlier_root, *proof]
    if not path:
        return False
    position, last = earlier - 1, later - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(other, old), node_hash(other, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, other)
        position, last = position >> 1, last >> 1
    return last == 0 and old == earlier_root and new == later_root


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def _subproof(leaves: Sequence[bytes], earlier: int, *, whole: bool) -> tuple[bytes, ...]:
    if earlier == len(leaves):
        return () if whole else (tree_root(leaves),)
    split = _split(len(leaves))
    if earlier <= split:
        return (*_subproof(leaves[:split], earlier, whole=whole), tree_root(leaves[split:]))
    return (*_subproof(leaves[split:], earlier - split, whole=False), tree_root(leaves[:split]))
