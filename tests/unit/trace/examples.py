"""Log lines and traces as the functions and tables would bring them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lambdas.domain.ledger import capture_entry, refund_entry
from lambdas.domain.order import Order, RefundSums
from lambdas.domain.order import PaymentStatus as Paid
from lambdas.domain.refund import Refund, RefundLine, RefundStatus
from lambdas.domain.timestamps import to_text
from lambdas.domain.transitions import completed, payment_started, rejected, reserved
from lambdas.step_log import CUT_OFF, FAILED, SUCCEEDED
from orders.trace.model import (
    BookedEntry,
    Log,
    NotRead,
    Payment,
    ProviderRefund,
    Shipment,
    StockLine,
    StoredOrder,
    Trace,
)
from orders.trace.telling import LogLine, tell
from tests.fakes.clock import START
from tests.fakes.orders_made import an_order

ORDER = an_order().order_id
CLAIM = f"{ORDER}-0123456789ab"
OTHER_CLAIM = f"{ORDER}-ba9876543210"


def at(seconds: float) -> datetime:
    """So long after the order was accepted."""
    return START + timedelta(seconds=seconds)


def text(seconds: float) -> str:
    """The same as it is stored."""
    return to_text(at(seconds))


def line(service: str, seconds: float, **fields: Any) -> LogLine:
    """A line of a function, written then."""
    return LogLine(at(seconds), service, {"service": service, "order_id": ORDER, **fields})


def attempt(
    step: str, seconds: float, duration_ms: int = 10, *, claim: str = CLAIM, **fields: Any
) -> LogLine:
    """An attempt that began then; it failed when it has an `error_class`."""
    outcome = {} if "error_class" in fields else {"outcome": fields.pop("outcome", "done")}
    facts = {
        "message": SUCCEEDED if outcome else FAILED,
        "step": step,
        "claim": claim,
        "began_at": text(seconds),
        "duration_ms": duration_ms,
        "function_request_id": f"request-{step}-{seconds}",
        **outcome,
        **fields,
    }
    return line("payment", seconds + duration_ms / 1000, **facts)


def cut_off(step: str, seconds: float, *, claim: str = CLAIM) -> LogLine:
    """An attempt whose time was about to end."""
    finished = attempt(step, seconds, 9_750, claim=claim)
    fields = {name: value for name, value in finished.fields.items() if name != "outcome"}
    return replace(finished, fields={**fields, "message": CUT_OFF})


def receive(seconds: float, duration_ms: int = 100, *, claim: str = CLAIM, **fields: Any) -> LogLine:
    """A message that dispatch received then and was done with."""
    facts = {
        "message": "dispatched",
        "command": "process",
        "claim": claim,
        "message_id": "m-1",
        "receives": 1,
        "decision": "done",
        "execution": "SUCCEEDED",
        "began_at": text(seconds),
        "duration_ms": duration_ms,
        **fields,
    }
    return line("dispatch", seconds + duration_ms / 1000, **facts)


def failed_receive(seconds: float, receives: int = 1, *, claim: str = CLAIM, **fields: Any) -> LogLine:
    """A message whose execution failed."""
    facts = {"step": "capture", "error_class": "PaymentOutcomeUnknown", "decision": "later", **fields}
    return receive(seconds, claim=claim, execution="FAILED", receives=receives, **facts)


def request(route: str, seconds: float, status: int = 202, **fields: Any) -> LogLine:
    """A request that was answered then."""
    facts = {"message": "request answered", "route": route, "status": status, "duration_ms": 20, **fields}
    return line("ingest", seconds, **facts)


SALE = (
    request("POST /v1/orders", 0.01),
    receive(0.05, 120),
    attempt("validate", 0.06, outcome="claimed"),
    attempt("authorise", 0.08, outcome="authorized"),
    attempt("fulfil", 0.1, outcome="shipped"),
    attempt("capture", 0.12, outcome="completed"),
)


def sold() -> Order:
    """An order of two boxes of tea for 9.00 GBP, paid, shipped and booked."""
    order = payment_started(an_order(reference="first"), text(0.08), "pi_1")
    return completed(reserved(order, text(0.1)), text(0.12))


def a_payment(**changes: Any) -> Payment:
    """The payment of `sold()` at the provider."""
    paid = Payment(
        intent_id="pi_1",
        status="succeeded",
        amount=900,
        captured=900,
        capturable=0,
        created_at=at(0.08),
        charge="ch_1",
        balance_transaction="txn_1",
        fee=43,
        net=857,
        settles_at=at(2 * 86_400),
    )
    return replace(paid, **changes)


def a_trace(**changes: Any) -> Trace:
    """The trace of `sold()`; `changes` are fields of `Trace`, `lines` those of its log."""
    order = sold()
    lines = order.lines or ()
    story = tell(changes.pop("log_lines", SALE))
    values: dict[str, Any] = {
        "traced_at": at(60),
        "stored": StoredOrder(order, lines),
        "log": Log(story),
        "payment": a_payment(),
        "shipment": Shipment("accepted", at(0.11), {"TEA": 2}),
        "stock": (StockLine("TEA", 2, "shipped", 0, 98),),
        "ledger": (BookedEntry(capture_entry(order, text(0.12), "pi_1"), intact=True),),
    }
    return Trace(**{**values, **changes})


def a_declined_trace() -> Trace:
    """The trace of an order whose card was declined."""
    started = payment_started(an_order(), text(0.08), "pi_1")
    order = rejected(started, text(0.1), "payment_declined:insufficient_funds", payment=Paid.DECLINED)
    story = (
        request("POST /v1/orders", 0.01),
        receive(0.05),
        attempt("authorise", 0.08, outcome="rejected", reason="payment_declined:insufficient_funds"),
    )
    declined = a_payment(
        status="requires_payment_method", captured=0, decline_code="insufficient_funds", charge=None, fee=None
    )
    return a_trace(
        stored=StoredOrder(order, order.lines or ()),
        log_lines=story,
        payment=declined,
        shipment=None,
        stock=(StockLine("TEA", 2, "not held", 0, 100),),
        ledger=(),
    )


def a_refund(**changes: Any) -> Refund:
    """One box of tea that came back."""
    refund = Refund(
        refund_id="ref_" + "a" * 26,  # type: ignore[arg-type] # as derived
        order_id=ORDER,
        amount=450,
        currency="GBP",
        reason_code="returned",
        restock=True,
        request_hash="",
        requested_at=text(100),
        updated_at=text(101),
        lines=(RefundLine(1, 1),),
        status=RefundStatus.SUCCEEDED,
        psp_reference="re_1",
        restocked=True,
    )
    return replace(refund, **changes)


def a_refunded_trace(**changes: Any) -> Trace:
    """The trace of `sold()` after `a_refund()`."""
    before, refund = sold(), a_refund()
    sums = RefundSums(reserved=450, refunded=450, tax=75)
    order = replace(before, refunds=sums, entries=2, payment_status=Paid.PARTIALLY_REFUNDED)
    entries = (
        capture_entry(before, text(0.12), "pi_1"),
        refund_entry(replace(before, entries=1), refund, 75, text(100.5), "re_1"),
    )
    back = ProviderRefund("re_1", "succeeded", 450, at(100), refund.refund_id)
    values: dict[str, Any] = {
        "traced_at": at(200),
        "stored": StoredOrder(order, order.lines or (), (refund,)),
        "payment": a_payment(refunds=(back,)),
        "stock": (StockLine("TEA", 2, "shipped", 1, 99),),
        "ledger": tuple(BookedEntry(entry, intact=True) for entry in entries),
    }
    return a_trace(**{**values, **changes})


UNREAD = NotRead("access denied: GetSecretValue needs a permission that this role has not")
