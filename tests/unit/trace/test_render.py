"""What a person sees: one screen, offsets from the acceptance, failures in red."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from lambdas.domain.order import Cancellation, Status
from lambdas.domain.refund import RefundStatus
from orders.trace.agreement import compare
from orders.trace.layout import length, offset
from orders.trace.model import Log, NotRead, StockLine, StoredOrder
from orders.trace.render import render
from orders.trace.telling import tell
from tests.unit.trace.examples import (
    CLAIM,
    ORDER,
    OTHER_CLAIM,
    SALE,
    UNREAD,
    a_declined_trace,
    a_payment,
    a_refund,
    a_refunded_trace,
    a_trace,
    at,
    attempt,
    cut_off,
    failed_receive,
    line,
    receive,
    request,
    sold,
    text,
)

if TYPE_CHECKING:
    from orders.trace.model import Trace

SCREEN_LINES = 45
RED = "\x1b[1;31m"
OUTAGE: dict[str, Any] = {"error_class": "PaymentOutcomeUnknown", "error": "APIError (503)"}


def shown(trace: Trace, width: int = 120, *, colour: bool = False) -> str:
    """Render as on a terminal of that width; without colour, trailing spaces are cut."""
    screen = io.StringIO()
    console = Console(
        file=screen,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
    )
    render(trace, compare(trace), console)
    return re.sub(r" +$", "", screen.getvalue(), flags=re.MULTILINE)


def red(trace: Trace) -> str:
    """What stands out."""
    return "\n".join(re.findall(r"\x1b\[1;31m(.*?)\x1b\[0m", shown(trace, colour=True)))


def test_a_completed_order_is_one_calm_screen() -> None:
    assert shown(a_trace(), 108) == (
        f"""Order     {ORDER}  completed
Accepted  2026-03-14T09:26:53.589Z, client client-1, reference "first"
Money     9.00 GBP (tax 1.50), captured
Goods     1 SKU, 2 pieces, shipped
Claim     none

 AFTER  WHAT HAPPENED         OUTCOME      MS
-0.010  POST /v1/orders       202          20
+0.050  message 1, receive 1  done        120
+0.060    validate            claimed      10
+0.080    authorise           authorized   10
+0.100    fulfil              shipped      10
+0.120    capture             completed    10

Timeline  accepted +0.000, payment_created +0.080, authorized +0.100, reserved +0.100, shipped +0.120,
          captured +0.120, completed +0.120
Payment   pi_1  succeeded, 9.00 GBP captured
          ch_1  fee 0.43 GBP, net 8.57 GBP, settles 2026-03-16
