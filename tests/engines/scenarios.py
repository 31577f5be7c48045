"""The workflow scenarios: defined once, run on every engine, with the same end on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from tests.engines.stage import ON_HAND, PRICE, Ended, Facts
from tests.fakes.payments import POOR_CARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId
    from tests.engines.stage import Definition, Stage

    Play: TypeAlias = Callable[[Stage], tuple[OrderId, Ended]]

# Of one try and its two retries.
TRIES: Final = 3
HANG_LIMIT_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """`play` returns the order and how its last execution ended; the rest is what must have come of it."""

    name: str
    play: Play
    ends: Ended
    order: Facts


def _process(stage: Stage, order_id: OrderId) -> tuple[OrderId, Ended]:
    return order_id, stage.run(command="process", order_id=order_id)


def _paid(stage: Stage) -> tuple[OrderId, Ended]:
    return _process(stage, stage.accept())


def _declined(stage: Stage) -> tuple[OrderId, Ended]:
    return _process(stage, stage.accept(POOR_CARD))


def _out_of_stock(stage: Stage) -> tuple[OrderId, Ended]:
    return _process(stage, stage.accept(quantity=ON_HAND + 1))


def _flaky_then_fine(stage: Stage) -> tuple[OrderId, Ended]:
    stage.fail_warehouse(TRIES - 1)
    return _paid(stage)


def _failing_for_good(stage: Stage) -> tuple[OrderId, Ended]:
    stage.fail_warehouse(TRIES)
    return _paid(stage)


def _hung_then_fine(stage: Stage) -> tuple[OrderId, Ended]:
    stage.hang_fulfil(1)
    return _hurried(stage)


def _hung(stage: Stage) -> tuple[OrderId, Ended]:
    stage.hang_fulfil(TRIES)
    return _hurried(stage)


def _hurried(stage: Stage) -> tuple[OrderId, Ended]:
    """Process an order with less patience than the real 12 s."""

    def hurry(machine: Definition) -> None:
        machine["States"]["Fulfil"]["TimeoutSeconds"] = HANG_LIMIT_SECONDS

    order_id = stage.accept()
    return order_id, stage.run(hurry, command="process", order_id=order_id)


def _unknown_outcome_found(stage: Stage) -> tuple[OrderId, Ended]:
    stage.cut_captured(1)
    return _paid(stage)


def _unknown_outcome(stage: Stage) -> tuple[OrderId, Ended]:
    stage.cut_confirm(TRIES)
    return _paid(stage)


def _cancelled(stage: Stage) -> tuple[OrderId, Ended]:
    order_id = stage.accept()
    stage.cancel(order_id)
    return order_id, stage.run(command="cancel", order_id=order_id)


def _refunded(stage: Stage) -> tuple[OrderId, Ended]:
    order_id, _ = _paid(stage)
    return order_id, stage.run(command="refund", order_id=order_id, refund_id=stage.refund(order_id))


def _unknown_command(stage: Stage) -> tuple[OrderId, Ended]:
    order_id = stage.accept()
    return order_id, stage.run(command="explode", order_id=order_id)


_SOLD: Final = Facts(
    "completed", "captured", "shipped", captured=PRICE, shipments=1, entries=1, left=ON_HAND - 1
)

SCENARIOS: Final = (
    Scenario("paid", _paid, Ended("SUCCEEDED", "completed"), _SOLD),
    Scenario(
        "declined",
        _declined,
        Ended("SUCCEEDED", "rejected"),
        Facts("rejected", "declined", "unreserved", "payment_declined:insufficient_funds"),
    ),
    Scenario(
        "out of stock",
        _out_of_stock,
        Ended("SUCCEEDED", "rejected"),
        Facts("rejected", "voided", "out_of_stock", "out_of_stock"),
    ),
    Scenario("flaky, then fine", _flaky_then_fine, Ended("SUCCEEDED", "completed"), _SOLD),
    Scenario(
        "failing for good",
        _failing_for_good,
        Ended("FAILED", error="fulfil:WarehouseUnavailable"),
        Facts("processing", "authorized", "reserved", left=ON_HAND - 1),
    ),
    Scenario("hung, then fine", _hung_then_fine, Ended("SUCCEEDED", "completed"), _SOLD),
    Scenario(
        "hung",
        _hung,
        Ended("FAILED", error="fulfil:States.Timeout"),
        Facts("processing", "authorized", "reserved", left=ON_HAND - 1),
    ),
    Scenario("unknown outcome, found again", _unknown_outcome_found, Ended("SUCCEEDED", "completed"), _SOLD),
    Scenario(
        "unknown outcome",
        _unknown_outcome,
        Ended("FAILED", error="authorise:PaymentOutcomeUnknown"),
        Facts("processing", "pending", "unreserved"),
    ),
    Scenario(
        "cancelled",
        _cancelled,
        Ended("SUCCEEDED", "cancelled"),
        Facts("cancelled", "voided", "unreserved", "customer_request"),
    ),
    Scenario(
        "refunded",
        _refunded,
        Ended("SUCCEEDED", "refunded"),
        Facts(
            "completed",
            "refunded",
            "shipped",
            captured=PRICE,
            refunded=PRICE,
            shipments=1,
            entries=2,
            left=ON_HAND - 1,
        ),
    ),
    Scenario(
        "unknown command",
        _unknown_command,
        Ended("FAILED", error="route:UnknownCommand"),
        Facts("accepted", "pending", "unreserved"),
    ),
)
