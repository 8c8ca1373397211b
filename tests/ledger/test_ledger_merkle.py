"""The tree is RFC 6962's: held to published values, to the RFC's own recursion, and to forged proofs."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# Inputs, roots and proofs as in the unit tests of google/certificate-transparency (merkletree, `kSHA256…`).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
FIRST_OF_EIGHT = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
SIX_TO_EIGHT = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]

LEAVES = [leaf_hash(bytes.fromhex(data)) for data in INPUTS]
sizes = st.integers(min_value=1, max_value=130)


def _leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def _grown(leaves: list[bytes]) -> Frontier:
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.push(leaf)
    return frontier


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT
    assert Frontier().root() == tree_root([]) == EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert tree_root(LEAVES[:size]).hex() == ROOTS[size - 1]
    assert _grown(LEAVES[:size]).root().hex() == ROOTS[size - 1]


def test_proofs_are_the_published_ones() -> None:
    assert [value.hex() for value in inclusion_proof(LEAVES, 0)] == FIRST_OF_EIGHT
    assert [value.hex() for value in consistency_proof(LEAVES, 1)] == FIRST_OF_EIGHT
    assert [value.hex() for value in consistency_proof(LEAVES, 6)] == SIX_TO_EIGHT


@given(sizes)
def test_growing_leaf_by_leaf_gives_the_root_of_the_recursion(size: int) -> None:
    assert _grown(_leaves(size)).root() == tree_root(_leaves(size))


@given(sizes)
def test_a_stored_frontier_comes_back(size: int) -> None:
    frontier = _grown(_leaves(size))
    assert Frontier.unpack(size, frontier.packed()) == frontier


@pytest.mark.parametrize(
    ("size", "data"),
    [(0, b"x" * 32), (1, b""), (1, b"x" * 31), (1, b"x" * 33), (2, b"x" * 64), (3, b"x" * 32), (-1, b"")],
)
def test_a_frontier_that_no_tree_of_this_size_has_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"frontier|32 bytes"):
        Frontier.unpack(size, data)


@given(sizes, st.data())
def test_every_leaf_is_proved_at_its_index_and_nowhere_else(size: int, data: st.DataObject) -> None:
    leaves = _leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion_proof(leaves, index), tree_root(leaves)
    assert verify_inclusion(leaves[index], index, size, proof, root)
    for other in {index - 1, index + 1, size, -1, 0} - {index}:
        assert not verify_inclusion(leaves[index], other, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"forged"), index, size, proof, root)
    assert not verify_inclusion(leaves[index], index, size, (*proof, EMPTY_ROOT), root)
    assert not verify_inclusion(leaves[index], index, size, proof, EMPTY_ROOT)
    if proof:
        assert not verify_inclusion(leaves[index], index, size, proof[:-1], root)


@given(sizes, st.data())
def test_a_prefix_is_proved_and_a_rewritten_past_is_not(size: int, data: st.DataObject) -> None:
    leaves = _leaves(size)
    earlier = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, earlier - 1))
    old, new = tree_root(leaves[:earlier]), tree_root(leaves)
    proof = consistency_proof(leaves, earlier)
    assert verify_consistency(earlier, size, proof, old, new)
    rewritten = [*leaves[:changed], leaf_hash(b"forged"), *leaves[changed + 1 :]]
    assert not verify_consistency(earlier, size, consistency_proof(rewritten, earlier), old, tree_root(rewritten))
    assert not verify_consistency(earlier, size, (*proof, EMPTY_ROOT), old, new)
    assert not verify_consistency(earlier, size, proof, EMPTY_ROOT, new)
    assert not verify_consistency(earlier, size, proof, old, EMPTY_ROOT)
    if proof:
        assert not verify_consistency(earlier, size, proof[:-1], old, new)


@pytest.mark.parametrize(("earlier", "later"), [(0, 1), (-1, 1), (2, 1)])
def test_no_proof_shows_that_a_log_shrank_or_came_from_nothing(earlier: int, later: int) -> None:
    assert not verify_consistency(earlier, later, (), EMPTY_ROOT, EMPTY_ROOT)


def test_no_proof_at_all_proves_no_prefix() -> None:
    for earlier in range(1, 8):
        old, new = tree_root(LEAVES[:earlier]), tree_root(LEAVES)
        assert not verify_consistency(earlier, 8, (), old, new)
        assert not verify_consistency(earlier, 8, (), new, new)


@pytest.mark.parametrize("index", [-1, 3, 10])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(_leaves(3), index)


@pytest.mark.parametrize("earlier", [-1, 0, 4])
def test_there_is_no_proof_of_a_prefix_that_is_not_there(earlier: int) -> None:
    with pytest.raises(ValueError, match="no earlier tree"):
        consistency_proof(_leaves(3), earlier)


def test_a_node_can_not_pass_for_a_leaf() -> None:
    for left, right in pairwise(_leaves(4)):
        assert leaf_hash(left + right) != node_hash(left, right)
