"""What the tests of PagerDuty's stand-in send, and how they look at what came of it."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from orders.local.standins.remote import RemoteControl

KEY = "0123456789abcdef0123456789ABCDEF"
OTHER_KEY = "f" * 32
Answer = tuple[int, dict[str, Any]]


def trigger(
    dedup_key: str | None = "fulfil", summary: str = "fulfil fails", **changes: Any
) -> dict[str, Any]:
    """A trigger event; `changes` replace fields of its payload."""
    payload = {"summary": summary, "source": "orders-local", "severity": "error", **changes}
    event = {"routing_key": KEY, "event_action": "trigger", "payload": payload}
    return event if dedup_key is None else {**event, "dedup_key": dedup_key}


def follow_up(action: str, dedup_key: str = "fulfil", routing_key: str = KEY) -> dict[str, Any]:
    """An acknowledge or resolve event."""
    return {"routing_key": routing_key, "event_action": action, "dedup_key": dedup_key}


def post(url: str, body: bytes, path: str = "/v2/enqueue", timeout: float = 5.0) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read()
    finally:
        connection.close()


def send(url: str, event: object) -> Answer:
    """Status and JSON."""
    status, _, body = post(url, json.dumps(event).encode())
    return status, json.loads(body)


def incidents(control: RemoteControl, query: str = "") -> list[dict[str, Any]]:
    """The incidents, newest first."""
    found: list[dict[str, Any]] = control.call("GET", f"incidents{query}")["incidents"]
    return found


def states(control: RemoteControl) -> list[str]:
    """The incidents' states, oldest first."""
    return [incident["state"] for incident in reversed(incidents(control))]
