"""One request at a time on the tables.

AWS: a query or a scan never fails because of writes beside it.

Engine: HTTP requests take turns on its event loop, but the workflows' own DynamoDB steps, the
removal of expired items and the snapshot run on threads of their own, without a lock that the
requests take: a query then fails with "dictionary changed size during iteration".

Mend: every operation on the tables holds one re-entrant lock.
"""

from __future__ import annotations

import threading

from ministack.services import dynamodb

from orders.local.engine.holding import holding

_OPERATIONS = (
    "_batch_execute_statement",
    "_batch_get_item",
    "_batch_write_item",
    "_create_table",
    "_delete_item",
    "_delete_table",
    "_execute_statement",
    "_execute_transaction",
    "_get_item",
    "_put_item",
    "_query",
    "_scan",
    "_transact_get_items",
    "_transact_write_items",
    "_update_item",
    "_update_table",
    "get_state",
)


def apply() -> None:
    """Put the lock around each operation, and let the engine's own threads take the same one."""
    lock = threading.RLock()
    dynamodb._lock = lock
    for name in _OPERATIONS:
        setattr(dynamodb, name, holding(getattr(dynamodb, name), lock))
