"""Failures and their groups in DynamoDB: a record and the counters of its groups move in one transaction."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import to_attribute, to_item
from lambdas.adapters.dynamodb.failure_items import (
    BY_LIST,
    GROUPS,
    GROUPS_CLOSED,
    failure_from_item,
    group_from_item,
    group_key,
    group_update,
    record_key,
    record_put,
)
from lambdas.adapters.dynamodb.failures import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    cancellation_reasons,
    error_code,
    is_passing,
    store_errors,
)
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.failure import Paging
from lambdas.domain.failure_groups import group_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambdas.domain.failure import Failure, FailureGroup
    from lambdas.domain.failure_groups import Change
    from lambdas.domain.identifiers import FailureId, Fingerprint

# With the groups that they leave and enter, 30 failures stay below the 100 actions of a transaction:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MOST_TOGETHER: Final = 30
# The counters of a group are one item, on which all who drain its letters meet.
_TRIES: Final = 8
_FIRST_DELAY_SECONDS: Final = 0.03


@dataclass(frozen=True, slots=True)
class DynamoFailures:
    """Satisfies `Failures`. `client` is botocore's; `pause` sleeps, and is replaceable in tests."""

    client: Any
    table: str
    pause: Callable[[float], None] = time.sleep

    def get(self, failure_id: FailureId) -> Failure | None:
        """Return a failure by a consistent read."""
        item = self._item(record_key(failure_id))
        return failure_from_item(item) if item else None

    def save(self, before: Failure | None, after: Failure) -> bool:
        """Write a failure and count it in its groups."""
        return self.save_together([(before, after)])

    def save_together(self, changes: Sequence[Change]) -> bool:
        """Write several in one transaction, with one update for each group."""
        if len(changes) > MOST_TOGETHER:
            raise ValueError(f"{len(changes)} failures at once, at most {MOST_TOGETHER}")
        puts = [{"Put": record_put(before, after, self.table)} for before, after in changes]
        updates = [{"Update": group_update(change, self.table)} for change in group_changes(changes)]
        for attempt in range(_TRIES):
            try:
                with store_errors():
                    self.client.transact_write_items(TransactItems=[*puts, *updates])
            except ClientError as error:
                if error_code(error) != TRANSACTION_CANCELED:
                    raise
                if not is_passing(error):
                    return _were_written(changes, error)
                self.pause(random.uniform(0, _FIRST_DELAY_SECONDS * 2**attempt))  # noqa: S311 - jitter
            else:
                return True
        raise StoreUnavailable("the group is counted by others at this moment")

    def waiting_in(self, fingerprint: Fingerprint, *, seen_from: str = "") -> Iterator[Failure]:
        """Read the group's partition of the index page by page; what is not taken is not read."""
        return map(failure_from_item, self._listed(fingerprint, seen_from))

    def groups(self, *, closed: bool = False) -> Sequence[FailureGroup]:
        """Read the groups' own partitions of the index."""
        names = (GROUPS, GROUPS_CLOSED) if closed else (GROUPS,)
        return [group_from_item(item) for name in names for item in self._listed(name, "")]

    def group(self, fingerprint: Fingerprint) -> FailureGroup | None:
        """Return a group by a consistent read."""
        item = self._item(group_key(fingerprint))
        return group_from_item(item) if item else None

    def save_paging(self, group: FailureGroup, paging: Paging) -> bool:
        """Write what PagerDuty was told; a group without incident and without failures leaves the list."""
        if not paging.triggered and self._write_paging(group, paging, GROUPS_CLOSED):
            return True
        return self._write_paging(group, paging, GROUPS)

    def _write_paging(self, group: FailureGroup, paging: Paging, listed: str) -> bool:
        condition = "paging = :was"
        if group.paging == Paging():
            condition = f"(attribute_not_exists(paging) OR {condition})"
        values: dict[str, object] = {":paging": asdict(paging), ":was": asdict(group.paging), ":list": listed}
        names = {"#list": "list"}
        if listed == GROUPS_CLOSED:
            condition += " AND #open = :none"
            values[":none"] = 0
            names["#open"] = "open"
        try:
            with store_errors():
                self.client.update_item(
                    TableName=self.table,
                    Key=group_key(group.fingerprint),
                    UpdateExpression="SET paging = :paging, #list = :list",
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=to_item(values),
                )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            return False
        return True

    def _item(self, key: dict[str, Any]) -> dict[str, Any] | None:
        with store_errors():
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def _listed(self, name: str, seen_from: str) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {
            "TableName": self.table,
            "IndexName": BY_LIST,
            "KeyConditionExpression": "#list = :list",
            "ExpressionAttributeNames": {"#list": "list"},
            "ExpressionAttributeValues": {":list": to_attribute(name)},
        }
        if seen_from:
            query["KeyConditionExpression"] += " AND last_seen >= :from"
            query["ExpressionAttributeValues"][":from"] = to_attribute(seen_from)
        while True:
            with store_errors():
                answer = self.client.query(**query)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _were_written(changes: Sequence[Change], error: ClientError) -> bool:
    """Tell whether all is stored just so: the write had worked before, and its answer was lost."""
    reasons = cancellation_reasons(error)[: len(changes)]
    found = [reason.get("Item") for reason in reasons]
    return all(
        item is not None and failure_from_item(item) == after
        for item, (_, after) in zip(found, changes, strict=True)
    )
