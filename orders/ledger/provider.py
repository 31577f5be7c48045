"""What the payment provider says moved in a time: the sums of its balance transactions, never the payments.

`reporting_category` is what the provider's own reports add up by:
https://docs.stripe.com/reports/reporting-categories
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import stripe
from stripe import StripeClient

from lambdas.adapters.http_pool import make_pool
from lambdas.adapters.stripe_api import PooledHttpClient

if TYPE_CHECKING:
    from orders.deployment import Deployment
    from orders.ledger.selection import Span

_PAGE: Final = 100


class ProviderSilent(Exception):
    """The provider could not be asked; the message says why."""


def provider_totals(deployment: Deployment, span: Span) -> dict[str, dict[str, int]]:
    """Return what was moved by category and currency, in minor units; money that left is negative.

    Raises:
        ProviderSilent: it does not answer, or refuses the key.
        botocore.exceptions.ClientError: its secret may not be read.
    """
    secret = deployment.client("secretsmanager").get_secret_value(
        SecretId=deployment.output("PaymentSecretName")
    )
    since, until = (int(datetime.fromisoformat(t).timestamp()) for t in (span.since, span.until))
    http = PooledHttpClient(make_pool())
    api = StripeClient(
        secret["SecretString"].strip(),
        base_addresses={"api": deployment.output("PaymentApiUrl")},
        http_client=http,
        max_network_retries=2,
    )
    sums: dict[str, dict[str, int]] = {}
    try:
        listed = api.v1.balance_transactions.list({"created": {"gte": since, "lt": until}, "limit": _PAGE})
        for found in listed.auto_paging_iter():
            of_category = sums.setdefault(found.reporting_category, {})
            currency = found.currency.upper()
            of_category[currency] = of_category.get(currency, 0) + found.amount
    except stripe.StripeError as error:
        # Its message may name the key.
        status = error.http_status or "no status"
        raise ProviderSilent(f"the provider did not answer ({type(error).__name__}, {status})") from error
    finally:
        http.close()
    return sums
