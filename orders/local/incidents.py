"""The incidents of a local run, as PagerDuty's stand-in has them; those of AWS are in PagerDuty itself."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lambdas.domain.timestamps import to_text
from orders.local.standins.remote import ControlFailedError, RemoteControl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders.local.run_file import Addresses
    from orders.local.standins.messages import Json


class IncidentsUnavailable(Exception):
    """The stand-in does not answer; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What a person sees of one incident.

    `alerts` is the number of its triggers. What its last trigger's `custom_details` said:
    `waiting` and `total` failures of its group, `money_at_stake` as decimal text with a currency each,
    and the `command` to run; None or empty where they say nothing of it. Times are RFC 3339.
    """

    number: int
    state: str
    severity: str
    summary: str
    dedup_key: str
    alerts: int
    waiting: int | None
    total: int | None
    money_at_stake: tuple[str, ...]
    command: str | None
    first_event: str
    last_event: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to an incident: a page, an alert more, a resolve.

    `opened` tells whether it is the one that paged; `by` is `events_api` or a person.
    """

    at: str
    action: str
    by: str
    opened: bool
    severity: str
    summary: str
    command: str | None


class Incidents:
    """Reads the incidents of one local run, and follows what happens to them."""

    def __init__(self, addresses: Addresses) -> None:
        if not addresses.pagerduty_url:
            raise IncidentsUnavailable("the run that is up is of an earlier version: start it again")
        self._control = RemoteControl(addresses.pagerduty_url)
        self._place = 0

    def list(self, *, open_only: bool) -> list[Incident]:
        """Return them, newest first; raises IncidentsUnavailable."""
        found: list[Json] = []
        query = f"state={'open' if open_only else 'all'}"
        while True:
            after = f"&after={found[-1]['number']}" if found else ""
            page = self._call(f"incidents?{query}{after}")
            found += page["incidents"]
            if not page["has_more"]:
                return [_incident(shown) for shown in found]

    def open_count(self) -> int:
        """Count those that are open; raises IncidentsUnavailable."""
        count: int = self._call("incidents?limit=1")["open"]
        return count

    def from_now_on(self) -> None:
        """Let `news` leave out what has happened until now; raises IncidentsUnavailable."""
        self._place = self._call("log?limit=1")["newest"]

    def news(self) -> Iterator[Happening]:
        """Tell what happened since the last call, oldest first; raises IncidentsUnavailable."""
        while entries := self._call(f"log?after={self._place}")["entries"]:
            for entry in entries:
                self._place = entry["seq"]
                yield _happening(entry)

    def _call(self, name: str) -> Json:
        try:
            return self._control.call("GET", name)
        except (OSError, ValueError, http.client.HTTPException, ControlFailedError) as error:
            reason = "PagerDuty's stand-in does not answer"
            raise IncidentsUnavailable(f"{reason} ({error}): is the pipeline still up?") from error


def _incident(shown: Json) -> Incident:
    details = shown["custom_details"]
    return Incident(
        number=shown["number"],
        state=shown["state"],
        severity=shown["severity"],
        summary=shown["summary"],
        dedup_key=shown["dedup_key"],
        alerts=shown["alerts"],
        waiting=_count(details.get("open")),
        total=_count(details.get("total")),
        money_at_stake=_texts(details.get("money_at_stake")),
        command=_command(details),
        first_event=_time(shown["log"][0]["at"]),
        last_event=_time(shown["log"][-1]["at"]),
    )


def _happening(entry: Json) -> Happening:
    incident = entry["incident"]
    return Happening(
        at=_time(entry["at"]),
        action=entry["action"],
        by=entry["by"],
        opened=entry["opened"],
        severity=incident["severity"],
        summary=entry.get("summary", incident["summary"]),
        command=_command(incident["custom_details"]),
    )


def _command(details: Json) -> str | None:
    command = details.get("command")
    return command if isinstance(command, str) else None


def _count(value: Any) -> int | None:  # noqa: ANN401 - any JSON value: it is the sender's
    return value if isinstance(value, int) else None


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - any JSON value: it is the sender's
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _time(seconds: int) -> str:
    return to_text(datetime.fromtimestamp(seconds, UTC))
