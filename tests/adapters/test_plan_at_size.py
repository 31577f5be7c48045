"""What a plan over hundreds of failures asks the tables and the provider: batches, never one by one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.batches import MAX_KEYS
from lambdas.adapters.dynamodb.failure_records import MOST_TOGETHER
from lambdas.domain.order import FulfillmentStatus, PaymentStatus
from orders.trace.model import Payment
from tests.adapters.operators import Shop
from tests.fakes.clock import START
from tests.fakes.failures_made import AT_CAPTURE, AT_FULFIL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 120
CAUSES = (replace(AT_FULFIL, step="authorise"), AT_FULFIL, AT_CAPTURE)


@dataclass
class Counting:
    """A client that counts its calls by their names."""

    client: Any
    calls: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.calls[name] += 1
            return getattr(self.client, name)(**parameters)

        return call


@pytest.fixture
def shop(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    return Shop(dynamodb, monkeypatch, tmp_path)


def die_of_three_causes(shop: Shop) -> None:
    """A third of them before the payment, a third before the reservation, a third after it."""
    failures = []
    for number in range(SIZE):
        cause = CAUSES[number % len(CAUSES)]
        facts: dict[str, Any] = {"payment_intent": f"pi_{number}"} if cause.step != "authorise" else {}
        if cause.step == "capture":
            facts |= {
                "payment_status": PaymentStatus.AUTHORIZED,
                "fulfillment_status": FulfillmentStatus.RESERVED,
            }
        failures.append(shop.dead(number, cause, **facts))
    for first in range(0, SIZE, MOST_TOGETHER):
        assert shop.failures.save_together([(None, f) for f in failures[first : first + MOST_TOGETHER]])


def held(intent_id: str) -> Payment:
    return Payment(intent_id, "requires_capture", 900, 0, 900, START)


def test_a_plan_reads_in_batches_and_asks_for_each_payment_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_of_three_causes(shop)
    counted: list[Counting] = []
    asked: Counter[str] = Counter()

    def wrap(client: Any) -> Counting:
        counted.append(Counting(client))
        return counted[-1]

    class Reader:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def read(self, intent_id: str, *, with_refunds: bool) -> Payment:
            assert not with_refunds
            asked[intent_id] += 1
            return held(intent_id)

        def close(self) -> None:
            pass

    shop.wrap = wrap
    shop.secret = "sk_test"
    monkeypatch.setattr("orders.dlq.provider.PaymentReader", Reader)
    made = json.loads(shop.run("plan", "--json").data)

    assert [(part["verdict"], part["failures"]) for part in made["summary"]] == [("safe", SIZE // 3)] * 3
    assert asked == {f"pi_{number}": 1 for number in range(SIZE) if number % 3}
    calls = sum((client.calls for client in counted), Counter[str]())
    batches = ceil(SIZE / MAX_KEYS)
    # Failures and heads; two places of the ledger for each head; the few products that there are.
    assert calls["batch_get_item"] <= 2 * batches + 2 * batches + batches
    assert calls["query"] <= 1 + 2 * len(CAUSES)
    assert calls.keys() == {"batch_get_item", "query", "get_secret_value"}
    groups = json.loads(shop.run("groups", "--json").data)
    assert [group["open"] for group in groups] == [SIZE // 3] * 3
