"""The orders table: reading, accepting, claiming and changing orders.

Write units of an order whose head stays under 1 KB: accept 1 and one for each of the two indexes, claim 1,
and one per `save`. `docs/data-model.md` counts them all and gives each one's reason.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_attribute, to_item
from lambdas.adapters.dynamodb.batches import batch_get
from lambdas.adapters.dynamodb.failures import CONDITION_FAILED, error_code, store_errors
from lambdas.adapters.dynamodb.order_items import (
    head_key,
    head_update,
    lines_from_maps,
    lines_key,
    new_items,
    order_from_head,
)
from lambdas.domain.errors import OrderCorrupt, OrderNotFound
from lambdas.domain.identifiers import looks_like_order_id
from lambdas.domain.lost_write import is_same_write
from lambdas.domain.order import Order, digest_lines
from lambdas.domain.order_store import InvalidCursor, Page
from lambdas.domain.timestamps import from_text

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId, OrderId
    from lambdas.domain.order import Line

BY_CLIENT: Final = "by_client"


@dataclass(frozen=True, slots=True)
class DynamoOrders:
    """Orders in DynamoDB; `client` is botocore's, `table` the table's name."""

    client: Any
    table: str

    def get(self, order_id: OrderId) -> Order | None:
        """Return the order's head by a consistent read."""
        with store_errors():
            answer = self.client.get_item(TableName=self.table, Key=head_key(order_id), ConsistentRead=True)
        item = answer.get("Item")
        return order_from_head(item) if item else None

    def lines_of(self, order: Order) -> tuple[Line, ...]:
        """Return the lines that were accepted, from the head or from their own item."""
        lines = order.lines
        if lines is None:
            with store_errors():
                answer = self.client.get_item(TableName=self.table, Key=lines_key(order), ConsistentRead=True)
            item = answer.get("Item")
            if not item:
                raise OrderCorrupt(f"{order.order_id} has no lines")
            lines = lines_from_maps(from_attribute(item["lines"]))
        if digest_lines(lines) != order.lines_digest:
            raise OrderCorrupt(f"the lines of {order.order_id} are not those that were accepted")
        return lines

    def page(self, client: ClientId, cursor: str | None, limit: int) -> Page:
        """Read a page of the client's orders from the index, then their heads."""
        start = None if cursor is None else _decode_cursor(client, cursor)
        with store_errors():
            answer = self.client.query(
                TableName=self.table,
                IndexName=BY_CLIENT,
                KeyConditionExpression="#client = :client",
                ExpressionAttributeNames={"#client": "client"},
                ExpressionAttributeValues=to_item({":client": client}),
                ScanIndexForward=False,
                Limit=limit,
                **({"ExclusiveStartKey": start} if start else {}),
            )
        keys = [{"order_id": i["order_id"], "item": i["item"]} for i in answer["Items"]]
        found = (order_from_head(item) for item in batch_get(self.client, self.table, keys))
        heads = {order.order_id: order for order in found}
        last = answer.get("LastEvaluatedKey")
        return Page(
            orders=tuple(heads[i] for i in (k["order_id"]["S"] for k in keys) if i in heads),
            cursor=_encode_cursor(last) if last else None,
        )

    def create(self, order: Order) -> Order | None:
        """Write the lines (where they are apart), then the head by one conditional write."""
        head, lines = new_items(order)
        if lines:
            existing = self.get(order.order_id)
            if existing:
                return existing
            with store_errors():
                self.client.put_item(TableName=self.table, Item=lines)
        try:
            with store_errors():
                self.client.put_item(
                    TableName=self.table,
                    Item=head,
                    ConditionExpression="attribute_not_exists(order_id)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            return order_from_head(old_item(error))
        return None

    def amend(self, order: Order) -> bool:
        """Write a changed head over the revision that it was made from, beside whoever holds the claim."""
        try:
            with store_errors():
                self.client.update_item(**head_update(order, None, self.table))
        except ClientError as error:
            return is_same_write(order, order_from_head(old_item(error)))
        return True


def old_item(error: ClientError, *, required: bool = True) -> dict[str, Any]:
    """Return the item that failed a condition; raise what is no failed condition."""
    if error_code(error) != CONDITION_FAILED:
        raise error
    response: dict[str, Any] = dict(error.response)
    item: dict[str, Any] = response.get("Item") or {}
    if required and not item:
        raise OrderNotFound("the head is gone") from error
    return item


def _encode_cursor(last: dict[str, Any]) -> str:
    """Keep the position without the client, whose name a cursor must neither show nor choose."""
    text = json.dumps([last["order_id"]["S"], last["accepted_at"]["S"]])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode_cursor(client: ClientId, cursor: str) -> dict[str, Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        order_id, accepted_at = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        from_text(accepted_at)
        known = looks_like_order_id(order_id)
    except (ValueError, TypeError, RecursionError, AttributeError) as error:
        raise InvalidCursor("not a cursor of this list") from error
    if not known:
        raise InvalidCursor("not a cursor of this list")
    return {**head_key(order_id), **to_item({"client": client, "accepted_at": accepted_at})}
