"""What happens to an order in the matrix: each scenario is prepared undisturbed, then played with faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.parts import (
    ALL_LINES,
    BOOK,
    CONFIRM,
    CONFLICT,
    LOST,
    LOST_ONCE,
    MANY,
    RESERVE,
    SHIP,
    cancel,
    claimed_by_another,
    completed,
    confirmation_fails,
    days_pass,
    dispute,
    junk,
    killed_after,
    leave_a_round,
    lose_messages,
    nothing,
    offer_many,
    read,
    refund,
    refund_beside,
    refuse_keys,
    refuse_shipments,
    settle,
    submitted,
    then,
    void_by_hand,
    warehouse_down,
    watch,
    with_accident,
    withdraw,
)

if TYPE_CHECKING:
    from tests.faults.parts import Part


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name, what comes before, and what the faults are injected into."""

    name: str
    prepare: Part
    play: Part = settle

    def __str__(self) -> str:
        """Its name."""
        return self.name


_ONE_BACK: Final = [{"line": 1, "quantity": 1}]
# Five failed executions open the breaker, a sixth is a probe.
_CALLS_OF_SIX_EXECUTIONS: Final = 18

SALES: Final = (
    Scenario("paid", nothing, then(submitted(), settle)),
    Scenario("free", submitted({"GIFT": 1}, card=None)),
    Scenario("declined", submitted(card="pm_card_chargeDeclined")),
    Scenario("out of stock", submitted({"MUG": 6})),
    Scenario("withdrawn", then(submitted(), withdraw)),
    Scenario("refused by the warehouse", then(refuse_shipments, submitted())),
    Scenario("many lines", offer_many, then(submitted(MANY), settle)),
    Scenario("voided by hand before shipment", then(killed_after(CONFIRM), void_by_hand)),
    Scenario("voided by hand after shipment", then(killed_after(SHIP), void_by_hand)),
)
CANCELLATIONS: Final = (
    Scenario("cancelled at once", submitted(), then(cancel, settle)),
    Scenario("cancelled when authorised", then(killed_after(CONFIRM), cancel)),
    Scenario("cancelled when reserved", then(killed_after(RESERVE), cancel)),
    Scenario("cancelled when shipped", then(killed_after(SHIP), cancel)),
    Scenario("many lines cancelled", then(offer_many, killed_after(RESERVE, MANY), cancel)),
)
REFUNDS: Final = (
    Scenario("refunded by lines", completed(), then(refund(lines=_ONE_BACK, restock=True), settle)),
    Scenario("refunded by amount", then(completed(), refund(amount=100))),
    Scenario("refund refused", then(completed(), dispute, refund(amount=100))),
    Scenario(
        "refund refused beside another",
        then(completed(), dispute, refund(amount=100)),
        then(refund_beside, settle),
    ),
    Scenario(
        "many lines restocked", then(offer_many, completed(MANY), refund(lines=ALL_LINES, restock=True))
    ),
    Scenario("read", then(completed(), refund(amount=100), settle), read),
)
WATCHED: Final = (
    Scenario("handed back", then(submitted(), lose_messages, leave_a_round, days_pass(1)), watch),
    Scenario("authorisation given up", then(killed_after(CONFIRM), lose_messages, days_pass(5.1)), watch),
    Scenario("refund handed back", then(completed(), refund(), lose_messages, days_pass(1)), watch),
)
# What goes wrong here by itself makes dispatch park, wait and give up, and the drain, the pages and a replay.
TROUBLES: Final = (
    Scenario("busy", then(submitted(), claimed_by_another)),
    Scenario("junk", junk),
    Scenario("warehouse down", submitted(), then(warehouse_down(_CALLS_OF_SIX_EXECUTIONS), settle)),
    Scenario("failure saved by the provider", submitted(), then(confirmation_fails, settle)),
    Scenario("confirmation unanswered", submitted(), then(with_accident(CONFIRM, LOST), settle)),
    Scenario("booking unanswered", submitted(), then(with_accident(BOOK, LOST_ONCE), settle)),
    Scenario("booking in conflict", submitted(), then(with_accident(BOOK, CONFLICT), settle)),
    Scenario("key refused", submitted(), then(refuse_keys, settle)),
    Scenario("key refused at a refund", then(completed(), refund()), then(refuse_keys, settle)),
)
SCENARIOS: Final = (*SALES, *CANCELLATIONS, *REFUNDS, *WATCHED, *TROUBLES)
