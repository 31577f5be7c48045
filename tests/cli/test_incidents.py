"""`orders incidents`, and the pages that `orders up` tells of while it serves."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orders.cli.console import Output
from orders.cli.main import main
from orders.cli.up import serve
from orders.local.run_file import Addresses, write_run_file
from orders.local.standins.pagerduty import PagerDutyStandIn
from orders.local.standins.remote import RemoteControl
from tests.standins.pages import follow_up, send, trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "orders/local/fp_fulfil"
COMMAND = "orders dlq plan --group fp_fulfil --env local"
DETAILS = {"open": 12, "total": 1400, "money_at_stake": ["340.00 GBP", "5 JPY"], "command": COMMAND}
SUMMARY = "[local] fulfil:Gone: 12 failures waiting"


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyStandIn]:
    """A PagerDuty without incidents."""
    with PagerDutyStandIn() as running:
        yield running


@pytest.fixture
def run(pagerduty: PagerDutyStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Addresses:
    """A local run as the commands find it, of which nothing else answers."""
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path))
    nowhere = "http://127.0.0.1:9"
    addresses = Addresses(
        os.getpid(), nowhere, nowhere, nowhere, nowhere, "2026-11-26", {}, pagerduty_url=pagerduty.url
    )
    write_run_file(addresses)
    return addresses


def page(pagerduty: PagerDutyStandIn, **changes: Any) -> None:
    """Trigger the incident."""
    event = trigger(KEY, SUMMARY, severity="critical", custom_details=DETAILS)
    assert send(pagerduty.url, event | changes)[0] == 202


def at_each_pause(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Do a step whenever the command waits, and press Ctrl-C after the last one."""
    left = list(steps)

    def pause(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    monkeypatch.setattr(time, "sleep", pause)


@pytest.mark.usefixtures("run")
def test_an_incident_is_shown_with_what_to_run(
    pagerduty: PagerDutyStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    page(pagerduty)
    page(pagerduty)
    assert main(["incidents"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Incident 1  triggered  critical  {SUMMARY}"
    assert [line.split(maxsplit=1)[0] for line in lines[1:]] == [
        "Key", "Failures", "At", "First", "Last", "Run"
    ]  # fmt: skip
    assert lines[1].endswith(KEY)
    assert lines[2].endswith("12 of 1,400 waiting when last told")
    assert lines[3].endswith("340.00 GBP, 5 JPY")
    assert lines[5].endswith("told 2 times")
    assert lines[6].endswith(COMMAND)


@pytest.mark.usefixtures("run")
def test_resolved_ones_are_shown_when_asked_for(
    pagerduty: PagerDutyStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["incidents", "--all"]) == 0
    assert capsys.readouterr().err == "There is no incident.\n"
    page(pagerduty)
    send(pagerduty.url, follow_up("resolve", KEY))
    assert main(["incidents"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "No incident is open.\n")
    assert main(["incidents", "--all"]) == 0
    assert "resolved" in capsys.readouterr().out


@pytest.mark.usefixtures("run")
def test_programs_get_all_of_it_whatever_the_sender_said(
    pagerduty: PagerDutyStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    page(pagerduty)
    send(pagerduty.url, trigger("odd", custom_details={"open": "many", "money_at_stake": 5, "command": {}}))
    assert main(["incidents", "--json"]) == 0
    odd, incident = json.loads(capsys.readouterr().out)["incidents"]
    assert incident.pop("first_event") <= incident.pop("last_event")
    assert incident == {
        "number": 1,
        "state": "triggered",
        "severity": "critical",
        "summary": SUMMARY,
        "dedup_key": KEY,
        "alerts": 1,
        "waiting": 12,
        "total": 1400,
        "money_at_stake": ["340.00 GBP", "5 JPY"],
        "command": COMMAND,
    }
    assert [odd[name] for name in ("waiting", "total", "money_at_stake", "command")] == [None, None, [], None]


@pytest.mark.usefixtures("run")
def test_a_follower_hears_of_what_happens_from_then_on(
    pagerduty: PagerDutyStandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page(pagerduty)
    at_each_pause(
        monkeypatch,
        lambda: page(pagerduty),
        lambda: RemoteControl(pagerduty.url).call("POST", "incidents/1/acknowledge", {"by": "Ada"}),
        lambda: send(pagerduty.url, follow_up("resolve", KEY)),
        lambda: page(pagerduty),
    )
    assert main(["incidents", "--follow"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"again  critical  {SUMMARY}  → {COMMAND}",
        f"seen   critical  {SUMMARY}",
        f"over   critical  {SUMMARY}",
        f"page   critical  {SUMMARY}  → {COMMAND}",
    ]


@pytest.mark.usefixtures("run")
def test_a_following_program_gets_json(
    pagerduty: PagerDutyStandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_each_pause(monkeypatch, lambda: page(pagerduty))
    assert main(["incidents", "--follow", "--json"]) == 0
    before, _, happened = capsys.readouterr().out.partition("}\n")
    assert json.loads(before + "}") == {"incidents": []}
    told = json.loads(happened)
    assert (told["action"], told["opened"], told["by"], told["command"]) == (
        "trigger", True, "events_api", COMMAND
    )  # fmt: skip


def test_what_serves_tells_of_pages_and_of_a_silent_stand_in_once(
    run: Addresses,
    pagerduty: PagerDutyStandIn,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page(pagerduty)
    at_each_pause(monkeypatch, lambda: page(pagerduty), pagerduty.stop, lambda: None)
    serve(run, Output())
    serving, found, told, silent, stopping = capsys.readouterr().err.splitlines()
    assert (serving, stopping) == ("Serving until Ctrl-C.", "Stopping.")
    assert found == "1 incident is open: orders incidents --follow"
    assert told == f"again  critical  {SUMMARY}  → {COMMAND}"
    assert silent.startswith("orders: PagerDuty's stand-in does not answer")


def test_more_incidents_than_a_page_has(
    run: Addresses, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.local.standins.pagerduty.control.LARGEST_PAGE", 2)
    for number in range(5):
        send(run.pagerduty_url, trigger(f"group-{number}"))
    assert main(["incidents", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["incidents"]
    assert [incident["dedup_key"] for incident in found] == [f"group-{number}" for number in (4, 3, 2, 1, 0)]


def test_without_a_pipeline_or_with_one_that_has_no_pagerduty_it_says_what_to_do(
    run: Addresses, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_run_file(replace(run, pagerduty_url=""))
    assert main(["incidents"]) == 1
    assert "start it again" in capsys.readouterr().err
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "none"))
    assert main(["incidents"]) == 1
    assert "orders: no pipeline is up: start one with `orders up`" in capsys.readouterr().err
