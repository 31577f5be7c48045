"""The orders queue: one message per command, grouped by client so that no client starves another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.commands import cancel_command, process_command, refund_command
from lambdas.domain.errors import QueueUnavailable
from lambdas.domain.identifiers import queue_group_for

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId, OrderId, RefundId


@dataclass(frozen=True, slots=True)
class SqsOrderQueue:
    """Sends commands; `client` is botocore's for SQS.

    A message group on a standard queue turns on SQS fair queues, it orders nothing:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """

    client: Any
    queue_url: str

    def send_process(self, order_id: OrderId, client: ClientId) -> None:
        """Ask for the order to be processed."""
        self._send(process_command(order_id), queue_group_for(client))

    def send_cancel(self, order_id: OrderId, client: ClientId) -> None:
        """Ask for the order's cancellation."""
        self._send(cancel_command(order_id), queue_group_for(client))

    def send_refund(self, order_id: OrderId, refund_id: RefundId, client: ClientId) -> None:
        """Ask for a refund of the order."""
        self._send(refund_command(order_id, refund_id), queue_group_for(client))

    def send_again(self, body: str, group: str | None, delay_seconds: int) -> None:
        """Send a received message as a new one, which has all its receives before it."""
        self._send(json.loads(body), group, delay_seconds)

    def send_replay(self, body: str, group: str | None) -> str:
        """Send a dead letter's command once more; return the new message's id."""
        return self._send(json.loads(body), group)

    def delay(self, receipt_handle: str, seconds: int) -> None:
        """Let a received message come back after so many seconds."""
        try:
            self.client.change_message_visibility(
                QueueUrl=self.queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(type(error).__name__) from error

    def waiting(self) -> int:
        """Return about how many messages wait to be received."""
        name = "ApproximateNumberOfMessages"
        try:
            answer = self.client.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[name])
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(type(error).__name__) from error
        return int(answer["Attributes"][name])

    def _send(self, command: dict[str, Any], group: str | None, delay_seconds: int = 0) -> str:
        try:
            answer = self.client.send_message(
                QueueUrl=self.queue_url,
                MessageBody=json.dumps(command, separators=(",", ":")),
                **({"MessageGroupId": group} if group else {}),
                **({"DelaySeconds": delay_seconds} if delay_seconds else {}),
            )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(type(error).__name__) from error
        return str(answer["MessageId"])
