"""What the code publishes and what the schemas say are the same, value by value."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.cancellation import CANCEL_CODES
from lambdas.domain.events import outcome_event, refund_event
from lambdas.domain.identifiers import OrderId
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.reasons import PAYMENT_DECLINED, REJECTIONS
from lambdas.domain.refund import REASON_CODES
from lambdas.domain.transitions import needs_attention
from tests.contract.outcomes import WAYS, Shop
from tests.contract.schemas import TYPES, errors, properties
from tests.fakes.orders_made import AT, an_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract.outcomes import Event


@cache
def published() -> dict[str, list[Event]]:
    """Every event of every way to end, by its type."""
    found: dict[str, list[Event]] = {type_: [] for type_ in TYPES}
    for way in WAYS:
        shop = Shop()
        way(shop)
        assert shop.events, f"{way.__name__} published nothing"
        for event in shop.events:
            found[event["type"]].append(event)
    return found


def values(type_: str, *path: str) -> set[Any]:
    """What was published at a path."""

    def at(event: Any) -> Any:
        for name in path:
            event = event[name]
        return event

    return {at(event) for event in published()[type_]}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_is_published_fits_its_schema(way: Callable[[Shop], None]) -> None:
    shop = Shop()
    way(shop)
    assert shop.events
    for event in shop.events:
        assert errors(event) == [], event


@pytest.mark.parametrize("type_", TYPES)
def test_a_schema_lets_through_no_state_that_does_not_occur(type_: str) -> None:
    for name, all_of_them in (("payment_status", PaymentStatus), ("fulfillment_status", FulfillmentStatus)):
        allowed = {str(value) for value in all_of_them if not _refused(type_, name, str(value))}
        assert allowed == values(type_, "data", name), name
    allowed = {str(value) for value in Status if not _refused(type_, "status", str(value))}
    assert allowed == values(type_, "data", "status")


def test_the_reasons_are_those_of_the_code_and_each_occurs() -> None:
    named, declined = properties("order.rejected.v1", "data", "reason")["anyOf"]
    assert set(named["enum"]) == REJECTIONS
    occurring = values("order.rejected.v1", "data", "reason")
    declines = {reason for reason in occurring if reason.startswith(PAYMENT_DECLINED)}
    assert occurring - declines == REJECTIONS
    assert len(declines) == 4
    assert declined["pattern"].startswith(f"^{PAYMENT_DECLINED}")


def test_the_codes_that_clients_give_are_those_of_the_api() -> None:
    cancelling = properties("order.cancelled.v1", "data", "reason")["enum"]
    refunding = properties("order.refunded.v1", "data", "refund", "reason_code")["enum"]
    assert cancelling == list(CANCEL_CODES)
    assert set(cancelling) == values("order.cancelled.v1", "data", "reason")
    assert refunding == list(REASON_CODES)
    assert set(refunding) == values("order.refunded.v1", "data", "refund", "reason_code")
    assert values("order.refunded.v1", "data", "refund", "restock") == {True, False}


def test_what_waits_for_a_person_is_no_outcome() -> None:
    event = outcome_event(needs_attention(an_order(), AT, "fulfil:WarehouseUnavailable"))
    assert event["type"] not in TYPES
    assert {type_ for type_, events in published().items() if events} == set(TYPES)
    for type_ in TYPES:
        assert errors(event, type_) != []


@pytest.mark.parametrize("type_", TYPES)
def test_a_schema_refuses_an_event_without_any_of_its_fields(type_: str) -> None:
    event = published()[type_][0]
    for path in _fields(event):
        assert errors(_without(event, path), type_) != [], path


@pytest.mark.parametrize("type_", TYPES)
def test_a_schema_refuses_an_event_with_a_field_that_it_does_not_know(type_: str) -> None:
    event = published()[type_][0]
    for path in {path[:-1] for path in _fields(event)}:
        more = copy.deepcopy(event)
        _at(more, path)["customer"] = "c-1"
        assert errors(more, type_) != [], path


@pytest.mark.parametrize("type_", TYPES)
def test_a_schema_refuses_a_value_of_another_kind_in_any_field(type_: str) -> None:
    event = published()[type_][0]
    for path in _fields(event):
        wrong: Any
        for wrong in (3.5, -1, "", " ", [], {}):
            changed = copy.deepcopy(event)
            _at(changed, path[:-1])[path[-1]] = wrong
            assert errors(changed, type_) != [], (path, wrong)


@pytest.mark.parametrize("type_", TYPES)
def test_an_event_fits_no_schema_but_its_own(type_: str) -> None:
    for event in published()[type_]:
        assert [other for other in TYPES if not errors(event, other)] == [type_]


def test_a_repeat_of_an_outcome_says_the_same_also_after_a_refund() -> None:
    shop = Shop()
    order_id = shop.sell(TEA=2)
    (first,) = shop.events
    shop.pipeline.ask_refund(order_id, amount=450)
    shop.work()
    shop.pipeline.queue.send_process(order_id, shop.pipeline.head(order_id).client)
    shop.work()
    assert shop.events[2] == first
    assert shop.pipeline.head(order_id).payment_status is PaymentStatus.PARTIALLY_REFUNDED


def test_a_repeat_of_a_refund_says_the_same_of_it_and_knows_of_later_ones() -> None:
    shop = Shop()
    order_id = shop.sell(TEA=2)
    refund_id = shop.pipeline.ask_refund(order_id, amount=450)
    shop.work()
    first = shop.events[-1]
    shop.pipeline.ask_refund(order_id, key="rest")
    shop.work()
    refund = shop.pipeline.refunds.refund(order_id, refund_id)
    assert refund is not None
    again = refund_event(shop.pipeline.head(order_id), refund)
    changed = {"payment_status": "refunded", "refunded": 900}
    assert again == {**first, "data": {**first["data"], **changed}}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_an_id_stands_for_one_outcome(way: Callable[[Shop], None]) -> None:
    """Some ways leave two messages for an order: each publishes its outcome."""
    shop = Shop()
    way(shop)
    outcomes = {event["id"]: event for event in shop.events}
    assert all(event == outcomes[event["id"]] for event in shop.events)
    refunds = {event["id"] for event in shop.events if event["type"] == "order.refunded.v1"}
    ended = {event["subject"] for event in shop.events}
    assert outcomes.keys() - refunds == {f"{i}.{shop.pipeline.head(OrderId(i)).status}" for i in ended}


def _refused(type_: str, name: str, value: str) -> bool:
    """Whether a schema refuses an event of its type with this value, and only for it."""
    event = copy.deepcopy(published()[type_][0])
    event["data"][name] = value
    return errors(event, type_) != []


def _fields(value: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in value.items():
        yield (*before, name)
        if isinstance(inner, dict):
            yield from _fields(inner, (*before, name))


def _at(event: Event, path: tuple[str, ...]) -> dict[str, Any]:
    for name in path:
        event = event[name]
    return event


def _without(event: Event, path: tuple[str, ...]) -> Event:
    less = copy.deepcopy(event)
    del _at(less, path[:-1])[path[-1]]
    return less
