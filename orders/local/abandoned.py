"""Gives orders back that executions held when the engine was killed.

An execution ends with the engine that ran it, and nobody is left who would give its order back, as
`dispatch` does for one that failed. Claims run out by themselves, but only after minutes, for on AWS
nobody can know that the execution is gone. Here it is known.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.open_orders import DynamoOpenOrders
from lambdas.domain.open_orders import EARLIEST, Round
from lambdas.domain.timestamps import to_text, utc_now

if TYPE_CHECKING:
    from datetime import datetime

_BATCH: Final = 100


def give_back_abandoned(client: Any, table: str, engine_began: datetime) -> int:  # noqa: ANN401 - botocore's
    """Free every open order whose claim is older than the engine.

    Whoever claims an order writes on it, so the claims of this engine's own executions stay.

    Args:
        client: botocore's, for DynamoDB.
        table: The orders table's name.
        engine_began: A moment before the engine could start an execution.

    Returns:
        How many orders were freed.
    """
    index, store, freed = DynamoOpenOrders(client, table), DynamoOrderStore(client, table), 0
    entries = index.oldest(Round(EARLIEST, to_text(utc_now())))
    while batch := [entry.order_id for entry in islice(entries, _BATCH)]:
        for order in index.heads(batch).orders:
            if order.claim and order.updated_at < to_text(engine_began):
                store.give_back(order.order_id, order.claim, to_text(utc_now()), None)
                freed += 1
    return freed
