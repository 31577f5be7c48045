"""The incidents, and what events and people do to them.

An incident here is one alert, as it is on a service without alert grouping. The rules are those of
"Send an Alert Event" (https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md):

- a trigger opens an incident, or adds to the open one of its `routing_key` and `dedup_key`;
- an acknowledged incident stays so when it is triggered again;
- a trigger after the resolve opens a new incident;
- an acknowledge or a resolve for which nothing is open is dropped, and so is one by another `routing_key`.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from orders.local.standins.pagerduty.event import Action, Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders.local.standins.database import Database
    from orders.local.standins.messages import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS incidents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    routing_key TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    alerts INTEGER NOT NULL,
    shown TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS open_incidents
    ON incidents (routing_key, dedup_key) WHERE state <> 'resolved';
CREATE TABLE IF NOT EXISTS log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    number INTEGER NOT NULL,
    entry TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS log_by_incident ON log (number, seq);
"""
EVENTS_API: Final = "events_api"
"""Who did what an event asked, in an incident's log."""


class State(StrEnum):
    """Of an incident; it is open in the first two."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


_REACHED: Final = {Action.ACKNOWLEDGE: State.ACKNOWLEDGED, Action.RESOLVE: State.RESOLVED}


class NotOpenError(Exception):
    """There is no such incident, or it is resolved."""


class Incidents:
    """Reads and writes incidents; the caller holds a transaction for everything that writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, event: Event, at: int) -> bool:
        """Do what an event asks, at this Unix time; False when it is dropped."""
        number = self._open(event)
        if event.action is not Action.TRIGGER:
            if number is not None:
                self._reach(number, event.action, EVENTS_API, at)
            return number is not None
        if number is None:
            number = self._insert(event, at)
        with self._database.reading() as connection:
            connection.execute(
                "UPDATE incidents SET alerts = alerts + 1, shown = ? WHERE number = ?",
                (json.dumps(event.shown), number),
            )
        entry = {"at": at, "action": event.action, "by": EVENTS_API, "summary": event.shown["summary"]}
        self._log(number, entry)
        return True

    def act(self, number: int, action: Action, by: str, at: int) -> Json:
        """Acknowledge or resolve as a person does in the web application; returns the incident.

        Raises:
            NotOpenError: it is resolved, or there is none of this number.
        """
        found = self._find(number)
        if found is None or found["state"] == State.RESOLVED:
            raise NotOpenError(f"there is no open incident {number}")
        self._reach(number, action, by, at)
        return found | {"state": _REACHED[action], "log": self._entries(number)}

    def page(
        self, *, open_only: bool, dedup_key: str | None, limit: int, before: int | None
    ) -> tuple[list[Json], bool]:
        """Incidents, newest first, and whether there are more; `before` is the number to go on after."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT number, routing_key, dedup_key, state, since, alerts, shown FROM incidents "
                "WHERE (? OR state <> 'resolved') AND dedup_key = COALESCE(?, dedup_key) "
                "AND number < COALESCE(?, number + 1) ORDER BY number DESC LIMIT ?",
                (not open_only, dedup_key, before, limit + 1),
            ).fetchall()
        return [_incident(row) | {"log": self._entries(row[0])} for row in rows[:limit]], len(rows) > limit

    def happened(self, after: int, limit: int) -> list[Json]:
        """What happened to all incidents behind this place of the log, oldest first, each as it is now."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT seq, entry, seq = (SELECT MIN(seq) FROM log first WHERE first.number = log.number), "
                "number, routing_key, dedup_key, state, since, alerts, shown "
                "FROM log JOIN incidents USING (number) WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, limit),
            ).fetchall()
        return [
            {**json.loads(entry), "seq": seq, "opened": bool(opened), "incident": _incident(incident)}
            for seq, entry, opened, *incident in rows
        ]

    def newest(self) -> int:
        """Where the log ends."""
        with self._database.reading() as connection:
            (seq,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM log").fetchone()
        return int(seq)

    def totals(self) -> Json:
        """`{"open": n, "total": n}`."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT COUNT(*) FILTER (WHERE state <> 'resolved'), COUNT(*) FROM incidents"
            )
            still_open, total = row.fetchone()
        return {"open": still_open, "total": total}

    def forget(self) -> None:
        """Delete everything."""
        with self._database.reading() as connection:
            connection.execute("DELETE FROM incidents")
            connection.execute("DELETE FROM log")

    def _open(self, event: Event) -> int | None:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT number FROM incidents "
                "WHERE routing_key = ? AND dedup_key = ? AND state <> 'resolved'",
                (event.routing_key, event.dedup_key),
            ).fetchone()
        return None if row is None else int(row[0])

    def _insert(self, event: Event, at: int) -> int:
        with self._database.reading() as connection:
            (number,) = connection.execute(
                "INSERT INTO incidents (routing_key, dedup_key, state, since, alerts, shown) "
                "VALUES (?, ?, ?, ?, 0, '{}') RETURNING number",
                (event.routing_key, event.dedup_key, State.TRIGGERED, at),
            ).fetchone()
        return int(number)

    def _reach(self, number: int, action: Action, by: str, at: int) -> None:
        with self._database.reading() as connection:
            connection.execute("UPDATE incidents SET state = ? WHERE number = ?", (_REACHED[action], number))
        self._log(number, {"at": at, "action": action, "by": by})

    def _find(self, number: int) -> Json | None:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT number, routing_key, dedup_key, state, since, alerts, shown FROM incidents "
                "WHERE number = ?",
                (number,),
            ).fetchone()
        return None if row is None else _incident(row)

    def _log(self, number: int, entry: Json) -> None:
        with self._database.reading() as connection:
            connection.execute("INSERT INTO log (number, entry) VALUES (?, ?)", (number, json.dumps(entry)))

    def _entries(self, number: int) -> list[Json]:
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT entry FROM log WHERE number = ? ORDER BY seq", (number,)
            ).fetchall()
        return [json.loads(row[0]) for row in rows]


def _incident(row: Sequence[Any]) -> Json:
    number, routing_key, dedup_key, state, since, alerts, shown = row
    return {
        "number": number,
        "state": state,
        "dedup_key": dedup_key,
        "integration": f"...{routing_key[-4:]}",
        "since": since,
        "alerts": alerts,
        **json.loads(shown),
    }
