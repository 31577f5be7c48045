"""One request at a time on the queues.

AWS: a message that was sent is there until it is deleted.

Engine: HTTP requests take turns on its event loop, but the event sources receive and delete on threads of
their own, under a lock that the requests do not take: a removal builds a new list of messages, and what
is sent before the new list is in place is lost.

Mend: all that changes a queue holds one re-entrant lock.
"""

from __future__ import annotations

import threading

from ministack.services import sqs

from orders.local.engine.holding import holding

_ACTIONS = {
    "ChangeMessageVisibility": "_act_change_visibility",
    "ChangeMessageVisibilityBatch": "_act_change_visibility_batch",
    "CreateQueue": "_act_create_queue",
    "DeleteMessage": "_act_delete_message",
    "DeleteMessageBatch": "_act_delete_message_batch",
    "DeleteQueue": "_act_delete_queue",
    "PurgeQueue": "_act_purge_queue",
    "SendMessage": "_act_send_message",
    "SendMessageBatch": "_act_send_message_batch",
}
_PARTS = ("_collect_msgs", "_dlq_sweep", "_expire_retained", "get_state")


def apply() -> None:
    """Put the lock around each action, and let the engine's own threads take the same one."""
    lock = threading.RLock()
    sqs._queues_lock = lock
    for action, name in _ACTIONS.items():
        locked = holding(getattr(sqs, name), lock)
        setattr(sqs, name, locked)
        sqs._HANDLERS[action] = locked
    for name in _PARTS:
        setattr(sqs, name, holding(getattr(sqs, name), lock))
