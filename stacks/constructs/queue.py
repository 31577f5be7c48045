"""The orders queue and its dead-letter queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.table import removal_policy_once_made
from stacks.timeouts import (
    DEAD_LETTER_RETENTION_DAYS,
    DEAD_LETTER_VISIBILITY_SECONDS,
    MAX_RECEIVES,
    QUEUE_RETENTION_DAYS,
    VISIBILITY_SECONDS,
)

if TYPE_CHECKING:
    from stacks.settings import Settings


class OrdersQueue(Construct):
    """A standard queue whose messages go to a dead-letter queue after `MAX_RECEIVES` receives.

    Both are encrypted by SQS's own keys and refuse plain HTTP. The dead letters stay longer than
    the queue's messages, whose age they keep: a message may spend 4 of its 14 days in the queue.
    They have no redrive of their own: a letter that cannot be drained comes back until it can.
    """

    def __init__(self, scope: Construct, id_: str, settings: Settings) -> None:
        super().__init__(scope, id_)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            retention_period=Duration.days(DEAD_LETTER_RETENTION_DAYS),
            visibility_timeout=Duration.seconds(DEAD_LETTER_VISIBILITY_SECONDS),
            receive_message_wait_time=Duration.seconds(20),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=removal_policy_once_made(settings),
        )
        self.queue = sqs.Queue(
            self,
            "Orders",
            retention_period=Duration.days(QUEUE_RETENTION_DAYS),
            visibility_timeout=Duration.seconds(VISIBILITY_SECONDS),
            receive_message_wait_time=Duration.seconds(20),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=removal_policy_once_made(settings),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
        )
