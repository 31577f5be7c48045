"""What PagerDuty refuses, and what it says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.standins.pages import KEY, follow_up, incidents, post, send, trigger

if TYPE_CHECKING:
    from orders.local.standins.pagerduty import PagerDutyStandIn
    from orders.local.standins.remote import RemoteControl

LENGTH = "Length of 'routing_key' is incorrect (should be 32 characters)"


def without(event: dict[str, Any], name: str) -> dict[str, Any]:
    """The event, or its payload, without a field."""
    if name in event:
        return {key: value for key, value in event.items() if key != name}
    return event | {"payload": without(event["payload"], name)}


@pytest.mark.parametrize(
    ("event", "errors"),
    [
        ({}, ["'routing_key' cannot be blank", "'event_action' is missing or blank", "'dedup_key' is"]),
        (without(trigger(), "routing_key"), ["'routing_key' cannot be blank"]),
        (trigger() | {"routing_key": 5}, ["'routing_key' cannot be blank"]),
        (trigger() | {"routing_key": "a" * 31}, [LENGTH]),
        (trigger() | {"routing_key": "e+23-_"}, [LENGTH, "'routing_key' cannot contain non-alpha"]),
        (trigger() | {"event_action": "escalate"}, ["'event_action' is invalid"]),
        (trigger() | {"event_action": ["trigger"]}, ["'event_action' is invalid"]),
        (without(follow_up("resolve"), "dedup_key"), ["'dedup_key' is missing or blank"]),
        (follow_up("acknowledge", " "), ["'dedup_key' is missing or blank"]),
        (trigger("k" * 256), ["'dedup_key' is too long (maximum is 255 characters)"]),
        (trigger() | {"dedup_key": 7}, ["'dedup_key' is not a string"]),
        (without(trigger(), "payload"), ["'payload' is missing or not an object"]),
        (without(trigger(), "summary"), ["'payload.summary' is missing or blank"]),
        (trigger(summary="s" * 1025), ["'payload.summary' is too long (maximum is 1024 characters)"]),
        (without(trigger(), "source"), ["'payload.source' is missing or blank"]),
        (trigger(source=1), ["'payload.source' is not a string"]),
        (without(trigger(), "severity"), ["'payload.severity' is missing or blank"]),
        (
            trigger(severity="fatal"),
            ["'payload.severity' is invalid (must be one of the following: 'critical'"],
        ),
        (trigger(severity="Error"), ["'payload.severity' is invalid"]),
        (trigger(component=["a"]), ["'payload.component' is not a string"]),
        (trigger(timestamp="yesterday"), ["'payload.timestamp' is not a timestamp"]),
        (trigger(timestamp=1700000000), ["'payload.timestamp' is not a timestamp"]),
        (trigger(custom_details="text"), ["'payload.custom_details' is not an object"]),
        (trigger() | {"links": {"href": "https://a"}}, ["'links' is not a list of objects"]),
        (trigger() | {"links": ["https://a"]}, ["'links' is not a list of objects"]),
        (trigger() | {"links": [{"text": "a"}]}, ["'links[0].href' is missing or blank"]),
        (trigger() | {"links": [{"href": "a", "text": 1}]}, ["'links[0].text' is not a string"]),
        (trigger() | {"images": [{"src": "http://a"}]}, ["'images[0].src' is not an address of HTTPS"]),
        (trigger() | {"client": 1}, ["'client' is not a string"]),
        (trigger(source="", severity=""), ["'payload.source' is missing", "'payload.severity' is missing"]),
    ],
)
def test_an_invalid_event(
    pagerduty: PagerDutyStandIn, duty: RemoteControl, event: dict[str, Any], errors: list[str]
) -> None:
    status, answer = send(pagerduty.url, event)
    assert (status, answer["status"], answer["message"]) == (400, "invalid event", "Event object is invalid")
    assert len(answer["errors"]) == len(errors)
    assert all(said.startswith(meant) for said, meant in zip(answer["errors"], errors, strict=True))
    assert incidents(duty) == []


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"\xff", b'"trigger"'])
def test_what_is_no_json_object(pagerduty: PagerDutyStandIn, body: bytes) -> None:
    status, kind, answer = post(pagerduty.url, body)
    assert (status, kind) == (400, "application/json")
    assert json.loads(answer) == {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    }


@pytest.mark.parametrize(
    "event",
    [
        trigger("k" * 255, summary="s" * 1024, timestamp="2015-07-17T08:42:58.315+0000", group="orders"),
        trigger(timestamp="2026-11-21T02:32:23.239Z", custom_details={"free space": "1%", "load": 0.75}),
        trigger() | {"links": [{"href": "https://a"}], "images": [{"src": "https://a", "alt": "a"}]},
        trigger() | {"client": "orders", "client_url": "https://a", "colour": "red"},
        follow_up("resolve") | {"payload": {"summary": 1}},
    ],
)
def test_a_valid_event(pagerduty: PagerDutyStandIn, event: dict[str, Any]) -> None:
    assert send(pagerduty.url, event)[0] == 202


@pytest.mark.parametrize(("size", "status"), [(512_000, 202), (512_001, 400)])
def test_the_largest_event(pagerduty: PagerDutyStandIn, size: int, status: int) -> None:
    empty = json.dumps(trigger(custom_details={"text": ""})).encode()
    body = json.dumps(trigger(custom_details={"text": "x" * (size - len(empty))})).encode()
    assert len(body) == size
    assert post(pagerduty.url, body)[0] == status


def test_an_error_does_not_repeat_the_key(pagerduty: PagerDutyStandIn) -> None:
    _, answer = send(pagerduty.url, trigger(severity="fatal"))
    assert KEY not in json.dumps(answer)
