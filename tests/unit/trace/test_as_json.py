"""The trace for programs: stable names, plain JSON, and why a part is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orders.deployment import Deployment, Identity
from orders.trace.agreement import compare
from orders.trace.as_json import trace_as_json
from orders.trace.model import Log
from orders.trace.telling import tell
from tests.unit.trace.examples import (
    CLAIM,
    ORDER,
    SALE,
    UNREAD,
    a_refunded_trace,
    a_trace,
    attempt,
    failed_receive,
    text,
)

if TYPE_CHECKING:
    from orders.trace.model import Trace

NAMES = {
    "order_id",
    "traced_at",
    "deployment",
    "order",
    "claim",
    "timeline",
    "lines",
    "refunds",
    "requests",
    "executions",
    "messages",
    "notes",
    "payment",
    "shipment",
    "stock",
    "ledger",
    "agreement",
    "not_read",
    "remarks",
}


def written(trace: Trace) -> dict[str, Any]:
    """What a program reads."""
    identity = Identity("123456789012", "role operator", "arn:aws:iam::123456789012:role/operator")
    deployment = Deployment("prod", "eu-west-1", identity, {}, lambda _service: None)
    value: dict[str, Any] = json.loads(json.dumps(trace_as_json(trace, compare(trace), deployment)))
    return value


def test_every_part_is_there_under_its_name() -> None:
    value = written(a_trace())
    assert set(value) == NAMES
    assert value["order_id"] == ORDER
    assert value["deployment"]["account"] == "123456789012"
    assert value["order"]["status"] == "completed"
    assert value["order"]["total"] == 900
    assert value["claim"] is None
    assert value["lines"][0]["line"] == 1
    assert value["lines"][0]["total"] == 900
    assert value["payment"]["captured"] == 900
    assert value["payment"]["created_at"] == text(0.08)
    assert value["shipment"]["quantities"] == {"TEA": 2}
    assert value["stock"][0]["on_hand"] == 98
    assert value["ledger"][0]["entry_id"].startswith("ent_")
    assert value["ledger"][0]["postings"][0] == {
        "account": "Assets:Receivable:Stripe",
        "currency": "GBP",
        "amount": 900,
    }
    assert value["agreement"]["verdict"] == "agree"
    assert value["not_read"] == {}


def test_no_payment_token_is_shown() -> None:
    assert "pm_card_visa" not in json.dumps(written(a_trace()))


def test_executions_hold_their_attempts_with_times_outcomes_and_failures() -> None:
    failure: dict[str, Any] = {"error_class": "PaymentOutcomeUnknown", "error": "APIError (503)"}
    value = written(a_trace(log_lines=[failed_receive(0), attempt("capture", 1, 25, **failure)]))
    (execution,) = value["executions"]
    assert execution["name"] == CLAIM
    assert execution["receive"]["decision"] == "later"
    (tried,) = execution["attempts"]
    assert (tried["step"], tried["outcome"], tried["error"]) == ("capture", None, "APIError (503)")
    assert (tried["began_at"], tried["duration_ms"]) == (text(1), 25)
    assert value["messages"][0]["receives"] == 1


def test_refunds_say_what_came_back() -> None:
    (refund,) = written(a_refunded_trace())["refunds"]
    assert (refund["status"], refund["amount"], refund["returned"]) == ("succeeded", 450, {"TEA": 1})
    assert "request_hash" not in refund


def test_a_part_that_was_not_read_is_null_and_says_why() -> None:
    value = written(a_trace(payment=UNREAD, ledger=UNREAD, log=UNREAD))
    assert (value["payment"], value["ledger"], value["executions"], value["messages"]) == (None,) * 4
    assert value["not_read"] == dict.fromkeys(("log", "payment", "ledger"), UNREAD.why)
    assert written(a_trace(log=Log(tell(SALE), ("read for 30 s only",))))["remarks"] == ["read for 30 s only"]
