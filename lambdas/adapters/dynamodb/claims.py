"""Claims on orders: one execution at a time changes an order, whatever the queue delivers twice.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.failures import CONDITION_FAILED, error_code, store_errors
from lambdas.adapters.dynamodb.order_items import head_key, head_update, order_from_head
from lambdas.adapters.dynamodb.orders import DynamoOrders, old_item
from lambdas.domain.errors import OrderBusy, OrderCorrupt, OrderNotFound, StoreUnavailable
from lambdas.domain.lost_write import explain_lost_write
from lambdas.domain.order import TERMINAL, Order, Status
from lambdas.domain.timestamps import from_text

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId

_CLAIMABLE: Final = (Status.ACCEPTED, Status.PROCESSING, Status.ATTENTION_REQUIRED)


@dataclass(frozen=True, slots=True)
class DynamoOrderStore(DynamoOrders):
    """Orders as the workflow changes them."""

    def claim(self, order_id: OrderId, claim: str, until: int, at: str) -> Order:
        """Move the head to `processing` under this claim by one conditional write, and return it."""
        try:
            return self._take(
                (order_id, claim, until, at),
                "SET #status = :processing, timeline = list_append(timeline, :event), ",
                " REMOVE reason",
                {**_named(_CLAIMABLE), ":event": [f"{at} processing"]},
            )
        except ClientError as error:
            order = _found_instead(order_id, error)
            if order.status in TERMINAL:
                return order
            raise OrderBusy(f"{order_id} is claimed by {order.claim}") from error

    def claim_completed(self, order_id: OrderId, claim: str, until: int, at: str) -> Order:
        """Claim a completed order on which a refund is left to do; its status stays.

        Whoever comes later than the refund's end would keep the order claimed, and nobody would free it.
        """
        taking = (order_id, claim, until, at)
        try:
            return self._take(taking, "SET ", "", _named((Status.COMPLETED,)), " AND attribute_exists(#open)")
        except ClientError as error:
            order = _found_instead(order_id, error)
            if order.status is not Status.COMPLETED:
                raise OrderCorrupt(f"{order_id} is {order.status} and is to be refunded") from error
            if not order.open:
                raise StoreUnavailable(f"no refund of {order_id} is left to do any more") from error
            raise OrderBusy(f"{order_id} is claimed by {order.claim}") from error

    def _take(
        self,
        taking: tuple[OrderId, str, int, str],
        first: str,
        last: str,
        values: dict[str, Any],
        condition: str = "",
    ) -> Order:
        order_id, claim, until, at = taking
        statuses = [name for name in values if name != ":event"]
        with store_errors():
            answer = self.client.update_item(
                TableName=self.table,
                Key=head_key(order_id),
                UpdateExpression=(
                    f"{first}claim = :claim, claim_until = :until, updated_at = :at,"
                    f" revision = revision + :one{last}"
                ),
                ConditionExpression=(
                    f"#status IN ({', '.join(statuses)}) AND"
                    " (attribute_not_exists(claim) OR claim = :claim OR claim_until < :now)"
                    f"{condition}"
                ),
                ExpressionAttributeNames={"#status": "status", **({"#open": "open"} if condition else {})},
                ExpressionAttributeValues=to_item(
                    {
                        **values,
                        ":claim": claim,
                        ":until": until,
                        ":at": at,
                        ":now": int(from_text(at).timestamp()),
                        ":one": 1,
                    }
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        return order_from_head(answer["Attributes"])

    def save(self, order: Order, claim: str) -> None:
        """Write a changed head over the revision that it was made from, under the claim."""
        try:
            with store_errors():
                self.client.update_item(**head_update(order, claim, self.table))
        except ClientError as error:
            explain_lost_write(order, claim, order_from_head(old_item(error)))

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


def _named(statuses: tuple[Status, ...]) -> dict[str, Any]:
    return {f":{status}": status for status in statuses}


def _found_instead(order_id: OrderId, error: ClientError) -> Order:
    item = old_item(error, required=False)
    if not item:
        raise OrderNotFound(order_id) from error
    return order_from_head(item)
