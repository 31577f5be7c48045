"""How the state comes to the disk and back: the journal after the snapshot, and a new snapshot."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from ministack import app as engine
from ministack.core import persistence
from ministack.services import dynamodb, lambda_svc, sqs

from orders.local.engine.data_folder import current_state, journal_folder, snapshots_folder
from orders.local.engine.errors import SnapshotError
from orders.local.engine.journal.segment import segments
from orders.local.engine.journal.writer import Journal
from orders.local.engine.shims.write_ahead import queues, tables
from orders.local.engine.snapshots import newest_snapshot, remove_leftovers, write_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_JOURNAL_BYTES = 64 * 1024 * 1024
_TRIES = 5
_REFUSED = 2

_logger = logging.getLogger("orders.journal")
_original_prune = lambda_svc._prune_orphan_code_blobs


def apply(data_dir: Path) -> Journal:
    """Open the journal, and replace how the engine loads and saves.

    Raises:
        OSError: The journal cannot be written.
    """
    remove_leftovers(snapshots_folder(data_dir))
    newest = newest_snapshot(snapshots_folder(data_dir))
    number = newest[0] if newest else 0
    state = _State(data_dir, number, Journal(journal_folder(data_dir), number))
    persistence.STATE_DIR = str(current_state(data_dir))
    persistence.save_all = state.save
    engine._load_persisted_state = state.load
    return state.journal


class _State:
    """The engine's whole state, in memory and on the disk."""

    def __init__(self, data_dir: Path, first: int, journal: Journal) -> None:
        self._data_dir = data_dir
        self._first = first
        self.journal = journal
        self._saving = threading.Lock()
        limit = int(os.environ.get("ORDERS_ENGINE_JOURNAL_BYTES") or _JOURNAL_BYTES)
        journal.when_longer(limit, self._compact)

    def load(self) -> None:
        """Load the last snapshot, then take the journal over, before any event source sees a queue.

        Whatever cannot be loaded ends the process: without it, the next snapshot would be the end of it.
        """
        try:
            with sqs._queues_lock, dynamodb._lock:
                self._load()
        except Exception as error:  # noqa: BLE001 - the server would go on without
            problem = f"{type(error).__name__}: {error}"
            sys.stderr.write(f"the state in {self._data_dir} cannot be loaded: {problem}; it is unchanged\n")
            sys.stderr.flush()
            os._exit(_REFUSED)

    def _load(self) -> None:
        for name, module in engine._state_map.items():
            state = persistence.load_state(name)
            if state:
                engine._get_module(module).load_persisted_state(state)
        homeless, taking = 0, queues.TakingOver()
        for record in self._records():
            homeless += tables.take_over(record) + taking.take(record)
        taking.end()
        if homeless:
            _logger.warning("journal: %d changes of tables and queues that are gone were left out", homeless)

    def _records(self) -> Iterator[dict[str, Any]]:
        for segment in segments(journal_folder(self._data_dir), self._first):
            yield from map(json.loads, segment.payloads())
            if segment.cut_off:
                _logger.warning(
                    "journal: %s ends in the middle of a record; its request was never answered",
                    segment.path.name,
                )

    def save(self, services: Mapping[str, Callable[[], Any]]) -> None:
        """Write a snapshot, and drop what of the journal it holds. For `persistence.save_all`.

        Raises:
            SnapshotError: It cannot be written; nothing is lost, for the journal stays.
        """
        with self._saving:
            code: set[str] = set()
            lambda_svc._prune_orphan_code_blobs = code.update  # the last snapshot may need the others
            try:
                number, states = self._states(services)
                files = _files(current_state(self._data_dir), states)
                write_snapshot(snapshots_folder(self._data_dir), number, files.items())
                self.journal.drop_before(number)
            except OSError as error:
                raise SnapshotError(f"no snapshot could be written: {error.strerror}") from error
            _original_prune(code)

    def _states(self, services: Mapping[str, Callable[[], Any]]) -> tuple[int, dict[str, Any]]:
        """Cut the journal, and read the state of tables and queues at the cut."""
        cut = {"dynamodb", "sqs"}
        with sqs._queues_lock, dynamodb._lock:
            number = self.journal.rotate()
            states = {name: read() for name, read in services.items() if name in cut}
        states |= {name: _read(name, read) for name, read in services.items() if name not in cut}
        return number, states

    def _compact(self) -> None:
        """Write a snapshot beside the requests."""
        threading.Thread(target=self._compact_now, name="compaction", daemon=True).start()

    def _compact_now(self) -> None:
        try:
            self.save(engine._build_persistence_save_dict())
        except SnapshotError as error:
            _logger.warning("%s; the journal goes on", error)


def _files(before: Path, states: Mapping[str, Any]) -> dict[str, str]:
    """Make the snapshot's files; a service that reports no state keeps the file that it has."""
    files = {path.name: path.read_text(encoding="utf-8") for path in before.glob("*.json")}
    for name, state in states.items():
        if state is not None:
            document = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
            files[f"{name}.json"] = json.dumps(document, default=persistence._json_default)
    return files


def _read(name: str, read: Callable[[], Any]) -> Any:  # noqa: ANN401 - each service has its own form
    for _ in range(_TRIES):
        try:
            return read()
        except RuntimeError:  # "dictionary changed size during iteration": other threads go on
            continue
    raise SnapshotError(f"no snapshot could be written: {name} never stood still")
