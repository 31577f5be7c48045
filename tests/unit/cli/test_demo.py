"""The demonstration's verdict, sample orders and the books it is held against."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lambdas.domain.ledger import RECEIVABLE, SALES, Balance
from lambdas.domain.submission import parse_submission
from orders.cli.demo import Result, verdict
from orders.cli.exit_codes import ExitCode
from orders.local.books import Books
from orders.sample_orders import CATALOGUE, sample_orders
from orders.sample_refunds import Returned


def order(status: str) -> dict[str, Any]:
    """An order in a list."""
    return {"order_id": "ord_a", "status": status, "reason": None, "total": 100}


def books(*, sales: int = -100, at_provider: int = 100) -> Books:
    """A ledger with one capture of 100."""
    balances = [Balance(RECEIVABLE, "GBP", 100, 0), Balance(SALES, "GBP", 0, -sales)]
    return Books(balances, 1, {"GBP": 100}, {"GBP": at_provider})


@pytest.mark.parametrize(
    ("statuses", "found", "code"),
    [
        (["completed", "rejected"], books(), ExitCode.OK),
        (["completed", "processing"], books(), ExitCode.FINDINGS),
        (["completed", "attention_required"], books(), ExitCode.FINDINGS),
        (["completed"], books(sales=-99), ExitCode.FINDINGS),
        (["completed"], books(at_provider=101), ExitCode.FINDINGS),
        (["completed"], Books([], 0, {}, {"GBP": 100}), ExitCode.FINDINGS),
    ],
)
def test_a_stuck_order_or_a_sum_that_does_not_close_exits_3(
    statuses: list[str], found: Books, code: ExitCode
) -> None:
    assert verdict(Result([order(s) for s in statuses], 1.0), found) == code


@pytest.mark.parametrize("status", ["requested", "failed", "attention_required"])
def test_a_refund_that_is_not_made_exits_3(status: str) -> None:
    refunds = [Returned("ord_a", "succeeded", "returned", 5), Returned("ord_b", status, "returned", 5)]
    result = Result([order("completed")], 1.0, refunds)
    assert (verdict(result, books()), result.stuck) == (ExitCode.FINDINGS, ["ord_b"])


def test_the_sample_orders_are_the_same_at_every_run_under_keys_of_their_own() -> None:
    first, second = sample_orders(100, "a"), sample_orders(100, "b")
    assert [s.body for s in first] == [s.body for s in second]
    assert not {s.key for s in first} & {s.key for s in second}


def test_the_sample_orders_meet_every_kind_of_end() -> None:
    bodies = [s.body for s in sample_orders(100, "a")]
    skus = Counter(line["sku"] for body in bodies for line in body["lines"])
    assert skus.keys() == {p.sku for p in CATALOGUE}
    assert skus["VASE-ONE-OFF"] > next(p.on_hand for p in CATALOGUE if p.sku == "VASE-ONE-OFF")
    assert sum("eclined" in body["payment_method"] for body in bodies) >= 2
    for body in bodies:
        parse_submission(body)
