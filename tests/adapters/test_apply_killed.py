"""`orders dlq apply` is killed after each of its calls to AWS, and run again: nothing is replayed twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.failure import FailureState
from lambdas.domain.operation import OperationKind
from orders.dlq.replaying import UNSENT_AFTER
from tests.adapters.operators import Ran, Shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lambdas.domain.failure import Failure

ORDERS = 2
A_WHILE = UNSENT_AFTER.total_seconds() + 1


class Killed(BaseException):
    """The process is gone, and nothing of it goes on."""


@dataclass
class Life:
    """How many calls a process makes before it is killed; without a number it lives."""

    calls: int | None = None
    made: list[str] = field(default_factory=list)

    def spend(self, operation: str) -> None:
        """Begin a call, or be dead."""
        if self.calls is not None and len(self.made) >= self.calls:
            raise Killed
        self.made.append(operation)


@dataclass
class MortalClient:
    """A client of a process that may be killed between any two calls."""

    client: Any
    life: Life

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.life.spend(name)
            return getattr(self.client, name)(**parameters)

        return call


class Operator:
    """Kills failed orders, plans their replay, and applies it in one process after the other."""

    def __init__(self, dynamodb: Any, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self.shop = Shop(dynamodb, monkeypatch, home)
        self.failures: list[Failure] = []
        self.file = ""

    def plan(self, first: int) -> None:
        """Let orders of their own die, and plan their replay."""
        self.shop.start_anew()
        self.failures = [self.shop.die(first + number) for number in range(ORDERS)]
        planned = self.shop.run("plan", "--since", self.shop.clock.text, "--json")
        summary = json.loads(planned.data)
        assert [(part["verdict"], part["failures"]) for part in summary["summary"]] == [("safe", ORDERS)]
        self.file = summary["file"]

    def apply(self, life: Life) -> Ran:
        """Apply the plan in a process with this life; raises Killed."""
        self.shop.wrap = lambda client: MortalClient(client, life)
        return self.shop.run("apply", self.file, "--reason", "fixed", "--yes", "--json")

    def assert_replayed_once(self) -> None:
        """Each order has ended once, and the history tells of one replay of each, with its end."""
        assert sorted(self.shop.ended) == sorted(failure.order_id or "" for failure in self.failures)
        for failure in self.failures:
            after = self.shop.failures.get(failure.failure_id)
            assert after
            assert (after.state, after.applies) == (FailureState.RESOLVED, 1)
            told = self.shop.operations(failure.failure_id)
            replays = [o for o in told if o.kind is OperationKind.REPLAY]
            assert [o.result for o in replays] == [None, "completed"]
            assert {o.reason_code for o in told} == {"fixed"}
            # Whoever dies between a message and its record takes the message's id along.
            assert len(told) - len(replays) <= 1


@pytest.fixture
def operator(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Operator:
    return Operator(dynamodb, monkeypatch, tmp_path)


def test_it_does_everything_once_when_nobody_kills_it(operator: Operator) -> None:
    operator.plan(0)
    life = Life()
    ran = operator.apply(life)
    assert (ran.code, json.loads(ran.data)["done"]) == (0, ORDERS), ran
    assert len(operator.shop.queue.bodies) == ORDERS
    operator.assert_replayed_once()
    assert {
        "query",
        "get_item",
        "transact_write_items",
        "execute_statement",
        "send_message",
    } == set(life.made)


def test_killed_after_any_call_and_run_again_it_sends_each_message_once(operator: Operator) -> None:
    operator.plan(0)
    whole = Life()
    operator.apply(whole)
    for calls in range(len(whole.made)):
        killed_after = f"killed after call {calls} of {whole.made}"
        operator.plan(10 * (calls + 1))
        with pytest.raises(Killed):
            operator.apply(Life(calls))
        operator.shop.pass_time(A_WHILE)
        ran = operator.apply(Life())
        assert ran.code == 0, f"{killed_after}: {ran}"
        assert len(operator.shop.queue.bodies) == ORDERS, killed_after
        operator.assert_replayed_once()


def test_killed_between_a_message_and_its_record_it_may_send_a_second_one_that_changes_nothing(
    operator: Operator,
) -> None:
    operator.plan(0)
    whole = Life()
    operator.apply(whole)
    operator.plan(10)
    with pytest.raises(Killed):
        operator.apply(Life(whole.made.index("send_message") + 1))
    operator.shop.works = False  # its message lies on the queue all the time
    operator.shop.pass_time(A_WHILE)
    operator.shop.works = True
    assert operator.apply(Life()).code == 0
    assert len(operator.shop.queue.bodies) == ORDERS + 1
    operator.assert_replayed_once()
