"""Holds what the sources say of an order that has ended against each other: money, goods, entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lambdas.domain.ledger import CAPTURE, RECEIVABLE, REFUND
from lambdas.domain.order import Status
from lambdas.domain.refund import RefundStatus
from orders.trace.model import Agreement, Fact, NotRead, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orders.trace.model import Trace

DIFFERENCES_SHOWN: Final = 3


def compare(trace: Trace) -> Agreement:
    """Compare the sources that were read; what is still moving is not compared."""
    if why := _still_moving(trace):
        return Agreement(Verdict.NOT_COMPARED, remarks=(why,))
    facts = tuple(fact for fact in (*_money(trace), *_goods(trace), *_records(trace)) if len(fact.values) > 1)
    sources = {"the provider": trace.payment, "the warehouse": trace.shipment, "the ledger": trace.ledger}
    unread = tuple(f"without {name}" for name, part in sources.items() if isinstance(part, NotRead))
    verdict = Verdict.AGREE if all(fact.agrees for fact in facts) else Verdict.DISAGREE
    return Agreement(verdict if facts else Verdict.NOT_COMPARED, facts, unread)


def _still_moving(trace: Trace) -> str | None:
    stored = trace.stored
    # What waits for a person moves no more, and is what an operator looks at.
    moving = not stored.order.terminal and stored.order.status is not Status.ATTENTION_REQUIRED
    if moving:
        return f"the order has not ended, it is {stored.order.status}"
    if stored.claim_is_live(trace.traced_at):
        return "an execution holds the order"
    if unfinished := [refund.refund_id for refund in stored.refunds if not refund.finished]:
        return f"{unfinished[0]} is not finished"
    return None


def _money(trace: Trace) -> list[Fact]:
    stored, payment = trace.stored, trace.payment
    captured: dict[str, int | str] = {"order": stored.captured}
    refunded: dict[str, int | str] = {
        "order": stored.order.refunds.refunded,
        "refunds": sum(r.amount for r in stored.refunds if r.status is RefundStatus.SUCCEEDED),
    }
    held: dict[str, int | str] = {"order": 0}
    if not isinstance(payment, NotRead):
        captured["provider"] = payment.captured if payment else 0
        refunded["provider"] = payment.refunded if payment else 0
        held["provider"] = payment.capturable if payment else 0
    if not isinstance(trace.ledger, NotRead):
        captured["ledger"] = _booked(trace, CAPTURE)
        refunded["ledger"] = -_booked(trace, REFUND)
    facts = [Fact("captured", captured), Fact("refunded", refunded)]
    # While an order waits for a person, its payment may well be held.
    return [*facts, Fact("held", held)] if stored.order.terminal else facts


def _booked(trace: Trace, kind: str) -> int:
    entries = () if isinstance(trace.ledger, NotRead) else trace.ledger
    return sum(
        posting.amount
        for booked in entries
        if booked.entry.kind == kind
        for posting in booked.entry.postings
        if posting.account == RECEIVABLE
    )


def _goods(trace: Trace) -> list[Fact]:
    stored, shipment = trace.stored, trace.shipment
    if isinstance(shipment, NotRead):
        return []
    stands = shipment is not None and shipment.stands
    shipped = Fact("shipped", {"order": _yes(stored.shipped), "warehouse": _yes(stands)})
    if shipment is None or not stands or isinstance(stored.lines, NotRead):
        return [shipped]
    ours, theirs = _differences(stored.quantities, shipment.quantities)
    return [shipped, Fact("goods", {"order": ours, "warehouse": theirs})]


def _differences(ours: Mapping[str, int], theirs: Mapping[str, int]) -> tuple[str, str]:
    """Name what differs, or how much it is where nothing does: an order may have hundreds of products."""
    differing = [sku for sku in sorted({*ours, *theirs}) if ours.get(sku) != theirs.get(sku)]
    if not differing:
        same = f"{len(ours)} SKUs, {sum(ours.values())} pieces"
        return same, same
    shown = differing[:DIFFERENCES_SHOWN]
    more = f" and {len(differing) - len(shown)} more" if len(differing) > len(shown) else ""
    return (
        ", ".join(f"{ours.get(sku, 0)} {sku}" for sku in shown) + more,
        ", ".join(f"{theirs.get(sku, 0)} {sku}" for sku in shown) + more,
    )


def _records(trace: Trace) -> list[Fact]:
    """What was written once must still be what it was."""
    lines = trace.stored.lines
    facts = (
        [Fact("lines", {"accepted": "unchanged", "stored": lines.why})] if isinstance(lines, NotRead) else []
    )
    entries = () if isinstance(trace.ledger, NotRead) else trace.ledger
    return facts + [
        Fact(
            f"entry {booked.entry.entry_no}", {"booked": "unchanged", "stored": "other content than its hash"}
        )
        for booked in entries
        if not booked.intact
    ]


def _yes(value: object) -> str:
    return "yes" if value else "no"
