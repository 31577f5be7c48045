"""The warehouse's API.

| request | answer |
| --- | --- |
| `PUT /shipments/{order_id}` with `{"lines": [{"sku", "quantity"}]}` | 201; 200 again with the same lines; 409 `shipment_mismatch` with others; 422 `refused` or `cancelled`; 400 `invalid_shipment` |
| `DELETE /shipments/{order_id}` | 200 `{"order_id", "status": "cancelled"}`, and the same again; 409 `already_accepted` |
| `GET /shipments/{order_id}` | 200, or 404 `shipment_not_found` |

All need `Authorization: Bearer token` (401 `unauthorized`). A shipment is
`{"order_id", "status": "accepted", "accepted_at", "lines"}`, an error `{"code", "message"}`. Lines
in another order are the same lines. An order that was accepted stays accepted: a later refusal of
it does not change the answer, and it cannot be cancelled. One that was cancelled before it came
stays cancelled: it is shown as `{"order_id", "status": "cancelled", "lines": []}`, and is no shipment
in the control's list.

Control calls, besides those of `orders.local.standins.control`:

| request | body | effect |
| --- | --- | --- |
| `GET /_standin/shipments` | query `limit` (1000), `after` | `{"shipments", "has_more", "total"}` |
| `POST /_standin/refusals` | `{"sku": "X"}` or `{"order_id": "ord_1"}` | refuses from now on |
| `DELETE /_standin/refusals` | | refuses nothing |
"""  # noqa: E501 - a table row is one line

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from orders.local.standins.credentials import bearer_token
from orders.local.standins.faults import Fault, FaultKind
from orders.local.standins.messages import Json, Reply, Request
from orders.local.standins.standin import StandIn
from orders.local.standins.warehouse.shipments import (
    CancelledError,
    InvalidShipmentError,
    Lines,
    Shipments,
    parse_lines,
)

if TYPE_CHECKING:
    from pathlib import Path

ENDPOINTS = ("GET", "PUT", "DELETE")
LARGEST_PAGE = 1000


class WarehouseStandIn(StandIn):
    """Accepts shipments; any bearer token will do until some are set.

    Args:
        folder: where `warehouse.sqlite` is kept; None keeps everything in memory.
        port: 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """

    def __init__(self, folder: Path | None = None, port: int = 0) -> None:
        database, self._shipments = Shipments.open(folder)
        super().__init__("warehouse", database, port=port)
        self._control.add("GET shipments", self._list)
        self._control.add("POST refusals", self._refuse)
        self._control.add("DELETE refusals", self._accept_all)

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        """One call of the API."""
        token = bearer_token(request.headers)
        if token is None or not self.credentials.accepts(token):
            return _error(401, "unauthorized", "a valid bearer token is needed")
        order_id = self.order_id_of(request)
        if order_id is None or request.method not in ENDPOINTS:
            return _error(404, "not_found", "there is no such address")
        if fault is not None and fault.kind is FaultKind.SLOW:
            self.pause(fault.seconds)
        if fault is not None and fault.fails_before_effect:
            return self.failure(fault.status, None)
        reply = self._answer(order_id, request)
        if fault is not None and fault.fails_after_effect:
            return self.failure(fault.status, None)
        return reply

    def _answer(self, order_id: str, request: Request) -> Reply:
        match request.method:
            case "PUT":
                return self._put(order_id, request)
            case "DELETE":
                return self._delete(order_id)
            case _:
                return self._get(order_id)

    def _get(self, order_id: str) -> Reply:
        found = self._shipments.find(order_id)
        if found is None:
            return _error(404, "shipment_not_found", f"nothing was sent for {order_id}")
        return Reply.of(200, found)

    def _put(self, order_id: str, request: Request) -> Reply:
        try:
            lines = parse_lines(request.json())
        except (ValueError, InvalidShipmentError) as error:
            return _error(400, "invalid_shipment", str(error))
        if self._shipments.find(order_id) is None and self._shipments.is_refused(order_id, lines):
            return _error(422, "refused", f"the warehouse does not send {order_id}")
        try:
            shipment, created = self._shipments.accept(order_id, lines, int(time.time()))
        except CancelledError:
            return _error(422, "cancelled", f"{order_id} was cancelled and is never sent")
        if _sorted(shipment["lines"]) != _sorted(lines):
            return _error(409, "shipment_mismatch", f"{order_id} was sent with other lines")
        return Reply.of(201 if created else 200, shipment)

    def _delete(self, order_id: str) -> Reply:
        if not self._shipments.cancel(order_id):
            return _error(409, "already_accepted", f"{order_id} is on its way")
        return Reply.of(200, {"order_id": order_id, "status": "cancelled"})

    def endpoint_of(self, request: Request) -> str:
        """The endpoint's name for the statistics."""
        known = self.order_id_of(request) is not None and request.method in ENDPOINTS
        return f"{request.method} /shipments/{{order_id}}" if known else "unrecognized"

    def order_id_of(self, request: Request) -> str | None:
        """The order in the path."""
        head, _, order_id = request.path.removeprefix("/").partition("/")
        return order_id if head == "shipments" and order_id and "/" not in order_id else None

    def failure(self, status: int, retry_after: int | None) -> Reply:
        """A 429 or 5xx in the warehouse's words."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        code = "too_many_requests" if status == 429 else "unavailable"  # noqa: PLR2004 - HTTP
        return _error(status, code, "try again later", headers)

    def forget(self) -> None:
        """Delete all shipments and refusals."""
        self._shipments.forget()

    def _list(self, request: Request) -> Json:
        query = parse_qs(request.query)
        limit = min(int(query.get("limit", [str(LARGEST_PAGE)])[0]), LARGEST_PAGE)
        shipments, more, total = self._shipments.page(limit=limit, after=query.get("after", [None])[0])
        return {"shipments": shipments, "has_more": more, "total": total}

    def _refuse(self, request: Request) -> Json:
        refusals = request.json()
        for kind, name in refusals.items():
            if kind not in ("sku", "order_id"):
                raise ValueError(f"{kind} cannot be refused")
            self._shipments.refuse(kind, str(name))
        return {"refused": refusals}

    def _accept_all(self, _: Request) -> Json:
        self._shipments.clear_refusals()
        return {"refused": {}}


def _sorted(lines: Lines) -> list[tuple[str, int]]:
    return sorted((str(line["sku"]), int(line["quantity"])) for line in lines)


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply.of(status, {"code": code, "message": message}, headers)
