"""A game day: the warehouse refuses us under load, people are paged, and one operator brings all to an end.

`make game-day` does it with hundreds of orders, and kills `orders dlq apply` again and again.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from lambdas.domain.failure import FailureState
from lambdas.domain.identifiers import OrderId, failure_id_for
from orders.api_client import ApiUnreachable
from orders.cli.exit_codes import ExitCode
from orders.cli.main import main
from tests.cli.test_local_run import ORDERS as PROGRAM
from tests.e2e.bodies import body
from tests.e2e.conftest import TERMINAL, ended, eventually
from tests.e2e.test_dead_letters import incidents_of, run_alert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lambdas.domain.failure import Failure
    from orders.api_client import OrdersClient
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

FAILURES: Final = int(os.environ.get("ORDERS_GAME_DAY", "6"))
LONG: Final = "ORDERS_GAME_DAY" in os.environ
PATIENCE: Final = 120.0 + FAILURES
PAUSE: Final = 0.1 if LONG else 0.8
KILLS: Final = 5
PRICE: Final = 1200


class Load:
    """A client that orders all the time, up to a `limit`: a slow machine has no more to do than others."""

    def __init__(self, client: OrdersClient, sku: str) -> None:
        self.client = client
        self.ids: list[OrderId] = []
        self.limit = 2
        self._sku = sku
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._order)
        self._thread.start()

    def _order(self) -> None:
        number = 0
        while not self._over.wait(PAUSE):
            if number >= self.limit:
                continue
            try:
                made = self.client.submit(body((self._sku, 1)), f"game-{number}")
            except ApiUnreachable:
                continue  # the same key again
            self.ids.append(OrderId(made.order["order_id"]))
            number += 1

    def stop(self) -> None:
        """No more orders."""
        self._over.set()
        self._thread.join()


@pytest.fixture
def load(pipeline: Pipeline, mug: str) -> Iterator[Load]:
    """Orders from before the fault to after its end."""
    load = Load(pipeline.client("game-day"), mug)
    yield load
    load.stop()


@pytest.fixture
def _warehouse_in_the_end(pipeline: Pipeline) -> Iterator[None]:
    yield
    pipeline.warehouse.call("POST", "credentials", {"accepted": None})


@dataclass(frozen=True)
class Operator:
    """Runs commands for their JSON."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Any:
        code = main(["dlq", *arguments, "--json"])
        data, messages = self.capsys.readouterr()
        assert code in {ExitCode.OK, ExitCode.FINDINGS}, messages
        return json.loads(data)


