"""`orders incidents`, and the lines by which `orders up` tells of pages as they arrive."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from rich.markup import escape

from orders.cli.exit_codes import ExitCode
from orders.local.incidents import Incidents, IncidentsUnavailable
from orders.local.run_file import NotRunning, read_run_file

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.local.incidents import Happening, Incident

POLL_SECONDS: Final = 1.0
_COLOURS: Final = {"triggered": "red", "acknowledged": "yellow", "resolved": "green"}
_SEVERE: Final = {"critical": "bold red", "error": "red", "warning": "yellow"}
_WORDS: Final = {"trigger": "again", "acknowledge": "seen", "resolve": "over"}


def add_incidents_options(parser: argparse.ArgumentParser) -> None:
    """Add --all and --follow."""
    parser.add_argument("--all", action="store_true", help="those that are resolved too")
    parser.add_argument("--follow", action="store_true", help="go on with what happens, until Ctrl-C")


def incidents(arguments: argparse.Namespace, output: Output) -> int:
    """Show the incidents of the local run, newest first."""
    try:
        source = Incidents(read_run_file())
    except NotRunning:
        todo = "start one with `orders up`; the incidents of a deployed one are in PagerDuty"
        raise IncidentsUnavailable(f"no pipeline is up: {todo}") from None
    source.from_now_on()
    found = source.list(open_only=not arguments.all)
    if output.as_json:
        output.json({"incidents": [asdict(incident) for incident in found]})
    else:
        for incident in found:
            _print(incident, output)
        if not found:
            output.say("There is no incident." if arguments.all else "No incident is open.")
    if arguments.follow:
        _follow(source, output)
    return ExitCode.OK


def tell_open(source: Incidents, output: Output) -> None:
    """Tell how many incidents are open, and let the news begin here; raises IncidentsUnavailable."""
    source.from_now_on()
    if count := source.open_count():
        output.say(f"{count:,} incident{'s are' if count > 1 else ' is'} open: orders incidents --follow")


def tell_news(source: Incidents, output: Output) -> None:
    """Tell what happened since the last time, a line each; raises IncidentsUnavailable."""
    for happening in source.news():
        # Not wrapped: a command that the terminal itself breaks can be copied whole.
        output.messages.print(_line(happening), soft_wrap=True)


def _follow(source: Incidents, output: Output) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            if output.as_json:
                for happening in source.news():
                    output.json(asdict(happening))
            else:
                tell_news(source, output)
            time.sleep(POLL_SECONDS)


def _line(happening: Happening) -> str:
    word = "page" if happening.opened else _WORDS[happening.action]
    colour = _SEVERE.get(happening.severity, "default")
    text = f"[bold]{word:<5}[/]  [{colour}]{happening.severity:<8}[/]  {escape(happening.summary)}"
    if happening.action == "trigger" and happening.command:
        text += f"  → {escape(happening.command)}"
    return text


def _print(incident: Incident, output: Output) -> None:
    colour, severe = _COLOURS[incident.state], _SEVERE.get(incident.severity, "default")
    title = f"[bold]Incident {incident.number}[/]  [{colour}]{incident.state}[/]"
    output.data.print(
        f"{title}  [{severe}]{incident.severity}[/]  {escape(incident.summary)}", soft_wrap=True
    )
    times = "once" if incident.alerts == 1 else f"{incident.alerts:,} times"
    for name, value in (
        ("Key", incident.dedup_key),
        ("Failures", _failures(incident)),
        ("At stake", ", ".join(incident.money_at_stake)),
        ("First", incident.first_event),
        ("Last", f"{incident.last_event}, told {times}"),
        ("Run", incident.command),
    ):
        if value:
            output.data.print(f"  {name:<9} {escape(value)}", soft_wrap=True)


def _failures(incident: Incident) -> str:
    if incident.waiting is None:
        return ""
    of_all = f" of {incident.total:,}" if incident.total is not None else ""
    return f"{incident.waiting:,}{of_all} waiting when last told"
