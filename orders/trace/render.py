"""A trace for people: one screen, times as offsets from the acceptance, failures in red."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from lambdas.domain.money import format_minor
from lambdas.domain.order import ABANDONED_BY_OPERATOR
from orders.trace.layout import BAD, GOOD, WARN, after_acceptance, count, grid, length, size, unread
from orders.trace.model import NotRead, Verdict
from orders.trace.render_places import Places
from orders.trace.render_story import happened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from orders.trace.layout import Row
    from orders.trace.model import Agreement, Trace

_STATUS: Final = {"completed": GOOD, "rejected": WARN, "cancelled": WARN, "attention_required": BAD}


def render(trace: Trace, agreement: Agreement, console: Console) -> None:
    """Print the trace."""
    console.print(grid([*_head(trace), *_notable(trace)]))
    console.print()
    if isinstance(trace.log, NotRead):
        console.print(grid([("Log", unread(trace.log))]))
    else:
        console.print(happened(trace, trace.log))
    console.print()
    checked = ("Checked", _verdict(agreement, trace.stored.order.currency))
    console.print(grid([*Places(trace).rows(), checked]))


def _head(trace: Trace) -> Iterator[Row]:
    order, quantities = trace.stored.order, trace.stored.quantities
    status = Text.assemble(order.order_id, "  ", (order.status, _STATUS.get(order.status, "bold")))
    if order.reason:
        status.append(f"  {order.reason}", BAD if order.status == "attention_required" else "")
    yield "Order", status
    reference = f', reference "{order.reference}"' if order.reference else ""
    yield "Accepted", Text(f"{order.accepted_at}, client {order.client}{reference}")
    total, tax = (format_minor(minor, order.currency) for minor in (order.total, order.tax))
    yield "Money", Text(f"{total} {order.currency} (tax {tax}), {order.payment_status}")
    goods = size(quantities) if quantities else "lines not read"
    yield "Goods", Text(f"{goods}, {order.fulfillment_status}")
    yield "Claim", _claim(trace)


def _claim(trace: Trace) -> Text:
    claim, until = trace.stored.order.claim, trace.stored.claim_until
    if claim is None:
        return Text("none")
    if trace.stored.claim_is_live(trace.traced_at):
        return Text(f"{claim}, live for {length(until - trace.traced_at)} more", WARN)
    return Text(f"{claim}, run out {length(trace.traced_at - until)} ago", WARN)


def _notable(trace: Trace) -> Iterator[Row]:
    """Say what most orders have nothing of."""
    order = trace.stored.order
    if wish := order.cancellation:
        at = after_acceptance(trace, wish.requested_at)
        yield "Cancel", Text(f"{order.cancellation_status}, {wish.reason_code}, requested {at}", WARN)
    if order.held:
        yield "Held", Text("an operator keeps its payment, however old it gets", WARN)
    if order.expiring:
        yield "Expiring", Text("its payment is to be given free before it expires", WARN)
    ending = order.ending or (ABANDONED_BY_OPERATOR if order.abandoned else None)
    if ending and not order.terminal:
        yield "Ending", Text(f"it is to be rejected: {ending}", WARN)
    if order.handed_back:
        yield "Watchdog", Text(f"handed it back to the queue {count(order.handed_back, 'time')}", WARN)
    if isinstance(trace.log, NotRead):
        return
    story = trace.log.story
    failed = {"attempt": len(story.failed_attempts), "execution": len(story.failed_executions)}
    if told := [count(number, noun) for noun, number in failed.items() if number]:
        yield "Failures", Text(f"{' and '.join(told)} failed", BAD)
    repeats = sum(message.repeats for message in story.messages)
    if repeats or len(story.receives) > len(story.messages):
        messages, receives = count(len(story.messages), "message"), count(len(story.receives), "receive")
        again = f", {count(repeats, 'message')} sent again" if repeats else ""
        yield "Queue", Text(f"{messages}, {receives}{again}", WARN)
    if any(receive.decision == "dead" for receive in story.receives[-1:]):
        yield "", Text("its message went to the dead-letter queue and waits for a person", BAD)


def _verdict(agreement: Agreement, currency: str) -> Text:
    remarks = "; ".join(agreement.remarks)
    if agreement.verdict is Verdict.NOT_COMPARED:
        return Text(f"not compared: {remarks}", WARN)
    but = f" ({remarks})" if remarks else ""
    if agreement.verdict is Verdict.AGREE:
        return Text(f"all agree: {', '.join(fact.name for fact in agreement.facts)}{but}", GOOD)
    told = [f"they DISAGREE{but}"]
    for fact in agreement.disagreements:
        values = (f"{source} {_value(value, currency)}" for source, value in fact.values.items())
        told.append(f"{fact.name}: {'; '.join(values)}")
    return Text("\n".join(told), BAD)


def _value(value: int | str, currency: str) -> str:
    return value if isinstance(value, str) else format_minor(value, currency)
