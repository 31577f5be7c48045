"""The Merkle tree of RFC 6962, section 2.1, with SHA-256: hashes, proofs, and how they are verified.

A tree's inner nodes are named by level and index: node (l, i) covers the 2**l leaves from i * 2**l on. Only
whole nodes have a name; whatever holds them is a function of that name (`Node`), so that proofs are made from
a list, from tiles in S3 or from files alike. https://www.rfc-editor.org/rfc/rfc6962#section-2.1
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

Node = Callable[[int, int], bytes]

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, or over whole nodes of any one level."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        # A node without a neighbour goes up as it is: the tree's right edge.
        level = paired + level[len(paired) * 2 :]
    return level[0]


def tree_root(node: Node, size: int) -> bytes:
    """Return the root of the first `size` leaves."""
    return _range_hash(node, 0, size) if size else EMPTY_ROOT


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Return the path from leaf `index` to the root of `size` leaves, from below (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} of a tree of {size}")
    return _path(node, index, 0, size)


def consistency_proof(node: Node, earlier: int, later: int) -> list[bytes]:
    """Return what proves that the earlier tree is the later one's beginning (RFC 6962, 2.1.2)."""
    if not 0 <= earlier <= later:
        raise IndexError(f"a tree of {earlier} within one of {later}")
    return _subproof(node, earlier, 0, later, whole=True) if 0 < earlier < later else []


def includes(root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether a leaf hash is the tree's at that index (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != HASH_BYTES:
        return False
    place, last, seen = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            seen = node_hash(step, seen)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            seen = node_hash(seen, step)
        place, last = place >> 1, last >> 1
    return last == 0 and seen == root


def is_consistent(earlier: int, earlier_root: bytes, later: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether the earlier tree is the later one's beginning (RFC 9162, 2.1.4.2)."""
    if not 0 <= earlier <= later:
        return False
    if earlier in {0, later}:
        expected = root if earlier else EMPTY_ROOT
        return not proof and earlier_root == expected
    steps = list(proof)
    if earlier & (earlier - 1) == 0:
        steps.insert(0, earlier_root)  # a whole node of its own: the proof leaves it out
    return bool(steps) and _rebuild(earlier, later, steps) == (earlier_root, root)


def _rebuild(earlier: int, later: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    place, last = earlier - 1, later - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, step)
        place, last = place >> 1, last >> 1
    return (before, after) if last == 0 else None


def _range_hash(node: Node, start: int, end: int) -> bytes:
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(_range_hash(node, start, middle), _range_hash(node, middle, end))


def _path(node: Node, index: int, start: int, end: int) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(node, index, start, middle), _range_hash(node, middle, end)]
    return [*_path(node, index, middle, end), _range_hash(node, start, middle)]


def _subproof(node: Node, earlier: int, start: int, end: int, *, whole: bool) -> list[bytes]:
    if earlier == end:
        return [] if whole else [_range_hash(node, start, end)]
    middle = start + _split(end - start)
    if earlier <= middle:
        return [*_subproof(node, earlier, start, middle, whole=whole), _range_hash(node, middle, end)]
    return [*_subproof(node, earlier, middle, end, whole=False), _range_hash(node, start, middle)]


def _split(count: int) -> int:
    """Return the largest power of two below a count."""
    return 1 << ((count - 1).bit_length() - 1)
