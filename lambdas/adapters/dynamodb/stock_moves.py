"""What a transaction on stock is made of: moves of quantities, a check of the claim, markers of chunks."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.order_items import head_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambdas.domain.order import Order

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MAX_ACTIONS: Final = 100
SKUS_WITH_MARKER: Final = MAX_ACTIONS - 2
RESERVATION: Final = "RESERVATION"


def stock_moves(
    table: str, quantities: Mapping[str, int], sign: int, partial_until: int | None = None
) -> list[dict[str, Any]]:
    """Build the updates that take (-1) or give back (+1) quantities; a taking never goes below zero."""
    expression = "SET on_hand = on_hand + :move"
    partial = {":until": partial_until} if partial_until else {}
    if partial:
        expression += ", partial_until = :until"
    condition = "on_hand >= :quantity" if sign < 0 else "attribute_exists(sku)"
    return [
        {
            "Update": {
                "TableName": table,
                "Key": to_item({"sku": sku}),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": to_item(
                    {":move": sign * quantity, **partial, **({":quantity": quantity} if sign < 0 else {})}
                ),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        for sku, quantity in quantities.items()
    ]


def claim_check(table: str, order: Order, claim: str) -> dict[str, Any]:
    """Build the check that the order is still claimed by this execution, and as it was read.

    The claim alone does not do: an invocation that its execution gave up has the same one.
    """
    return _head_check(table, order, "claim = :claim AND revision = :read", claim, {":read": order.revision})


def lasting_claim_check(table: str, order: Order, claim: str) -> dict[str, Any]:
    """Build the check that the order is still claimed, whatever else was written on it since."""
    return _head_check(table, order, "claim = :claim", claim, {})


def _head_check(
    table: str, order: Order, condition: str, claim: str, values: dict[str, Any]
) -> dict[str, Any]:
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": head_key(order.order_id),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": to_item({":claim": claim, **values}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def put_marker(table: str, order: Order, kind: str, number: int, skus: int) -> dict[str, Any]:
    """Build the marker of a chunk; it fails when the chunk was moved before."""
    return {
        "Put": {
            "TableName": table,
            "Item": {**marker_key(order, kind, number), **to_item({"skus": skus})},
            "ConditionExpression": "attribute_not_exists(order_id)",
        }
    }


def marker_check(table: str, order: Order, kind: str, number: int) -> dict[str, Any]:
    """Build the check that a chunk is held."""
    return {"ConditionCheck": _existing_marker(table, order, kind, number)}


def delete_marker(table: str, order: Order, kind: str, number: int) -> dict[str, Any]:
    """Build the removal of a chunk's marker; it fails when the chunk was given back before."""
    return {"Delete": _existing_marker(table, order, kind, number)}


def _existing_marker(table: str, order: Order, kind: str, number: int) -> dict[str, Any]:
    return {
        "TableName": table,
        "Key": marker_key(order, kind, number),
        "ConditionExpression": "attribute_exists(order_id)",
    }


def marker_key(order: Order, kind: str, number: int) -> dict[str, Any]:
    """Return the key of a chunk's marker."""
    return to_item({"order_id": order.order_id, "item": f"{kind}#{number:04d}"})


def chunks(wanted: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Cut the quantities into chunks of one transaction each; always in the same way."""
    rest = iter(wanted.items())
    while chunk := dict(islice(rest, SKUS_WITH_MARKER)):
        yield chunk
