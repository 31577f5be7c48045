"""One SQLite database behind a lock: the storage of a stand-in.

With a file it survives SIGKILL: write-ahead log and `synchronous=NORMAL`, which loses the last
commits only when the machine itself loses power (https://www.sqlite.org/pragma.html#pragma_synchronous).
Without a file it lives in memory.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Database:
    """A connection shared by all request threads, used by one at a time.

    Requests are short and run under the interpreter's lock anyway, so one lock costs nothing and
    makes every request atomic: its effect and its saved answer are committed together.
    """

    def __init__(self, path: Path | None, schema: str) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(schema)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock, commit at the end, roll back when the block raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock for reads; inside a transaction of this thread it sees its writes."""
        with self._lock:
            yield self._connection

    def close(self) -> None:
        """Close the file. Later calls raise `sqlite3.ProgrammingError`."""
        with self._lock:
            self._connection.close()
