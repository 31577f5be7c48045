"""The watchdog: what it hands back, what it ends, and what a failure in the middle leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.commands import cancel_command, process_command, refund_command
from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import ClientId, OrderId, order_id_for
from lambdas.domain.open_orders import EARLIEST, Round
from lambdas.domain.order import RefundSums, Status
from lambdas.domain.refund import Refund, RefundStatus
from lambdas.domain.timestamps import to_text
from lambdas.domain.transitions import (
    cancellation_requested,
    completed,
    expiry_requested,
    holding,
    needs_attention,
    payment_started,
)
from lambdas.domain.watch import watch_rules
from lambdas.services.watch_orders import (
    FEW,
    LIMIT,
    LONG_QUEUE,
    RESERVE_SECONDS,
    Finding,
    Watched,
    WatchOrders,
)
from tests.fakes.clock import FakeClock
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.open_orders import InMemoryOpenOrders
from tests.fakes.orders import InMemoryOrders
from tests.fakes.orders_made import AT, an_order
from tests.fakes.queue import InMemoryQueue
from tests.fakes.refunds import InMemoryRefunds
from tests.fakes.refunds_made import a_cancellation, a_refund

if TYPE_CHECKING:
    from lambdas.domain.order import Order

MINUTE = 60.0
DAY = 24 * 60 * MINUTE
STALE = 30 * MINUTE


@dataclass
class Watch:
    """The watchdog over fakes; time stands at the orders' acceptance until a test moves it."""

    clock: FakeClock = field(default_factory=FakeClock)
    orders: InMemoryOrders = field(default_factory=InMemoryOrders)
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    told: list[tuple[OrderId, Finding, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.refunds = InMemoryRefunds(self.orders)
        self.open_orders = InMemoryOpenOrders(self.orders)

    def run(self, seconds_left: float = 50) -> Watched:
        """Run once."""
        return self.watchdog()(lambda: seconds_left)

    def watchdog(self) -> WatchOrders:
        return WatchOrders(
            self.open_orders,
            self.orders,
            self.refunds,
            self.queue,
            watch_rules(stale_minutes=30, warning_days=3, expiry_days=5),
            self.clock,
            lambda *finding: self.told.append(finding),
        )

    def put(self, order: Order, *refunds: Refund) -> Order:
        self.orders.heads[order.order_id] = order
        self.refunds.stored |= {refund.refund_id: refund for refund in refunds}
        return order

    def put_many(self, count: int, every_seconds: float = 1, **changes: Any) -> list[OrderId]:
        """Orders accepted one after the other, the last one now."""
        client, ids = ClientId("client-1"), []
        for n in range(count):
            at = to_text(self.clock() - timedelta(seconds=every_seconds * (count - 1 - n)))
            order_id = order_id_for(client, f"many-{n}")
            self.put(an_order(order_id=order_id, accepted_at=at, updated_at=at, **changes))
            ids.append(order_id)
        return ids

    def head(self, order: Order) -> Order:
        return self.orders.head(order.order_id)

    def sent(self) -> list[dict[str, str]]:
        """All commands sent so far."""
        return [json.loads(message.body) for message in self.queue.sent]

    def sent_ids(self) -> list[str]:
        return [command["order_id"] for command in self.sent()]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def authorised(**changes: Any) -> Order:
    return replace(payment_started(an_order(), AT, "pi_1"), **changes)


def refunding(**changes: Any) -> Order:
    """A completed order with a refund under way."""
    sums = RefundSums(reserved=450, unfinished=1)
    return replace(completed(authorised(), AT), refunds=sums, **changes)


def test_an_order_whose_message_is_lost_is_handed_back(watch: Watch) -> None:
    order = watch.put(an_order())
    watch.clock.advance(STALE)
    watched = watch.run()
    assert watch.sent() == [process_command(order.order_id)]
    assert watched.findings[Finding.HANDED_BACK] == watched.looked_at == 1
    assert watch.told == [(order.order_id, Finding.HANDED_BACK, "")]
    after = watch.head(order)
    assert (after.handed_back, after.updated_at, after.status) == (1, watch.clock.text, Status.ACCEPTED)


def test_a_younger_order_is_not_even_looked_at(watch: Watch) -> None:
    watch.put(an_order())
    watch.clock.advance(STALE - 1)
    assert watch.run().looked_at == 0
    assert watch.sent() == []


def test_one_that_waits_for_its_turn_is_handed_back_ever_more_seldom(watch: Watch) -> None:
    watch.put(an_order())
    for _ in range(12 * 12):  # twelve hours, every five minutes
        watch.clock.advance(5 * MINUTE)
        watch.run()
    assert len(watch.sent()) == 4  # after 30 minutes, and 60, 120, 240 more


def test_one_that_was_handed_back_twice_and_has_not_moved_is_stuck(watch: Watch) -> None:
    order = watch.put(an_order())
    stuck = []
    for patience in (STALE, 2 * STALE, 4 * STALE, 8 * STALE):
        watch.clock.advance(patience)
        stuck.append(watch.run().findings[Finding.STUCK])
    assert stuck == [0, 0, 1, 1]
    assert watch.told[-1] == (order.order_id, Finding.STUCK, "")


def test_while_the_queue_is_long_only_the_oldest_few_are_put_on_it_again(watch: Watch) -> None:
    """Or what the watchdog adds takes the place of orders, more get stale, and the queue never gets short."""
    orders = watch.put_many(FEW + 20)
    watch.clock.advance(STALE)
    watch.queue.others = LONG_QUEUE + 1
    watched = watch.run()
    assert watch.sent_ids() == orders[:FEW]
    assert (watched.findings[Finding.HANDED_BACK], watched.looked_at) == (FEW, FEW + 20)


def test_a_long_queue_keeps_no_authorisation_from_being_given_up(watch: Watch) -> None:
    watch.put_many(FEW)
    watch.clock.advance(5 * DAY)
    order = watch.put(authorised())
    watch.queue.others = LONG_QUEUE + 1
    assert watch.run().findings == {**dict.fromkeys(Finding, 0), Finding.HANDED_BACK: FEW, Finding.EXPIRED: 1}
    assert watch.head(order).expiring


def test_a_queue_whose_length_nobody_knows_counts_as_long(watch: Watch) -> None:
    watch.put_many(FEW + 1)
    watch.clock.advance(STALE)
    watch.queue.faults.plan("waiting", nothing_happened(QueueUnavailable("down")))
    watched = watch.run()
    assert (watched.findings[Finding.HANDED_BACK], watched.fault) == (FEW, None)


def test_an_order_under_work_is_left_alone(watch: Watch) -> None:
    now = int(watch.clock().timestamp() + STALE)
    watch.put(an_order(status=Status.PROCESSING, claim="execution-1", claim_until=now + 60))
    watch.clock.advance(STALE)
    watched = watch.run()
    assert (watched.looked_at, watched.findings[Finding.HANDED_BACK]) == (1, 0)
    assert watch.sent() == []


def test_an_order_whose_execution_died_is_handed_back_once_its_claim_is_over(watch: Watch) -> None:
    until = int(watch.clock().timestamp()) + 240
    order = watch.put(authorised(status=Status.PROCESSING, claim="execution-1", claim_until=until))
    watch.clock.advance(STALE)
    watch.run()
    assert watch.sent() == [process_command(order.order_id)]


def test_an_order_that_waits_for_a_person_is_left_to_the_person(watch: Watch) -> None:
    watch.put(needs_attention(an_order(), AT, "fulfil:WarehouseUnavailable"))
    watch.clock.advance(2 * DAY)
    assert watch.run().looked_at == 1
    assert watch.sent() == []


@pytest.mark.parametrize("waits_for_a_person", [False, True])
def test_a_cancellation_whose_message_is_lost_is_sent_again(watch: Watch, waits_for_a_person: bool) -> None:
    order = needs_attention(an_order(), AT, "x") if waits_for_a_person else an_order()
    order = watch.put(cancellation_requested(order, AT, a_cancellation()))
    watch.clock.advance(STALE)
    watch.run()
    assert watch.sent() == [cancel_command(order.order_id)]


def test_a_refund_whose_message_is_lost_is_sent_again(watch: Watch) -> None:
    waiting = a_refund()
    order = watch.put(refunding(), waiting, a_refund("set aside", status=RefundStatus.ATTENTION_REQUIRED))
    watch.clock.advance(STALE)
    watched = watch.run()
    assert watch.sent() == [refund_command(order.order_id, waiting.refund_id)]
    assert watched.findings[Finding.HANDED_BACK] == 1
    assert watch.head(order).handed_back == 1


def test_goods_that_were_refunded_and_not_restocked_are_seen_to(watch: Watch) -> None:
    half = a_refund(status=RefundStatus.SUCCEEDED, restock=True)
    order = watch.put(refunding(), half)
    watch.clock.advance(STALE)
    watch.run()
    assert watch.sent() == [refund_command(order.order_id, half.refund_id)]


def test_a_refund_that_waits_for_a_person_hands_nothing_back(watch: Watch) -> None:
    order = watch.put(refunding(), a_refund(status=RefundStatus.ATTENTION_REQUIRED))
    watch.clock.advance(DAY)
    assert watch.run().findings[Finding.HANDED_BACK] == 0
    assert watch.sent() == []
    assert watch.head(order) == order


def test_an_authorisation_of_three_days_is_told_of_at_each_run(watch: Watch) -> None:
    order = watch.put(needs_attention(authorised(), AT, "fulfil:WarehouseUnavailable"))
    watch.clock.advance(3 * DAY)
    for _ in range(2):
        assert watch.run().findings[Finding.EXPIRING] == 1
    assert watch.told == [(order.order_id, Finding.EXPIRING, "")] * 2
    assert watch.sent() == []
    assert watch.head(order) == order


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.ATTENTION_REQUIRED])
def test_an_authorisation_of_five_days_is_given_up(watch: Watch, status: Status) -> None:
    order = watch.put(authorised(status=status))
    watch.clock.advance(5 * DAY)
    watched = watch.run()
    after = watch.head(order)
    assert (after.expiring, after.stop_reason) == (True, "authorization_expiring")
    assert watch.sent() == [process_command(order.order_id)]
    assert watched.findings == {
        Finding.HANDED_BACK: 0,
        Finding.EXPIRING: 0,
        Finding.EXPIRED: 1,
        Finding.FAILED: 0,
        Finding.STUCK: 0,
    }


