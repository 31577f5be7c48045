"""The model's rules against the deployed template: what a client sees may follow from what it saw before.

`ORDERS_EXAMPLES` says how many lives are tried; beyond the gate's number they differ from run to run.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lambdas.domain.catalogue import Product
from orders.api_client import ApiRefused
from tests.e2e.bodies import body, refund_of
from tests.e2e.conftest import ended, refunds_ended
from tests.e2e.test_watchdog import run_watchdog
from tests.model.conservation import Facts, violations
from tests.model.observed import state_in
from tests.model.order_life import FIRST, State, may_come_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

GATE: Final = 3
EXAMPLES: Final = int(os.environ.get("ORDERS_EXAMPLES", str(GATE)))
STOCK: Final = 5
PRICE: Final = 600
CARDS: Final = ("pm_card_visa", "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_no_such_token")
WISHES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"restock": True},
    {"amount": 250},
    {"lines": [{"line": 1, "quantity": 1}]},
    {"lines": [{"line": 1, "quantity": 1}], "restock": True},
)
# At the provider and at the warehouse; the step's own retries mend each.
FAULTS: Final = ("error_before", "error_after", "reset_before", "reset_after")
PROVIDER_CALLS: Final = ("", "/*/confirm", "/*/capture", "/*/cancel")
_STATES: Final = {
    "requires_capture": "authorized",
    "requires_confirmation": "unconfirmed",
    "requires_payment_method": "declined",
    "succeeded": "captured",
}
_some = st.integers(0, 19)


class DeployedLives(RuleBasedStateMachine):
    """A handful of orders of one client; every look at the API has to fit to the one before."""

    pipeline: Pipeline

    def __init__(self) -> None:
        """Begin with a client and a product that nobody else has."""
        super().__init__()
        self.name = uuid.uuid4().hex[:8]
        self.sku, self.client = f"LIFE-{self.name}", self.pipeline.client(f"life {self.name}")
        self.pipeline.stock(Product(self.sku, "GBP", {"list": PRICE}, 2000, STOCK))
        self.bodies: list[bytes] = []
        self.seen: dict[str, State] = {}

    @property
    def ids(self) -> list[str]:
        """The orders, oldest first."""
        return list(self.seen)

    @initialize(quantity=st.integers(1, 2))
    def sell(self, quantity: int) -> None:
        """Begin with one order that ends, so that there is something to refund."""
        self._submit(body((self.sku, quantity)))
        ended(self.client, self.ids[0])

    @rule(quantity=st.integers(1, 3), card=st.sampled_from(CARDS))
    def submit(self, quantity: int, card: str) -> None:
        """Submit a new order; there is not enough for many."""
        self._submit(body((self.sku, quantity), card=card))

    @rule(choice=_some)
    def submit_again(self, choice: int) -> None:
        """Repeat a submission under its key."""
        number = choice % len(self.bodies)
        again = self.client.submit(self.bodies[number], f"key-{number}")
        assert (again.replayed, state_in(again.order)) == (True, FIRST[0])

    @rule(choice=_some)
    def cancel(self, choice: int) -> None:
        """Cancel an order, whatever became of it."""
        order_id = self._any(choice)
        self._ask({"use_refund", "already_ended"}, lambda: self.client.cancel(order_id, b"{}", "cancel"))

    @rule(choice=_some, wish=st.sampled_from(range(len(WISHES))))
    def refund(self, choice: int, wish: int) -> None:
        """Ask for a refund in one of its forms, whatever became of the order."""
        order_id, form = self._any(choice), refund_of(**WISHES[wish])
        refusals = {"not_refundable", "invalid_refund"}
        self._ask(refusals, lambda: self.client.refund(order_id, form, f"refund-{wish}"))

    @rule(choice=_some)
    def replay(self, choice: int) -> None:
        """Send an order's message once more: a duplicate, a redelivery or an operator's replay."""
        self._send({"command": "process", "order_id": self._any(choice)})

    @rule(choice=_some)
    def replay_refunds(self, choice: int) -> None:
        """Send the messages of an order's refunds once more."""
        order_id = self._any(choice)
        for refund in self.client.refunds(order_id):
            self._send({"command": "refund", "order_id": order_id, "refund_id": refund["refund_id"]})

    @rule(kind=st.sampled_from(FAULTS), call=st.sampled_from(PROVIDER_CALLS))
    def fail_at_the_provider(self, kind: str, call: str) -> None:
        """Let the provider's next call of a kind fail, before or after its effect."""
        self.pipeline.provider.fault(kind, method="POST", path=f"/v1/payment_intents{call}", status=503)

    @rule(kind=st.sampled_from(FAULTS))
    def fail_at_the_warehouse(self, kind: str) -> None:
        """Let the warehouse's next call fail, before or after its effect."""
        self.pipeline.warehouse.fault(kind, status=503)

    @rule()
    def watch(self) -> None:
        """The watchdog looks at all open orders."""
        run_watchdog(self.pipeline)

    @precondition(lambda self: self.seen)
    @invariant()
    def what_is_seen_follows_from_what_was_seen(self) -> None:
        """Look at every order."""
        for order_id in self.ids:
            self._look(order_id)

    def teardown(self) -> None:
        """All orders end, and everything agrees with how they did."""
        gone = 0
        for order_id in self.ids:
            ended(self.client, order_id)
            back = sum(
                part["quantity"]
                for refund in refunds_ended(self.client, order_id)
                for part in refund["lines"]
                if refund["restocked"]
            )
            order = self._look(order_id)
            assert violations(state_in(order), self._facts(order)) == [], order
            if order["fulfillment_status"] == "shipped":
                gone += sum(line["quantity"] for line in order["lines"]) - back
        for standin in (self.pipeline.provider, self.pipeline.warehouse):
            standin.call("DELETE", "faults")
        if self.ids:
            self.pipeline.wait_until_the_queue_is_empty()
            assert self.pipeline.on_hand(self.sku) == STOCK - gone

    def _submit(self, order: bytes) -> None:
        answer = self.client.submit(order, f"key-{len(self.bodies)}").order
        self.bodies.append(order)
        self.seen[answer["order_id"]] = state_in(answer)
        assert state_in(answer) == FIRST[0]

    def _ask(self, refusals: set[str], request: Callable[[], object]) -> None:
        """Send a request that may be refused for one of these reasons."""
        try:
            request()
        except ApiRefused as refusal:
            if refusal.problem["code"] not in refusals:
                raise

    def _any(self, choice: int) -> str:
        return self.ids[choice % len(self.ids)]

    def _send(self, command: dict[str, str]) -> None:
        queue = self.pipeline.addresses.outputs["OrdersQueueUrl"]
        self.pipeline.aws("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(command))

    def _look(self, order_id: str) -> dict[str, Any]:
        order = self.client.get(order_id)
        before, now = self.seen[order_id], state_in(order)
        assert may_come_to(before, now), f"{order_id}: {before}, then {now}"
        assert 0 <= order["refunded"] <= order["refunded"] + order["refund_pending"] <= order["total"]
        self.seen[order_id] = now
        return order

    def _facts(self, order: dict[str, Any]) -> Facts:
        """What stand-ins and ledger say when the order has ended."""
        order_id = order["order_id"]
        intents, entries = self.pipeline.intents(order_id), self.pipeline.entries(order_id)
        postings = (posting["M"] for entry in entries for posting in entry["postings"]["L"])
        return Facts(
            total=order["total"],
            payments=frozenset(_STATES.get(intent["status"], intent["status"]) for intent in intents),
            captured=sum(intent["captured"] for intent in intents),
            returned=sum(intent["refunded"] for intent in intents),
            entries=len(entries),
            booked=sum(
                int(posting["amount"]["N"])
                for posting in postings
                if posting["account"]["S"] == "Assets:Receivable:Stripe"
            ),
            refunded=order["refunded"],
            reserved_for_refunds=order["refunded"] + order["refund_pending"],
            shipped=bool(self.pipeline.shipments(order_id)),
        )


def test_what_a_client_sees_is_as_the_model_says(pipeline: Pipeline) -> None:
    DeployedLives.pipeline = pipeline
    run_state_machine_as_test(
        DeployedLives,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=14,
            derandomize=EXAMPLES == GATE,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
