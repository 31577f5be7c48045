"""The order store and the journal in memory, with the conditions of `lambdas/adapters/dynamodb`."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lambdas.domain.errors import (
    LedgerConflict,
    OrderBusy,
    OrderCorrupt,
    OrderNotFound,
    StoreUnavailable,
)
from lambdas.domain.lost_write import explain_lost_write, is_same_write
from lambdas.domain.order import Event, Order, Status, digest_lines
from lambdas.domain.order_store import InvalidCursor, Page
from lambdas.domain.timestamps import from_text
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId, OrderId
    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.order import Line
    from lambdas.domain.refund import Refund
    from tests.fakes.refunds import InMemoryRefunds

# Orders with more lines keep them apart from the head, as large ones do in DynamoDB.
INLINE_LINES: Final = 3
_UNDER_WAY: Final = (Status.ACCEPTED, Status.PROCESSING)


@dataclass(slots=True)
class InMemoryOrders:
    """Satisfies `OrderAcceptor` and `OrderStore`.

    Every method is one atomic write. `faults` knows `get`, `lines_of`, `create`, `amend`, `claim`,
    `claim_completed`, `save` and `give_back`.
    """

    heads: dict[OrderId, Order] = field(default_factory=dict)
    lines: dict[tuple[OrderId, str], tuple[Line, ...]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, order_id: OrderId) -> Order | None:
        """Return the order's head."""
        with self.faults.around("get"):
            return self.heads.get(order_id)

    def lines_of(self, order: Order) -> tuple[Line, ...]:
        """Return the accepted lines."""
        with self.faults.around("lines_of"):
            lines = order.lines
            if lines is None:
                lines = self.lines.get((order.order_id, order.lines_digest))
            if lines is None:
                raise OrderCorrupt(f"{order.order_id} has no lines")
            if digest_lines(lines) != order.lines_digest:
                raise OrderCorrupt(f"the lines of {order.order_id} are not those that were accepted")
            return lines

    def page(self, client: ClientId, cursor: str | None, limit: int) -> Page:
        """Return the client's orders, newest first; the cursor is the last one's position."""
        mine = sorted(
            (o for o in self.heads.values() if o.client == client),
            key=lambda o: (o.accepted_at, o.order_id),
            reverse=True,
        )
        if cursor is not None:
            position = _decode_cursor(cursor)
            mine = [o for o in mine if (o.accepted_at, o.order_id) < position]
        shown = tuple(mine[:limit])
        more = len(mine) > limit
        return Page(shown, _encode_cursor(shown[-1]) if more else None)

    def create(self, order: Order) -> Order | None:
        """Write a new order unless its id is taken."""
        with self.faults.around("create"), self.lock:
            existing = self.heads.get(order.order_id)
            if existing:
                return existing
            lines = order.lines or ()
            inline = len(lines) <= INLINE_LINES
            if not inline:
                self.lines[order.order_id, order.lines_digest] = lines
            self.heads[order.order_id] = order if inline else replace(order, lines=None)
            return None

    def claim(self, order_id: OrderId, claim: str, until: int, at: str) -> Order:
        """Claim the order as one conditional write does."""
        with self.faults.around("claim"), self.lock:
            found = self.heads.get(order_id)
            if found is None:
                raise OrderNotFound(order_id)
            if found.terminal:
                return found
            now = int(from_text(at).timestamp())
            if found.claim not in {None, claim} and found.claim_until >= now:
                raise OrderBusy(f"{order_id} is claimed by {found.claim}")
            claimed = replace(
                found,
                status=Status.PROCESSING,
                claim=claim,
                claim_until=until,
                updated_at=at,
                revision=found.revision + 1,
                timeline=(*found.timeline, Event(at, "processing")),
                reason=None,
            )
            self.heads[order_id] = claimed
            return claimed

    def claim_completed(self, order_id: OrderId, claim: str, until: int, at: str) -> Order:
        """Claim a completed order on which a refund is left to do."""
        with self.faults.around("claim_completed"), self.lock:
            found = self.head(order_id)
            if found.status is not Status.COMPLETED:
                raise OrderCorrupt(f"{order_id} is {found.status} and is to be refunded")
            if not found.open:
                raise StoreUnavailable(f"no refund of {order_id} is left to do any more")
            now = int(from_text(at).timestamp())
            if found.claim not in {None, claim} and found.claim_until >= now:
                raise OrderBusy(f"{order_id} is claimed by {found.claim}")
            taken = {"claim": claim, "claim_until": until, "updated_at": at}
            self.heads[order_id] = replace(found, revision=found.revision + 1, **taken)  # type: ignore[arg-type] # fields of Order
            return self.heads[order_id]

    def amend(self, order: Order) -> bool:
        """Write a changed head beside whoever holds the claim."""
        with self.faults.around("amend"), self.lock:
            return self.write(order, None) or is_same_write(order, self.head(order.order_id))

    def save(self, order: Order, claim: str) -> None:
        """Write a changed head over the revision that it was made from."""
        with self.faults.around("save"), self.lock:
            if not self.write(order, claim):
                explain_lost_write(order, claim, self.head(order.order_id))

    def give_back(self, order_id: OrderId, claim: str, at: str, failure: str | None) -> None:
        """Free the order of this claim; a claim that is not held is no error.

        With `failure` its message is dead, so also when no execution ever claimed it.
        """
        with self.faults.around("give_back"), self.lock:
            found = self.heads.get(order_id)
            if found is None:
                return
            free = found.claim is None or found.claim_until < int(from_text(at).timestamp())
            if failure and (found.status not in _UNDER_WAY or not (free or found.claim == claim)):
                return
            if not failure and found.claim != claim:
                return
            freed = replace(found, claim=None, claim_until=0, updated_at=at, revision=found.revision + 1)
            if failure:
                timeline = (*found.timeline, Event(at, "attention_required"))
                freed = replace(freed, status=Status.ATTENTION_REQUIRED, reason=failure, timeline=timeline)
            self.heads[order_id] = freed

    def head(self, order_id: OrderId) -> Order:
        """Return a head that must exist, without faults."""
        found = self.heads.get(order_id)
        if found is None:
            raise OrderNotFound("the head is gone")
        return found

    def write(self, order: Order, claim: str | None) -> bool:
        """Write what may change, if the revision (and a claim given) holds; the caller has the lock."""
        found = self.head(order.order_id)
        if (claim and found.claim != claim) or found.revision != order.revision - 1:
            return False
        keeps_claim = order.claim is not None
        self.heads[order.order_id] = replace(
            found,
            status=order.status,
            payment_status=order.payment_status,
            fulfillment_status=order.fulfillment_status,
            updated_at=order.updated_at,
            revision=order.revision,
            timeline=order.timeline,
            # An attribute without a value is not written: what is stored stays.
            reason=order.reason or found.reason,
            payment_intent=order.payment_intent or found.payment_intent,
            key_generation=order.key_generation or found.key_generation,
            cancellation=order.cancellation or found.cancellation,
            expiring=order.expiring or found.expiring,
            ending=order.ending or found.ending,
            abandoned=order.abandoned or found.abandoned,
            held=order.held,
            handed_back=order.handed_back or found.handed_back,
            entries=order.entries or found.entries,
            refunds=order.refunds,
            claim=found.claim if keeps_claim else None,
            claim_until=found.claim_until if keeps_claim else 0,
        )
        return True


