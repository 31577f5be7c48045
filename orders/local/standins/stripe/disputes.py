"""Disputes, as far as the balance shows them: money out with a fee, and back when won.

Source: https://docs.stripe.com/reports/reporting-categories (`dispute`, `dispute_reversal`); the
fee of 15.00 is that of the USA, and is kept when the dispute is won, as Stripe does by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.control import ControlRefusedError
from orders.local.standins.stripe.storage import new_id

if TYPE_CHECKING:
    from orders.local.standins.clock import Clock
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.balance import Balance
    from orders.local.standins.stripe.storage import Store

DISPUTE_FEE = 1500


def open_dispute(store: Store, clock: Clock, balance: Balance, charge: Json, amount: int) -> Json:
    """Take the amount and the fee back out of the balance."""
    dispute_id = new_id("dispute")
    transaction = balance.book(
        "adjustment",
        "dispute",
        -amount,
        charge["currency"],
        dispute_id,
        fee=DISPUTE_FEE,
        description=f"Chargeback withdrawal for {charge['id']}",
    )
    charge["disputed"] = True
    store.save(charge)
    dispute = {
        "id": dispute_id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [transaction],
        "charge": charge["id"],
        "created": clock.now(),
        "currency": charge["currency"],
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }
    return store.insert(dispute, parent=charge["payment_intent"])


def win_dispute(store: Store, balance: Balance, dispute_id: str) -> Json:
    """Give the amount back.

    Raises:
        ControlRefusedError: there is no such open dispute.
    """
    dispute = store.find("dispute", dispute_id)
    if dispute is None or dispute["status"] != "needs_response":
        raise ControlRefusedError(f"no open dispute {dispute_id}")
    dispute["status"] = "won"
    dispute["balance_transactions"].append(
        balance.book(
            "adjustment",
            "dispute_reversal",
            dispute["amount"],
            dispute["currency"],
            dispute_id,
            description=f"Chargeback reversal for {dispute['charge']}",
        )
    )
    store.save(dispute)
    return dispute
