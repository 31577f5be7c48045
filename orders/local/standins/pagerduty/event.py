"""What an alert event must be, and what the API says of one that is not.

The fields, what is required and the longest texts are those of "Send an Alert Event"
(https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md) and of the
API's OpenAPI document (https://github.com/PagerDuty/api-schema/blob/main/reference/events-v2/openapiv3.json),
which says that `dedup_key` is required unless the action is `trigger`. Neither says what becomes of a field
of a wrong shape that is not required: here it is refused, so that a sender cannot rely on leniency. Fields
that neither knows are ignored.

Messages marked "seen" were found in answers of the real API that people published; the rest is our
wording. Clients should look at the status.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders.local.standins.messages import Json

ROUTING_KEY_LENGTH: Final = 32
LONGEST_DEDUP_KEY: Final = 255
LONGEST_SUMMARY: Final = 1024
SEVERITIES: Final = ("critical", "warning", "error", "info")
_OPTIONAL_TEXTS: Final = ("component", "group", "class")
_CLIENT_TEXTS: Final = ("client", "client_url")
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9]*")


class Action(StrEnum):
    """`event_action`."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class InvalidEventError(Exception):
    """An event that is refused; `errors` has a message for each thing that is wrong."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Event:
    """A valid event.

    `shown` is what a trigger lets an incident show: the fields of its payload, `links`, `images`,
    `client` and `client_url`, None or empty where it has none. It is empty for the other actions.
    """

    routing_key: str
    action: Action
    dedup_key: str
    shown: Json


def parse_event(body: Json) -> Event:
    """Read an event; a trigger without a `dedup_key` gets a new one, as PagerDuty gives it.

    Raises:
        InvalidEventError: a required field is missing, or a field has a wrong shape.
    """
    action = body.get("event_action")
    errors = [*_routing_key_errors(body.get("routing_key")), *_action_errors(action)]
    errors += _text_errors(
        "dedup_key", body.get("dedup_key"), LONGEST_DEDUP_KEY, required=action != "trigger"
    )
    if action == Action.TRIGGER:
        errors += _trigger_errors(body)
    if errors:
        raise InvalidEventError(errors)
    shown = _shown(body) if action == Action.TRIGGER else {}
    return Event(
        body["routing_key"], Action(body["event_action"]), body.get("dedup_key") or uuid.uuid4().hex, shown
    )


def _routing_key_errors(key: object) -> Iterator[str]:
    """All seen: https://github.com/blockpane/tenderduty/issues/10 has the last two."""
    if not isinstance(key, str) or not key:
        yield "'routing_key' cannot be blank"
        return
    if len(key) != ROUTING_KEY_LENGTH:
        yield f"Length of 'routing_key' is incorrect (should be {ROUTING_KEY_LENGTH} characters)"
    if not _ALPHANUMERIC.fullmatch(key):
        yield "'routing_key' cannot contain non-alphanumeric characters."


def _action_errors(action: object) -> Iterator[str]:
    if not action:
        yield "'event_action' is missing or blank"  # seen
    elif action not in list(Action):
        yield "'event_action' is invalid (must be one of 'trigger', 'acknowledge' or 'resolve')"


def _trigger_errors(body: Json) -> Iterator[str]:
    payload = body.get("payload")
    if not isinstance(payload, dict):
        yield "'payload' is missing or not an object"
        return
    yield from _text_errors("payload.summary", payload.get("summary"), LONGEST_SUMMARY, required=True)
    yield from _text_errors("payload.source", payload.get("source"), required=True)
    yield from _severity_errors(payload.get("severity"))
    for name in _OPTIONAL_TEXTS:
        yield from _text_errors(f"payload.{name}", payload.get(name))
    for name in _CLIENT_TEXTS:
        yield from _text_errors(name, body.get(name))
    if not _is_timestamp(payload.get("timestamp")):
        yield "'payload.timestamp' is not a timestamp as ISO 8601 has it"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' is not an object"
    yield from _asset_errors("links", body.get("links", []), "href", ("text",))
    yield from _asset_errors("images", body.get("images", []), "src", ("href", "alt"))


def _text_errors(
    name: str, value: object, longest: int | None = None, *, required: bool = False
) -> Iterator[str]:
    if value is None or (isinstance(value, str) and not value.strip()):
        if required:
            yield f"'{name}' is missing or blank"  # seen
    elif not isinstance(value, str):
        yield f"'{name}' is not a string"
    elif longest is not None and len(value) > longest:
        yield f"'{name}' is too long (maximum is {longest} characters)"


def _severity_errors(severity: object) -> Iterator[str]:
    """Both seen: https://github.com/SigNoz/signoz/issues/9536 and PagerDuty's own go-pdagent."""
    if not severity:
        yield "'payload.severity' is missing or blank"
    elif severity not in SEVERITIES:
        yield (
            "'payload.severity' is invalid (must be one of the following: "
            "'critical', 'warning', 'error' or 'info')"
        )


def _asset_errors(name: str, assets: object, address: str, texts: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(assets, list) or not all(isinstance(asset, dict) for asset in assets):
        yield f"'{name}' is not a list of objects"
        return
    for number, asset in enumerate(assets):
        yield from _text_errors(f"{name}[{number}].{address}", asset.get(address), required=True)
        for text in texts:
            yield from _text_errors(f"{name}[{number}].{text}", asset.get(text))
        # "This image must be served via HTTPS."
        if name == "images" and not str(asset.get(address, "")).startswith("https://"):
            yield f"'{name}[{number}].{address}' is not an address of HTTPS"


def _is_timestamp(value: object) -> bool:
    if value is None:
        return True
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def _shown(body: Json) -> Json:
    payload = body["payload"]
    texts = ("summary", "source", "severity", "timestamp", *_OPTIONAL_TEXTS)
    return {
        **{name: payload.get(name) for name in texts},
        **{name: body.get(name) for name in _CLIENT_TEXTS},
        "custom_details": payload.get("custom_details", {}),
        "links": body.get("links", []),
        "images": body.get("images", []),
    }
