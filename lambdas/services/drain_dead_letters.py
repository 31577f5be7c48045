"""Drains dead letters: archive, record, page; then the letter may be deleted. Each step may run again.

A letter goes only when it is archived and recorded. While the archive or the store does not answer it stays
and comes back; the queue keeps it for as long as it lives. A page that does not arrive is the schedule's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lambdas.domain.commands import REFUND, Command, command_text, read_command
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.failure import DeadLetter, Failure, FailureContext, FailureState, Stake
from lambdas.domain.failure_end import is_over
from lambdas.domain.failure_life import died, died_again, resolved, stake_of, unreadable
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.timestamps import Clock, to_text
from lambdas.services.remember_failure import failure_of
from lambdas.services.tell_pager import Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.domain.failure_store import Archive, FailureContexts, Failures
    from lambdas.domain.identifiers import FailureId, Fingerprint
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderReader, RefundReader
    from lambdas.domain.refund import Refund
    from lambdas.services.tell_pager import TellPager

# A letter that cannot be read may be one of a newer version's: it has so many receives to become readable.
RECEIVES_OF_UNREADABLE: Final = 5
_TRIES: Final = 4


@dataclass(slots=True)
class Drained:
    """What became of a letter; `fault` is why it stays, `failure` how it is recorded now."""

    letter: DeadLetter
    command: Command | None = None
    failure: Failure | None = None
    fault: Exception | None = None
    seen_before: bool = False

    @property
    def keep(self) -> bool:
        """Whether the queue must keep the letter."""
        return self.failure is None

    @property
    def quarantined(self) -> bool:
        """Whether this letter set its failure aside, or died although it was."""
        state = self.failure.state if self.failure and not self.seen_before else None
        return state is FailureState.QUARANTINED


@dataclass(slots=True)
class Batch:
    """The fate of each letter of a batch, in its order, and of each page."""

    letters: list[Drained]
    told: dict[Fingerprint, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Archived:
    """A letter that lies in the archive, with the failure that it would make alone, and what it is about."""

    drained: Drained
    fresh: Failure
    order: Order | None = None
    refund: Refund | None = None


@dataclass(frozen=True, slots=True)
class DrainDeadLetters:
    """One batch at a time; never raises for a letter's own failure."""

    contexts: FailureContexts
    failures: Failures
    archive: Archive
    orders: OrderReader
    refunds: RefundReader
    tell: TellPager
    now: Clock

    def __call__(self, letters: Sequence[DeadLetter]) -> Batch:
        """Archive all letters at once, record them in one transaction, then page for each of their groups."""
        batch = Batch([Drained(letter, read_command(letter.body)) for letter in letters])
        with ThreadPoolExecutor(max_workers=max(1, len(letters))) as pool:
            archived = [found for found in pool.map(self._archive_alone, batch.letters) if found]
        self._record(archived)
        recorded = {d.failure.fingerprint for d in batch.letters if d.failure and d.failure.waiting}
        for fingerprint in sorted(recorded):
            batch.told[fingerprint] = self._tell(fingerprint)
            if batch.told[fingerprint] is Told.UNAVAILABLE:
                break  # one call that hangs is enough: the others are the schedule's as well
        return batch

    def _archive_alone(self, drained: Drained) -> _Archived | None:
        try:
            return self._archive(drained)
        except Exception as error:  # noqa: BLE001 - what is wrong with one letter must not keep the others
            drained.fault = error
            return None

    def _archive(self, drained: Drained) -> _Archived | None:
        letter, command, at = drained.letter, drained.command, to_text(self.now())
        if command is None:
            if letter.receives < RECEIVES_OF_UNREADABLE:
                return None
            return _Archived(drained, unreadable(letter, self.archive.keep_unreadable(letter), at))
        failure_id = failure_of(command)
        context = self.contexts.find(failure_id, letter.message_id) or FailureContext()
        order, refund, stake = self._subject(command)
        # The command alone: a message may have had anything beside it.
        key = self.archive.keep(failure_id, replace(letter, body=command_text(command)), context)
        return _Archived(drained, died(failure_id, command, letter, context, stake, key, at), order, refund)

    def _subject(self, command: Command) -> tuple[Order | None, Refund | None, Stake]:
        order_id, refund = OrderId(command["order_id"]), None
        try:
            order = self.orders.get(order_id)
            if command["command"] == REFUND:
                refund = self.refunds.refund(order_id, RefundId(command["refund_id"]))
            return order, refund, stake_of(order, refund)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - an order that nobody can read is no reason to keep its letter
            return None, None, Stake()

    def _record(self, archived: Sequence[_Archived]) -> None:
        """Write all in one transaction, so that a group is counted once a batch."""
        fault: Exception = StoreUnavailable("the failures are written by others at this moment")
        for _ in range(_TRIES):
            try:
                if self._recorded(archived):
                    return
            except Exception as error:  # noqa: BLE001 - told below, by the letters that stay
                fault = error
                break
        if len(archived) > 1 and not isinstance(fault, StoreUnavailable):
            for part in archived:  # one of them is wrong, and must not keep the others
                self._record([part])
            return
        for part in archived:
            part.drained.fault = fault

    def _recorded(self, archived: Sequence[_Archived]) -> bool:
        """Add the letters to what is known of each subject; two of one subject are one change."""
        before: dict[FailureId, Failure | None] = {}
        after: dict[FailureId, Failure] = {}
        for part in archived:
            failure_id = part.fresh.failure_id
            if failure_id not in before:
                before[failure_id] = self.failures.get(failure_id)
            written = before[failure_id]
            known = after.get(failure_id) or written
            failure = self._added(known, part)
            part.drained.seen_before = failure is known
            if failure is not known:
                after[failure_id] = replace(failure, revision=written.revision + 1 if written else 1)
        changes = [(before[failure_id], failure) for failure_id, failure in after.items()]
        if changes and not self.failures.save_together(changes):
            return False
        for part in archived:
            failure_id = part.fresh.failure_id
            part.drained.failure = after.get(failure_id) or before[failure_id]
        return True

    def _added(self, known: Failure | None, part: _Archived) -> Failure:
        failure = part.fresh if known is None else died_again(known, part.fresh)
        if failure is None:
            assert known is not None  # noqa: S101 - only a known failure has had this letter
            return known
        over = failure.waiting and is_over(failure, part.order, part.refund, came_through=False)
        return resolved(failure) if over else failure

    def _tell(self, fingerprint: Fingerprint) -> Told:
        try:
            return self.tell(fingerprint)
        except Exception:  # noqa: BLE001 - the letter is recorded, and the schedule tells
            return Told.UNAVAILABLE
