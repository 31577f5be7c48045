"""Thousands of orders that died of three causes, put into a local run: heads, payments, contexts, letters."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.failure_contexts import DynamoFailureContexts
from lambdas.adapters.dynamodb.order_items import new_items
from lambdas.adapters.http_pool import make_pool
from lambdas.adapters.secrets import CachedSecret
from lambdas.adapters.stripe_api import PooledHttpClient, StripeApi
from lambdas.adapters.stripe_payments import StripePayments
from lambdas.domain.catalogue import Product
from lambdas.domain.commands import command_text, process_command
from lambdas.domain.failure import FailureContext
from lambdas.domain.identifiers import ClientId, failure_id_for, order_id_for, queue_group_for
from lambdas.domain.order import (
    Event,
    FulfillmentStatus,
    Line,
    Order,
    PaymentStatus,
    Status,
    digest_lines,
)
from lambdas.domain.payment import IntentRequest
from lambdas.domain.timestamps import to_text, utc_now
from orders.local.aws import engine_client
from orders.local.stock import put_products

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders.local.run_file import Addresses

CLIENT: Final = ClientId("bench")
SKU: Final = "BENCH-MUG"
PRICE: Final = 1_200
# They lie still until their contexts are there, as dispatch leaves them before a letter can die.
_DELAY_SECONDS: Final = 20
_HEADS_AT_ONCE: Final = 25
_LETTERS_AT_ONCE: Final = 10

CAUSES: Final = (
    FailureContext("authorise", "ProviderUnavailable", "stripe_api.py:_explain", attempts=4),
    FailureContext("fulfil", "WarehouseUnavailable", "http_warehouse.py:ship", attempts=4),
    FailureContext("capture", "LedgerConflict", "ledger.py:_explain_cancellation", attempts=4),
)


@dataclass(frozen=True, slots=True)
class Dead:
    """An order that died, and how."""

    order: Order
    context: FailureContext


def kill_orders(addresses: Addresses, count: int) -> list[Dead]:
    """Make so many orders that died, a third of each cause; those of the second and third have payments."""
    put_products(addresses, [Product(SKU, "GBP", {"list": PRICE}, 2_000, 10 * count)])
    dead = [_dead(number) for number in range(count)]
    payments = _payments(addresses)
    with ThreadPoolExecutor(8) as pool:
        dead = list(pool.map(lambda one: _with_payment(one, payments), dead))
    _put_heads(addresses, dead)
    return dead


def send_letters(addresses: Addresses, dead: Sequence[Dead]) -> None:
    """Put their messages into the dead-letter queue, and beside them how each one died."""
    sqs = engine_client("sqs", addresses.engine_url)
    dynamodb = engine_client("dynamodb", addresses.engine_url)
    contexts = DynamoFailureContexts(dynamodb, addresses.outputs["FailuresTableName"], time.time)

    def send(batch: Sequence[Dead]) -> None:
        answer = sqs.send_message_batch(
            QueueUrl=addresses.outputs["DeadLetterQueueUrl"],
            Entries=[
                {
                    "Id": str(number),
                    "MessageBody": command_text(process_command(one.order.order_id)),
                    "MessageGroupId": queue_group_for(CLIENT),
                    "DelaySeconds": _DELAY_SECONDS,
                }
                for number, one in enumerate(batch)
            ],
        )
        for sent in answer["Successful"]:
            one = batch[int(sent["Id"])]
            contexts.keep(failure_id_for(one.order.order_id), sent["MessageId"], one.context)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, _batches(dead, _LETTERS_AT_ONCE)))


def _dead(number: int) -> Dead:
    cause = CAUSES[number % len(CAUSES)]
    at = to_text(utc_now())
    lines = (Line(SKU, 1, PRICE, 2_000),)
    reserved = cause.step == "capture"
    order = Order(
        order_id=order_id_for(CLIENT, f"bench-{number}"),
        client=CLIENT,
        currency="GBP",
        total=PRICE,
        tax=lines[0].tax,
        request_hash=f"{number:032x}",
        lines_digest=digest_lines(lines),
        accepted_at=at,
        updated_at=at,
        payment_method="pm_card_visa",
        lines=lines,
        status=Status.ATTENTION_REQUIRED,
        payment_status=PaymentStatus.AUTHORIZED if reserved else PaymentStatus.PENDING,
        fulfillment_status=FulfillmentStatus.RESERVED if reserved else FulfillmentStatus.UNRESERVED,
        reason=cause.title,
        timeline=(Event(at, "accepted"), Event(at, "processing"), Event(at, "attention_required")),
    )
    return Dead(order, cause)


def _payments(addresses: Addresses) -> StripePayments:
    secrets = engine_client("secretsmanager", addresses.engine_url)
    secret = CachedSecret(secrets, addresses.outputs["PaymentSecretName"])
    secret.value()
    return StripePayments(StripeApi(secret, addresses.payment_url, PooledHttpClient(make_pool(8))))


def _with_payment(one: Dead, payments: StripePayments) -> Dead:
    order = one.order
    if one.context.step == "authorise":
        return one
    intent = payments.create(IntentRequest(order.order_id, order.amount, "pm_card_visa", 0))
    payments.confirm(order.order_id, intent.intent_id, 0)
    return replace(one, order=replace(order, payment_intent=intent.intent_id))


def _put_heads(addresses: Addresses, dead: Sequence[Dead]) -> None:
    client, table = engine_client("dynamodb", addresses.engine_url), addresses.outputs["OrdersTableName"]

    def put(batch: Sequence[Dead]) -> None:
        pending: list[dict[str, Any]] = [{"PutRequest": {"Item": new_items(one.order)[0]}} for one in batch]
        while pending:
            answer = client.batch_write_item(RequestItems={table: pending})
            pending = answer.get("UnprocessedItems", {}).get(table, [])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, _batches(dead, _HEADS_AT_ONCE)))


def _batches(dead: Sequence[Dead], size: int) -> list[Sequence[Dead]]:
    return [dead[start : start + size] for start in range(0, len(dead), size)]
