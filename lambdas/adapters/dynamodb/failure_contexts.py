"""What dispatch leaves in the failures table beside the records; all of it expires after 30 days."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.failures import store_errors
from lambdas.domain.failure import FailureContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import FailureId, PlanId

# Longer than a dead letter can lie on its queue (14 days), and than anybody waits for a replay.
KEPT_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class DynamoFailureContexts:
    """Satisfies `FailureContexts` and `ReplayMarks`. `client` is botocore's, `now` epoch seconds."""

    client: Any
    table: str
    now: Callable[[], float] = time.time

    def keep(self, failure_id: FailureId, message_id: str, context: FailureContext) -> None:
        """Write the context of a message, over an earlier one of the same message."""
        self._put(_context_key(failure_id, message_id), asdict(context))

    def find(self, failure_id: FailureId, message_id: str) -> FailureContext | None:
        """Return the context of a message by a consistent read."""
        values = self._get(_context_key(failure_id, message_id))
        if values is None:
            return None
        return FailureContext(**{n: v for n, v in values.items() if n not in {"id", "item", "expires_at"}})

    def came_through(self, failure_id: FailureId, plan_id: PlanId, at: str) -> None:
        """Mark a replay."""
        self._put(_mark_key(failure_id, plan_id), {"at": at})

    def has_come_through(self, failure_id: FailureId, plan_id: PlanId) -> bool:
        """Look for the mark by a consistent read."""
        return self._get(_mark_key(failure_id, plan_id)) is not None

    def _put(self, key: dict[str, str], values: dict[str, Any]) -> None:
        expires = {"expires_at": int(self.now()) + KEPT_SECONDS}
        with store_errors():
            self.client.put_item(TableName=self.table, Item=to_item({**key, **values, **expires}))

    def _get(self, key: dict[str, str]) -> dict[str, Any] | None:
        with store_errors():
            answer = self.client.get_item(TableName=self.table, Key=to_item(key), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None


def _context_key(failure_id: FailureId, message_id: str) -> dict[str, str]:
    return {"id": failure_id, "item": f"CONTEXT#{message_id}"}


def _mark_key(failure_id: FailureId, plan_id: PlanId) -> dict[str, str]:
    return {"id": failure_id, "item": f"REPLAYED#{plan_id}"}
