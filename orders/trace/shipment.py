"""The order's shipment at the warehouse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import urllib3

from lambdas.adapters.http_pool import make_pool
from orders.trace.model import NotRead, Shipment

_FOUND: Final = 200
_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({401, 403})


def read_shipment(base_url: str, token: str, order_id: str) -> Shipment | NotRead | None:
    """Ask the warehouse for the shipment under the order's id; None when it has none."""
    pool = make_pool()
    try:
        answer = pool.request(
            "GET", f"{base_url}/shipments/{order_id}", headers={"Authorization": f"Bearer {token}"}
        )
    except urllib3.exceptions.HTTPError as error:
        return NotRead(f"the warehouse did not answer ({type(error).__name__})")
    except ValueError:
        return NotRead("the warehouse's token cannot be sent as a header")  # which the error's message names
    finally:
        pool.clear()
    if answer.status == _NOT_FOUND:
        return None
    if answer.status in _REFUSED:
        return NotRead(f"the warehouse refuses the token in its secret ({answer.status})")
    if answer.status != _FOUND:
        return NotRead(f"the warehouse answered {answer.status}")
    return _shipment(answer.data)


def _shipment(body: bytes) -> Shipment | NotRead:
    try:
        values: dict[str, Any] = json.loads(body)
        quantities: dict[str, int] = {}
        for line in values["lines"]:
            quantities[line["sku"]] = quantities.get(line["sku"], 0) + line["quantity"]
        accepted_at = values.get("accepted_at")
        return Shipment(
            status=values["status"],
            accepted_at=datetime.fromtimestamp(accepted_at, UTC) if accepted_at else None,
            quantities=dict(sorted(quantities.items())),
        )
    except (ValueError, KeyError, TypeError):
        return NotRead("the warehouse's answer is no shipment")