def test_the_head_says_that_the_order_ends_before_the_message_goes_out(watch: Watch) -> None:
    order = watch.put(authorised())
    watch.clock.advance(5 * DAY)
    seen: list[bool] = []
    watch.queue.faults.before = lambda name: (
        seen.append(watch.head(order).expiring) if name == "send" else None
    )
    watch.run()
    assert seen == [True]


def test_an_order_that_moves_at_that_moment_is_not_ended(watch: Watch) -> None:
    order = watch.put(authorised())
    watch.clock.advance(5 * DAY)

    def claim_first(operation: str) -> None:
        if operation == "amend":
            watch.orders.faults.before = None
            now = watch.clock()
            watch.orders.claim(order.order_id, "execution-2", int(now.timestamp()) + 240, to_text(now))

    watch.orders.faults.before = claim_first
    watched = watch.run()
    assert watched.findings[Finding.EXPIRED] == 0
    assert not watch.head(order).expiring
    assert watch.sent() == []


def test_a_held_order_is_told_of_and_kept(watch: Watch) -> None:
    order = watch.put(holding(needs_attention(authorised(), AT, "x"), AT, held=True))
    watch.clock.advance(6 * DAY)
    watched = watch.run()
    assert (watched.findings[Finding.EXPIRING], watched.findings[Finding.EXPIRED]) == (1, 0)
    assert watch.head(order) == order


