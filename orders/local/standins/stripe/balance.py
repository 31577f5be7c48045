"""Balance transactions and payouts: every movement of the account's money.

Types and reporting categories: https://docs.stripe.com/reports/balance-transaction-types and
https://docs.stripe.com/reports/reporting-categories.

Fees: 2.9 % + 30 minor units; for gbp and eur 1.5 % + 20; rounded half up. Currencies without
minor units pay the percentage alone. A refund gives no fee back
(https://support.stripe.com/questions/understanding-fees-for-refunded-payments).

What is booked becomes available two days later, as in the USA
(https://docs.stripe.com/payouts#payout-speed); refunds, disputes and payouts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.control import ControlRefusedError
from orders.local.standins.stripe.amounts import ZERO_DECIMAL
from orders.local.standins.stripe.listing import Conditions, page
from orders.local.standins.stripe.objects import new_payout
from orders.local.standins.stripe.storage import new_id

if TYPE_CHECKING:
    from orders.local.standins.clock import Clock
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.storage import Store

SETTLING_SECONDS = 2 * 86_400
DEFAULT_FEE = (290, 30)  # hundredths of a per cent, minor units
FEES = {"gbp": (150, 20), "eur": (150, 20)}


def fee_of(amount: int, currency: str) -> int:
    """Stripe's fee for a captured amount, in minor units."""
    rate, fixed = FEES.get(currency, DEFAULT_FEE)
    if currency in ZERO_DECIMAL:
        fixed = 0
    return (amount * rate + 5_000) // 10_000 + fixed


class Balance:
    """Books balance transactions and pays the available ones out."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def book(
        self,
        kind: str,
        category: str,
        amount: int,
        currency: str,
        source: str | None,
        *,
        fee: int = 0,
        settles_in: int = 0,
        description: str | None = None,
    ) -> str:
        """Book a movement and return its id.

        Args:
            kind: Stripe's `type`, e.g. `charge`.
            category: Stripe's `reporting_category`.
            amount: gross minor units, negative when money leaves.
            settles_in: seconds until it is available.
        """
        now = self._clock.now()
        details = {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
        transaction = {
            "id": new_id("balance_transaction"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + settles_in,
            "balance_type": "payments",
            "created": now,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [details] if fee else [],
            "net": amount - fee,
            "reporting_category": category,
            "source": source,
            "status": "pending",
            "type": kind,
        }
        self._store.insert(transaction, parent=source)
        return str(transaction["id"])

    def book_charge(self, charge: Json, *, available_at_once: bool) -> str:
        """Book what was captured of a charge, less the fee."""
        amount, currency = charge["amount_captured"], charge["currency"]
        return self.book(
            "charge",
            "charge",
            amount,
            currency,
            charge["id"],
            fee=fee_of(amount, currency),
            settles_in=0 if available_at_once else SETTLING_SECONDS,
            description=charge["description"],
        )

    def retrieve(self, transaction_id: str, _: Json) -> Json:
        """`GET /v1/balance_transactions/{id}`."""
        return self._dated(self._store.get("balance_transaction", transaction_id, param="id"))

    def list(self, _: str, params: Json) -> Json:
        """`GET /v1/balance_transactions`."""
        conditions = Conditions()
        conditions.within("created", params.get("created"))
        conditions.equals("parent", params.get("source"))
        conditions.equals("payout", params.get("payout"))
        conditions.equals("body ->> '$.type'", params.get("type"))
        conditions.equals("body ->> '$.currency'", params.get("currency"))
        found = page(self._store, "balance_transaction", "/v1/balance_transactions", params, conditions)
        found["data"] = [self._dated(transaction) for transaction in found["data"]]
        return found

    def summary(self, _: str, __: Json) -> Json:
        """`GET /v1/balance`: what is available and what is pending, per currency."""
        sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
        for transaction in self._store.select("balance_transaction"):
            of_status = sums[self._dated(transaction)["status"]]
            currency = transaction["currency"]
            of_status[currency] = of_status.get(currency, 0) + transaction["net"]
        return {
            "object": "balance",
            "livemode": False,
            **{
                status: [
                    {"amount": amount, "currency": currency, "source_types": {"card": amount}}
                    for currency, amount in sorted(of_currency.items())
                ]
                for status, of_currency in sums.items()
            },
        }

    def retrieve_payout(self, payout_id: str, _: Json) -> Json:
        """`GET /v1/payouts/{id}`."""
        return self._store.get("payout", payout_id, param="payout")

    def list_payouts(self, _: str, params: Json) -> Json:
        """`GET /v1/payouts`."""
        conditions = Conditions()
        conditions.within("created", params.get("created"))
        conditions.within("body ->> '$.arrival_date'", params.get("arrival_date"))
        conditions.equals("body ->> '$.status'", params.get("status"))
        conditions.equals("body ->> '$.destination'", params.get("destination"))
        return page(self._store, "payout", "/v1/payouts", params, conditions)

    def pay_out(self, currency: str, *, include_pending: bool) -> Json:
        """Make a payout of all that is available and not yet paid out.

        A list of balance transactions by payout gives what was paid out and, as Stripe's, the
        payout's own transaction.

        Raises:
            ControlRefusedError: nothing is available, or the account owes.
        """
        waiting = [
            transaction
            for transaction in self._store.select(
                "balance_transaction",
                "payout IS NULL AND body ->> '$.currency' = ?",
                (currency,),
            )
            if include_pending or self._dated(transaction)["status"] == "available"
        ]
        amount = sum(transaction["net"] for transaction in waiting)
        if amount <= 0:
            raise ControlRefusedError(f"nothing to pay out in {currency}: {amount}")
        payout = new_payout(amount, currency, self._clock.now())
        payout["balance_transaction"] = self.book(
            "payout", "payout", -amount, currency, payout["id"], description="STRIPE PAYOUT"
        )
        self._store.insert(payout)
        members = [transaction["id"] for transaction in waiting]
        self._store.assign_payout([*members, payout["balance_transaction"]], payout["id"])
        return payout

    def fail_payout(self, payout_id: str) -> Json:
        """Let a payout come back; its amount is available again.

        Raises:
            ControlRefusedError: there is none, or it failed before.
        """
        payout = self._store.find("payout", payout_id)
        if payout is None or payout["status"] == "failed":
            raise ControlRefusedError(f"no payout {payout_id} that could fail")
        payout["status"] = "failed"
        payout["failure_code"] = "account_closed"
        payout["failure_message"] = "The bank account has been closed."
        payout["failure_balance_transaction"] = self.book(
            "payout_failure", "payout_reversal", payout["amount"], payout["currency"], payout_id
        )
        self._store.save(payout)
        return payout

    def _dated(self, transaction: Json) -> Json:
        due = transaction["available_on"] <= self._clock.now()
        return transaction | {"status": "available" if due else "pending"}
