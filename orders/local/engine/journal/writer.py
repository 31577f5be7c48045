"""Writes the journal.

One `write` per record hands it to the operating system, which keeps it when this process is killed. A
power cut is another matter: nothing waits for the disk.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from orders.local.engine.journal.segment import (
    HEADING,
    frame,
    segment_number,
    segment_path,
    segments,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class JournalWriteError(Exception):
    """A record could not be written, so that its request must not be answered with success."""


class Journal:
    """The open end of a journal; a new segment with each start.

    Args:
        folder: Where the segments are.
        after: The number that the first segment's must exceed.

    Raises:
        OSError: The first segment cannot be written.
    """

    def __init__(self, folder: Path, after: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._intact = True
        self._limit = sys.maxsize
        self._when_longer: Callable[[], None] = lambda: None
        self._end = 0
        self._open(max([after, *(segment_number(s.path) for s in segments(folder))]) + 1)

    def when_longer(self, limit: int, call: Callable[[], None]) -> None:
        """Call once for each segment that is longer than so many bytes; the writer waits for the call."""
        self._limit, self._when_longer = limit, call

    def append(self, payload: bytes) -> None:
        """Write one record, whole or not at all.

        Raises:
            JournalWriteError: The disk is full, for one; nothing of the record stays behind.
        """
        record = memoryview(frame(payload))
        with self._lock:
            if not self._intact:
                raise JournalWriteError("an earlier record could not be taken back")
            try:
                written = 0
                while written < len(record):
                    written += os.write(self._file, record[written:])
            except OSError as error:
                self._take_back()
                raise JournalWriteError(f"the journal cannot be written: {error.strerror}") from error
            before, self._end = self._end, self._end + len(record)
        if before <= self._limit < self._end:
            self._when_longer()

    def rotate(self) -> int:
        """Begin a new segment; returns its number. All records until now are in those before it."""
        with self._lock:
            before, number = self._file, self._number + 1
            self._open(number)
            os.close(before)
            return number

    def drop_before(self, number: int) -> None:
        """Remove the segments before this one: a snapshot holds what they hold."""
        for segment in segments(self._folder):
            if segment_number(segment.path) < number:
                segment.path.unlink()

    def _open(self, number: int) -> None:
        path = segment_path(self._folder, number)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            if os.write(file, HEADING) != len(HEADING):
                raise OSError(f"{path} cannot be written")  # noqa: TRY301 - as a write that fails whole
        except OSError:
            os.close(file)
            path.unlink()
            raise
        self._file, self._number, self._end, self._intact = file, number, len(HEADING), True

    def _take_back(self) -> None:
        """Cut the beginning of a record off, or the next one would come after garbage."""
        try:
            os.ftruncate(self._file, self._end)
        except OSError:
            self._intact = False
