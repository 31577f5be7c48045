"""Bodies of requests, as clients send them."""

from __future__ import annotations

import json
from typing import Any


def body(*lines: tuple[str, int], card: str | None = "pm_card_visa", **more: Any) -> bytes:
    """An order's JSON."""
    order: dict[str, Any] = {
        "currency": "GBP",
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        "payment_method": card,
        **more,
    }
    return json.dumps({k: v for k, v in order.items() if v is not None}).encode()


def refund_of(**wish: Any) -> bytes:
    """A refund's JSON; all that is left by default."""
    return json.dumps({"reason_code": "returned", **wish}).encode()
