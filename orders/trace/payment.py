"""The order's payment at the provider, read by Stripe's own library and never changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import stripe
from stripe import StripeClient

from lambdas.adapters.http_pool import make_pool
from lambdas.adapters.stripe_api import PooledHttpClient
from orders.trace.model import NotRead, Payment, ProviderRefund

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_FOUND = "resource_missing"


class PaymentReader:
    """Asks the provider for payments, over connections that threads share.

    `api_base` is the provider's address, `key` its secret: a restricted one that may read payments is enough.
    """

    def __init__(self, api_base: str, key: str, connections: int = 1) -> None:
        """Keep so many connections."""
        self._http = PooledHttpClient(make_pool(connections))
        self._api = StripeClient(
            key, base_addresses={"api": api_base}, http_client=self._http, max_network_retries=1
        )

    def read(self, intent_id: str, *, with_refunds: bool = True) -> Payment | NotRead | None:
        """Ask for a payment with its charge, fee and refunds; None when there is no such payment."""
        return _read(self._api, intent_id, with_refunds=with_refunds)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def read_payment(api_base: str, key: str, intent_id: str) -> Payment | NotRead | None:
    """Ask the provider for one payment, as `PaymentReader` does."""
    reader = PaymentReader(api_base, key)
    try:
        return reader.read(intent_id)
    finally:
        reader.close()


def _read(api: StripeClient, intent_id: str, *, with_refunds: bool) -> Payment | NotRead | None:
    try:
        intent = api.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge.balance_transaction"]})
        refunds = tuple(_refunds(api, intent_id)) if with_refunds else ()
    except stripe.InvalidRequestError as error:
        if error.code == _NOT_FOUND:
            return None
        return NotRead(f"the provider refused the question ({error.code})")
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        return NotRead(f"the provider refuses the key in its secret ({error.http_status})")
    except stripe.StripeError as error:
        # Its message may name the key or the customer.
        return NotRead(
            f"the provider did not answer ({type(error).__name__}, {error.http_status or 'no status'})"
        )
    return _payment(intent, refunds)


def _refunds(api: StripeClient, intent_id: str) -> Iterator[ProviderRefund]:
    for refund in api.v1.refunds.list({"payment_intent": intent_id, "limit": 100}).auto_paging_iter():
        yield ProviderRefund(
            reference=refund.id,
            status=refund.status or "unknown",
            amount=refund.amount,
            created_at=_time(refund.created),
            refund_id=getattr(refund.metadata, "refund_id", None),
            failure=getattr(refund, "failure_reason", None),
        )


def _payment(intent: stripe.PaymentIntent, refunds: tuple[ProviderRefund, ...]) -> Payment:
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    booked = charge.balance_transaction if charge else None
    booked = booked if isinstance(booked, stripe.BalanceTransaction) else None
    failure: Any = intent.last_payment_error
    return Payment(
        intent_id=intent.id,
        status=intent.status,
        amount=intent.amount,
        captured=intent.amount_received or 0,
        capturable=intent.amount_capturable or 0,
        created_at=_time(intent.created),
        decline_code=failure and (getattr(failure, "decline_code", None) or getattr(failure, "code", None)),
        charge=charge.id if charge else None,
        disputed=bool(charge and charge.disputed),
        balance_transaction=booked.id if booked else None,
        fee=booked.fee if booked else None,
        net=booked.net if booked else None,
        settles_at=_time(booked.available_on) if booked else None,
        refunds=tuple(sorted(refunds, key=lambda refund: refund.created_at)),
    )


def _time(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