@pytest.fixture
def dlq(
    home: None,  # noqa: ARG001 - where the commands find the pipeline
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Operator:
    """An operator in a folder of their own, where plans are written."""
    monkeypatch.chdir(tmp_path)
    return Operator(capsys)


def killed(plan: str, chance: random.Random) -> None:
    """Apply a plan in a process that is killed in the midst of it."""
    apply = [PROGRAM, "dlq", "apply", plan, "--reason", "warehouse_recovered", "--yes"]
    process = subprocess.Popen(apply, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=chance.uniform(1.0, 8.0))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def failures_of(pipeline: Pipeline, order_ids: list[OrderId]) -> list[Failure]:
    """What is recorded of these orders."""
    store = DynamoFailures(pipeline.aws("dynamodb"), pipeline.addresses.outputs["FailuresTableName"])
    return [found for order_id in order_ids if (found := store.get(failure_id_for(order_id)))]


def undecided(pipeline: Pipeline, client: OrdersClient, order_ids: list[OrderId]) -> list[OrderId]:
    """Which of them have neither ended nor a failure."""
    failed = {failure.order_id for failure in failures_of(pipeline, order_ids)}
    return [i for i in order_ids if i not in failed and client.get(i)["status"] not in TERMINAL]


@pytest.mark.usefixtures("_warehouse_in_the_end")
def test_from_the_page_to_a_resolved_incident(pipeline: Pipeline, load: Load, dlq: Operator) -> None:
    client = load.client
    eventually(lambda: load.ids, bool)
    ended(client, load.ids[0])

    # The warehouse takes our token for a wrong one: no outage, which the breaker would wait out.
    pipeline.warehouse.call("POST", "credentials", {"accepted": ["somebody-elses"]})
    load.limit += FAILURES + 2
    eventually(lambda: failures_of(pipeline, load.ids), lambda f: len(f) >= FAILURES, PATIENCE, pause=1)
    pipeline.warehouse.call("POST", "credentials", {"accepted": None})
    before = list(load.ids)
    load.limit += FAILURES
    eventually(lambda: undecided(pipeline, client, before), lambda left: not left, PATIENCE, pause=1)
    failures = failures_of(pipeline, before)

    # All of them are one group, and people are paged once.
    (fingerprint,) = {failure.fingerprint for failure in failures}
    assert {f.context.title for f in failures} == {"fulfil:ProviderRefused"}
    (incident,) = incidents_of(pipeline, fingerprint)
    assert incident["state"] == "triggered"
    assert incident["log"][0]["action"] == "trigger"
    command = incident["custom_details"]["command"].split()
    assert command == ["orders", "dlq", "plan", "--group", fingerprint, "--env", "local"]
    (group,) = [g for g in dlq("groups") if g["fingerprint"] == fingerprint]
    assert group["open"] == len(failures)
    assert group["at_stake"] == {"GBP": f"{len(failures) * PRICE / 100:.2f}"}

    # What the page says is what the operator runs.
    plan = dlq(*command[2:])
    assert [(part["verdict"], part["reason"], part["failures"]) for part in plan["summary"]] == [
        ("safe", "goes_on_from_reserved", len(failures))
    ]
    chance = random.Random(FAILURES)  # noqa: S311 - when to kill
    for _ in range(KILLS if LONG else 0):
        killed(plan["plan"], chance)
    applied = dlq("apply", plan["plan"], "--reason", "warehouse_recovered", "--incident", "1", "--yes")
    assert (applied["done"], applied["stopped"], applied["not_begun"]) == (len(failures), None, 0)
    assert applied["details"]["done"] == {"completed": len(failures)}

    # Every order of the day is paid, booked and shipped once.
    eventually(lambda: load.ids, lambda ids: len(ids) > len(before))
    load.stop()
    ends_of_day = {ended(client, order_id)["status"] for order_id in load.ids}
    assert ends_of_day == {"completed"}
    shipments = [s["order_id"] for s in pipeline.all_shipments()]
    for order_id in load.ids:
        assert [intent["captured"] for intent in pipeline.intents(order_id)] == [PRICE]
        assert len(pipeline.entries(order_id)) == 1
        assert shipments.count(order_id) == 1

    # The incident is over, by itself.
    def look() -> dict[str, Any]:
        run_alert(pipeline)
        (found,) = incidents_of(pipeline, fingerprint)
        return found

    over = eventually(look, lambda found: found["state"] == "resolved", pause=1)
    assert [entry["action"] for entry in over["log"]].count("resolve") == 1
    assert {failure.state for failure in failures_of(pipeline, before)} == {FailureState.RESOLVED}

    # And the history tells who did it, why, and how each order ended.
    told = dlq("history", plan["plan"])
    of_orders = [entry for entry in told if entry["order_id"]]
    ends = {e["order_id"]: e["result"] for e in of_orders if e["result"]}
    assert ends == {failure.order_id: "completed" for failure in failures}
    replays = [e for e in of_orders if e["kind"] == "replay" and not e["result"]]
    assert sorted(e["order_id"] for e in replays) == sorted(ends)
    assert {e["reason_code"] for e in told} == {"warehouse_recovered"}
    assert {e["plan_id"] for e in told} == {plan["plan"]}
