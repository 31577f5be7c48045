"""Powertools' persistence layer in memory: the library's own logic over a dict."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)

from lambdas.payment.once import EXPIRES_SECONDS
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from datetime import datetime

    from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord

    from tests.fakes.clock import FakeClock

FUNCTION_SECONDS: Final = 10


class InMemoryIdempotency(BasePersistenceLayer):
    """Keeps records as a table with the key `id` does, under the tests' clock.

    `faults` knows `get`, `put`, `update` and `delete`.
    """

    def __init__(self, clock: FakeClock) -> None:
        """Start empty."""
        super().__init__()  # type: ignore[no-untyped-call] # theirs
        self.records: dict[str, DataRecord] = {}
        self.faults = Faults()
        self._clock = clock
        self._written_at: dict[str, datetime] = {}
        self._records_lock = threading.Lock()

    def _get_record(self, idempotency_key: str) -> DataRecord:
        with self.faults.around("get"):
            try:
                return self.records[idempotency_key]
            except KeyError as error:
                raise IdempotencyItemNotFoundError from error

    def _put_record(self, data_record: DataRecord) -> None:
        with self.faults.around("put"), self._records_lock:
            key = data_record.idempotency_key
            kept = self.records.get(key)
            if kept and not self._is_over(kept):
                raise IdempotencyItemAlreadyExistsError(old_data_record=kept)
            self.records[key] = data_record
            self._written_at[key] = self._clock()

    def _update_record(self, data_record: DataRecord) -> None:
        with self.faults.around("update"):
            self.records[data_record.idempotency_key] = data_record

    def _delete_record(self, data_record: DataRecord) -> None:
        with self.faults.around("delete"):
            self.records.pop(data_record.idempotency_key, None)

    def _is_over(self, kept: DataRecord) -> bool:
        """A lock ends with its function's time, a result when it expires."""
        lasts = FUNCTION_SECONDS if kept.status == "INPROGRESS" else EXPIRES_SECONDS
        return self._clock() - self._written_at[kept.idempotency_key] > timedelta(seconds=lasts)


class FakeContext:
    """As much of the Lambda context as Powertools reads."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the payment function's whole time."""
        return FUNCTION_SECONDS * 1_000
