#!/usr/bin/env python3
"""Verifies the sealed ledger without its makers: one file, Python 3.11 or later, nothing else.

    python3 verify.py FOLDER             everything in a folder: entries, tiles, checkpoints, signatures
    python3 verify.py ENTRY.tlog-proof   one entry's proof of inclusion

Give the key that you got from elsewhere with --key: the folder's own only says who the folder says it is by.

A folder holds entries.jsonl (one entry a line, in the order of their leaves) and log/: key, manifest.json
(the range of leaves), checkpoints/ (signed notes) and tile/ (hashes). It is proved that every entry balances,
that each is the log's at its place, that none of the range is missing, that every checkpoint is signed, and
that each is the beginning of the next. What is broken is named.
Exit status: 0 proven, 1 broken, 2 cannot be read.

By RFC 6962 (Merkle tree), RFC 8032 (Ed25519), https://c2sp.org/tlog-tiles, /tlog-checkpoint, /signed-note and
/tlog-proof. It shares no code with the pipeline that sealed the entries.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

Totals = Counter[tuple[str, str, bool]]  # by account, currency and whether it is a debit

WIDTH = 256
HASH = 32
MOST_FINDINGS = 50


class Unreadable(Exception):
    """Something that is needed is missing or malformed."""


# Ed25519, RFC 8032, section 5.1: the curve, and how a signature is verified -----------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]  # x, y, z, t in extended coordinates
NEUTRAL: Point = (0, 1, 1, 0)


def ed25519_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether 64 bytes are the key's signature of a message."""
    if len(public_key) != HASH or len(signature) != 2 * HASH:
        return False
    key = _point(public_key)
    scalar = int.from_bytes(signature[HASH:], "little")
    if key is None or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:HASH] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    base = _point((4 * pow(5, -1, P) % P).to_bytes(HASH, "little"))
    assert base is not None  # noqa: S101 - it is RFC 8032's own
    x, y, z, t = key
    return _encoded(_sum_of_products(scalar, base, challenge, (P - x, y, z, P - t))) == signature[:HASH]


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _sum_of_products(m: int, p: Point, n: int, q: Point) -> Point:
    """Return m * p + n * q."""
    both, total = _add(p, q), NEUTRAL
    for bit in reversed(range(max(m.bit_length(), n.bit_length()))):
        total = _add(total, total)
        place = (m >> bit & 1) + 2 * (n >> bit & 1)
        if place:
            total = _add(total, (NEUTRAL, p, q, both)[place])
    return total


