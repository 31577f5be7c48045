from __future__ import annotations

import pytest

from lambdas.domain.identifiers import ClientId, order_id_for, refund_id_for
from lambdas.domain.order_store import InvalidCursor
from lambdas.services.read_orders import ReadOrders
from lambdas.services.request_errors import OrderUnknown
from tests.fakes.faults import nothing_happened
from tests.fakes.pipeline import CLIENT, Pipeline
from tests.fakes.refunding import sold, stored

STRANGER = ClientId("client-2")


@pytest.fixture
def read(pipeline: Pipeline) -> ReadOrders:
    """The use case over the pipeline's orders."""
    return ReadOrders(pipeline.orders, pipeline.refunds)


def test_a_client_sees_its_order_with_its_lines(pipeline: Pipeline, read: ReadOrders) -> None:
    order_id = pipeline.accept(TEA=2)
    shown = read.one(CLIENT, order_id)
    assert shown == pipeline.head(order_id)


def test_the_lines_of_a_large_order_are_loaded(pipeline: Pipeline, read: ReadOrders) -> None:
    body = {
        "currency": "GBP",
        "lines": [{"sku": "GIFT", "quantity": n} for n in range(1, 6)],
    }
    order = pipeline.submit(CLIENT, "k", body, may_choose_price=False).order
    assert pipeline.head(order.order_id).lines is None
    shown = read.one(CLIENT, order.order_id)
    assert shown
    assert shown.lines == order.lines


def test_anothers_order_looks_like_none(pipeline: Pipeline, read: ReadOrders) -> None:
    for client, order_id in ((STRANGER, pipeline.accept()), (CLIENT, order_id_for(CLIENT, "never sent"))):
        with pytest.raises(OrderUnknown):
            read.one(client, order_id)


def test_what_is_no_id_is_not_looked_up(pipeline: Pipeline, read: ReadOrders) -> None:
    pipeline.accept()
    pipeline.orders.faults.plan("get", nothing_happened(AssertionError("looked up")))
    with pytest.raises(OrderUnknown):
        read.one(CLIENT, "ord_%2F")


def test_pages_hold_each_of_the_clients_orders_once_newest_first(
    pipeline: Pipeline, read: ReadOrders
) -> None:
    mine = []
    for n in range(5):
        mine.append(pipeline.accept(key=f"k{n}"))
        pipeline.clock.advance(1)
    pipeline.submit(
        STRANGER, "k", {"currency": "GBP", "lines": [{"sku": "GIFT", "quantity": 1}]}, may_choose_price=False
    )
    seen: list[str] = []
    cursor = None
    sizes = []
    while True:
        page = read.page(CLIENT, cursor, 2)
        seen += [o.order_id for o in page.orders]
        sizes.append(len(page.orders))
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == mine[::-1]
    assert sizes == [2, 2, 1]


def test_a_cursor_that_was_not_made_here_is_refused(read: ReadOrders) -> None:
    with pytest.raises(InvalidCursor):
        read.page(CLIENT, "%%%", 10)


def test_an_orders_refunds_are_shown_oldest_first_with_its_lines(
    pipeline: Pipeline, read: ReadOrders
) -> None:
    order_id = sold(pipeline)
    made = []
    for key in "cab":
        made.append(pipeline.ask_refund(order_id, key, amount=100))
        pipeline.clock.advance(1)
    pipeline.ask_refund(sold(pipeline, "key-2"))
    refunds, lines = read.refunds_of(CLIENT, order_id)
    assert [refund.refund_id for refund in refunds] == made
    assert lines == pipeline.head(order_id).lines


def test_an_order_that_was_never_refunded_has_no_refunds(pipeline: Pipeline, read: ReadOrders) -> None:
    assert read.refunds_of(CLIENT, pipeline.accept())[0] == ()


def test_a_refund_is_shown_as_it_stands(pipeline: Pipeline, read: ReadOrders) -> None:
    order_id = sold(pipeline)
    refund_id = pipeline.ask_refund(order_id)
    pipeline.refunds.set_refund_aside(order_id, refund_id, pipeline.clock.text, "refund:OrderCorrupt")
    shown, lines = read.refund(CLIENT, order_id, refund_id)
    assert (shown, lines) == (stored(pipeline, refund_id), pipeline.head(order_id).lines)
    assert shown.failure == "refund:OrderCorrupt"


def test_anothers_refund_looks_like_none(pipeline: Pipeline, read: ReadOrders) -> None:
    order_id, other = sold(pipeline), sold(pipeline, "key-2")
    refund_id = pipeline.ask_refund(order_id)
    unknown = refund_id_for(order_id, CLIENT, "never sent")
    for client, order, refund in (
        (STRANGER, order_id, refund_id),
        (CLIENT, other, refund_id),
        (CLIENT, order_id, unknown),
    ):
        with pytest.raises(OrderUnknown):
            read.refund(client, order, refund)
    with pytest.raises(OrderUnknown):
        read.refunds_of(STRANGER, order_id)


@pytest.mark.parametrize("refund_id", ["", "nonsense", "ref_" + "A" * 26, "ref_%2F"])
def test_what_is_no_refunds_id_is_not_looked_up(pipeline: Pipeline, read: ReadOrders, refund_id: str) -> None:
    order_id = sold(pipeline)
    pipeline.refunds.faults.plan("refund", nothing_happened(AssertionError("looked up")))
    with pytest.raises(OrderUnknown):
        read.refund(CLIENT, order_id, refund_id)
