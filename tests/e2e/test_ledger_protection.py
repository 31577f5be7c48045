"""The deployed ledger's own policy: nobody changes or deletes an entry, an administrator neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.bodies import body
from tests.e2e.conftest import ended

if TYPE_CHECKING:
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine


def test_not_even_an_administrator_changes_or_deletes_an_entry(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("auditor")
    order_id = ended(client, client.submit(body((mug, 1)), "booked").order["order_id"])["order_id"]
    (entry,) = pipeline.entries(order_id)
    table = pipeline.addresses.outputs["LedgerTableName"]
    key: dict[str, Any] = {"order_id": entry["order_id"], "entry_no": entry["entry_no"]}
    where = f"WHERE order_id = '{order_id}' AND entry_no = 1"
    attempts: dict[str, dict[str, Any]] = {
        "put_item": {"TableName": table, "Item": {**entry, "kind": {"S": "forged"}}},
        "delete_item": {"TableName": table, "Key": key},
        "update_item": {
            "TableName": table,
            "Key": key,
            "UpdateExpression": "SET kind = :k",
            "ExpressionAttributeValues": {":k": {"S": "forged"}},
        },
        "batch_write_item": {"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}},
        "transact_write_items": {"TransactItems": [{"Delete": {"TableName": table, "Key": key}}]},
        "execute_statement": {"Statement": f'DELETE FROM "{table}" {where}'},
        "execute_transaction": {
            "TransactStatements": [{"Statement": f"UPDATE \"{table}\" SET kind = 'forged' {where}"}]
        },
        "delete_table": {"TableName": table},
    }
    dynamodb = pipeline.aws("dynamodb")
    for operation, parameters in attempts.items():
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            getattr(dynamodb, operation)(**parameters)
    assert pipeline.entries(order_id) == [entry]
