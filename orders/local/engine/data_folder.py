"""The folder in which the engine keeps its state between runs.

The engine reads a damaged state file as "no state", and writes over it when it stops. So the
folder is checked before the engine sees it, and locked while one engine has it.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections import deque
from pathlib import Path
from typing import IO

from orders.local.engine.errors import DataFolderError
from orders.local.engine.journal.segment import segments
from orders.local.engine.snapshots import newest_snapshot, replace_file

_LOCK = "lock"
_ADDRESS = "address"


def state_folder(data_dir: Path) -> Path:
    """Where the engine writes functions' code; before there were snapshots, also its state."""
    return data_dir / "state"


def snapshots_folder(data_dir: Path) -> Path:
    """Where the snapshots are, each a folder with one JSON file per service."""
    return data_dir / "snapshots"


def journal_folder(data_dir: Path) -> Path:
    """Where the journal's segments are."""
    return data_dir / "journal"


def current_state(data_dir: Path) -> Path:
    """The folder with the JSON files from which the engine starts."""
    newest = newest_snapshot(snapshots_folder(data_dir))
    return state_folder(data_dir) if newest is None else newest[1]


def objects_folder(data_dir: Path) -> Path:
    """Where the engine writes the objects of S3."""
    return data_dir / "s3"


def prepare_data_folder(data_dir: Path, address: str) -> None:
    """Create the folder if need be, check that it can be used, and fit it to the engine's address.

    Queues are stored by their URL, and outputs and functions' variables hold it too, so that on
    another port than the last time nothing would find them: the address is replaced in all files.

    Args:
        data_dir: The folder.
        address: The engine's host and port, as in its URLs.

    Raises:
        DataFolderError: It cannot be created or written, another engine has it, or a state file
            in it cannot be read.
    """
    try:
        for folder in (data_dir, state_folder(data_dir), objects_folder(data_dir)):
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".write-test"
            probe.write_bytes(b"")
            probe.unlink()
    except OSError as error:
        raise DataFolderError(f"data folder {data_dir} cannot be written: {error}") from error
    with lock_data_folder(data_dir):
        _check_state(data_dir)
        _move_to(data_dir, address)


def _check_state(data_dir: Path) -> None:
    for segment in segments(journal_folder(data_dir)):
        deque(segment.payloads(), maxlen=0)  # raises where one cannot be read
    for path in sorted(current_state(data_dir).glob("*.json")):
        try:
            with path.open(encoding="utf-8") as file:
                json.load(file)
        except (OSError, ValueError) as error:
            raise DataFolderError(
                f"data folder {data_dir} is damaged: {path.name} cannot be read ({error}); "
                "restore it, or start with an empty folder"
            ) from error


def _move_to(data_dir: Path, address: str) -> None:
    record = data_dir / _ADDRESS
    before = record.read_text(encoding="utf-8") if record.exists() else address
    if before != address:
        whole = re.compile(re.escape(before) + r"(?!\d)")  # not the beginning of another port
        for path in current_state(data_dir).glob("*.json"):
            replace_file(path, whole.sub(address, path.read_text(encoding="utf-8")).encode())
        for segment in segments(journal_folder(data_dir)):
            segment.rewrite(lambda payload: whole.sub(address, payload.decode()).encode())
    replace_file(record, address.encode())


def lock_data_folder(data_dir: str | Path) -> IO[bytes]:
    """Take the folder for this process; closing the returned file gives it back.

    Raises:
        DataFolderError: Another run has it.
    """
    file = (Path(data_dir) / _LOCK).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise DataFolderError(f"data folder {data_dir} is in use by another run") from error
    return file
