"""The warehouse port over HTTP: `PUT /shipments/{order_id}` books a shipment once, under the order's id."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import urllib3

from lambdas.adapters.http_pool import make_pool
from lambdas.domain.errors import OrderCorrupt, ProviderRefused, WarehouseUnavailable
from lambdas.domain.fulfilment import ShipmentRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.adapters.secrets import CachedSecret
    from lambdas.domain.identifiers import OrderId

_BOOKED: Final = frozenset({200, 201})
_UNAUTHENTICATED: Final = 401
# Ours to mend: no retry turns them into a shipment.
_PERMANENT: Final = frozenset({400, 403, 404, 405, 413, 415})
_MISMATCH: Final = 409
_REFUSED: Final = 422


@dataclass(slots=True)
class HttpWarehouse:
    """Shipments at the warehouse's API; `base_url` has no trailing slash."""

    secret: CachedSecret
    base_url: str
    pool: urllib3.PoolManager = field(default_factory=make_pool)

    def ship(self, order_id: OrderId, quantities: Mapping[str, int]) -> ShipmentRefused | None:
        """Book the shipment; the same again is the same shipment."""
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
        body = json.dumps({"lines": lines}, separators=(",", ":")).encode()
        status, answer = self._put(order_id, body)
        if status == _UNAUTHENTICATED:
            self.secret.forget()
            status, answer = self._put(order_id, body)
        if status in _BOOKED:
            return None
        if status == _REFUSED:
            return ShipmentRefused(_code_of(answer))
        if status == _MISMATCH:
            raise OrderCorrupt(f"the warehouse holds another shipment under {order_id}")
        if status == _UNAUTHENTICATED:
            raise ProviderRefused("the warehouse refuses our credentials")
        if status in _PERMANENT:
            raise ProviderRefused(f"the warehouse answered {status}")
        raise WarehouseUnavailable(f"the warehouse answered {status}")

    def _put(self, order_id: OrderId, body: bytes) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.secret.value()}", "Content-Type": "application/json"}
        try:
            answer = self.pool.request(
                "PUT", f"{self.base_url}/shipments/{order_id}", body=body, headers=headers
            )
        except urllib3.exceptions.HTTPError as error:
            raise WarehouseUnavailable(type(error).__name__) from error
        except ValueError:
            # http.client names the header's value in its message: it must not get into a log.
            raise ProviderRefused("the warehouse's token cannot be sent as a header") from None
        return answer.status, answer.data


def _code_of(answer: bytes) -> str:
    try:
        code = json.loads(answer).get("code")
    except (ValueError, AttributeError):
        code = None
    return code if isinstance(code, str) and code.isidentifier() else "shipment_refused"