def _point(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(HASH, "little")


# The Merkle tree, RFC 6962, section 2.1 -----------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_root(hashes: list[bytes]) -> bytes:
    """Return the root over hashes of one level, by the definition in RFC 6962."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(merkle_root(hashes[:middle]), merkle_root(hashes[middle:]))


def root_of_proof(index: int, size: int, leaf: bytes, proof: list[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2), None when it cannot be one."""
    if not 0 <= index < size:
        return None
    last, seen = size - 1, leaf
    for step in proof:
        if last == 0:
            return None
        if index & 1 or index == last:
            seen = node_hash(step, seen)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            seen = node_hash(seen, step)
        index, last = index >> 1, last >> 1
    return seen if last == 0 else None


# Keys and signed notes, https://c2sp.org/signed-note ----------------------------------------------


class Key:
    """An Ed25519 key by its name."""

    def __init__(self, text: str) -> None:
        try:
            self.name, key_id, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise Unreadable("the key is not of the form name+id+base64") from error
        digest = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()
        if raw[:1] != b"\x01" or len(raw) != 1 + HASH or digest[:4].hex() != key_id:
            raise Unreadable("the key is not an Ed25519 key under its own id")
        self.public, self.id = raw[1:], digest[:4]

    def open(self, note: bytes) -> str | None:
        """Return a note's text when this key has signed it."""
        try:
            text, blank, lines = note.decode().rpartition("\n\n")
            signatures = [line.split(" ") for line in lines.rstrip("\n").split("\n")]
            ours = [
                base64.b64decode(parts[2], validate=True)
                for parts in signatures
                if len(parts) == 3 and parts[:2] == ["\u2014", self.name]
            ]
        except ValueError:
            return None
        ours = [signature[4:] for signature in ours if signature[:4] == self.id]
        text += "\n"
        good = blank and ours and all(ed25519_verify(self.public, text.encode(), s) for s in ours)
        return text if good else None


class Checkpoint:
    """Origin, size and root, as a note's text has them (https://c2sp.org/tlog-checkpoint)."""

    def __init__(self, text: str) -> None:
        try:
            self.origin, size, root = text.split("\n")[:3]
            self.size, self.root = int(size), base64.b64decode(root, validate=True)
        except ValueError as error:
            raise Unreadable("a checkpoint without origin, size and root") from error


# The log in a folder, https://c2sp.org/tlog-tiles -------------------------------------------------


def tile_name(level: int, index: int) -> str:
    """Return a full tile's path."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["tile", str(level), *("x" + g for g in groups[:-1]), groups[-1]])


class Tiles:
    """The hashes that a folder has of a log."""

    def __init__(self, folder: Path, broken: list[str]) -> None:
        self.folder, self.broken = folder, broken
        self.kept: dict[tuple[int, int], list[bytes]] = {}

    def tile(self, level: int, index: int) -> list[bytes]:
        """Return a tile as wide as the folder has it; every narrower one must be its beginning."""
        if (level, index) not in self.kept:
            name = tile_name(level, index)
            partial = self.folder / (name + ".p")
            files = [self.folder / name] if (self.folder / name).is_file() else []
            files += [partial / str(n) for n in range(WIDTH - 1, 0, -1) if (partial / str(n)).is_file()]
            hashes = [self._hashes(file) for file in files]
            widest = hashes[0] if hashes else []
            for file, narrower in zip(files, hashes, strict=True):
                if widest[: len(narrower)] != narrower:
                    self.broken.append(f"{_relative(file, self.folder)} is not the beginning of {name}")
            self.kept[level, index] = widest
        return self.kept[level, index]

    def _hashes(self, file: Path) -> list[bytes]:
        data = file.read_bytes()
        width = int(file.name) if file.parent.name.endswith(".p") else WIDTH
        if len(data) != width * HASH:
            self.broken.append(f"{_relative(file, self.folder)} has {len(data)} bytes, not {width * HASH}")
        return [data[i : i + HASH] for i in range(0, len(data) - HASH + 1, HASH)]

    def root(self, size: int) -> bytes | None:
        """Return the root of the first `size` leaves from the tiles at its right edge; None without them."""
        root, level = None, 0
        while size >> (8 * level):
            index, width = divmod(size >> (8 * level), WIDTH)
            hashes = self.tile(level, index)[:width] if width else []
            if len(hashes) < width:
                return None
            start = width
            for height in range(8):
                if width >> height & 1:
                    start -= 1 << height
                    peak = merkle_root(hashes[start : start + (1 << height)])
                    root = peak if root is None else node_hash(peak, root)
            level += 1
        return root if root is not None else merkle_root([])

    def bind(self, index: int, size: int) -> None:
        """Hold the tiles above leaf tile `index` against each other, up to those at the root."""
        level = 0
        while (index + 1) * WIDTH <= size >> (8 * level):
            above, place = divmod(index, WIDTH)
            parent = self.tile(level + 1, above)
            if place >= len(parent) or merkle_root(self.tile(level, index)) != parent[place]:
                self.broken.append(
                    f"{tile_name(level, index)} is not what {tile_name(level + 1, above)} says"
                )
            level, index = level + 1, above


def _relative(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


# The entries --------------------------------------------------------------------------------------


def entry_name(line: bytes, number: int) -> str:
    """Name an entry for a person: its order and number, or its line."""
    try:
        entry = json.loads(line)
        return "ent_{}_{}".format(entry["order_id"].partition("_")[2], entry["entry_no"])
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"line {number}"


def look_at(line: bytes, name: str, totals: Totals, period: str) -> str | None:
    """Return what is wrong with an entry by itself, and count its postings when it is of the period."""
    try:
        entry = json.loads(line)
        postings = [(str(a), str(c), m) for a, c, m in entry["postings"]]
        booked = str(entry["booked_at"])
    except (ValueError, KeyError, TypeError):
        return f"{name} is no entry"
    sums: Counter[str] = Counter()
    for account, currency, amount in postings:
        if type(amount) is not int or amount == 0:
            return f"{name} posts {amount!r} on {account}"
        sums[currency] += amount
        if booked.startswith(period):
            totals[account, currency, amount > 0] += abs(amount)
    if not sums or any(sums.values()):
        return f"{name} does not balance: {dict(sums)}"
    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    return None if canonical == line else f"{name} is not written in its canonical form"


def compare(lines: list[bytes], first: int, sealed: list[bytes]) -> list[str]:
    """Return what is wrong with the lines' places: `sealed` are the leaf hashes from leaf `first` on."""
    places = {hash_: n for n, hash_ in enumerate(sealed)}
    found = [places.get(leaf_hash(line)) for line in lines]
    present = {n for n in found if n is not None}
    names = [entry_name(line, number) for number, line in enumerate(lines, 1)]
    broken: list[str] = []
    expected, seen = 0, set[int | None]()
    for number, (name, place) in enumerate(zip(names, found, strict=True)):
        if place is None and expected < len(sealed) and expected not in present:
            broken.append(f"leaf {first + expected}: {name} is not what was sealed: its content was changed")
            expected += 1
        elif place is None:
            broken.append(f"{name} (line {number + 1}) was inserted: it is not in the log")
        elif place in seen:
            broken.append(f"leaf {first + place}: {name} is there twice")
        elif place < expected:
            broken.append(f"leaf {first + place}: {name} stands behind its place")
        else:
            before = names[number - 1] if number else "the beginning"
            gone = [n for n in range(expected, place) if n not in present]
            broken += [f"leaf {first + n} is missing, between {before} and {name}" for n in gone]
            if len(gone) < place - expected:
                broken.append(f"leaf {first + place}: {name} stands before its place")
            expected = place + 1
        seen.add(place)
    after = names[-1] if names else "the beginning"
    gone = [n for n in range(expected, len(sealed)) if n not in present]
    return broken + [f"leaf {first + n} is missing, after {after}" for n in gone]


# What the commands do -----------------------------------------------------------------------------


def open_checkpoints(log: Path, key: Key, broken: list[str]) -> list[tuple[int, str, Checkpoint]]:
    """Return the folder's checkpoints that the key has signed, by size."""
    files = sorted((log / "checkpoints").glob("*"))
    if (log / "checkpoint").is_file():
        files.append(log / "checkpoint")
    if not files:
        raise Unreadable(f"{log} has no checkpoint")
    good = []
    for file in files:
        name, text = _relative(file, log), key.open(file.read_bytes())
        if text is None:
            broken.append(f"{name} is not signed by {key.name}: it was changed, or is somebody else's")
            continue
        checkpoint = Checkpoint(text)
        if checkpoint.origin != key.name:
            broken.append(f"{name} is of another log, {checkpoint.origin}")
        elif file.name.isdigit() and int(file.name) != checkpoint.size:
            broken.append(f"{name} says a size of {checkpoint.size}")
        else:
            good.append((checkpoint.size, name, checkpoint))
    return sorted(good, key=lambda one: one[:2])


def verify_folder(folder: Path, key: Key) -> int:
    """Verify a folder; print what is proven or broken."""
    log = folder / "log"
    broken: list[str] = []
    checkpoints = open_checkpoints(log, key, broken)
    try:
        manifest = json.loads((log / "manifest.json").read_text("utf-8"))
        first, after = int(manifest["first"]), int(manifest["after"])
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable("log/manifest.json does not say which leaves there are") from error
    period = str(manifest.get("period") or "")
    tiles = Tiles(log, broken)
    for size, name, checkpoint in checkpoints:
        root = tiles.root(size)
        if root is None:
            broken.append(f"{name}: the tiles at its edge are missing")
        elif root != checkpoint.root:
            broken.append(f"{name}: its root is not that of the tiles: it does not continue the others")
    largest = max((size for size, _, _ in checkpoints), default=0)
    if not 0 <= first <= after <= largest:
        broken.append(f"leaves {first} to {after} are not covered by a checkpoint")
    sealed: list[bytes] = []
    for index in range(first // WIDTH, -(-after // WIDTH)):
        tiles.bind(index, largest)
        sealed += tiles.tile(0, index)[: max(0, after - index * WIDTH)]
    sealed = sealed[first % WIDTH :]
    if len(sealed) != after - first:
        broken.append(f"of {after - first} leaf hashes {len(sealed)} are there")
    with (folder / "entries.jsonl").open("rb") as file:
        lines = [line.rstrip(b"\n") for line in file]
    totals: Totals = Counter()
    for number, line in enumerate(lines, 1):
        wrong = look_at(line, entry_name(line, number), totals, period)
        broken += [wrong] if wrong else []
    broken += compare(lines, first, sealed)
    if broken:
        return _tell_broken(broken)
    leaves = f"leaves {first} to {after} of {largest}"
    print(f"proven: {len(lines)} entries, {leaves}, {len(checkpoints)} checkpoints by {key.name}")
    _print_totals(totals, period)
    return 0


def verify_proof(file: Path, key: Key) -> int:
    """Verify one entry's proof (https://c2sp.org/tlog-proof); the entry is in its `extra` line."""
    head, blank, note = file.read_bytes().partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    try:
        entry = base64.b64decode(lines[1].removeprefix("extra "), validate=True)
        index = int(lines[2].removeprefix("index "))
        proof = [base64.b64decode(line, validate=True) for line in lines[3:]]
    except (ValueError, IndexError) as error:
        raise Unreadable(f"{file} is no proof by c2sp.org/tlog-proof") from error
    if lines[0] != "c2sp.org/tlog-proof@v1" or not blank:
        raise Unreadable(f"{file} does not begin as a proof by c2sp.org/tlog-proof does")
    name, broken = entry_name(entry, 0), list[str]()
    text = key.open(note)
    if text is None:
        return _tell_broken([f"the checkpoint is not signed by {key.name}"])
    checkpoint = Checkpoint(text)
    if checkpoint.origin != key.name:
        broken.append(f"the checkpoint is of another log, {checkpoint.origin}")
    if root_of_proof(index, checkpoint.size, leaf_hash(entry), proof) != checkpoint.root:
        broken.append(f"leaf {index}: {name} is not what was sealed")
    wrong = look_at(entry, name, Counter(), "")
    broken += [wrong] if wrong else []
    if broken:
        return _tell_broken(broken)
    print(f"proven: {name} is leaf {index} of {checkpoint.size} in {key.name}")
    print(entry.decode())
    return 0


def _tell_broken(broken: list[str]) -> int:
    for line in broken[:MOST_FINDINGS]:
        print(f"broken: {line}")
    if len(broken) > MOST_FINDINGS:
        print(f"... and {len(broken) - MOST_FINDINGS} more")
    return 1


def _print_totals(totals: Totals, period: str) -> None:
    print(f"debits and credits of {period or 'all entries'}, in minor units:")
    for account, currency in sorted({key[:2] for key in totals}):
        debit, credit = totals[account, currency, True], totals[account, currency, False]
        print(f"  {account:32} {currency} {debit:>16} {credit:>16}")


def main(arguments: list[str]) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Verify a sealed ledger offline.")
    parser.add_argument("what", type=Path, nargs="?", default=Path(), help="a folder or a .tlog-proof file")
    parser.add_argument("--key", type=Path, help="a file with the log's key (default: the folder's own)")
    parsed = parser.parse_args(arguments)
    try:
        if parsed.what.is_dir():
            key = Key((parsed.key or parsed.what / "log" / "key").read_text("utf-8"))
            return verify_folder(parsed.what, key)
        if parsed.key is None:
            parser.error("a proof needs the log's key: give --key")
        return verify_proof(parsed.what, Key(parsed.key.read_text("utf-8")))
    except (OSError, Unreadable) as error:
        print(f"cannot verify: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
