"""The warehouse port over HTTP: a shipment is booked or ruled out once, under the order's id.

`PUT /shipments/{order_id}` books it, and `DELETE /shipments/{order_id}` rules it out for ever. A success
names the order (`{"order_id": ...}`): a page that something on the way answers with 200 books nothing.
"""

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

_OK: Final = 200
_BOOKED: Final = frozenset({200, 201})
_UNAUTHENTICATED: Final = 401
# Ours to mend: no retry turns them into an answer.
_PERMANENT: Final = frozenset({400, 403, 404, 405, 413, 415})
_CONFLICT: Final = 409
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
        status, answer = self._call("PUT", order_id, body)
        if status in _BOOKED and _is_about(order_id, answer):
            return None
        if status == _REFUSED:
            return ShipmentRefused(_code_of(answer))
        if status == _CONFLICT:
            raise OrderCorrupt(f"the warehouse holds another shipment under {order_id}")
        raise _failure_of(status)

    def cancel(self, order_id: OrderId) -> bool:
        """Rule the shipment out; the same again is the same answer."""
        status, answer = self._call("DELETE", order_id)
        if status == _OK and _is_about(order_id, answer):
            return True
        if status == _CONFLICT:
            return False
        raise _failure_of(status)

    def _call(self, method: str, order_id: OrderId, body: bytes | None = None) -> tuple[int, bytes]:
        """Call once, and once more with a fresh token when the token is refused."""
        status, answer = self._send(method, order_id, body)
        if status == _UNAUTHENTICATED:
            self.secret.forget()
            status, answer = self._send(method, order_id, body)
        return status, answer

    def _send(self, method: str, order_id: OrderId, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.secret.value()}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.base_url}/shipments/{order_id}"
        try:
            answer = self.pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise WarehouseUnavailable(type(error).__name__) from error
        except ValueError:
            # http.client names the header's value in its message: it must not get into a log.
            raise ProviderRefused("the warehouse's token cannot be sent as a header") from None
        return answer.status, answer.data


def _failure_of(status: int) -> ProviderRefused | WarehouseUnavailable:
    """Tell what an answer means that decides nothing about the shipment."""
    if status == _UNAUTHENTICATED:
        return ProviderRefused("the warehouse refuses our credentials")
    if status in _PERMANENT:
        return ProviderRefused(f"the warehouse answered {status}")
    return WarehouseUnavailable(f"the warehouse answered {status}")


def _is_about(order_id: OrderId, answer: bytes) -> bool:
    try:
        return bool(json.loads(answer)["order_id"] == order_id)
    except (ValueError, TypeError, KeyError):
        return False


def _code_of(answer: bytes) -> str:
    try:
        code = json.loads(answer).get("code")
    except (ValueError, AttributeError):
        code = None
    return code if isinstance(code, str) and code.isidentifier() else "shipment_refused"
