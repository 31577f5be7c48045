"""The operations table: the history of what operators did, written by insertion alone.

PartiQL `INSERT` fails on an existing key, as `PutItem` does not, with `DuplicateItemException`:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_item, to_attribute, to_item
from lambdas.adapters.dynamodb.batches import batch_get
from lambdas.adapters.dynamodb.failures import error_code, store_errors
from lambdas.domain.identifiers import OperationId, OrderId, PlanId
from lambdas.domain.operation import Operation, OperationKind, in_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BY_DAY: Final = "by_day"
NOTE: Final = "NOTE"
_DUPLICATE: Final = "DuplicateItemException"
_DAY_LENGTH: Final = len("2026-11-21")


@dataclass(frozen=True, slots=True)
class DynamoHistory:
    """Satisfies `History`; notes lie in the failures table, whose items may be deleted."""

    client: Any
    table: str
    failures_table: str

    def record(self, operation: Operation) -> bool:
        """Insert an entry."""
        values = _values(operation)
        placeholders = ", ".join(f"'{name}': ?" for name in values)
        try:
            with store_errors():
                self.client.execute_statement(
                    Statement=f'INSERT INTO "{self.table}" VALUE {{{placeholders}}}',
                    Parameters=[to_attribute(value) for value in values.values()],
                )
        except ClientError as error:
            if error_code(error) != _DUPLICATE:
                raise
            return False
        return True

    def find(self, operation: Operation) -> Operation | None:
        """Read an entry by its key, consistently."""
        key = to_item({"subject": operation.subject, "at_id": _at_id(operation)})
        with store_errors():
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return _operation(answer["Item"]) if "Item" in answer else None

    def of(self, subject: str) -> Sequence[Operation]:
        """Query a partition, consistently."""
        found = self._query("subject = :subject", {":subject": subject}, {"ConsistentRead": True})
        return in_time(found)

    def of_day(self, day: str) -> Iterator[Operation]:
        """Query the index of days, which may lag behind a little."""
        yield from self._query("#day = :day", {":day": day}, {"IndexName": BY_DAY}, {"#day": "day"})

    def keep_note(self, operation: Operation, text: str) -> None:
        """Put the operator's words."""
        item = {"id": operation.operation_id, "item": NOTE, "text": text, "at": operation.at}
        with store_errors():
            self.client.put_item(TableName=self.failures_table, Item=to_item(item))

    def notes(self, operations: Sequence[Operation]) -> Mapping[OperationId, str]:
        """Read the notes in batches."""
        keys = [to_item({"id": operation.operation_id, "item": NOTE}) for operation in operations]
        items = batch_get(self.client, self.failures_table, keys)
        return {OperationId(item["id"]["S"]): item["text"]["S"] for item in items}

    def _query(
        self,
        condition: str,
        values: dict[str, object],
        options: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> Iterator[Operation]:
        query: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_item(values),
            **options,
            **({"ExpressionAttributeNames": names} if names else {}),
        }
        while True:
            with store_errors():
                answer = self.client.query(**query)
            yield from map(_operation, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _at_id(operation: Operation) -> str:
    return f"{operation.began_at}#{operation.operation_id}"


def _values(operation: Operation) -> dict[str, object]:
    values = {
        **asdict(operation),
        "at_id": _at_id(operation),
        "day": operation.began_at[:_DAY_LENGTH],
    }
    return {name: value for name, value in values.items() if value is not None}


def _operation(item: Mapping[str, Any]) -> Operation:
    values = from_item(item)
    order_id, plan_id = values.get("order_id"), values.get("plan_id")
    return Operation(
        operation_id=OperationId(values["operation_id"]),
        subject=values["subject"],
        kind=OperationKind(values["kind"]),
        began_at=values["began_at"],
        at=values["at"],
        actor=values["actor"],
        reason_code=values["reason_code"],
        order_id=OrderId(order_id) if order_id else None,
        plan_id=PlanId(plan_id) if plan_id else None,
        incident=values.get("incident"),
        message_id=values.get("message_id"),
        result=values.get("result"),
    )
