"""An operator's hold of an order, with the history of who wanted it and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.domain.identifiers import OrderId
from lambdas.domain.operation import OperationKind
from orders.dlq.deeds import DONE, Deeds
from orders.holding import HoldRefused, hold_order

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from orders.dlq.desk import Desk
    from orders.dlq.replaying import Why


def hold_recorded(desk: Desk, order_id: str, why: Why, *, held: bool) -> Order:
    """Hold an order, or end its hold; return it after that.

    Raises:
        HoldRefused: as `hold_order` does; the history has that too.
        StoreUnavailable: DynamoDB does not answer.
    """
    deeds = Deeds(desk, why)
    kind = OperationKind.HOLD if held else OperationKind.END_HOLD
    deed = deeds.begin(kind, order_id, order_id=OrderId(order_id))
    try:
        order = hold_order(desk.orders, order_id, desk.now, held=held)
    except HoldRefused:
        deeds.end(deed, "refused")
        raise
    deeds.end(deed, DONE)
    return order
