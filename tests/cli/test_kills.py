"""A local run that is killed and started again on the same folder: every order that got a 202 ends, once.

Everything dies at once, as with the machine: the command, the engine, the stand-ins and every function, by
SIGKILL, in any order. `ORDERS_KILLS` says how often (`make kills`: 30 times, also while it starts), and
`ORDERS_KILLS_SEED` repeats the moments of a run that failed.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest

from lambdas.domain.catalogue import Product
from orders.api_client import ApiRefused, ApiUnreachable, OrdersClient
from orders.local.books import captured_by_order, read_books
from orders.local.ports import is_free
from orders.local.run_file import read_run_file
from tests.cli.test_local_run import Up, descendants
from tests.e2e.bodies import body
from tests.e2e.conftest import TERMINAL, Pipeline, eventually
from tests.engine.test_process import is_gone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

pytestmark = pytest.mark.engine

KILLS: Final = int(os.environ.get("ORDERS_KILLS", "1"))
SEED: Final = int(os.environ.get("ORDERS_KILLS_SEED") or random.SystemRandom().randrange(1 << 32))
SUBMITTERS: Final = 4
LOAD_ORDERS: Final = (10, 50)
START_SECONDS: Final = (0.2, 4.0)
RECOVERY_SECONDS: Final = 240.0
END_SECONDS: Final = 30.0
PLENTY: Final = Product("PLENTY", "GBP", {"list": 1200}, 2000, 100_000)
SCARCE: Final = Product("SCARCE", "GBP", {"list": 500}, 0, 7)
CLIENT: Final = {"X-Orders-Client": "load"}


@dataclass
class Load:
    """Clients that submit orders, each one after the other, until told to stop."""

    accepted: dict[str, str] = field(default_factory=dict)
    """The ids of the orders that got a 202, by their keys."""
    unanswered: dict[str, int] = field(default_factory=dict)
    """The numbers of those that got no answer, by their keys."""

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, client: OrdersClient, name: str) -> None:
        self._over.clear()
        self._threads = [
            threading.Thread(target=self._submit, args=[client, f"{name}-{n}"]) for n in range(SUBMITTERS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def ask_again(self, client: OrdersClient) -> None:
        """Submit what got no answer, under the same keys, until each has one: as any client does."""
        for key, number in list(self.unanswered.items()):
            eventually(partial(self._one, client, key, number), bool, RECOVERY_SECONDS)

    def _submit(self, client: OrdersClient, name: str) -> None:
        for number in count():
            if self._over.is_set():
                return
            self._one(client, f"{name}-{number}", number)

    def _one(self, client: OrdersClient, key: str, number: int) -> bool:
        try:
            self.accepted[key] = client.submit(order_body(number), key).order["order_id"]
        except (ApiUnreachable, ApiRefused):
            self.unanswered[key] = number
            return False
        self.unanswered.pop(key, None)
        return True


def order_body(number: int) -> bytes:
    card = "pm_card_chargeDeclined" if number % 9 == 8 else "pm_card_visa"
    return body(("PLENTY", 1 + number % 3), *([("SCARCE", 1)] if number % 5 == 4 else []), card=card)


def kill(up: Up, chance: random.Random) -> None:
    """Kill all of a run, in any order, and see that nothing is left of it."""
    pids = sorted(descendants(up.process.pid))
    chance.shuffle(pids)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    up.process.communicate()
    # A function that a thread of the engine was about to start is not among them: it dies by its lifeline.
    see_nothing_of(up, pids)


def kill_alone(up: Up) -> None:
    """Kill the command alone, and see that all that it started ends by itself."""
    pids = sorted(descendants(up.process.pid))
    up.process.kill()
    up.process.communicate()
    see_nothing_of(up, pids)


def see_nothing_of(up: Up, pids: Sequence[int]) -> None:
    eventually(lambda: [pid for pid in pids if not is_gone(pid)], lambda left: not left, END_SECONDS)
    eventually(lambda: [port for port in up.ports if not is_free(port)], lambda taken: not taken, END_SECONDS)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the file by which commands find a pipeline from the one that a person runs in this project."""
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "home"))


