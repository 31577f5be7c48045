"""The OpenAPI document says of cancellations and refunds what the API takes and answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lambdas.domain.cancellation import CANCEL_CODES, parse_cancellation
from lambdas.domain.order import Cancellation, PaymentStatus, RefundSums, Status
from lambdas.domain.refund import REASON_CODES, RefundLine, RefundStatus
from lambdas.domain.refund_request import parse_refund
from lambdas.domain.request_body import InvalidBody
from lambdas.ingest.responses import cancellation_body, order_body, refund_body, summary_body
from tests.adapters.examples import LATER, TWO_LINES, an_order
from tests.adapters.refund_examples import a_refund
from tests.adapters.test_openapi import errors_of, operation_of

WISH = Cancellation(LATER, "mistake", "k" * 16, "0" * 32)
ONE_LINE = {"line": 1, "quantity": 1}


def as_json(body: object) -> Any:
    """What a client reads."""
    return json.loads(json.dumps(body))


def takes_refund(body: object) -> bool:
    """Whether the API takes it, apart from what it says of the order."""
    try:
        parse_refund(body)
    except InvalidBody:
        return False
    return True


def takes_cancellation(body: object) -> bool:
    """Whether the API takes it."""
    try:
        parse_cancellation(body)
    except InvalidBody:
        return False
    return True


@pytest.mark.parametrize("status", list(RefundStatus))
@pytest.mark.parametrize("lines", [(), (RefundLine(2, 1), RefundLine(1, 2))])
def test_a_refund_fits_its_schema(status: RefundStatus, lines: tuple[RefundLine, ...]) -> None:
    refund = a_refund(status=status, lines=lines, failure="charge_disputed", restock=True)
    assert errors_of("Refund", as_json(refund_body(refund, TWO_LINES))) == []


@pytest.mark.parametrize(
    "change", [{"status": "pending"}, {"refund_id": "re_1"}, {"reason_code": "mistake"}, {"amount": 1.5}]
)
def test_the_schema_of_refunds_is_no_sieve(change: dict[str, Any]) -> None:
    body = as_json(refund_body(a_refund(), TWO_LINES))
    assert errors_of("Refund", {**body, **change})
    for name in body:
        assert errors_of("Refund", {k: v for k, v in body.items() if k != name})


@pytest.mark.parametrize("code", CANCEL_CODES)
def test_a_cancellation_fits_its_schema(code: str) -> None:
    body = as_json(cancellation_body(an_order().order_id, replace(WISH, reason_code=code)))
    assert errors_of("Cancellation", body) == []
    assert errors_of("Cancellation", {**body, "status": "done"})
    assert errors_of("Cancellation", {**body, "reason_code": "because"})


@pytest.mark.parametrize("status", list(Status))
def test_an_order_with_a_cancellation_and_refunds_fits_its_schemas(status: Status) -> None:
    order = replace(
        an_order(),
        status=status,
        payment_status=PaymentStatus.PARTIALLY_REFUNDED,
        cancellation=WISH,
        refunds=RefundSums(reserved=900, refunded=450, tax=75, unfinished=1),
    )
    assert errors_of("Order", as_json(order_body(order))) == []
    assert errors_of("OrderSummary", as_json(summary_body(order))) == []
    wrong = as_json(order_body(order))
    wrong["cancellation"]["status"] = "maybe"
    assert errors_of("Order", wrong)
    assert errors_of("Order", {**as_json(order_body(order)), "refunded": -1})


@pytest.mark.parametrize("payment", list(PaymentStatus))
def test_every_payment_status_fits(payment: PaymentStatus) -> None:
    assert errors_of("Order", as_json(order_body(replace(an_order(), payment_status=payment)))) == []


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        *(({"reason_code": code}, True) for code in REASON_CODES),
        ({"reason_code": "returned", "amount": 1}, True),
        ({"reason_code": "returned", "lines": [ONE_LINE]}, True),
        ({"reason_code": "returned", "lines": [ONE_LINE], "restock": True}, True),
        ({"reason_code": "returned", "restock": True}, True),
        ({"reason_code": "returned", "amount": 1, "restock": False}, True),
        ({}, False),
        ([], False),
        ({"reason_code": "mistake"}, False),
        ({"reason_code": "returned", "amount": 0}, False),
        ({"reason_code": "returned", "amount": 1.5}, False),
        ({"reason_code": "returned", "amount": 10**20}, False),
        ({"reason_code": "returned", "amount": 1, "lines": [ONE_LINE]}, False),
        ({"reason_code": "returned", "amount": 1, "restock": True}, False),
        ({"reason_code": "returned", "lines": []}, False),
        ({"reason_code": "returned", "lines": [{"line": 1}]}, False),
        ({"reason_code": "returned", "lines": [{**ONE_LINE, "sku": "TEA"}]}, False),
        ({"reason_code": "returned", "lines": [{"line": 0, "quantity": 1}]}, False),
        ({"reason_code": "returned", "lines": [{"line": 1, "quantity": 0}]}, False),
        ({"reason_code": "returned", "restock": "yes"}, False),
        ({"reason_code": "returned", "why": "x"}, False),
    ],
    ids=str,
)
def test_the_schema_of_a_refund_request_takes_what_the_api_takes(body: object, valid: bool) -> None:
    assert takes_refund(body) == valid
    assert (errors_of("RefundRequest", body) == []) == valid


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({}, True),
        *(({"reason_code": code}, True) for code in CANCEL_CODES),
        ({"reason_code": "returned"}, False),
        ({"reason_code": 1}, False),
        ({"reason": "mistake"}, False),
        ([], False),
    ],
    ids=str,
)
def test_the_schema_of_a_cancellation_request_takes_what_the_api_takes(body: object, valid: bool) -> None:
    assert takes_cancellation(body) == valid
    assert (errors_of("CancelRequest", body) == []) == valid


@pytest.mark.parametrize(
    ("route", "statuses"),
    [
        ("POST /v1/orders/{order_id}/cancel", "202 400 401 404 409 413 415 422 429 500 503"),
        ("POST /v1/orders/{order_id}/refunds", "202 400 401 403 404 409 413 415 422 429 500 503"),
        ("GET /v1/orders/{order_id}/refunds", "200 401 404 429 500 503"),
        ("GET /v1/orders/{order_id}/refunds/{refund_id}", "200 401 404 429 500 503"),
    ],
)
def test_every_status_that_a_route_answers_with_is_described(route: str, statuses: str) -> None:
    assert sorted(operation_of(route)["responses"]) == statuses.split()


@pytest.mark.parametrize(
    ("route", "required"),
    [("POST /v1/orders/{order_id}/cancel", False), ("POST /v1/orders/{order_id}/refunds", True)],
)
def test_only_a_cancellation_goes_without_a_body(route: str, required: bool) -> None:
    assert operation_of(route)["requestBody"]["required"] is required
