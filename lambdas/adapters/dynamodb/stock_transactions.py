"""Transactions on stock: conflicts are tried again, and a failed condition says what it means."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_item
from lambdas.adapters.dynamodb.failures import (
    TRANSACTION_CANCELED,
    cancellation_reasons,
    error_code,
    is_passing,
    store_errors,
)
from lambdas.adapters.dynamodb.order_items import head_key, order_from_head
from lambdas.domain.errors import OrderCorrupt, StockContention, StoreUnavailable
from lambdas.domain.lost_write import explain_lost_write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambdas.domain.order import Order

_CONTENTION_TRIES: Final = 6
_FIRST_DELAY_SECONDS: Final = 0.04

Action = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StockTransactions:
    """Transactions over the inventory table and the head of one order."""

    client: Any
    inventory_table: str
    pause: Callable[[float], None]

    def run(self, actions: list[Action], order: Order, claim: str) -> dict[str, int]:
        """Run one transaction; return the SKUs that are short (with `partial_until`), empty when it worked.

        `order` is as the transaction writes its head, or as it expects it. Conflicts with other orders are
        tried again with jitter, then raised as StockContention. A head that is not as it was read raises
        ClaimLost or StoreUnavailable, unless this very write had worked before.
        """
        for attempt in range(_CONTENTION_TRIES):
            try:
                with store_errors():
                    self.client.transact_write_items(TransactItems=actions)
            except ClientError as error:
                if error_code(error) != TRANSACTION_CANCELED:
                    raise
                failed = [
                    (action, reason)
                    for action, reason in zip(actions, cancellation_reasons(error), strict=True)
                    if reason["Code"] == "ConditionalCheckFailed"
                ]
                if failed:
                    return self._explain_failed_conditions(failed, order, claim)
                if not is_passing(error):
                    raise
                self.pause(random.uniform(0, _FIRST_DELAY_SECONDS * 2**attempt))  # noqa: S311 - jitter
            else:
                return {}
        raise StockContention(f"the stock of {order.order_id} is moved by others")

    def run_without_shortage(self, actions: list[Action], order: Order, claim: str) -> None:
        """Run one that gives back: a SKU that is not there raises OrderCorrupt."""
        if gone := self.run(actions, order, claim):
            raise OrderCorrupt(f"no such SKU to give back to: {', '.join(gone)}")

    def _explain_failed_conditions(
        self, failed: list[tuple[Action, dict[str, Any]]], order: Order, claim: str
    ) -> dict[str, int]:
        short: dict[str, int] = {}
        for action, reason in failed:
            kind, parameters = next(iter(action.items()))
            if parameters["TableName"] == self.inventory_table:
                old = from_item(reason.get("Item", {}))
                short[parameters["Key"]["sku"]["S"]] = old.get("partial_until", 0)
            elif _is_about_the_head(parameters, order):
                # Decides over a shortage: when this write had worked before, its stock is already held.
                explain_lost_write(order, claim, order_from_head(reason["Item"]))
                return {}
            elif kind == "ConditionCheck":
                raise StoreUnavailable(f"a part of {order.order_id} was given back by another try")
            else:
                # The marker says that an earlier try of this very chunk worked though its answer was lost.
                return {}
        return short


def _is_about_the_head(parameters: Mapping[str, Any], order: Order) -> bool:
    return bool(parameters.get("Key") == head_key(order.order_id))
