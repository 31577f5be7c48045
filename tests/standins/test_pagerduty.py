"""PagerDuty: incidents by key, events that are worked on later, people, the rate, faults."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from orders.local.standins.pagerduty import PagerDutyStandIn
from orders.local.standins.remote import ControlFailedError, RemoteControl
from tests.standins.pages import (
    KEY,
    OTHER_KEY,
    follow_up,
    incidents,
    post,
    send,
    states,
    trigger,
)

if TYPE_CHECKING:
    from pathlib import Path

ACCEPTED = {"status": "success", "message": "Event processed", "dedup_key": "fulfil"}


def outcomes(duty: RemoteControl) -> list[tuple[str, str]]:
    """What became of the events, oldest first."""
    events = duty.call("GET", "events")["events"]
    return [(event["action"], event["outcome"]) for event in reversed(events)]


def test_a_trigger_opens_an_incident(pagerduty: PagerDutyStandIn, duty: RemoteControl) -> None:
    links = [{"href": "https://example.com/runbook", "text": "Runbook"}]
    event = trigger(custom_details={"plan": "orders plan --group fulfil"}, component="fulfil") | {
        "links": links
    }
    assert send(pagerduty.url, event) == (202, ACCEPTED)
    (incident,) = incidents(duty)
    assert (
        incident.items()
        >= {
            "state": "triggered",
            "dedup_key": "fulfil",
            "integration": "...CDEF",
            "alerts": 1,
            "summary": "fulfil fails",
            "severity": "error",
            "source": "orders-local",
            "component": "fulfil",
            "custom_details": {"plan": "orders plan --group fulfil"},
            "links": links,
            "images": [],
            "client": None,
        }.items()
    )
    assert incident["log"] == [
        {"at": incident["since"], "action": "trigger", "by": "events_api", "summary": "fulfil fails"}
    ]
    assert KEY not in json.dumps(incident)


def test_a_trigger_adds_to_the_open_incident_of_its_key(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    send(pagerduty.url, trigger())
    send(pagerduty.url, trigger(summary="fulfil fails 10 times", severity="critical"))
    send(pagerduty.url, trigger("capture"))
    other, incident = incidents(duty)
    assert (incident["alerts"], incident["summary"], incident["severity"]) == (
        2,
        "fulfil fails 10 times",
        "critical",
    )
    assert [entry["summary"] for entry in incident["log"]] == ["fulfil fails", "fulfil fails 10 times"]
    assert (other["dedup_key"], other["alerts"]) == ("capture", 1)


def test_an_acknowledged_incident_stays_so_when_it_is_triggered_again(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    for event in (trigger(), follow_up("acknowledge"), trigger(), follow_up("acknowledge")):
        assert send(pagerduty.url, event) == (202, ACCEPTED)
    (incident,) = incidents(duty)
    assert (incident["state"], incident["alerts"], len(incident["log"])) == ("acknowledged", 2, 4)


def test_a_trigger_after_the_resolve_opens_a_new_incident(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    for event in (trigger(), follow_up("resolve"), trigger(summary="again")):
        send(pagerduty.url, event)
    new, old = incidents(duty)
    assert (old["state"], old["alerts"], old["summary"]) == ("resolved", 1, "fulfil fails")
    assert (new["state"], new["alerts"], new["summary"]) == ("triggered", 1, "again")
    assert new["number"] > old["number"]


def test_what_has_nothing_open_to_act_on_is_dropped(pagerduty: PagerDutyStandIn, duty: RemoteControl) -> None:
    for action in ("acknowledge", "resolve"):
        assert send(pagerduty.url, follow_up(action))[0] == 202
    send(pagerduty.url, trigger())
    send(pagerduty.url, follow_up("resolve", routing_key=OTHER_KEY))
    assert states(duty) == ["triggered"]
    assert outcomes(duty) == [
        ("acknowledge", "dropped"),
        ("resolve", "dropped"),
        ("trigger", "applied"),
        ("resolve", "dropped"),
    ]


def test_a_trigger_without_a_key_is_an_incident_of_its_own(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    keys = [send(pagerduty.url, trigger(dedup_key))[1]["dedup_key"] for dedup_key in (None, None, "")]
    assert len({*keys, ""}) == 4
    assert [incident["dedup_key"] for incident in incidents(duty)] == keys[::-1]


def test_a_late_resolve_closes_what_a_later_trigger_opened(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    duty.call("POST", "processing", {"resolve": 300})
    for event in (trigger(), follow_up("resolve"), trigger(summary="a new failure")):
        send(pagerduty.url, event)
    (incident,) = incidents(duty)
    assert (incident["state"], incident["alerts"]) == ("triggered", 2)
    assert outcomes(duty)[1] == ("resolve", "waiting")
    duty.call("POST", "advance", {"seconds": 300})
    (incident,) = incidents(duty)
    assert (incident["state"], incident["summary"]) == ("resolved", "a new failure")
    assert incident["log"][-1]["at"] == incident["since"] + 300
    assert incidents(duty, "?state=open") == []


def test_a_late_trigger_stays_open_although_its_resolve_was_sent(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    duty.call("POST", "processing", {"trigger": 300})
    send(pagerduty.url, trigger())
    send(pagerduty.url, follow_up("resolve"))
    assert incidents(duty) == []
    duty.call("POST", "advance", {"seconds": 300})
    assert states(duty) == ["triggered"]
    assert outcomes(duty) == [("trigger", "applied"), ("resolve", "dropped")]


def test_what_fell_due_is_done_in_that_order_whoever_looks(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    duty.call("POST", "processing", {"trigger": 200, "resolve": 100})
    send(pagerduty.url, trigger())
    send(pagerduty.url, follow_up("resolve"))
    duty.call("POST", "processing", {"trigger": 0, "resolve": 300})
    send(pagerduty.url, trigger("capture"))
    send(pagerduty.url, follow_up("resolve", "capture"))
    duty.call("POST", "advance", {"seconds": 1000})
    assert outcomes(duty) == [
        ("trigger", "applied"),
        ("resolve", "dropped"),
        ("trigger", "applied"),
        ("resolve", "applied"),
    ]


@pytest.mark.parametrize("delays", [{"resolve": -1}, {"escalate": 1}, {"resolve": "soon"}])
def test_a_delay_that_cannot_be_is_refused(duty: RemoteControl, delays: dict[str, Any]) -> None:
    with pytest.raises(ControlFailedError):
        duty.call("POST", "processing", delays)
    assert duty.call("GET", "processing")["delays"] == {"trigger": 0, "acknowledge": 0, "resolve": 0}


def test_people_acknowledge_and_resolve(pagerduty: PagerDutyStandIn, duty: RemoteControl) -> None:
    send(pagerduty.url, trigger())
    number = incidents(duty)[0]["number"]
    held = duty.call("POST", f"incidents/{number}/acknowledge", {"by": "Ada"})
    assert (held["state"], held["log"][-1]["by"]) == ("acknowledged", "Ada")
    done = duty.call("POST", f"incidents/{number}/resolve")
    assert (done["state"], [entry["action"] for entry in done["log"]]) == (
        "resolved",
        ["trigger", "acknowledge", "resolve"],
    )
    assert incidents(duty) == [done]
    for refused in (f"incidents/{number}/resolve", "incidents/99/acknowledge", "incidents/one/resolve"):
        with pytest.raises(ControlFailedError):
            duty.call("POST", refused)
    send(pagerduty.url, trigger())
    assert states(duty) == ["resolved", "triggered"]


def test_a_key_is_limited_to_120_events_in_any_60_seconds(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    for _ in range(60):
        assert send(pagerduty.url, trigger())[0] == 202
    duty.call("POST", "advance", {"seconds": 50})
    for _ in range(60):
        assert send(pagerduty.url, trigger())[0] == 202
    status, answer = send(pagerduty.url, trigger())
    assert (status, answer["status"]) == (429, "throttle exceeded")
    assert send(pagerduty.url, trigger() | {"routing_key": OTHER_KEY})[0] == 202
    duty.call("POST", "advance", {"seconds": 10})
    assert send(pagerduty.url, trigger())[0] == 202
    assert [incident["alerts"] for incident in incidents(duty)] == [1, 121]


def test_the_rate_is_set_and_lifted(pagerduty: PagerDutyStandIn, duty: RemoteControl) -> None:
    assert duty.call("POST", "rate", {"per_minute": 1})["per_minute"] == 1
    assert [send(pagerduty.url, trigger())[0] for _ in range(2)] == [202, 429]
    duty.call("POST", "rate", {"per_minute": None})
    assert [send(pagerduty.url, trigger())[0] for _ in range(130)] == [202] * 130
    with pytest.raises(ControlFailedError):
        duty.call("POST", "rate", {"per_minute": -1})


def test_a_key_of_no_integration_is_refused_in_plain_text(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    duty.call("POST", "credentials", {"accepted": [OTHER_KEY]})
    answer = post(pagerduty.url, json.dumps(trigger()).encode())
    assert answer == (400, "text/plain", b"Invalid routing key")
    assert send(pagerduty.url, trigger() | {"routing_key": OTHER_KEY})[0] == 202


@pytest.mark.parametrize(
    ("kind", "status", "opened"),
    [("error_before", 503, 0), ("error_after", 503, 1), ("rate_limit", 429, 0), ("slow", 202, 1)],
)
def test_faults(
    pagerduty: PagerDutyStandIn, duty: RemoteControl, kind: str, status: int, opened: int
) -> None:
    duty.fault(kind, path="/v2/enqueue", status=503, seconds=0)
    assert send(pagerduty.url, trigger())[0] == status
    assert len(incidents(duty)) == opened
    assert send(pagerduty.url, trigger())[0] == 202


@pytest.mark.parametrize(
    ("kind", "opened"), [("reset_before", 0), ("reset_after", 1), ("hang_before", 0), ("hang_after", 1)]
)
def test_an_answer_that_does_not_come(
    pagerduty: PagerDutyStandIn, duty: RemoteControl, kind: str, opened: int
) -> None:
    duty.fault(kind, seconds=30)
    with pytest.raises(OSError):  # noqa: PT011 - a reset or a timeout
        post(pagerduty.url, json.dumps(trigger()).encode(), timeout=0.3)
    assert len(incidents(duty)) == opened


def test_an_answer_that_breaks_off_or_is_none_of_pagerdutys(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    duty.fault("torn")
    with pytest.raises(http.client.IncompleteRead):
        post(pagerduty.url, json.dumps(trigger()).encode())
    duty.fault("garbled")
    status, _, body = post(pagerduty.url, json.dumps(trigger()).encode())
    assert (status, body[:6]) == (200, b"<html>")
    assert incidents(duty)[0]["alerts"] == 2


def test_an_outage(pagerduty: PagerDutyStandIn, duty: RemoteControl) -> None:
    duty.call("POST", "down", {"seconds": 60})
    status, answer = send(pagerduty.url, trigger())
    assert (status, sorted(answer)) == (503, ["message", "status"])
    duty.call("DELETE", "down")
    assert send(pagerduty.url, trigger())[0] == 202


def test_pages_of_incidents(pagerduty: PagerDutyStandIn, duty: RemoteControl) -> None:
    for number in range(3):
        send(pagerduty.url, trigger(f"group-{number}"))
    send(pagerduty.url, follow_up("resolve", "group-1"))
    page = duty.call("GET", "incidents?limit=2")
    assert [i["dedup_key"] for i in page["incidents"]] == ["group-2", "group-1"]
    assert (page["has_more"], page["open"], page["total"]) == (True, 2, 3)
    rest = duty.call("GET", f"incidents?after={page['incidents'][-1]['number']}")
    assert ([i["dedup_key"] for i in rest["incidents"]], rest["has_more"]) == (["group-0"], False)
    assert [i["dedup_key"] for i in incidents(duty, "?state=open")] == ["group-2", "group-0"]
    assert [i["state"] for i in incidents(duty, "?dedup_key=group-1")] == ["resolved"]
    with pytest.raises(ControlFailedError):
        duty.call("GET", "incidents?state=closed")


def test_the_log_of_all_incidents_goes_on_where_a_reader_was(
    pagerduty: PagerDutyStandIn, duty: RemoteControl
) -> None:
    for event in (trigger(), trigger("capture"), trigger(summary="fulfil fails 10 times")):
        send(pagerduty.url, event)
    log = duty.call("GET", "log")
    assert [(e["action"], e["opened"], e["incident"]["dedup_key"]) for e in log["entries"]] == [
        ("trigger", True, "fulfil"),
        ("trigger", True, "capture"),
        ("trigger", False, "fulfil"),
    ]
    assert log["entries"][0]["summary"] == "fulfil fails"
    assert log["entries"][0]["incident"]["summary"] == "fulfil fails 10 times"
    assert log["newest"] == log["entries"][-1]["seq"]
    assert duty.call("GET", "log?limit=1")["entries"] == log["entries"][:1]
    duty.reset()
    send(pagerduty.url, trigger())
    send(pagerduty.url, follow_up("resolve"))
    rest = duty.call("GET", f"log?after={log['newest']}")["entries"]
    assert [(e["action"], e["opened"]) for e in rest] == [("trigger", True), ("resolve", False)]


def test_statistics_and_reset(pagerduty: PagerDutyStandIn, duty: RemoteControl) -> None:
    send(pagerduty.url, trigger())
    assert post(pagerduty.url, b"{}", "/v2/change/enqueue")[0] == 404
    counted = duty.statistics()
    assert counted["endpoints"] == {"POST /v2/enqueue": 1, "unrecognized": 1}
    assert counted["outcomes"] == {"202": 1, "404": 1}
    duty.call("POST", "processing", {"resolve": 5})
    duty.call("POST", "rate", {"per_minute": 0})
    duty.call("POST", "advance", {"seconds": 3600})
    ahead = duty.call("GET", "processing")["now"]
    duty.reset()
    settings = duty.call("GET", "processing")
    assert (settings["delays"]["resolve"], settings["per_minute"]) == (0, 120)
    assert settings["now"] < ahead - 3000
    assert (incidents(duty), outcomes(duty)) == ([], [])


def test_a_file_survives_a_restart(tmp_path: Path) -> None:
    with PagerDutyStandIn(tmp_path) as first:
        control = RemoteControl(first.url)
        control.call("POST", "processing", {"resolve": 1000})
        control.call("POST", "advance", {"seconds": 3600})
        send(first.url, trigger())
        send(first.url, follow_up("resolve"))
        before = incidents(control)
    with PagerDutyStandIn(tmp_path) as second:
        control = RemoteControl(second.url)
        assert incidents(control) == before
        control.call("POST", "advance", {"seconds": 1000})
        assert states(control) == ["resolved"]
        assert send(second.url, trigger()) == (202, ACCEPTED)
        assert states(control) == ["resolved", "triggered"]
