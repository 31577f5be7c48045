"""The payment provider as plans ask it: with the deployment's own secret, over a few lasting connections."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from orders.aws_errors import explain
from orders.trace.model import NotRead
from orders.trace.payment import PaymentReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orders.deployment import Deployment
    from orders.trace.model import Payment


@contextmanager
def open_payments(
    deployment: Deployment, connections: int
) -> Iterator[Callable[[str, bool], Payment | NotRead | None]]:
    """Give what reads a payment by its id, with its refunds or without.

    Who may not read the secret learns nothing of payments, which is then the answer to every question.
    """
    try:
        answer = deployment.client("secretsmanager").get_secret_value(
            SecretId=deployment.output("PaymentSecretName")
        )
    except (BotoCoreError, ClientError) as error:
        unknown = NotRead(explain(error))
        yield lambda _intent_id, _with_refunds: unknown
        return
    reader = PaymentReader(
        deployment.output("PaymentApiUrl"), answer["SecretString"].strip(), connections=connections
    )
    try:
        yield lambda intent_id, with_refunds: reader.read(intent_id, with_refunds=with_refunds)
    finally:
        reader.close()
