"""Snapshots of the engine's state: one folder each, whole or not there at all.

Snapshot n holds all that the journal's segments before n tell. It is written under another name, handed
to the disk and renamed, and only then is what it replaces removed; so a kill at any moment leaves a
whole snapshot and every segment that it lacks.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PARTIAL: Final = ".partial"


def newest_snapshot(folder: Path) -> tuple[int, Path] | None:
    """Find the newest whole snapshot: its number, and where it is."""
    whole = [path for path in folder.glob("*") if path.name.isdigit()]
    newest = max(whole, key=lambda path: int(path.name), default=None)
    return None if newest is None else (int(newest.name), newest)


def write_snapshot(folder: Path, number: int, files: Iterable[tuple[str, str]]) -> None:
    """Write a snapshot, then remove all that are older.

    Args:
        folder: Where the snapshots are.
        number: The first segment of the journal that the snapshot does not hold.
        files: Names and contents.

    Raises:
        OSError: It cannot be written; the snapshots before it are untouched.
    """
    remove_leftovers(folder)
    whole = folder / f"{number:012}"
    partial = whole.with_suffix(_PARTIAL)
    partial.mkdir(parents=True)
    for name, content in files:
        with (partial / name).open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # it replaces the only other copy
    partial.rename(whole)
    _sync(folder)
    for path in folder.glob("*"):
        if path.name.isdigit() and int(path.name) < number:
            shutil.rmtree(path)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that is whole, or as before, also after a kill in between."""
    part = path.with_name(f"{path.name}{_PARTIAL}")
    part.write_bytes(content)
    part.replace(path)


def remove_leftovers(folder: Path) -> None:
    """Remove what a kill has left of a snapshot."""
    for path in folder.glob(f"*{_PARTIAL}"):
        shutil.rmtree(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
