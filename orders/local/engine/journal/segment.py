"""A segment of the journal: one file, a heading and then records with length and checksums.

A process that is killed in the middle of a write leaves the beginning of a record at the end of its
file: that request was never answered, and what is there of it is left out. Anything else that is wrong
is damage that no kill explains, and is refused rather than guessed at.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orders.local.engine.errors import DataFolderError
from orders.local.engine.snapshots import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_NAME: Final = b"orders-journal "
_VERSION: Final = 1
HEADING: Final = b"%s%d\n" % (_NAME, _VERSION)
# Length of the payload, checksum of that length, checksum of the payload. The length has a checksum of
# its own, because a wrong one looks like a record that was cut off.
_FRAME: Final = struct.Struct(">III")
_LENGTH: Final = struct.Struct(">I")


class JournalDamagedError(DataFolderError):
    """A segment holds what no version of this program wrote, or another version did."""


@dataclass(slots=True)
class Segment:
    """One file of the journal.

    Attributes:
        cut_off: how many bytes of a last, unfinished record were left out; known once all was read.
    """

    path: Path
    cut_off: int = 0

    def payloads(self) -> Iterator[bytes]:
        """Read the records in the order in which they were written.

        Raises:
            JournalDamagedError: The message says what can be done.
        """
        data = self.path.read_bytes()
        at = self._after_heading(data)
        while at < len(data):
            end = self._end_of_record(data, at)
            if end is None:
                self.cut_off = len(data) - at
                return
            yield data[at + _FRAME.size : end]
            at = end

    def rewrite(self, change: Callable[[bytes], bytes]) -> None:
        """Replace each record by what `change` makes of it."""
        records = (frame(change(payload)) for payload in self.payloads())
        replace_file(self.path, HEADING + b"".join(records))

    def _after_heading(self, data: bytes) -> int:
        if data.startswith(HEADING):
            return len(HEADING)
        if HEADING.startswith(data):
            self.cut_off = len(data)
            return len(data)
        line = data.split(b"\n", 1)[0]
        if line.startswith(_NAME) and line[len(_NAME) :].isdigit():
            raise JournalDamagedError(
                f"{self.path} is a journal of version {int(line[len(_NAME) :])}, and this program writes "
                f"version {_VERSION}: start the program that wrote it and stop it with Ctrl-C, which "
                "leaves a snapshot that every version reads"
            )
        raise self._damaged(0, len(data))

    def _end_of_record(self, data: bytes, at: int) -> int | None:
        if not data[at:].strip(b"\0"):
            return None  # a file system may lose the end of what it has made room for
        if len(data) - at < _FRAME.size:
            return None
        length, of_length, of_payload = _FRAME.unpack_from(data, at)
        if zlib.crc32(_LENGTH.pack(length)) != of_length:
            raise self._damaged(at, len(data))
        end: int = at + _FRAME.size + length
        if end > len(data):
            return None
        if zlib.crc32(data[at + _FRAME.size : end]) != of_payload:
            raise self._damaged(at, len(data))
        return end

    def _damaged(self, at: int, size: int) -> JournalDamagedError:
        return JournalDamagedError(
            f"{self.path} is damaged at byte {at} of {size}: put the data folder back from a copy, or lose "
            f"what it holds from there on with `truncate -s {at} {self.path}`"
        )


def frame(payload: bytes) -> bytes:
    """Make a record of a payload."""
    length = len(payload)
    return _FRAME.pack(length, zlib.crc32(_LENGTH.pack(length)), zlib.crc32(payload)) + payload


def segments(folder: Path, first: int = 0) -> list[Segment]:
    """Find the journal's segments from a number on, the oldest first."""
    paths = [path for path in folder.glob("*.journal") if segment_number(path) >= first]
    return [Segment(path) for path in sorted(paths)]


def segment_path(folder: Path, number: int) -> Path:
    """Name a segment; names sort as numbers do."""
    return folder / f"{number:012}.journal"


def segment_number(path: Path) -> int:
    """Read a segment's number out of its name."""
    return int(path.stem)
