"""Why orders are rejected: stable codes, which clients and the subscribers of events read.

A declined payment's code is `payment_declined:` with the provider's own code after it.
"""

from __future__ import annotations

from typing import Final

from lambdas.domain.order import ABANDONED_BY_OPERATOR, AUTHORIZATION_EXPIRING

PRODUCT_WITHDRAWN: Final = "product_withdrawn"
OUT_OF_STOCK: Final = "out_of_stock"
SHIPMENT_REFUSED: Final = "shipment_refused"
AUTHORIZATION_EXPIRED: Final = "authorization_expired"
PAYMENT_DECLINED: Final = "payment_declined:"

REJECTIONS: Final = frozenset(
    {
        PRODUCT_WITHDRAWN,
        OUT_OF_STOCK,
        SHIPMENT_REFUSED,
        AUTHORIZATION_EXPIRED,
        AUTHORIZATION_EXPIRING,
        ABANDONED_BY_OPERATOR,
    }
)
