"""The tables that are only appended to: the ledger, and the history of what operators did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.constructs.append_only import append_only
from stacks.constructs.table import Index, Key, table

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as dynamodb
    from constructs import Construct

    from stacks.settings import Settings


def ledger_table(scope: Construct, id_: str, settings: Settings) -> dynamodb.Table:
    """The ledger: entries by order and number, and by period for statements and exports."""
    return table(
        scope,
        id_,
        settings=settings,
        partition=Key("order_id"),
        sort=Key("entry_no", "N"),
        indexes=[Index("by_period", "period", "booked_at", whole_items=True)],
        policy=append_only(scope, settings),
    )


def operations_table(scope: Construct, id_: str, settings: Settings) -> dynamodb.Table:
    """What operators did: by whom or what it was done to, in the order of time, and by day."""
    return table(
        scope,
        id_,
        settings=settings,
        partition=Key("subject"),
        sort=Key("at_id"),
        indexes=[Index("by_day", "day", "at_id", whole_items=True)],
        policy=append_only(scope, settings),
    )