def test_every_accepted_order_ends_once_whenever_the_run_is_killed(tmp_path: Path) -> None:
    print(f"\nORDERS_KILLS={KILLS} ORDERS_KILLS_SEED={SEED}")  # noqa: T201 - to repeat it
    chance = random.Random(SEED)  # noqa: S311 - only a spread of moments
    data, load = tmp_path / "data", Load()
    for number in range(KILLS):
        killed_under_load(data, number, chance, load)
        if number % 2:
            killed_while_it_starts(data, chance)
    pipeline, up = serve(data)
    try:
        check(pipeline, load)
        key, order_id = next(iter(load.accepted.items()))
        again = client_of(pipeline).submit(order_body(int(key.rsplit("-")[-1])), key)
        assert (again.replayed, again.order["order_id"]) == (True, order_id)
        second = Up("--data", str(data))
        assert "is in use by another run" in second.process.communicate(timeout=60)[1]
        assert second.process.returncode == 1
    finally:
        kill_alone(up)


def killed_under_load(data: Path, number: int, chance: random.Random, load: Load) -> None:
    """Start it, check what was accepted before, and kill it under load."""
    pipeline, up = serve(data)
    before, moment, later = len(load.accepted), chance.randint(*LOAD_ORDERS), chance.uniform(0, 0.05)
    try:
        if number == 0:
            pipeline.stock(PLENTY, SCARCE)
        check(pipeline, load)
        load.start(client_of(pipeline), f"kill-{number}")
        eventually(lambda: len(load.accepted) - before, lambda accepted: accepted >= moment, pause=0.001)
        time.sleep(later)
    finally:
        kill(up, chance)
        load.stop()
    print(f"kill {number + 1}: {later:.3f} s after order {moment}")  # noqa: T201 - to compare with


def killed_while_it_starts(data: Path, chance: random.Random) -> None:
    """Kill it on its way from the journal to the next snapshot."""
    up = Up("--data", str(data))
    moment = chance.uniform(*START_SECONDS)
    time.sleep(moment)
    kill(up, chance)
    print(f"killed again, {moment:.2f} s after its start")  # noqa: T201 - the run's figures


def serve(data: Path) -> tuple[Pipeline, Up]:
    up = Up("--data", str(data))
    up.url()
    return Pipeline(read_run_file()), up


def client_of(pipeline: Pipeline) -> OrdersClient:
    return OrdersClient(pipeline.addresses.api_url, CLIENT)


def check(pipeline: Pipeline, load: Load) -> None:
    """Every order that was accepted ends once; money, books, goods and stock agree."""
    client = client_of(pipeline)
    load.ask_again(client)
    orders = eventually(lambda: all_orders(client), all_ended, RECOVERY_SECONDS, pause=0.3)
    pipeline.wait_until_the_queue_is_empty()
    assert set(load.accepted.values()) == orders.keys()
    completed = {i: order for i, order in orders.items() if order["status"] == "completed"}
    assert not orders or completed
    assert read_books(pipeline.addresses).balanced
    captured = {i: amount for i, amount in captured_by_order(pipeline.addresses).items() if amount}
    assert captured == {i: order["total"] for i, order in completed.items()}
    assert {i: len(pipeline.entries(i)) for i in orders} == {i: int(i in completed) for i in orders}
    assert sorted(s["order_id"] for s in pipeline.all_shipments()) == sorted(completed)
    lines = [line for order_id in completed for line in client.get(order_id)["lines"]]
    for product in (PLENTY, SCARCE):
        sold = sum(line["quantity"] for line in lines if line["sku"] == product.sku)
        assert pipeline.on_hand(product.sku) == product.on_hand - sold >= 0


def all_orders(client: OrdersClient) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    page, after = client.page()
    found |= {order["order_id"]: order for order in page}
    while after:
        page, after = client.page(cursor=after)
        found |= {order["order_id"]: order for order in page}
    return found


def all_ended(orders: Mapping[str, Mapping[str, Any]]) -> bool:
    return all(order["status"] in TERMINAL for order in orders.values())
