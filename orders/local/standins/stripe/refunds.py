"""Refunds: never more than was captured and not yet refunded.

Source: https://docs.stripe.com/api/refunds and https://docs.stripe.com/refunds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.control import ControlRefusedError
from orders.local.standins.stripe.amounts import check_positive, shown
from orders.local.standins.stripe.errors import invalid, missing_parameter, refused
from orders.local.standins.stripe.listing import Conditions, page
from orders.local.standins.stripe.objects import merge_metadata, new_refund

if TYPE_CHECKING:
    from orders.local.standins.clock import Clock
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.balance import Balance
    from orders.local.standins.stripe.storage import Store


class Refunds:
    """The refund endpoints."""

    def __init__(self, store: Store, clock: Clock, balance: Balance) -> None:
        self._store = store
        self._clock = clock
        self._balance = balance

    def create(self, _: str, params: Json) -> Json:
        """`POST /v1/refunds` for a payment_intent or a charge; without an amount, all that is left.

        Raises:
            ApiError: 400 for an uncaptured or disputed payment, `charge_already_refunded`, or too much.
        """
        if "amount" in params:
            check_positive(params["amount"], "amount")
        charge = self._charge(params)
        if self._is_charged_back(charge):
            # Seen.
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise refused(message, code="charge_disputed")
        left = charge["amount_captured"] - charge["amount_refunded"]
        if left <= 0:
            raise refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        amount = params.get("amount", left)
        if amount > left:
            currency = charge["currency"]
            raise refused(
                f"Refund amount ({shown(amount, currency)}) is greater than unrefunded amount on "
                f"charge ({shown(left, currency)})",
                param="amount",
            )
        return self._refund(charge, amount, params)

    def _charge(self, params: Json) -> Json:
        intent_id, charge_id = params.get("payment_intent"), params.get("charge")
        if intent_id is None and charge_id is None:
            raise missing_parameter("payment_intent")
        if intent_id is not None:
            intent = self._store.get("payment_intent", intent_id, param="payment_intent", in_path=False)
            if charge_id not in (None, intent["latest_charge"]):
                raise invalid("The charge does not belong to the payment_intent.", param="charge")
            charge_id = intent["latest_charge"]
            if charge_id is None:
                raise self._nothing_to_refund(intent_id)
        charge = self._store.get("charge", str(charge_id), param="charge", in_path=False)
        if not charge["captured"]:
            raise self._nothing_to_refund(charge["payment_intent"])
        return charge

    def _is_charged_back(self, charge: Json) -> bool:
        conditions = Conditions()
        conditions.equals("parent", charge["payment_intent"])
        disputes = self._store.select("dispute", *conditions.where)
        return any(dispute["status"] != "won" for dispute in disputes)

    @staticmethod
    def _nothing_to_refund(intent_id: str) -> Exception:
        return refused(
            f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
            code="charge_not_refundable",
            param="payment_intent",
        )

    def _refund(self, charge: Json, amount: int, params: Json) -> Json:
        refund = new_refund(charge, amount, params, self._clock.now())
        refund["balance_transaction"] = self._balance.book(
            "refund", "refund", -amount, charge["currency"], refund["id"], description="REFUND"
        )
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
        self._store.save(charge)
        return self._store.insert(refund, parent=charge["payment_intent"])

    def retrieve(self, refund_id: str, _: Json) -> Json:
        """`GET /v1/refunds/{id}`."""
        return self._store.get("refund", refund_id, param="id")

    def update(self, refund_id: str, params: Json) -> Json:
        """`POST /v1/refunds/{id}`: metadata only."""
        refund = self._store.get("refund", refund_id, param="id")
        if "metadata" in params:
            refund["metadata"] = merge_metadata(refund["metadata"], params["metadata"])
            self._store.save(refund)
        return refund

    def list(self, _: str, params: Json) -> Json:
        """`GET /v1/refunds`."""
        conditions = Conditions()
        conditions.within("created", params.get("created"))
        conditions.equals("parent", params.get("payment_intent"))
        conditions.equals("body ->> '$.charge'", params.get("charge"))
        return page(self._store, "refund", "/v1/refunds", params, conditions)

    def fail(self, refund_id: str) -> Json:
        """Let a refund fail afterwards, as when the card was closed; the money comes back.

        Raises:
            ControlRefusedError: there is none, or it failed before.
        """
        refund = self._store.find("refund", refund_id)
        if refund is None or refund["status"] == "failed":
            raise ControlRefusedError(f"no refund {refund_id} that could fail")
        refund["status"] = "failed"
        refund["failure_reason"] = "expired_or_canceled_card"
        refund["failure_balance_transaction"] = self._balance.book(
            "refund_failure", "refund_failure", refund["amount"], refund["currency"], refund_id
        )
        self._store.save(refund)
        charge = self._store.get("charge", refund["charge"], param="charge")
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        self._store.save(charge)
        return refund
