"""Closes a month: its totals and the log's root at that moment, signed and written once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.sealing import MonthTotals, PeriodRefused, checkpoint_path, closed_path, month_end
from lambdas.domain.timestamps import Clock, from_text, to_text

if TYPE_CHECKING:
    from datetime import timedelta

    from lambdas.domain.sealing import Batch, BatchLog, LogStore, NoteSigner


@dataclass(frozen=True, slots=True)
class ClosePeriod:
    """Only when the month is read to its end, and its last window has been read a second time.

    Bookings take the present time, and nothing that books lives as long as the grace: an entry that comes to
    a closed month after that was not booked by the pipeline.
    """

    batches: BatchLog
    store: LogStore
    signer: NoteSigner
    origin: str
    grace: timedelta
    now: Clock

    def __call__(self, month: str, actor: str) -> bytes:
        """Return the signed record of the month, also when it was closed before.

        Raises:
            PeriodRefused: it is no month, or has not ended for long enough.
        """
        try:
            end = month_end(month)
        except ValueError:
            raise PeriodRefused(f"{month!r} is no month such as 2026-10") from None
        try:
            return self.store.read(closed_path(month))
        except KeyError:
            pass
        last, from_ = self.batches.last(), end + 2 * self.grace
        read = max(self.batches.read_until() or "", last.until if last else "")
        if self.now() < from_:
            raise PeriodRefused(f"{month} can be closed from {to_text(from_)} on")
        if not last or not read or from_text(read) < end + self.grace:
            raise PeriodRefused(f"{month} is not sealed to its end yet: the next runs will do it")
        self.store.read(checkpoint_path(last.size))
        note = self.signer.sign(self._text(month, last, actor))
        self.store.create(closed_path(month), note)
        return note

    def _text(self, month: str, last: Batch, actor: str) -> str:
        empty = MonthTotals(month, 0, ())
        totals = next((t for t in last.totals if t.month == month), empty)
        record = {
            "period": month,
            "entries": totals.entries,
            "balances": [[b.account, b.currency, b.debit, b.credit] for b in totals.balances],
            "size": last.size,
            "root": last.root.hex(),
            "closed_at": to_text(self.now()),
            "actor": actor,
        }
        # Another first line than a checkpoint's, so that neither can be taken for the other.
        return f"{self.origin}/closed\n{json.dumps(record, sort_keys=True, separators=(',', ':'))}\n"
