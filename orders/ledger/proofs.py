"""Writes what proves entries offline: one entry's proof, or a folder for a period, with the verifier."""

from __future__ import annotations

import base64
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lambdas.domain.merkle import inclusion_proof
from lambdas.domain.sealing import EntryKey, closed_path, month_end
from lambdas.domain.tiles import HEIGHT, WIDTH, bundle_path, decode_bundle, tile_path, width_at
from lambdas.domain.timestamps import to_text
from orders.ledger.sealed import first_batch, leaf_of, open_sealed
from orders.ledger.verifier import verify

if TYPE_CHECKING:
    from orders.deployment import Deployment
    from orders.ledger.sealed import SealedLedger

VERIFIER: Final = Path(verify.__file__)


class NotSealed(Exception):
    """There is no proof yet; the message says since when and what to do."""


def prove(log: SealedLedger, key: EntryKey) -> str:
    """Return an entry's proof of inclusion in the newest checkpoint (https://c2sp.org/tlog-proof).

    Raises:
        KeyError: there is no such entry.
        NotSealed: it is not in the log.
    """
    entry = log.ledger.entries([key])[key]
    leaf = leaf_of(log, key, entry.booked_at)
    sizes = log.sizes(leaf) if leaf is not None else []
    if leaf is None or not sizes:
        last = log.batches.last()
        until = last.until if last else "never"
        raise NotSealed(f"{key.entry_id}, booked at {entry.booked_at}; the log is sealed to {until}")
    size = sizes[-1]
    index = leaf // WIDTH
    sealed = decode_bundle(log.files.read(bundle_path(index, width_at(0, index, size))))[leaf % WIDTH]
    path = inclusion_proof(log.tiles(size).node, leaf, size)
    lines = [
        "c2sp.org/tlog-proof@v1",
        f"extra {base64.b64encode(sealed).decode()}",
        f"index {leaf}",
        *(base64.b64encode(step).decode() for step in path),
        "",
        log.note(size).decode(),
    ]
    return "\n".join(lines)


def write_proofs(deployment: Deployment, period: str, folder: Path) -> int:
    """Write the sealed entries of a month, as `2026-10`, with all that proves them; see `write_folder`."""
    return write_folder(open_sealed(deployment), period, folder)


def write_folder(log: SealedLedger, period: str, folder: Path) -> int:
    """Write entries.jsonl, log/ and verify.py; return how many leaves there are.

    The leaves are those of every batch that may hold an entry of the month, and so some of its neighbours
    too; log/manifest.json names the month.

    Raises:
        NotSealed: nothing is sealed of it.
    """
    first, after = _range(log, period)
    sizes = log.sizes()
    if first == after or not sizes or sizes[-1] < after:
        raise NotSealed(f"nothing of {period} is sealed yet")
    head = sizes[-1]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "entries.jsonl").open("wb") as file:
        for _, entry in log.leaves(first, after, head):
            file.write(entry + b"\n")
    _write(folder / "log" / "key", f"{log.key}\n".encode())
    manifest = {"origin": log.key.name, "period": period, "first": first, "after": after, "size": head}
    _write(folder / "log" / "manifest.json", json.dumps(manifest, indent=2).encode() + b"\n")
    for size in [*(s for s in sizes if first <= s <= after), head]:
        _write(folder / "log" / "checkpoints" / str(size), log.note(size))
    _write(folder / "log" / "checkpoint", log.note(head))
    for path in _tile_paths(first, after, head):
        _write(folder / "log" / path, log.files.read(path))
    if period in log.closed_periods():
        _write(folder / "log" / closed_path(period), log.files.read(closed_path(period)))
    shutil.copyfile(VERIFIER, folder / "verify.py")
    return after - first


def _range(log: SealedLedger, period: str) -> tuple[int, int]:
    end = month_end(period)
    start, end_text = to_text((end - timedelta(days=1)).replace(day=1)), to_text(end)
    last = log.batches.last()
    begins = first_batch(log.batches, lambda b: b.until >= start)
    if last is None or begins is None:
        return 0, 0
    beyond = first_batch(log.batches, lambda b: b.since >= end_text)
    return begins.start, max(begins.start, beyond.start if beyond else last.size)


def _tile_paths(first: int, after: int, head: int) -> list[str]:
    """The tiles over the range, which hold the edge of each of its checkpoints too, and the head's edge."""
    wanted = set()
    level = 0
    while head >> (HEIGHT * level):
        span = HEIGHT * (level + 1)
        edge = head >> span
        for index in {*range(first >> span, (after >> span) + 1), edge}:
            if width := width_at(level, index, head):
                wanted.add(tile_path(level, index, width))
        level += 1
    return sorted(wanted)


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
