"""Refunds in the orders table: one item each, beside the head that keeps their sums."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_item, to_attribute, to_item
from lambdas.adapters.dynamodb.failures import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    error_code,
    is_passing,
    store_errors,
)
from lambdas.adapters.dynamodb.order_items import head_key, head_update, order_from_head
from lambdas.domain.errors import OrderNotFound, StoreUnavailable
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.lost_write import explain_lost_write
from lambdas.domain.refund import Refund, RefundLine, RefundStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.domain.order import Order

PREFIX = "REFUND#"


@dataclass(frozen=True, slots=True)
class DynamoRefunds:
    """Refunds in DynamoDB; `table` is the orders table's name."""

    client: Any
    table: str

    def refund(self, order_id: OrderId, refund_id: RefundId) -> Refund | None:
        """Return a refund by a consistent read."""
        with store_errors():
            answer = self.client.get_item(
                TableName=self.table, Key=refund_key(order_id, refund_id), ConsistentRead=True
            )
        item = answer.get("Item")
        return refund_from_item(item) if item else None

    def refunds_of(self, order_id: OrderId) -> tuple[Refund, ...]:
        """Return all refunds of an order by consistent reads."""
        query = {
            "TableName": self.table,
            "KeyConditionExpression": "order_id = :order AND begins_with(#item, :prefix)",
            "ExpressionAttributeNames": {"#item": "item"},
            "ExpressionAttributeValues": to_item({":order": order_id, ":prefix": PREFIX}),
            "ConsistentRead": True,
        }
        found: list[Refund] = []
        while True:
            with store_errors():
                answer = self.client.query(**query)
            found += map(refund_from_item, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return tuple(sorted(found, key=lambda refund: (refund.requested_at, refund.refund_id)))
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def request(self, order: Order, refund: Refund) -> bool:
        """Write head and refund together, each over what was read."""
        put = {
            "TableName": self.table,
            "Item": refund_to_item(refund),
            "ConditionExpression": "attribute_not_exists(order_id)",
        }
        return self._transact({"Update": head_update(order, None, self.table)}, {"Put": put})

    def save_refund(self, order: Order, refund: Refund, claim: str) -> None:
        """Write head and refund together under the claim."""
        head = {"Update": head_update(order, claim, self.table)}
        if self._transact(head, {"Update": refund_update(refund, self.table)}):
            return
        with store_errors():
            answer = self.client.get_item(
                TableName=self.table, Key=head_key(order.order_id), ConsistentRead=True
            )
        if "Item" not in answer:
            raise OrderNotFound(order.order_id)
        explain_lost_write(order, claim, order_from_head(answer["Item"]))

    def set_refund_aside(self, order_id: OrderId, refund_id: RefundId, at: str, failure: str) -> None:
        """Mark a refund that is not decided; one that is stays as it is."""
        try:
            with store_errors():
                self.client.update_item(
                    TableName=self.table,
                    Key=refund_key(order_id, refund_id),
                    UpdateExpression="SET #status = :aside, failure = :failure, updated_at = :at",
                    ConditionExpression="#status = :requested",
                    ExpressionAttributeNames={"#status": "status"},
                    ExpressionAttributeValues=to_item(
                        {
                            ":aside": RefundStatus.ATTENTION_REQUIRED,
                            ":requested": RefundStatus.REQUESTED,
                            ":failure": failure,
                            ":at": at,
                        }
                    ),
                )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise

    def _transact(self, *actions: dict[str, Any]) -> bool:
        try:
            with store_errors():
                self.client.transact_write_items(TransactItems=list(actions))
        except ClientError as error:
            if error_code(error) != TRANSACTION_CANCELED:
                raise
            if is_passing(error):
                raise StoreUnavailable("the order is written by another at this moment") from error
            return False
        return True


def refund_key(order_id: str, refund_id: str) -> dict[str, Any]:
    """Return the key of a refund."""
    return to_item({"order_id": order_id, "item": PREFIX + refund_id})


def refund_to_item(refund: Refund) -> dict[str, Any]:
    """Encode a refund."""
    values = asdict(refund)
    values["lines"] = values["lines"] or None
    return refund_key(refund.order_id, refund.refund_id) | to_item(values)


def refund_from_item(item: Mapping[str, Any]) -> Refund:
    """Decode a refund."""
    values = from_item(item)
    status = RefundStatus(values["status"])
    return Refund(
        refund_id=RefundId(values["refund_id"]),
        order_id=OrderId(values["order_id"]),
        amount=values["amount"],
        currency=values["currency"],
        reason_code=values["reason_code"],
        restock=values["restock"],
        request_hash=values["request_hash"],
        requested_at=values["requested_at"],
        updated_at=values["updated_at"],
        lines=tuple(RefundLine(part["line"], part["quantity"]) for part in values.get("lines", ())),
        status=status,
        # What an operator had to look at stays stored when the refund succeeds, and is no failure any more.
        failure=values.get("failure") if status is not RefundStatus.SUCCEEDED else None,
        psp_reference=values.get("psp_reference"),
        restocked=values["restocked"],
    )


def refund_update(refund: Refund, table: str) -> dict[str, Any]:
    """Build the Update that writes what changes of a refund; the condition on the head guards it."""
    values = _changing(refund)
    return {
        "TableName": table,
        "Key": refund_key(refund.order_id, refund.refund_id),
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "ConditionExpression": "attribute_exists(order_id)",
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": to_item({f":{name}": value for name, value in values.items()}),
    }


def refund_update_statement(refund: Refund, table: str) -> dict[str, Any]:
    """Build the same write as a PartiQL statement, for ExecuteTransaction."""
    values = _changing(refund)
    assignments = " ".join(f'SET "{name}" = ?' for name in values)
    parameters = [*values.values(), refund.order_id, PREFIX + refund.refund_id]
    return {
        "Statement": f'UPDATE "{table}" {assignments} WHERE "order_id" = ? AND "item" = ?',
        "Parameters": [to_attribute(p) for p in parameters],
    }


def _changing(refund: Refund) -> dict[str, Any]:
    values = {
        "status": refund.status,
        "updated_at": refund.updated_at,
        "restocked": refund.restocked,
        "failure": refund.failure,
        "psp_reference": refund.psp_reference,
    }
    return {name: value for name, value in values.items() if value is not None}
