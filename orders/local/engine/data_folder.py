"""The folder in which the engine keeps its state between runs.

The engine reads a damaged state file as "no state", and writes over it when it stops. So the
folder is checked before the engine sees it, and locked while one engine has it.
"""

from __future__ import annotations

import fcntl
import json
import re
from pathlib import Path
from typing import IO

from orders.local.engine.errors import DataFolderError

_LOCK = "engine.lock"
_ADDRESS = "address"


def state_folder(data_dir: Path) -> Path:
    """Where the engine writes one JSON file per service."""
    return data_dir / "state"


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
    for path in sorted(state_folder(data_dir).glob("*.json")):
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
        for path in state_folder(data_dir).glob("*.json"):
            text = path.read_text(encoding="utf-8")
            path.write_text(whole.sub(address, text), encoding="utf-8")
    record.write_text(address, encoding="utf-8")


def lock_data_folder(data_dir: str | Path) -> IO[bytes]:
    """Take the folder for this process; closing the returned file gives it back.

    Raises:
        DataFolderError: Another engine has it.
    """
    file = (Path(data_dir) / _LOCK).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise DataFolderError(f"data folder {data_dir} is in use by another engine") from error
    return file
