"""The paths and sizes are those that https://c2sp.org/tlog-tiles gives as examples."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.merkle import (
    consistency_proof,
    includes,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    root_of,
    tree_root,
)
from lambdas.domain.tiles import (
    Frontier,
    LogBroken,
    RightEdge,
    Tiles,
    bundle_path,
    decode_bundle,
    encode_bundle,
    tile_path,
    width_at,
)


def entries_of(size: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(size)]


def grown_in(*batches: int) -> tuple[RightEdge, dict[str, bytes]]:
    """A log that grew batch by batch, loaded anew before each."""
    files: dict[str, bytes] = {}
    edge = RightEdge(Frontier(), [])
    for count in batches:
        edge = RightEdge.load(files.__getitem__, edge.size)
        more = [b"entry %d" % n for n in range(edge.size, edge.size + count)]
        edge, made = edge.grown(more)
        assert not made.keys() & files.keys(), "no file is ever written twice"
        files |= made
    return edge, files


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(1, 1234067), "tile/1/x001/x234/067"),
        (tile_path(0, 273, 112), "tile/0/273.p/112"),
        (tile_path(63, 999999, 1), "tile/63/x999/999.p/1"),
        (bundle_path(1000), "tile/entries/x001/000"),
        (bundle_path(5, 255), "tile/entries/005.p/255"),
    ],
)
def test_paths_have_three_digits_a_part(path: str, expected: str) -> None:
    assert path == expected


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    widths = {(level, n): width_at(level, n, 70_000) for level in range(4) for n in range(274)}
    assert [widths[0, n] for n in range(273)] == [256] * 273
    assert widths[0, 273] == 112
    assert (widths[1, 0], widths[1, 1], widths[2, 0], widths[3, 0]) == (256, 17, 1, 0)


def test_a_tree_of_256_is_a_full_tile_and_one_hash_above_it() -> None:
    _, files = grown_in(256)
    assert sorted(files) == ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]
    assert len(files["tile/0/000"]) == 8192
    assert files["tile/1/000.p/1"] == root_of([leaf_hash(e) for e in entries_of(256)])


def test_an_entry_in_a_bundle_comes_after_its_length() -> None:
    assert encode_bundle([b"ab", b"", b"c" * 258]) == b"\x00\x02ab\x00\x00\x01\x02" + b"c" * 258


@settings(deadline=None)
@given(st.lists(st.binary(max_size=600), max_size=20))
def test_a_bundle_is_taken_apart_as_it_was_put_together(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_bundle_that_is_cut_off_is_broken(cut: int) -> None:
    with pytest.raises(LogBroken):
        decode_bundle(encode_bundle([b"abc"])[:-cut])


def test_an_entry_that_its_length_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        encode_bundle([b"x" * 65536])


@pytest.mark.parametrize("batches", [(1,), (255, 1), (256, 256), (300, 1, 211, 600), (1, 255, 1, 256, 700)])
def test_a_log_is_the_same_however_it_grew(batches: tuple[int, ...]) -> None:
    size = sum(batches)
    edge, files = grown_in(*batches)
    leaves = [leaf_hash(e) for e in entries_of(size)]
    assert (edge.size, edge.root()) == (size, root_of(leaves))
    tiles = Tiles(files.__getitem__, size)
    assert tree_root(tiles.node, size) == root_of(leaves)
    assert tiles.frontier().root() == root_of(leaves)
    in_bundles = [
        entry
        for index in range(-(-size // 256))
        for entry in decode_bundle(files[bundle_path(index, width_at(0, index, size))])
    ]
    assert in_bundles == entries_of(size)


def test_it_reaches_the_third_level() -> None:
    """65,536 leaves fill a tile of level 1."""
    frontier = Frontier()
    leaf = leaf_hash(b"")
    whole = {(level, index) for _ in range(65_537) for level, index, _ in frontier.append(leaf)}
    assert {index for level, index in whole if level == 0} == set(range(256))
    assert {index for level, index in whole if level == 1} == {0}
    assert [len(hashes) for hashes in frontier.levels] == [1, 0, 1]
    assert frontier.root() == root_of([leaf] * 65_537)


@settings(deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.data())
def test_proofs_come_from_tiles_also_for_smaller_trees(batches: list[int], data: st.DataObject) -> None:
    size = sum(batches)
    _, files = grown_in(*batches)
    tiles = Tiles(files.__getitem__, size)
    smaller = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, smaller - 1))
    leaves = [leaf_hash(e) for e in entries_of(size)]
    root, earlier = root_of(leaves), root_of(leaves[:smaller])
    assert includes(earlier, smaller, index, leaves[index], inclusion_proof(tiles.node, index, smaller))
    assert is_consistent(smaller, earlier, size, root, consistency_proof(tiles.node, smaller, size))


def test_a_tile_of_another_length_is_named() -> None:
    _, files = grown_in(300)
    files["tile/0/000"] = files["tile/0/000"][:-1]
    with pytest.raises(LogBroken, match="tile/0/000 has 8191 bytes instead of 8192"):
        Tiles(files.__getitem__, 300).node(0, 7)


def test_a_node_outside_of_the_tree_is_refused() -> None:
    _, files = grown_in(3)
    with pytest.raises(LogBroken, match="outside"):
        Tiles(files.__getitem__, 3).node(2, 0)
