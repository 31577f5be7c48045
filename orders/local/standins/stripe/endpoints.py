"""The endpoints of Stripe's v1 API that the stand-in has, each with the library's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from stripe import params

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.balance import Balance
    from orders.local.standins.stripe.charges import Charges
    from orders.local.standins.stripe.intents import Intents
    from orders.local.standins.stripe.refunds import Refunds

Call: TypeAlias = "Callable[[str, Json], Json]"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What to call, with the id of the path (or an empty string) and the checked parameters."""

    call: Call
    params: type


def endpoints(intents: Intents, charges: Charges, refunds: Refunds, balance: Balance) -> dict[str, Endpoint]:
    """All endpoints by method and path, e.g. `POST /v1/payment_intents/{id}/capture`."""
    intent, refund = "/v1/payment_intents", "/v1/refunds"
    return {
        f"POST {intent}": Endpoint(intents.create, params.PaymentIntentCreateParams),
        f"GET {intent}": Endpoint(intents.list, params.PaymentIntentListParams),
        f"GET {intent}/{{id}}": Endpoint(intents.retrieve, params.PaymentIntentRetrieveParams),
        f"POST {intent}/{{id}}": Endpoint(intents.update, params.PaymentIntentUpdateParams),
        f"POST {intent}/{{id}}/confirm": Endpoint(intents.confirm, params.PaymentIntentConfirmParams),
        f"POST {intent}/{{id}}/capture": Endpoint(intents.capture, params.PaymentIntentCaptureParams),
        f"POST {intent}/{{id}}/cancel": Endpoint(intents.cancel, params.PaymentIntentCancelParams),
        f"POST {refund}": Endpoint(refunds.create, params.RefundCreateParams),
        f"GET {refund}": Endpoint(refunds.list, params.RefundListParams),
        f"GET {refund}/{{id}}": Endpoint(refunds.retrieve, params.RefundRetrieveParams),
        f"POST {refund}/{{id}}": Endpoint(refunds.update, params.RefundUpdateParams),
        "GET /v1/charges": Endpoint(charges.list, params.ChargeListParams),
        "GET /v1/charges/{id}": Endpoint(charges.retrieve, params.ChargeRetrieveParams),
        "GET /v1/payment_methods/{id}": Endpoint(charges.retrieve_method, params.PaymentMethodRetrieveParams),
        "GET /v1/disputes/{id}": Endpoint(charges.retrieve_dispute, params.DisputeRetrieveParams),
        "GET /v1/balance": Endpoint(balance.summary, params.BalanceRetrieveParams),
        "GET /v1/balance_transactions": Endpoint(balance.list, params.BalanceTransactionListParams),
        "GET /v1/balance_transactions/{id}": Endpoint(
            balance.retrieve, params.BalanceTransactionRetrieveParams
        ),
        "GET /v1/payouts": Endpoint(balance.list_payouts, params.PayoutListParams),
        "GET /v1/payouts/{id}": Endpoint(balance.retrieve_payout, params.PayoutRetrieveParams),
    }
