"""What each place where a part of the order is kept has of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.text import Text

from lambdas.domain.money import format_minor
from lambdas.domain.refund import RefundStatus
from orders.trace.layout import BAD, DIM, WARN, after_acceptance, count, size, unread
from orders.trace.model import NotRead
from orders.trace.stored import NOT_HELD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.refund import Refund
    from orders.trace.layout import Row
    from orders.trace.model import BookedEntry, Payment, StockLine, Trace

SHOWN: Final = 5
_REFUND_STYLE: Final = {RefundStatus.SUCCEEDED: "", RefundStatus.REQUESTED: WARN}


@dataclass(frozen=True, slots=True)
class Places:
    """The rows of a trace's second half."""

    trace: Trace

    def rows(self) -> Iterator[Row]:
        """Yield all rows; what is not there is said."""
        yield from _labelled("Timeline", self._timeline())
        yield from _labelled("Payment", self._payment())
        yield from _labelled("Refunds", self._refunds())
        yield from _labelled("Shipment", self._shipment())
        yield from _labelled("Stock", self._stock())
        yield from _labelled("Ledger", self._ledger())

    def _timeline(self) -> Iterator[Text]:
        timeline = self.trace.stored.order.timeline
        yield Text(", ".join(f"{event.name} {after_acceptance(self.trace, event.at)}" for event in timeline))

    def _payment(self) -> Iterator[Text]:
        payment, intent = self.trace.payment, self.trace.stored.order.payment_intent
        if isinstance(payment, NotRead):
            yield unread(payment, intent)
        elif payment is None:
            yield Text(f"{intent} is unknown to the provider", BAD) if intent else Text("no payment")
        else:
            yield self._paid(payment)
            if payment.fee is not None and payment.net is not None:
                settles = f", settles {payment.settles_at:%Y-%m-%d}" if payment.settles_at else ""
                fee, net = self._money(payment.fee), self._money(payment.net)
                yield Text(f"{payment.charge}  fee {fee}, net {net}{settles}", DIM)

    def _paid(self, payment: Payment) -> Text:
        amounts = {"captured": payment.captured, "refunded": payment.refunded, "held": payment.capturable}
        moved = [f"{self._money(amount)} {name}" for name, amount in amounts.items() if amount]
        text = Text(f"{payment.intent_id}  {payment.status}, {', '.join(moved) or 'nothing taken'}")
        if payment.decline_code:
            text.append(f", {payment.decline_code}", WARN)
        if payment.disputed:
            text.append(", disputed", BAD)
        return text

    def _refunds(self) -> Iterator[Text]:
        refunds = self.trace.stored.refunds
        if not refunds:
            yield Text("no refund")
        for refund in refunds[-SHOWN:]:
            yield self._refund(refund)
        if len(refunds) > SHOWN:
            yield Text(f"and {len(refunds) - SHOWN} before these", DIM)

    def _refund(self, refund: Refund) -> Text:
        goods = list(self.trace.stored.returned(refund).items())
        what = ", ".join(f"{quantity} {sku}" for sku, quantity in goods[:SHOWN])
        what += f" and {count(len(goods) - SHOWN, 'SKU')} more" if len(goods) > SHOWN else ""
        back = ("restocked" if refund.restocked else "to be restocked") if refund.restock else ""
        amount = f"{self._money(refund.amount)} {refund.status}"
        facts = (amount, refund.failure, refund.reason_code, what, back)
        at = after_acceptance(self.trace, refund.requested_at)
        told = ", ".join(fact for fact in facts if fact)
        return Text(f"{refund.refund_id}  {at}  {told}", _REFUND_STYLE.get(refund.status, BAD))

    def _shipment(self) -> Iterator[Text]:
        shipment = self.trace.shipment
        if isinstance(shipment, NotRead):
            yield unread(shipment)
        elif shipment is None:
            yield Text("no shipment")
        else:
            at = f" {shipment.accepted_at:%Y-%m-%d %H:%M:%SZ}" if shipment.accepted_at else ""
            yield Text(f"{shipment.status}{at}, {size(shipment.quantities)}")

    def _stock(self) -> Iterator[Text]:
        stock = self.trace.stock
        if isinstance(stock, NotRead):
            yield unread(stock)
            return
        width = max((len(line.sku) for line in stock[:SHOWN]), default=0)
        for line in stock[:SHOWN]:
            yield Text(_stock_line(line, width))
        if rest := stock[SHOWN:]:
            states = ", ".join(sorted({line.state for line in rest}))
            yield Text(f"and {count(len(rest), 'SKU')} more, {states}", DIM)

    def _ledger(self) -> Iterator[Text]:
        ledger = self.trace.ledger
        if isinstance(ledger, NotRead):
            yield unread(ledger)
            return
        if not ledger:
            yield Text("no entry")
        for booked in ledger[-SHOWN:]:
            yield self._entry(booked)
        if len(ledger) > SHOWN:
            yield Text(f"and {len(ledger) - SHOWN} before these", DIM)

    def _entry(self, booked: BookedEntry) -> Text:
        entry = booked.entry
        postings = ", ".join(f"{p.account} {format_minor(p.amount, p.currency)}" for p in entry.postings)
        # An entry's id is that of its order and its number, and all of these are of one order.
        reversed_entry = (entry.reverses or "").rpartition("_")[2]
        why = f" ({entry.reason_code}, reverses {reversed_entry})" if entry.reverses else ""
        at = after_acceptance(self.trace, entry.booked_at)
        return Text(f"{entry.entry_no} {entry.kind} {at}  {postings}{why}", "" if booked.intact else BAD)

    def _money(self, minor: int) -> str:
        currency = self.trace.stored.order.currency
        return f"{format_minor(minor, currency)} {currency}"


def _labelled(label: str, texts: Iterator[Text]) -> Iterator[Row]:
    """Put the label before the first row alone."""
    for number, text in enumerate(texts):
        yield ("" if number else label), text


def _stock_line(line: StockLine, width: int) -> str:
    state = f"ordered, {NOT_HELD}" if line.state == NOT_HELD else line.state
    back = f", {line.restocked:,} back from refunds" if line.restocked else ""
    on_hand = "not in the catalogue" if line.on_hand is None else f"{line.on_hand:,} on hand now"
    return f"{line.sku:<{width}}  {line.quantity:,} {state}{back}, {on_hand}"
