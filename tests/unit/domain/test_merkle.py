"""The vectors are those of Certificate Transparency, as github.com/transparency-dev/merkle has them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.merkle import (
    EMPTY_ROOT,
    Node,
    consistency_proof,
    includes,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    root_of,
    tree_root,
)

ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
# Leaf (from zero), size of the tree, path.
INCLUSION = [
    (0, 1, ""),
    (
        0,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 "
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
        ),
    ),
    (
        5,
        8,
        (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b "
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 "
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
        ),
    ),
    (2, 3, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    (
        1,
        5,
        (
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d "
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
        ),
    ),
]
CONSISTENCY = [
    (1, 1, ""),
    (
        1,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 "
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
        ),
    ),
    (
        6,
        8,
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a "
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 "
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
        ),
    ),
    (
        2,
        5,
        (
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
        ),
    ),
    (
        6,
        7,
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a "
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f "
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
        ),
    ),
]


def hashes(text: str) -> list[bytes]:
    return [bytes.fromhex(part) for part in text.split()]


def nodes(entries: list[bytes]) -> Node:
    """All whole nodes of a small tree."""
    leaves = [leaf_hash(entry) for entry in entries]

    def node(level: int, index: int) -> bytes:
        return root_of(leaves[index << level : (index + 1) << level])

    return node


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert tree_root(nodes(ENTRIES), size) == ROOTS[size]
    assert root_of([leaf_hash(entry) for entry in ENTRIES[:size]]) == ROOTS[size]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_inclusion_proofs_are_those_of_certificate_transparency(index: int, size: int, path: str) -> None:
    proof = inclusion_proof(nodes(ENTRIES), index, size)
    assert proof == hashes(path)
    assert includes(ROOTS[size], size, index, leaf_hash(ENTRIES[index]), proof)


@pytest.mark.parametrize(("earlier", "later", "path"), CONSISTENCY)
def test_consistency_proofs_are_those_of_certificate_transparency(
    earlier: int, later: int, path: str
) -> None:
    proof = consistency_proof(nodes(ENTRIES), earlier, later)
    assert proof == hashes(path)
    assert is_consistent(earlier, ROOTS[earlier], later, ROOTS[later], proof)


@settings(deadline=None)
@given(st.integers(1, 300), st.data())
def test_every_leaf_is_proved_and_nothing_else(size: int, data: st.DataObject) -> None:
    entries = [b"%d" % n for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    root, leaf = tree_root(nodes(entries), size), leaf_hash(entries[index])
    proof = inclusion_proof(nodes(entries), index, size)
    assert includes(root, size, index, leaf, proof)
    wrong = [
        includes(root, size, index, leaf_hash(b"other"), proof),
        includes(EMPTY_ROOT, size, index, leaf, proof),
        includes(root, size, index + 1, leaf, proof),
        includes(root, size, index - 1, leaf, proof),
        includes(root, size * 2, index, leaf, proof),
        includes(root, size, index, leaf, [*proof, root]),
        includes(root, size, index, leaf, [root, *proof]),
        *(includes(root, size, index, leaf, flipped(proof, n)) for n in range(len(proof))),
        *([includes(root, size, index, leaf, proof[:-1])] if proof else []),
    ]
    assert not any(wrong)


@settings(deadline=None)
@given(st.integers(1, 300), st.data())
def test_every_earlier_tree_is_consistent_and_no_other(later: int, data: st.DataObject) -> None:
    entries = [b"%d" % n for n in range(later)]
    earlier = data.draw(st.integers(1, later))
    node = nodes(entries)
    before, after = tree_root(node, earlier), tree_root(node, later)
    proof = consistency_proof(node, earlier, later)
    assert is_consistent(earlier, before, later, after, proof)
    other = tree_root(nodes([b"other", *entries[1:]]), earlier)
    wrong = [
        is_consistent(earlier, other, later, after, proof),
        is_consistent(earlier, before, later, other if earlier < later else EMPTY_ROOT, proof),
        is_consistent(earlier, before, later, after, [*proof, after]),
        is_consistent(later + 1, before, later, after, proof),
        *(is_consistent(earlier, before, later, after, flipped(proof, n)) for n in range(len(proof))),
        *([is_consistent(earlier, before, later, after, proof[:-1])] if proof else []),
    ]
    assert not any(wrong)


def flipped(proof: list[bytes], place: int) -> list[bytes]:
    changed = bytes([proof[place][0] ^ 8]) + proof[place][1:]
    return [*proof[:place], changed, *proof[place + 1 :]]


def test_the_empty_tree_is_every_trees_beginning_and_only_with_its_own_root() -> None:
    assert consistency_proof(nodes(ENTRIES), 0, 8) == []
    assert is_consistent(0, EMPTY_ROOT, 8, ROOTS[8], [])
    assert not is_consistent(0, ROOTS[1], 8, ROOTS[8], [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1)])
def test_a_leaf_outside_of_the_tree_has_no_proof(index: int, size: int) -> None:
    assert not includes(ROOTS[1], size, index, ROOTS[1], [])
    with pytest.raises(IndexError):
        inclusion_proof(nodes(ENTRIES), index, size)


def test_no_later_tree_is_within_an_earlier_one() -> None:
    assert not is_consistent(2, ROOTS[2], 1, ROOTS[1], [])
    with pytest.raises(IndexError):
        consistency_proof(nodes(ENTRIES), 2, 1)
