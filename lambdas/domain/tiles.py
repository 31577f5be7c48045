"""A Merkle log as files: the tiles and entry bundles of C2SP tlog-tiles (https://c2sp.org/tlog-tiles).

A tile of level L holds up to 256 hashes, each of a whole tile one level below; level 0 holds leaf hashes. A
partial tile has its width in its name, so that every file is written once and never changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from lambdas.domain.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash, root_of

Read = Callable[[str], bytes]

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
LONGEST_ENTRY: Final = 0xFFFF  # bytes: its length is a uint16
_KEPT_TILES: Final = 64


class LogBroken(ValueError):
    """A file of the log is not what it has to be; the message names it."""


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Name a tile of `width` hashes."""
    return f"tile/{level}/{_number(index, width)}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Name a bundle of `width` entries."""
    return f"tile/entries/{_number(index, width)}"


def _number(index: int, width: int) -> str:
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    partial = f".p/{width}" if width < WIDTH else ""
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]]) + partial


def width_at(level: int, index: int, size: int) -> int:
    """Return how many hashes a tile has in a tree of `size` leaves."""
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Join entries, each after its length as a big-endian uint16."""
    parts = []
    for entry in entries:
        if len(entry) > LONGEST_ENTRY:
            raise ValueError(f"an entry of {len(entry)} bytes is too long for the log")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def decode_bundle(data: bytes) -> list[bytes]:
    """Take a bundle apart; raises LogBroken when it does not end with an entry."""
    entries, place = [], 0
    while place < len(data):
        start = place + 2
        place = start + int.from_bytes(data[place:start], "big")
        if start > len(data) or place > len(data):
            raise LogBroken("an entry bundle is cut off")
        entries.append(data[start:place])
    return entries


class Tiles:
    """The tree of `size` leaves in its tiles; `node` makes proofs of it and of every smaller one."""

    def __init__(self, read: Read, size: int) -> None:
        self.size = size
        self._read = read
        self._kept: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    def node(self, level: int, index: int) -> bytes:
        """Return a whole node's hash."""
        tile_level, height = divmod(level, HEIGHT)
        first = index << height
        hashes = self.tile(tile_level, first // WIDTH)
        place = first % WIDTH
        found = hashes[place : place + (1 << height)]
        if len(found) != 1 << height:
            raise LogBroken(f"node {level}/{index} lies outside of a log of {self.size}")
        return root_of(found)

    def tile(self, level: int, index: int) -> list[bytes]:
        """Return a tile's hashes, as many as the tree has of it."""
        key = (level, index)
        if key not in self._kept:
            width = width_at(level, index, self.size)
            path = tile_path(level, index, width)
            data = self._read(path)
            if len(data) != width * HASH_BYTES:
                raise LogBroken(f"{path} has {len(data)} bytes instead of {width * HASH_BYTES}")
            self._kept[key] = [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]
            while len(self._kept) > _KEPT_TILES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def frontier(self) -> Frontier:
        """Return the tree's right edge: what its partial tiles hold."""
        levels = []
        for level in range(_levels(self.size)):
            index, width = divmod(self.size >> (HEIGHT * level), WIDTH)
            levels.append(self.tile(level, index)[:] if width else [])
        return Frontier(self.size, levels)


class Frontier:
    """The right edge of a tree that grows: for each level the hashes of its partial tile."""

    def __init__(self, size: int = 0, levels: Sequence[list[bytes]] = ()) -> None:
        self.size = size
        self.levels = [list(hashes) for hashes in levels]

    def copy(self) -> Frontier:
        """Return one that grows by itself."""
        return Frontier(self.size, self.levels)

    def append(self, leaf: bytes) -> list[tuple[int, int, list[bytes]]]:
        """Add a leaf hash; return the tiles that became whole by it: level, index, hashes."""
        done: list[tuple[int, int, list[bytes]]] = []
        self.size += 1
        level, hash_ = 0, leaf
        while True:
            if level == len(self.levels):
                self.levels.append([])
            hashes = self.levels[level]
            hashes.append(hash_)
            if len(hashes) < WIDTH:
                return done
            done.append((level, (self.size >> (HEIGHT * (level + 1))) - 1, hashes))
            self.levels[level] = []
            level, hash_ = level + 1, root_of(hashes)

    def root(self) -> bytes:
        """Return the root as the tree stands."""
        root: bytes | None = None
        for hashes in self.levels:  # from the right: the lower a level, the later its leaves
            for peak in reversed(_peaks(hashes)):
                root = peak if root is None else node_hash(peak, root)
        return root or EMPTY_ROOT


def _peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the whole trees that a partial tile's hashes make, from the left."""
    peaks, start = [], 0
    for height in reversed(range(HEIGHT)):
        count = 1 << height
        if len(hashes) & count:
            peaks.append(root_of(hashes[start : start + count]))
            start += count
    return peaks


def _levels(size: int) -> int:
    return -(-size.bit_length() // HEIGHT)


class RightEdge:
    """Where entries are appended: the log's frontier and the entries of its partial bundle."""

    def __init__(self, frontier: Frontier, entries: Sequence[bytes]) -> None:
        self.frontier = frontier
        self._entries = list(entries)

    @classmethod
    def load(cls, read: Read, size: int) -> RightEdge:
        """Read the partial tiles and the partial bundle of a log of `size`."""
        index, width = divmod(size, WIDTH)
        entries = decode_bundle(read(bundle_path(index, width))) if width else []
        return cls(Tiles(read, size).frontier(), entries)

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.frontier.size

    def root(self) -> bytes:
        """Return the log's root."""
        return self.frontier.root()

    def grown(self, entries: Sequence[bytes]) -> tuple[RightEdge, dict[str, bytes]]:
        """Append entries; return the new edge and every file that the log now has in addition."""
        edge = RightEdge(self.frontier.copy(), self._entries)
        files = dict(edge._append(entries))
        return edge, files

    def _append(self, entries: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
        touched = 0
        for entry in entries:
            self._entries.append(entry)
            for level, index, hashes in self.frontier.append(leaf_hash(entry)):
                touched = max(touched, level + 1)
                yield tile_path(level, index), b"".join(hashes)
                if level == 0:
                    yield bundle_path(index), encode_bundle(self._entries)
                    self._entries = []
        if entries:
            yield from self._partial(touched)

    def _partial(self, touched: int) -> Iterator[tuple[str, bytes]]:
        for level, hashes in enumerate(self.frontier.levels[: touched + 1]):
            if hashes:
                index = self.size >> (HEIGHT * (level + 1))
                yield tile_path(level, index, len(hashes)), b"".join(hashes)
        if self._entries:
            yield bundle_path(self.size // WIDTH, len(self._entries)), encode_bundle(self._entries)
