"""The breaker's one item, beside the idempotency records: `id` is `breaker#outside`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.failures import CONDITION_FAILED, error_code, store_errors
from lambdas.domain.breaker import Breaker, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

BREAKER_ID: Final = "breaker#outside"


@dataclass(frozen=True, slots=True)
class DynamoBreaker:
    """The shared breaker in DynamoDB: read once a batch, written only when it changes."""

    client: Any
    table: str

    def read(self) -> Breaker:
        """Return it by a consistent read: a probe's turn must be seen by all at once."""
        with store_errors():
            answer = self.client.get_item(
                TableName=self.table, Key=to_item({"id": BREAKER_ID}), ConsistentRead=True
            )
        return _from_item(answer["Item"]) if "Item" in answer else Breaker()

    def write(self, breaker: Breaker) -> bool:
        """Write it over the revision it was made from."""
        try:
            with store_errors():
                self.client.put_item(
                    TableName=self.table,
                    Item=_to_item(breaker),
                    ConditionExpression="attribute_not_exists(id) OR revision = :read",
                    ExpressionAttributeValues=to_item({":read": breaker.revision - 1}),
                )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            return False
        return True


def _to_item(breaker: Breaker) -> dict[str, Any]:
    return to_item(
        {
            "id": BREAKER_ID,
            "phase": breaker.phase,
            "since_ms": round(breaker.since * 1000),
            "next_probe_ms": round(breaker.next_probe * 1000),
            "revision": breaker.revision,
        }
    )


def _from_item(item: Mapping[str, Any]) -> Breaker:
    values = from_item(item)
    return Breaker(
        phase=Phase(values["phase"]),
        since=values["since_ms"] / 1000,
        next_probe=values["next_probe_ms"] / 1000,
        revision=values["revision"],
    )
