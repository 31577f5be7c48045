"""What PagerDuty is told, and when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.domain.alert import (
    LONGEST_SUMMARY,
    Action,
    Place,
    dedup_key,
    due,
    event_for,
    is_told,
    severity,
)
from lambdas.domain.failure import FailureGroup, Paging
from lambdas.domain.timestamps import to_text
from tests.fakes.clock import START
from tests.fakes.failures_made import AT_CAPTURE, SEEN_AT

PLACE = Place("prod", "https://runbooks.example/orders", "eu-west-1")
GAP = timedelta(seconds=55)
GROUP = FailureGroup(
    AT_CAPTURE.fingerprint,
    AT_CAPTURE.title,
    AT_CAPTURE.frame,
    SEEN_AT,
    "2026-11-20T11:00:00.000Z",
    open=3,
    total=5,
    stake={"JPY": 500, "GBP": 123_456},
    version=7,
)


def paged(seconds_ago: float, *, open_: int = 3, version: int = 7, triggered: bool = True) -> Paging:
    at = to_text(START - timedelta(seconds=seconds_ago))
    return Paging(triggered=triggered, open=open_, at=at, version=version)


@pytest.mark.parametrize(
    ("open_", "paging", "expected"),
    [
        (1, Paging(), Action.TRIGGER),
        (0, Paging(), None),
        (-1, Paging(), None),
        (3, paged(56), None),  # nothing has changed
        (3, paged(10_000), None),
        (29, paged(56), None),
        (30, paged(56), Action.TRIGGER),  # ten times as many
        (30, paged(54), None),  # not so soon
        (4, paged(899, version=6), None),
        (4, paged(900, version=6), Action.TRIGGER),
        (1, paged(56, open_=0), None),  # it was refused, and nothing is new
        (1, paged(900, open_=0), Action.TRIGGER),
        (1, paged(56, open_=0, version=6), Action.TRIGGER),  # it did not arrive
        (1, paged(56, triggered=False), Action.TRIGGER),  # a new incident after one that ended
        (1, paged(54, triggered=False), None),
        (0, paged(56), Action.RESOLVE),
        (0, paged(54), None),
        (0, paged(56, open_=0), Action.RESOLVE),  # perhaps it did arrive
        (0, paged(56, triggered=False), None),
    ],
)
def test_what_is_due(open_: int, paging: Paging, expected: Action | None) -> None:
    assert due(replace(GROUP, open=open_, paging=paging), START, GAP) is expected


@pytest.mark.parametrize(
    ("open_", "paging", "told"),
    [
        (1, Paging(), False),
        (1, paged(0, open_=0), False),
        (1, paged(0, open_=1), True),
        (0, paged(0), False),
        (0, paged(0, triggered=False), True),
        (0, Paging(), True),
    ],
)
def test_whether_it_is_told(open_: int, paging: Paging, told: bool) -> None:
    assert is_told(replace(GROUP, open=open_, paging=paging)) is told


def test_a_trigger_says_what_failed_what_it_is_worth_and_what_to_run() -> None:
    event = event_for(Action.TRIGGER, GROUP, PLACE)
    assert (event["event_action"], event["dedup_key"]) == ("trigger", f"orders/prod/{GROUP.fingerprint}")
    payload = event["payload"]
    assert payload["summary"] == (
        "[prod] capture:LedgerConflict: 3 failures waiting, 1,234.56 GBP, 500 JPY at stake"
    )
    assert (payload["severity"], payload["component"], payload["class"]) == (
        "critical",
        "capture",
        GROUP.title,
    )
    assert payload["custom_details"] == {
        "environment": "prod",
        "step": "capture",
        "error_class": "LedgerConflict",
        "frame": AT_CAPTURE.frame,
        "open": 3,
        "total": 5,
        "money_at_stake": ["1,234.56 GBP", "500 JPY"],
        "first_seen": SEEN_AT,
        "last_seen": GROUP.last_seen,
        "command": f"orders dlq plan --group {GROUP.fingerprint} --env prod",
        "runbook": "https://runbooks.example/orders/capture.md",
    }
    assert [link["href"].partition("?")[0] for link in event["links"]] == [
        "https://runbooks.example/orders/capture.md",
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home",
    ]


def test_a_resolve_says_no_more_than_which() -> None:
    assert event_for(Action.RESOLVE, GROUP, PLACE) == {
        "event_action": "resolve",
        "dedup_key": dedup_key(PLACE, GROUP.fingerprint),
    }


def test_a_place_without_addresses_has_no_links() -> None:
    event = event_for(Action.TRIGGER, GROUP, Place("local", "docs/runbooks"))
    assert "links" not in event
    assert event["payload"]["custom_details"]["runbook"] == "docs/runbooks/capture.md"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("authorise", "critical"),
        ("capture", "critical"),
        ("refund", "critical"),
        ("reject", "critical"),
        ("unreadable", "critical"),
        ("validate", "error"),
        ("fulfil", "error"),
        ("publish refund", "error"),
    ],
)
def test_money_and_what_nobody_can_read_are_critical(step: str, expected: str) -> None:
    assert severity(replace(GROUP, title=f"{step}:Any")) == expected


def test_a_step_of_two_words_has_a_runbook_of_one() -> None:
    details = event_for(Action.TRIGGER, replace(GROUP, title="publish refund:Any"), PLACE)["payload"]
    assert details["custom_details"]["runbook"].endswith("/publish-refund.md")


def test_a_summary_stays_within_what_the_api_takes() -> None:
    many = dict.fromkeys(("AUD", "CAD", "CHF", "EUR", "GBP", "SEK"), 1_000)
    summary = event_for(Action.TRIGGER, replace(GROUP, stake=many), PLACE)["payload"]["summary"]
    assert summary.endswith("10.00 AUD, 10.00 CAD, 10.00 CHF and 3 more currencies at stake")
    long = replace(GROUP, title="validate:" + "E" * 2_000)
    event = event_for(Action.TRIGGER, long, PLACE)
    assert len(event["payload"]["summary"]) == LONGEST_SUMMARY
    assert json.dumps(event)
