"""Every call of the outside x every way to end without an answer x when the next try comes.

Each is carried through to the order's end. The outcome is never guessed, nothing keeps it, and the next try
ends as if nothing had been, with the money taken once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from lambdas.domain.errors import PaymentOutcomeUnknown, ProviderUnavailable, WarehouseUnavailable
from lambdas.domain.fulfilment import Warehouse
from lambdas.domain.payment import PaymentProvider
from lambdas.domain.workflow import ExecutionState
from orders.local.standins.remote import RemoteControl
from tests.adapters.unanswered import ENDINGS, LOCKED, Meaning, WatchedDepot, WatchedProvider, Wire
from tests.adapters.unanswered_calls import (
    PAYMENT_CALLS,
    SHIPMENT_CALLS,
    TOTAL,
    End,
    shop_at_provider,
    shop_at_warehouse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.commands import Command
    from tests.adapters.unanswered import Ending
    from tests.adapters.unanswered_calls import Call, Shop

DAY_SECONDS: Final = 86_400
# After two days the provider has forgotten its keys, after eight an authorisation has expired too.
DAYS: Final = (0, 2, 8)
# Each answers by itself, so that a warehouse has no 409 of another call that runs.
SHIPMENT_ENDINGS: Final = tuple(ending for ending in ENDINGS if ending is not LOCKED)


@dataclass(frozen=True, slots=True)
class Case:
    """A cell of the table."""

    call: Call
    ending: Ending
    days: int

    @property
    def end(self) -> End:
        """Where the order ends."""
        return self.call.end_after(self.ending, self.days)

    def __str__(self) -> str:
        """Name the cell."""
        when = f"replayed after {self.days} days" if self.days else "retried"
        return f"{self.call.name}-{self.ending.name}-{when}"


def table(calls: tuple[Call, ...], endings: tuple[Ending, ...]) -> pytest.MarkDecorator:
    cases = [Case(call, ending, days) for call in calls for ending in endings for days in DAYS]
    return pytest.mark.parametrize("case", cases, ids=str)


@pytest.fixture(scope="module")
def provider() -> Iterator[WatchedProvider]:
    with WatchedProvider() as running:
        yield running


@pytest.fixture(scope="module")
def depot() -> Iterator[WatchedDepot]:
    with WatchedDepot() as running:
        yield running


@pytest.fixture
def at_provider(provider: WatchedProvider) -> Iterator[Shop]:
    control = RemoteControl(provider.url)
    control.reset()
    wire = Wire(control, provider.through)
    yield shop_at_provider(provider.url, wire, control)
    wire.clear()


@pytest.fixture
def at_warehouse(depot: WatchedDepot) -> Iterator[Shop]:
    control = RemoteControl(depot.url)
    control.reset()
    wire = Wire(control, depot.through)
    yield shop_at_warehouse(depot.url, wire, control)
    wire.clear()


@pytest.mark.parametrize(
    ("port", "calls"),
    [(PaymentProvider, PAYMENT_CALLS), (Warehouse, SHIPMENT_CALLS)],
    ids=["payment", "goods"],
)
def test_the_table_has_every_method_of_the_port(port: type, calls: tuple[Call, ...]) -> None:
    methods = {name for name, value in vars(port).items() if callable(value) and not name.startswith("_")}
    assert {call.port_method for call in calls} == methods


@table(PAYMENT_CALLS, ENDINGS)
def test_a_payment_call_without_an_answer_changes_nothing_of_how_the_order_ends(
    at_provider: Shop, case: Case
) -> None:
    shop = at_provider
    command = case.call.bring(shop)
    unknown = case.ending.meaning is Meaning.UNKNOWN
    go_wrong(shop, case, command, PaymentOutcomeUnknown if unknown else ProviderUnavailable)
    come_back(shop, case, command)
    execution = shop.deliver(command, "execution-2")
    assert (execution.state is ExecutionState.SUCCEEDED) is (case.end.status != "attention_required")
    assert end_of(shop) == case.end
    payments = payments_of(shop)
    # A payment that was created twice is confirmed once: the other never held any money.
    assert [p["status"] for p in payments if p["status"] != "requires_confirmation"] == [
        "requires_payment_method"
        if case.end.payment == "declined"
        else "succeeded"
        if case.end.captured
        else "canceled"
    ]
    assert len(shop.pipeline.journal.entries) == bool(case.end.captured) + bool(case.end.refunded)
    if case.end.status != "attention_required":
        shop.deliver(command, "execution-3")
        assert (end_of(shop), payments_of(shop)) == (case.end, payments)


@table(SHIPMENT_CALLS, SHIPMENT_ENDINGS)
def test_a_call_of_the_warehouse_without_an_answer_changes_nothing_of_how_the_order_ends(
    at_warehouse: Shop, case: Case
) -> None:
    shop = at_warehouse
    command = case.call.bring(shop)
    go_wrong(shop, case, command, WarehouseUnavailable)
    come_back(shop, case, command)
    for name in ("execution-2", "execution-3"):
        assert shop.deliver(command, name).state is ExecutionState.SUCCEEDED
        head, pipeline = shop.pipeline.head(shop.order_id), shop.pipeline
        sold = case.end.captured > 0
        assert (head.status, head.payment_status, head.reason) == (
            case.end.status,
            case.end.payment,
            case.end.reason,
        )
        shipments = shop.control.call("GET", "shipments")["shipments"]
        assert [shipment["order_id"] for shipment in shipments] == [shop.order_id] * sold
        assert pipeline.inventory.on_hand("TEA") == 100 - sold
        assert pipeline.payments.captured_total == TOTAL * sold


@pytest.mark.parametrize("days", [0, 2])
@pytest.mark.parametrize("call", [call for call in PAYMENT_CALLS if call.keyed], ids=lambda call: call.name)
def test_a_saved_500_is_replayed_once_and_not_after_a_day(at_provider: Shop, call: Call, days: int) -> None:
    """The second try hears it again (`Idempotent-Replayed`) and stores the next keys; the third uses them."""
    saved = next(ending for ending in ENDINGS if ending.saved and not ending.happened)
    case = Case(call, saved, days)
    command = call.bring(at_provider)
    go_wrong(at_provider, case, command, PaymentOutcomeUnknown)
    come_back(at_provider, case, command)
    at_provider.deliver(command, "execution-2")
    replays = 0 if days else 1
    assert at_provider.control.statistics()["outcomes"]["500"] == 1 + replays
    assert at_provider.pipeline.head(at_provider.order_id).key_generation == replays


def go_wrong(shop: Shop, case: Case, command: Command, error: type[Exception]) -> None:
    """Let the call end so: the step raises, and neither order nor Powertools' record says how it came out."""
    call, pipeline = case.call, shop.pipeline
    before, kept = told_of(shop), dict(pipeline.idempotency.records)
    shop.wire.disturb(call.method, call.path, case.ending)
    shop.fail(call.step, error, call.facts(command))
    assert told_of(shop) == before
    assert pipeline.idempotency.records == kept