Refunds   no refund
Shipment  accepted 2026-03-14 09:26:53Z, 1 SKU, 2 pieces
Stock     TEA  2 shipped, 98 on hand now
Ledger    1 capture +0.120  Assets:Receivable:Stripe 9.00, Income:Sales -7.50, Liabilities:SalesTax -1.50
Checked   all agree: captured, refunded, held, shipped, goods
"""
    )
    assert red(a_trace()) == ""


def test_what_an_order_has_not_is_said() -> None:
    screen = shown(a_declined_trace())
    assert "rejected  payment_declined:insufficient_funds" in screen
    assert "Payment   pi_1  requires_payment_method, nothing taken, insufficient_funds" in screen
    for absent in ("Refunds   no refund", "Shipment  no shipment", "Ledger    no entry"):
        assert absent in screen
    assert "TEA  2 ordered, not held, 100 on hand now" in screen
    assert "all agree: captured, refunded, held, shipped" in screen
    assert red(a_declined_trace()) == ""  # a decline is no failure of ours


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ending": "out_of_stock"}, "out_of_stock"),
        ({"abandoned": True}, "abandoned_by_operator"),
        ({"abandoned": True, "ending": "out_of_stock"}, "out_of_stock"),
    ],
)
def test_an_order_that_is_on_its_way_to_be_rejected_says_why(changes: dict[str, Any], why: str) -> None:
    order = a_trace().stored.order
    turning = replace(order, status=Status.PROCESSING, **changes)
    story = f"it is to be rejected: {why}"
    assert story in shown(a_trace(stored=StoredOrder(turning, order.lines or ())))
    ended = replace(turning, status=Status.REJECTED)
    assert story not in shown(a_trace(stored=StoredOrder(ended, order.lines or ())))


def test_failures_stand_out_with_their_class_message_and_what_became_of_the_message() -> None:
    trace = a_trace(
        log_lines=[
            failed_receive(0.1),
            attempt("authorise", 0.2, outcome="authorized"),
            attempt("capture", 1.2, **OUTAGE),
            attempt("capture", 3.2, **OUTAGE),
            cut_off("capture", 5.2),
            receive(35.5, receives=2, claim=OTHER_CLAIM),
            attempt("capture", 35.6, outcome="completed", claim=OTHER_CLAIM),
        ]
    )
    screen = shown(trace)
    assert "Failures  3 attempts and 1 execution failed" in screen
    assert "Queue     1 message, 2 receives\n" in screen
    assert " +0.100  message 1, receive 1  capture:PaymentOutcomeUnknown: comes again" in screen
    assert " +1.200    capture             PaymentOutcomeUnknown: APIError (503)" in screen
    assert "+35.500  message 1, receive 2  done" in screen
    told = red(trace)
    assert "3 attempts and 1 execution failed" in told
    assert told.count("PaymentOutcomeUnknown: APIError (503)") == 2
    assert "ran out of the function's time" in told
    assert "authorized" not in told


def test_a_dead_letter_says_that_a_person_is_waited_for() -> None:
    order = replace(sold(), status=Status.ATTENTION_REQUIRED, reason="capture:PaymentOutcomeUnknown")
    trace = a_trace(
        stored=StoredOrder(order, order.lines or ()), log_lines=[failed_receive(0, 4, decision="dead")]
    )
    assert "attention_required  capture:PaymentOutcomeUnknown" in shown(trace)
    assert "its message went to the dead-letter queue and waits for a person" in shown(trace)
    assert "attention_required" in red(trace)
    again = [failed_receive(0, 4, decision="dead"), receive(900, message_id="m-2", claim=OTHER_CLAIM)]
    replayed = shown(a_trace(log_lines=again))
    assert "dead-letter queue" not in replayed
    assert "Queue     2 messages, 2 receives, 1 message sent again" in replayed


def test_an_order_that_failed_as_often_as_one_can_shows_every_attempt() -> None:
    lines = [request("POST /v1/orders", 0)]
    for number in range(4):
        began, claim = number * 100.0, f"{CLAIM[:-1]}{number}"
        last = "dead" if number == 3 else "later"
        lines.append(failed_receive(began, number + 1, claim=claim, decision=last))
        lines += [attempt(s, began + 1, claim=claim) for s in ("validate", "authorise", "fulfil")]
        lines += [attempt("capture", began + n, claim=claim, **OUTAGE) for n in (2, 3, 4)]
    screen = shown(a_trace(log_lines=lines))
    assert screen.count("PaymentOutcomeUnknown: APIError (503)") == 12
    assert len(screen.splitlines()) <= SCREEN_LINES + 5


def test_endless_redeliveries_reads_and_repeats_are_cut_in_the_middle() -> None:
    lines = [request("POST /v1/orders", n / 10, replayed=n > 0) for n in range(50)]
    lines += [request("GET /v1/orders/{order_id}", 10 + n, 200) for n in range(400)]
    lines += [failed_receive(n * 60.0, claim=f"claim-{n}", message_id=f"m-{n}") for n in range(30)]
    screen = shown(a_trace(log_lines=lines))
    assert len(screen.splitlines()) <= SCREEN_LINES
    assert "47 requests more" in screen
    assert "read 400 times" in screen
    assert "26 executions more: --json has all" in screen
    assert "message 1, receive 1" in screen
    assert "message 30, receive 1" in screen


def test_a_large_order_shows_its_first_skus_and_how_many_more_there_are() -> None:
    stock = tuple(StockLine(f"SKU-{n:03}", 2, "shipped", 0, 5) for n in range(675))
    screen = shown(a_trace(stock=stock))
    assert "SKU-004  2 shipped, 5 on hand now\n          and 670 SKUs more, shipped\n" in screen
    assert "SKU-005" not in screen


def test_a_part_that_cannot_be_read_says_why_and_hides_no_other() -> None:
    why = UNREAD.why
    screen = shown(a_trace(payment=UNREAD, ledger=UNREAD))
    assert f"Payment   pi_1  not read: {why}" in screen
    assert f"Ledger    not read: {why}" in screen
    assert "Shipment  accepted" in screen
    assert "all agree: refunded, shipped, goods (without the provider; without the ledger)" in screen
    assert "Log       not read: access denied" in shown(a_trace(log=NotRead("access denied")))
    remarked = a_trace(log=Log(tell(SALE), ("the log of payment was read for 30 s only",)))
    assert re.search(r" log +the log of payment was read", shown(remarked))


def test_the_claim_is_live_or_run_out() -> None:
    def claimed(until: float) -> str:
        order = replace(sold(), status=Status.PROCESSING, claim=CLAIM, claim_until=int(at(until).timestamp()))
        return shown(a_trace(stored=StoredOrder(order, order.lines or ())))

    assert f"Claim     {CLAIM}, live for 3 min more" in claimed(60 + 190.5)
    assert f"Claim     {CLAIM}, run out 44 s ago" in claimed(60 - 44.5)
    assert "not compared: the order has not ended, it is processing" in claimed(0)


def test_refunds_are_told_with_what_came_back_and_which_entry_reverses_which() -> None:
    screen = shown(a_refunded_trace(), 200)
    assert f"ref_{'a' * 26}  +1:40.000  4.50 GBP succeeded, returned, 1 TEA, restocked" in screen
    assert "9.00 GBP captured, 4.50 GBP refunded" in screen
    assert "TEA  2 shipped, 1 back from refunds, 99 on hand now" in screen
    assert "2 refund +1:40.500  Assets:Receivable:Stripe -4.50" in screen
    assert "(returned, reverses 1)" in screen
    assert "all agree: captured, refunded" in screen


def test_a_refund_that_failed_stands_out() -> None:
    order = sold()
    failed = a_refund(status=RefundStatus.FAILED, failure="charge_disputed", restocked=False, restock=False)
    trace = a_trace(stored=StoredOrder(order, order.lines or (), (failed,)))
    assert "4.50 GBP failed, charge_disputed, returned, 1 TEA" in red(trace)


def test_a_cancellation_a_hold_and_the_watchdog_are_said() -> None:
    wish = Cancellation(text(1.5), "mistake", "key", "hash")
    order = replace(sold(), cancellation=wish, held=True, handed_back=2)
    screen = shown(a_trace(stored=StoredOrder(order, order.lines or ())))
    assert "Cancel    refused, mistake, requested +1.500" in screen
    assert "Held      an operator keeps its payment" in screen
    assert "Watchdog  handed it back to the queue 2 times" in screen
    note = line("watchdog", 900, message="handed back", level="WARNING")
    assert re.search(r"\+15:00.000  watchdog +handed back", shown(a_trace(log_lines=[*SALE, note])))


def test_a_contradiction_is_said_with_what_each_source_has() -> None:
    trace = a_trace(payment=a_payment(captured=800), shipment=None)
    screen = shown(trace)
    assert "they DISAGREE" in screen
    assert "captured: order 9.00; provider 8.00; ledger 9.00" in screen
    assert "shipped: order yes; warehouse no" in screen
    assert "captured: order 9.00" in red(trace)


def test_a_payment_that_the_provider_does_not_know_stands_out() -> None:
    assert "pi_1 is unknown to the provider" in red(a_trace(payment=None))


def test_the_orders_own_ids_are_not_repeated_in_its_failures() -> None:
    busy: dict[str, Any] = {"error_class": "OrderBusy", "error": f"{ORDER} is claimed by {OTHER_CLAIM}"}
    screen = shown(a_trace(log_lines=[attempt("validate", 1, **busy)]))
    assert "OrderBusy: the order is claimed by ba9876543210" in screen


def test_a_clients_text_is_no_markup() -> None:
    order = replace(sold(), reference="[red]sale[/red] [link=x]")
    assert '"[red]sale[/red] [link=x]"' in shown(a_trace(stored=StoredOrder(order, order.lines or ())))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_narrow_screen_loses_nothing(width: int) -> None:
    words = shown(a_refunded_trace(), width).split()
    assert "".join(words).count("Assets:Receivable:Stripe") == 2
    assert "completed" in words


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "+0.000"),
        (0.0125, "+0.012"),
        (-0.5, "-0.500"),
        (59.999, "+59.999"),
        (125.25, "+2:05.250"),
        (3_723, "+1:02:03"),
        (3 * 86_400 + 3_723, "+3d 1:02:03"),
    ],
)
def test_an_offset_is_as_exact_as_it_is_near(seconds: float, told: str) -> None:
    assert offset(timedelta(seconds=seconds)) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_300, "2 h"), (10 * 86_400, "10 d")],
)
def test_a_length_is_in_one_unit(seconds: float, told: str) -> None:
    assert length(timedelta(seconds=seconds)) == told
