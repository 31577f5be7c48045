"""A stage whose functions are the real services over the fakes, for engines that run the definition alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from lambdas.domain.errors import PaymentOutcomeUnknown, WarehouseUnavailable
from tests.engines.stage import Ended, Facts
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.payments import GOOD_CARD
from tests.fakes.state_machine import definition

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId, RefundId
    from tests.engines.stage import Definition, Edit
    from tests.fakes.pipeline import Pipeline
    from tests.workflow import interpreter

HANG_SECONDS: Final = 2.0
SKU: Final = "MUG"


class Runner(Protocol):
    """Runs one execution of a definition."""

    def __call__(self, machine: Definition, command: dict[str, str]) -> interpreter.Ended:
        """Run it to its end."""
        ...


@dataclass(slots=True)
class FakesStage:
    """Satisfies `Stage`; the functions of `runner` are the steps of `pipeline`."""

    pipeline: Pipeline
    runner: Runner

    def accept(self, card: str = GOOD_CARD, quantity: int = 1) -> OrderId:
        """Accept an order."""
        return self.pipeline.accept(card=card, goods={SKU: quantity})

    def cancel(self, order_id: OrderId) -> None:
        """Ask for the order's end."""
        self.pipeline.cancel(order_id)

    def refund(self, order_id: OrderId) -> RefundId:
        """Ask for the order's money back."""
        return self.pipeline.ask_refund(order_id)

    def fail_warehouse(self, times: int) -> None:
        """Let the warehouse fail."""
        fault = nothing_happened(WarehouseUnavailable("503"))
        self.pipeline.warehouse.faults.plan("ship", *[fault] * times)

    def hang_fulfil(self, times: int) -> None:
        """Let the warehouse, and so the function, hang and do nothing after all."""
        hangs = iter(range(times))

        def hang(operation: str) -> None:
            if operation == "ship" and next(hangs, None) is not None:
                time.sleep(HANG_SECONDS)
                raise WarehouseUnavailable("no answer")

        self.pipeline.warehouse.faults.before = hang

    def cut_confirm(self, times: int) -> None:
        """Let nobody hear of nothing."""
        fault = nothing_happened(PaymentOutcomeUnknown("no answer"))
        self.pipeline.payments.faults.plan("confirm", *[fault] * times)

    def cut_captured(self, times: int) -> None:
        """Let nobody hear of a capture."""
        fault = answer_lost(PaymentOutcomeUnknown("no answer"))
        self.pipeline.payments.faults.plan("capture", *[fault] * times)

    def run(self, edit: Edit | None = None, **command: str) -> Ended:
        """Run one execution."""
        machine = definition()
        if edit:
            edit(machine)
        ended = self.runner(machine, command)
        outcome = ended.outcome if ended.status == "SUCCEEDED" else ""
        return Ended(ended.status, outcome, ended.error)

    def facts(self, order_id: OrderId) -> Facts:
        """Look at everything."""
        pipeline, head = self.pipeline, self.pipeline.head(order_id)
        return Facts(
            status=head.status,
            payment_status=head.payment_status,
            fulfillment_status=head.fulfillment_status,
            reason=head.reason,
            captured=pipeline.payments.captured_total,
            refunded=pipeline.payments.refunded_total,
            shipments=len(pipeline.warehouse.shipments),
            entries=len(pipeline.journal.entries),
            left=pipeline.inventory.on_hand(SKU),
        )