@dataclass(slots=True)
class InMemoryJournal:
    """Satisfies `Journal`: the head and the entry change together or not at all. `faults` knows `book`."""

    orders: InMemoryOrders
    refunds: InMemoryRefunds
    entries: dict[tuple[OrderId, int], JournalEntry] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def book(self, order: Order, entry: JournalEntry, claim: str, refund: Refund | None = None) -> None:
        """Write head and entry (and refund), or find that they were written before."""
        key = (entry.order_id, entry.entry_no)
        with self.faults.around("book"), self.orders.lock:
            booked = self.entries.get(key)
            if booked is None and self.orders.write(order, claim):
                self.entries[key] = entry
                if refund:
                    self.refunds.put(refund)
                return
            found = self.orders.head(order.order_id)
            if found.revision >= order.revision:
                explain_lost_write(order, claim, found)
            if booked and replace(entry, booked_at=booked.booked_at).hash != booked.hash:
                raise LedgerConflict(f"{booked.entry_id} is booked with other content")
            if booked is None or found.revision < order.revision:
                raise StoreUnavailable(f"head and entry of {order.order_id} were not written together")


def _encode_cursor(order: Order) -> str:
    text = json.dumps([order.accepted_at, order.order_id])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode_cursor(cursor: str) -> tuple[str, str]:
    try:
        accepted_at, order_id = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, TypeError) as error:
        raise InvalidCursor("not a cursor of this list") from error
    return accepted_at, order_id