def test_an_expired_order_whose_message_is_lost_is_handed_back_like_any_other(watch: Watch) -> None:
    order = watch.put(needs_attention(authorised(), AT, "x"))
    watch.clock.advance(5 * DAY)
    watch.queue.faults.plan("send", nothing_happened(QueueUnavailable("no answer")))
    assert watch.run().findings[Finding.FAILED] == 1
    assert watch.head(order).expiring
    watch.clock.advance(STALE)
    assert watch.run().findings[Finding.HANDED_BACK] == 1
    assert watch.sent() == [process_command(order.order_id)]


def test_an_order_that_already_ends_is_not_given_up_twice(watch: Watch) -> None:
    order = watch.put(expiry_requested(authorised(), AT))
    watch.clock.advance(6 * DAY)
    watched = watch.run()
    assert (watched.findings[Finding.EXPIRED], watched.findings[Finding.HANDED_BACK]) == (0, 1)
    assert [event.name for event in watch.head(order).timeline].count("authorization_expiring") == 1


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_message_that_failed_leaves_the_order_due_for_the_next_run(watch: Watch, fault: Any) -> None:
    order = watch.put(an_order())
    watch.clock.advance(STALE)
    watch.queue.faults.plan("send", fault(QueueUnavailable("no answer")))
    watched = watch.run()
    assert (watched.findings[Finding.FAILED], watched.findings[Finding.HANDED_BACK]) == (1, 0)
    assert watch.told == [(order.order_id, Finding.FAILED, "QueueUnavailable: no answer")]
    assert watch.head(order) == order
    assert watch.run().findings[Finding.HANDED_BACK] == 1


def test_a_write_that_failed_after_the_message_costs_one_duplicate(watch: Watch) -> None:
    order = watch.put(an_order())
    watch.clock.advance(STALE)
    watch.orders.faults.plan("amend", nothing_happened(StoreUnavailable("throttled")))
    assert watch.run().findings[Finding.FAILED] == 1
    watch.run()
    assert watch.sent_ids() == [order.order_id] * 2
    assert watch.head(order).handed_back == 1


