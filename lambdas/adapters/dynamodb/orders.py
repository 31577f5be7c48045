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
from lambdas.domain.errors import ClaimLost, OrderBusy, OrderCorrupt, OrderNotFound, StoreUnavailable
from lambdas.domain.identifiers import looks_like_order_id
from lambdas.domain.order import TERMINAL, Order, Status, digest_lines
from lambdas.domain.order_store import InvalidCursor, Page
from lambdas.domain.timestamps import from_text

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId, OrderId
    from lambdas.domain.order import Line

BY_CLIENT: Final = "by_client"
_CLAIMABLE: Final = (Status.ACCEPTED, Status.PROCESSING, Status.ATTENTION_REQUIRED)


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
        start = _decode_cursor(client, cursor) if cursor else None
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
            return order_from_head(_old_item(error))
        return None

    def claim(self, order_id: OrderId, claim: str, until: int, at: str) -> Order:
        """Move the head to `processing` under this claim by one conditional write, and return it."""
        now = int(from_text(at).timestamp())
        try:
            with store_errors():
                answer = self.client.update_item(
                    TableName=self.table,
                    Key=head_key(order_id),
                    UpdateExpression=(
                        "SET #status = :processing, claim = :claim, claim_until = :until, updated_at = :at,"
                        " revision = revision + :one, timeline = list_append(timeline, :event)"
                        " REMOVE reason"
                    ),
                    ConditionExpression=(
                        "#status IN (:accepted, :processing, :attention) AND"
                        " (attribute_not_exists(claim) OR claim = :claim OR claim_until < :now)"
                    ),
                    ExpressionAttributeNames={"#status": "status"},
                    ExpressionAttributeValues=to_item(
                        {
                            **dict(zip((":accepted", ":processing", ":attention"), _CLAIMABLE, strict=True)),
                            ":claim": claim,
                            ":until": until,
                            ":at": at,
                            ":now": now,
                            ":one": 1,
                            ":event": [f"{at} processing"],
                        }
                    ),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            return _terminal_or_busy(order_id, error)
        return order_from_head(answer["Attributes"])

    def save(self, order: Order, claim: str) -> None:
        """Write a changed head over the revision that it was made from, under the claim."""
        try:
            with store_errors():
                self.client.update_item(**head_update(order, claim, self.table))
        except ClientError as error:
            explain_lost_write(order, claim, order_from_head(_old_item(error)))

    def give_back(self, order_id: OrderId, claim: str, at: str, failure: str | None) -> None:
        """Free the order of a failed execution's claim; with `failure` it waits for an operator."""
        condition = "claim = :claim"
        assignments = ["updated_at = :at", "revision = revision + :one"]
        values: dict[str, object] = {":at": at, ":one": 1, ":claim": claim}
        if failure:
            assignments += [
                "#status = :status",
                "reason = :reason",
                "timeline = list_append(timeline, :event)",
            ]
            # Its message is dead, so also when no execution ever claimed it; a live claim of another stays.
            condition = (
                "#status IN (:accepted, :processing) AND"
                " (attribute_not_exists(claim) OR claim = :claim OR claim_until < :now)"
            )
            values |= {
                ":accepted": Status.ACCEPTED,
                ":processing": Status.PROCESSING,
                ":now": int(from_text(at).timestamp()),
                ":status": Status.ATTENTION_REQUIRED,
                ":reason": failure,
                ":event": [f"{at} attention_required"],
            }
        try:
            with store_errors():
                self.client.update_item(
                    TableName=self.table,
                    Key=head_key(order_id),
                    UpdateExpression=f"SET {', '.join(assignments)} REMOVE claim, claim_until",
                    ConditionExpression=condition,
                    ExpressionAttributeValues=to_item(values),
                    **({"ExpressionAttributeNames": {"#status": "status"}} if failure else {}),
                )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            # Not ours: another execution holds the order, or it ended. Nothing to give back.


def explain_lost_write(order: Order, claim: str, found: Order) -> None:
    """Return when the write that failed its condition had worked before (its answer was lost), else raise.

    Raises:
        ClaimLost: another execution took the order over.
        StoreUnavailable: this claim's own earlier try changed the head; reading it again mends that.
    """
    if (
        found.revision == order.revision
        and found.updated_at == order.updated_at
        and found.claim == order.claim
    ):
        return
    if found.claim != claim:
        raise ClaimLost(f"{order.order_id} is no longer claimed by {claim}")
    raise StoreUnavailable(f"the write of {order.order_id} did not take place")


def _terminal_or_busy(order_id: OrderId, error: ClientError) -> Order:
    item = _old_item(error, required=False)
    if not item:
        raise OrderNotFound(order_id) from error
    order = order_from_head(item)
    if order.status in TERMINAL:
        return order
    raise OrderBusy(f"{order_id} is claimed by {order.claim}") from error


def _old_item(error: ClientError, *, required: bool = True) -> dict[str, Any]:
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
