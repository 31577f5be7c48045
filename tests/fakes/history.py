"""The operators' history in memory: nothing in it is ever written over."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.operation import in_time
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lambdas.domain.identifiers import OperationId
    from lambdas.domain.operation import Operation

_Key = tuple[str, str, str]


@dataclass(slots=True)
class InMemoryHistory:
    """Satisfies `History`. `faults` knows `record`, `find`, `of`, `of_day`, `keep_note` and `notes`."""

    entries: dict[_Key, Operation] = field(default_factory=dict)
    words: dict[OperationId, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, operation: Operation) -> bool:
        """Write an entry once."""
        with self.faults.around("record"), self._lock:
            return self.entries.setdefault(_key(operation), operation) is operation

    def find(self, operation: Operation) -> Operation | None:
        """Return what lies under the entry's key."""
        with self.faults.around("find"):
            return self.entries.get(_key(operation))

    def of(self, subject: str) -> Sequence[Operation]:
        """Return the entries of a subject."""
        with self.faults.around("of"):
            return in_time(o for o in self.entries.values() if o.subject == subject)

    def of_day(self, day: str) -> Iterator[Operation]:
        """Yield the entries of a day."""
        with self.faults.around("of_day"):
            found = [o for o in self.entries.values() if o.began_at.startswith(day)]
        yield from sorted(found, key=lambda o: (o.began_at, o.operation_id))

    def keep_note(self, operation: Operation, text: str) -> None:
        """Keep words."""
        with self.faults.around("keep_note"):
            self.words[operation.operation_id] = text

    def notes(self, operations: Sequence[Operation]) -> Mapping[OperationId, str]:
        """Return the words that there are."""
        with self.faults.around("notes"):
            wanted = {operation.operation_id for operation in operations}
            return {i: text for i, text in self.words.items() if i in wanted}


def _key(operation: Operation) -> _Key:
    return operation.subject, operation.began_at, operation.operation_id