def test_what_is_wrong_with_one_order_does_not_hide_the_others(watch: Watch) -> None:
    ids = watch.put_many(5)
    watch.clock.advance(STALE)
    watch.open_orders.unreadable.add(ids[1])
    watch.queue.faults.plan("send", None, nothing_happened(ValueError("a bug")))
    watched = watch.run()
    assert watch.sent_ids() == [ids[0], ids[3], ids[4]]
    assert (watched.looked_at, watched.left, watched.fault) == (4, None, None)
    assert {(i, fault) for i, finding, fault in watch.told if finding is Finding.FAILED} == {
        (ids[1], "the head cannot be read"),
        (ids[2], "ValueError"),
    }


def test_a_queue_that_is_down_ends_the_run_and_the_next_one_goes_on(watch: Watch) -> None:
    ids = watch.put_many(10)
    watch.clock.advance(STALE)
    down = [nothing_happened(QueueUnavailable("no answer"))] * 3
    watch.queue.faults.plan("send", *down)
    watched = watch.run()
    assert (watched.looked_at, watched.findings[Finding.FAILED]) == (3, 3)
    assert watch.sent() == []
    watch.run()
    assert watch.sent_ids() == ids[3:]
    watch.run()
    assert sorted(watch.sent_ids()) == sorted(ids)


def test_many_heads_that_nobody_can_read_do_not_stop_the_round(watch: Watch) -> None:
    ids = watch.put_many(10)
    watch.clock.advance(STALE)
    watch.open_orders.unreadable |= set(ids[:5])
    watched = watch.run()
    assert watch.sent_ids() == ids[5:]
    assert (watched.findings[Finding.FAILED], watched.left) == (5, None)


@pytest.mark.parametrize("operation", ["unfinished_round", "oldest", "heads"])
def test_a_store_that_is_down_is_reported_and_changes_nothing(watch: Watch, operation: str) -> None:
    order = watch.put(an_order())
    watch.clock.advance(STALE)
    watch.open_orders.faults.plan(operation, nothing_happened(StoreUnavailable("throttled")))
    watched = watch.run()
    assert watched.fault == "StoreUnavailable: throttled"
    assert (watch.sent(), watch.head(order)) == ([], order)
    assert watch.run().findings[Finding.HANDED_BACK] == 1


def test_more_orders_than_fit_are_looked_at_in_turn_over_several_runs(watch: Watch) -> None:
    """Also when those in front never leave: they wait for people."""
    waiting = watch.put_many(LIMIT + 50, every_seconds=0.01, status=Status.ATTENTION_REQUIRED)
    watch.clock.advance(1)
    lost = watch.put(an_order(accepted_at=watch.clock.text, updated_at=watch.clock.text))
    watch.clock.advance(STALE)
    first = watch.run()
    assert (first.looked_at, watch.sent()) == (LIMIT, [])
    assert first.left == Round(watch.orders.head(waiting[LIMIT]).accepted_at, to_text(_stale_since(watch)))
    assert watch.open_orders.round == first.left
    second = watch.run()
    assert (second.looked_at, second.left) == (51, None)
    assert watch.sent_ids() == [lost.order_id]
    assert watch.open_orders.round is None


def test_a_round_ends_though_ever_more_orders_come_after_it(watch: Watch) -> None:
    first = watch.put(an_order())
    watch.clock.advance(STALE)
    watch.open_orders.round = Round(to_text(_stale_since(watch) - timedelta(days=1)), AT)
    watch.clock.advance(10 * DAY)
    younger = order_id_for(ClientId("client-1"), "younger")
    at = to_text(watch.clock() - timedelta(days=1))
    watch.put(an_order(order_id=younger, accepted_at=at, updated_at=at))
    watch.run()
    assert watch.sent_ids() == [first.order_id]
    watch.run()
    assert younger in watch.sent_ids()


def test_a_run_stops_while_it_has_time_to_stop_in(watch: Watch) -> None:
    ids = watch.put_many(5)
    watch.clock.advance(STALE)
    times = iter([50, 40, RESERVE_SECONDS - 1])
    watched = watch.watchdog()(lambda: next(times))
    assert watched.looked_at == 2
    assert watched.left is not None
    assert watched.left.start == watch.orders.head(ids[2]).accepted_at
    watch.run()
    assert watch.sent_ids() == ids


def test_a_run_without_time_leaves_everything_for_the_next_one(watch: Watch) -> None:
    ids = watch.put_many(2)
    watch.clock.advance(STALE)
    assert watch.run(seconds_left=0).looked_at == 0
    watch.run()
    assert watch.sent_ids() == ids


def test_the_oldest_come_first(watch: Watch) -> None:
    ids = watch.put_many(250)
    watch.clock.advance(STALE)
    watch.run()
    assert watch.sent_ids() == ids


def test_a_first_round_begins_with_the_first_order_ever(watch: Watch) -> None:
    watch.put(an_order(accepted_at=EARLIEST, updated_at=EARLIEST))
    assert watch.run().looked_at == 1


def _stale_since(watch: Watch) -> Any:
    return watch.clock() - timedelta(minutes=30)
