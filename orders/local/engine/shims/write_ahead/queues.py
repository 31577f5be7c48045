"""The journal's records of queues: the messages that came, went and were received.

`{"queues": {ARN: {"came": [message, ...], "went": [id, ...], "received": [some of a message, ...]}}}`.
What a function had received is free again at a start, because the function is gone with the engine; how
often it was received is kept. A visibility timeout that is changed later is not in the journal.
"""

from __future__ import annotations

import functools
import json
import time
from typing import TYPE_CHECKING, Any

from ministack.services import sqs

from orders.local.engine.journal.writer import JournalWriteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.local.engine.journal.writer import Journal

_ACTIONS = {
    "DeleteMessage": "_act_delete_message",
    "DeleteMessageBatch": "_act_delete_message_batch",
    "PurgeQueue": "_act_purge_queue",
    "SendMessage": "_act_send_message",
    "SendMessageBatch": "_act_send_message_batch",
}
_INTERNAL_ERROR = 500
_HELD = "held_by_function"
_OF_RECEIVED = ("id", "receive_count", "first_receive_at", "receipt_handle", "visible_at", _HELD)

Message = dict[str, Any]
Queue = dict[str, Any]
_Changes = dict[str, list[Any]]

_known: dict[str, set[str]] = {}
"""The ids of the messages that snapshot and journal hold, by queue."""


_for_functions = False
"""Whether an event source receives; the holder of the queues' lock has it."""


def apply(journal: Journal) -> None:
    """Write what changes to the journal, after `queue_lock`."""
    for action, name in _ACTIONS.items():
        recorded = _recorded(getattr(sqs, name), journal)
        setattr(sqs, name, recorded)
        sqs._HANDLERS[action] = recorded
    sqs._delete_messages_for_esm = _recorded(sqs._delete_messages_for_esm, journal)
    sqs._collect_msgs = _received(sqs._collect_msgs, journal)
    sqs._receive_messages_for_esm = _for_function(sqs._receive_messages_for_esm)


class TakingOver:
    """Brings the queues of the snapshot to the journal's state, record by record."""

    def __init__(self) -> None:
        self._queues: dict[str, Queue] = {_arn(queue): queue for queue in sqs._queues.all_values()}
        self._messages: dict[str, dict[str, Message]] = {
            arn: {message["id"]: message for message in queue["messages"]}
            for arn, queue in self._queues.items()
        }

    def take(self, record: dict[str, Any]) -> int:
        """Take a record's changes over.

        Returns:
            How many of them are of queues that do not exist.
        """
        homeless = 0
        for arn, changes in record.get("queues", {}).items():
            if arn in self._messages:
                _change(self._messages[arn], changes)
            else:
                homeless += sum(map(len, changes.values()))
        return homeless

    def end(self) -> None:
        """Put the messages into the queues, where each may be received."""
        now = time.time()
        for arn, messages in self._messages.items():
            self._queues[arn]["messages"] = list(messages.values())
            _known[arn] = set(messages)
            for message in messages.values():
                if message.pop(_HELD, False):
                    message["visible_at"] = min(message["visible_at"], now)


def _change(messages: dict[str, Message], changes: _Changes) -> None:
    for message in changes.get("came", ()):
        messages[message["id"]] = message
    for part in changes.get("received", ()):
        if part["id"] in messages:
            messages[part["id"]] |= part
    for message_id in changes.get("went", ()):
        messages.pop(message_id, None)


def _recorded(action: Callable[..., object], journal: Journal) -> Callable[..., object]:
    @functools.wraps(action)
    def recorded(*args: object, **kwargs: object) -> object:
        with sqs._queues_lock:
            try:
                return action(*args, **kwargs)
            finally:
                _write(journal, {})

    return recorded


def _received(collect: Callable[..., list[Message]], journal: Journal) -> Callable[..., list[Message]]:
    @functools.wraps(collect)
    def received(queue: Queue, *args: object) -> list[Message]:
        with sqs._queues_lock:
            messages = collect(queue, *args)
            for message in messages:
                message[_HELD] = _for_functions
            parts = [{name: message[name] for name in _OF_RECEIVED} for message in messages]
            _write(journal, {_arn(queue): parts} if parts else {})
            return messages

    return received


def _for_function(receive: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(receive)
    def received(*args: object) -> object:
        global _for_functions  # noqa: PLW0603 - guarded by the engine's own global lock
        with sqs._queues_lock:
            _for_functions = True
            try:
                return receive(*args)
            finally:
                _for_functions = False

    return received


def _write(journal: Journal, received: dict[str, list[Any]]) -> None:
    """Write how all queues differ from what is known.

    Where that fails the request fails, and its changes come with the next record: a send that failed may
    be delivered, and a delivery that failed counts, as with SQS.

    Raises:
        sqs._Err: The record cannot be written.
    """
    changes = {_arn(queue): _difference(queue) for queue in sqs._queues.all_values()}
    for arn, parts in received.items():
        changes[arn]["received"] = parts
    record = {arn: one for arn, one in changes.items() if one}
    if not record:
        return
    try:
        journal.append(json.dumps({"queues": record}, separators=(",", ":")).encode())
    except JournalWriteError as error:
        raise sqs._Err("InternalError", str(error), _INTERNAL_ERROR) from error
    for arn, one in record.items():
        _known[arn].update(message["id"] for message in one.get("came", ()))
        _known[arn].difference_update(one.get("went", ()))


def _difference(queue: Queue) -> _Changes:
    known = _known.setdefault(_arn(queue), set())
    messages: list[Message] = queue["messages"]
    came: list[Message] = []
    for message in reversed(messages):  # the new ones are at the end
        if message["id"] in known:
            break
        came.append(message)
    changes: _Changes = {"came": came[::-1]} if came else {}
    if len(messages) - len(came) < len(known):
        changes["went"] = sorted(known - {message["id"] for message in messages})
    return changes


def _arn(queue: Queue) -> str:
    arn: str = queue["attributes"]["QueueArn"]
    return arn
