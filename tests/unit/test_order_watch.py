"""How orders are followed to their end: cheaply, and until nothing ends any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from orders.order_watch import FEW, REST_FACTOR, REST_SECONDS, OrderWatch
from tests.fakes.passing_time import PassingTime


@dataclass
class Orders:
    """An API with orders that were accepted in this order; every call takes `seconds`."""

    statuses: dict[str, str]
    time: PassingTime = field(default_factory=PassingTime)
    seconds: float = 0.1
    pages: int = 0
    gets: int = 0
    hidden: set[str] = field(default_factory=set)
    """Those that the list does not have yet."""

    def get(self, order_id: str) -> dict[str, Any]:
        self.time.seconds += self.seconds
        self.gets += 1
        return {"order_id": order_id, "status": self.statuses[order_id]}

    def page(self, cursor: str | None = None, limit: int = 100) -> tuple[list[dict[str, Any]], str | None]:
        self.time.seconds += self.seconds
        self.pages += 1
        newest = [order_id for order_id in reversed(self.statuses) if order_id not in self.hidden]
        start = newest.index(cursor) + 1 if cursor else 0
        page = [{"order_id": i, "status": self.statuses[i]} for i in newest[start : start + limit]]
        return page, page[-1]["order_id"] if len(newest) > start + limit else None

    def accept(self, count: int) -> None:
        for _ in range(count):
            self.statuses[f"ord-{len(self.statuses):05d}"] = "accepted"

    def end(self, count: int, status: str = "completed") -> None:
        """Let the oldest so many end."""
        waiting = [order_id for order_id, found in self.statuses.items() if found == "accepted"]
        self.statuses.update(dict.fromkeys(waiting[:count], status))


def followed(count: int, **more: Any) -> tuple[Orders, OrderWatch]:
    """So many orders, accepted and followed."""
    orders = Orders({}, **more)
    orders.accept(count)
    watch = OrderWatch(orders, 60, now=orders.time.now, sleep=orders.time.sleep)
    watch.follow(orders.statuses)
    return orders, watch


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 100, 101, 950])
def test_every_order_is_followed_to_its_end(count: int) -> None:
    orders, watch = followed(count)
    told: list[int] = []

    def tell(settled: int) -> None:
        told.append(settled)
        orders.end(37)

    found = watch.until_ended(tell)
    assert {order["order_id"]: order["status"] for order in found} == dict.fromkeys(
        orders.statuses, "completed"
    )
    assert (told[0], told[-1]) == (0, count)
    assert told == sorted(told)


def test_a_look_does_not_read_all_pages_again() -> None:
    orders, watch = followed(5_000)
    watch.look()
    assert orders.pages == 50
    for _ in range(20):
        orders.end(20)
        watch.look()
    assert watch.settled >= 300
    assert orders.pages <= 50 + 20 + 5
    assert orders.gets <= 20 * FEW


def test_what_was_accepted_meanwhile_is_found_when_the_older_ones_have_ended() -> None:
    orders, watch = followed(250)
    watch.look()
    orders.accept(300)
    watch.follow(orders.statuses)
    orders.end(500)
    for _ in range(20):
        watch.look()
    assert watch.settled == 500


def test_one_that_stays_behind_holds_up_no_other() -> None:
    orders, watch = followed(400)
    watch.look()
    last = next(iter(orders.statuses))
    orders.statuses[last] = "processing"
    orders.end(399)
    for _ in range(4):
        watch.look()
    assert watch.settled == 399
    orders.statuses[last] = "completed"
    watch.look()
    assert watch.settled == 400


@pytest.mark.parametrize("hidden", [False, True], ids=["a straggler", "one that the list does not have"])
def test_one_that_stays_behind_is_not_looked_for_in_the_whole_list_again_and_again(hidden: bool) -> None:
    orders, watch = followed(1_000)
    last = next(iter(orders.statuses))
    orders.statuses[last] = "processing"
    orders.hidden = {last} if hidden else set()
    orders.end(949)
    for _ in range(3):
        watch.look()
    orders.pages = 0
    for _ in range(10):
        watch.look()
    assert (watch.settled, orders.pages) == (949, 10)


def test_an_order_that_the_list_does_not_have_yet_is_asked_for() -> None:
    orders, watch = followed(150)
    orders.hidden = {"ord-00003"}
    orders.end(150)
    assert len(watch.until_ended(lambda _settled: None)) == 150


def test_the_orders_of_others_are_not_followed() -> None:
    orders, watch = followed(20)
    orders.accept(30)
    orders.end(50)
    assert len(watch.until_ended(lambda _settled: None)) == 20


def test_one_that_waits_for_a_person_is_not_waited_for() -> None:
    orders, watch = followed(20)
    orders.end(5, "attention_required")
    orders.end(15)
    assert len(watch.until_ended(lambda _settled: None)) == 20
    assert orders.time.now() < 10


def test_it_gives_up_when_nothing_ends_any_more_and_tells_how_all_stand() -> None:
    orders, watch = followed(20)
    orders.end(5)
    found = watch.until_ended(lambda _settled: None)
    assert sorted(order["status"] for order in found) == ["accepted"] * 15 + ["completed"] * 5
    assert 60 < orders.time.now() < 70


def test_a_minute_without_an_end_is_told_once_until_one_ends() -> None:
    orders, watch = followed(30)
    quiet: list[int] = []
    watch.quiet, watch.patience = quiet.append, 300

    def tell(settled: int) -> None:
        if settled == 0 and orders.time.now() > 200:
            orders.end(29)

    watch.until_ended(tell)
    assert quiet == [30, 1]


def test_as_long_as_orders_end_it_goes_on() -> None:
    orders, watch = followed(100)
    watch.until_ended(lambda _settled: orders.end(1))
    assert orders.time.now() > 60
    assert watch.settled == 100


@pytest.mark.parametrize("seconds", [0.001, 2.0])
def test_it_rests_longer_than_it_looks(seconds: float) -> None:
    orders, watch = followed(50, seconds=seconds)
    for _ in range(2):
        watch.look_when_rested()
    assert orders.pages == 1
    orders.time.sleep(max(REST_SECONDS, REST_FACTOR * seconds))
    watch.look_when_rested()
    assert orders.pages == 2