def come_back(shop: Shop, case: Case, command: Command) -> None:
    """Retry the step within its execution, or let days pass until the order is replayed."""
    if not case.days:
        shop.retry(case.call.step, case.call.facts(command))
    shop.give_back()
    shop.pipeline.clock.advance(case.days * DAY_SECONDS)
    if case.days and case.call in PAYMENT_CALLS:
        shop.control.call("POST", "advance", {"seconds": case.days * DAY_SECONDS})


def told_of(shop: Shop) -> tuple[object, ...]:
    """What the order says of goods and money, and the books."""
    head = shop.pipeline.head(shop.order_id)
    facts = (head.status, head.payment_status, head.fulfillment_status, head.reason, head.refunds)
    return *facts, dict(shop.pipeline.journal.entries)


def payments_of(shop: Shop) -> list[dict[str, Any]]:
    """All the order's payments at the provider."""
    found: list[dict[str, Any]] = shop.control.call("GET", f"intents?order_id={shop.order_id}")["intents"]
    return found


def end_of(shop: Shop) -> End:
    """Where the order stands, with what the provider says of its money."""
    head, payments = shop.pipeline.head(shop.order_id), payments_of(shop)
    captured, refunded = (sum(p[what] for p in payments) for what in ("captured", "refunded"))
    return End(head.status.value, head.payment_status.value, head.reason, captured, refunded)
