"""What lies between the 202 and the incident: events wait, and are worked on when they are due.

The Events API is asynchronous (see `events_api`), and its pages say nothing of the order in which it works
on what came close together. So each action has a delay, 0 at first: with one for `resolve`, a resolve that
was sent before a trigger closes what that trigger opened.

Nothing runs in the background. Whoever looks first lets everything happen that is due by then, in the
order in which it fell due, at the times at which it did.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from orders.local.standins.clock import Clock
from orders.local.standins.pagerduty.event import Action, Event

if TYPE_CHECKING:
    from orders.local.standins.database import Database
    from orders.local.standins.messages import Json
    from orders.local.standins.pagerduty.incidents import Incidents

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    routing_key TEXT NOT NULL,
    action TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    shown TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    outcome TEXT NOT NULL -- waiting, applied, dropped
);
CREATE INDEX IF NOT EXISTS events_by_key ON events (routing_key, accepted_at);
CREATE INDEX IF NOT EXISTS waiting_events ON events (due_at, seq) WHERE outcome = 'waiting';
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
WINDOW_SECONDS: Final = 60
PER_MINUTE: Final = 120
"""Events of one integration key "over a 60 second window looking back from the current time", which is
approximate in PagerDuty (https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/05-Rate-Limits.md)."""


class Processing:
    """Takes events in and works on them, by a clock that a control call can move on.

    Only accepted events count against the rate: the page does not say whether refused ones do. The delays
    and the rate live in memory, as faults do; the clock's offset and the events that wait are kept.
    """

    def __init__(self, database: Database, incidents: Incidents) -> None:
        self._database = database
        self._incidents = incidents
        self.clock = Clock(self._offset())
        self.delays = dict.fromkeys(Action, 0)
        self.per_minute: int | None = PER_MINUTE

    def accept(self, event: Event) -> bool:
        """Take an event in; False when its key has sent too many."""
        with self._database.transaction() as connection:
            now = self.clock.now()
            if self.per_minute is not None:
                (sent,) = connection.execute(
                    "SELECT COUNT(*) FROM events WHERE routing_key = ? AND accepted_at > ?",
                    (event.routing_key, now - WINDOW_SECONDS),
                ).fetchone()
                if sent >= self.per_minute:
                    return False
            connection.execute(
                "INSERT INTO events (routing_key, action, dedup_key, shown, accepted_at, due_at, outcome) "
                "VALUES (?, ?, ?, ?, ?, ?, 'waiting')",
                (
                    event.routing_key,
                    event.action,
                    event.dedup_key,
                    json.dumps(event.shown),
                    now,
                    now + self.delays[event.action],
                ),
            )
        return True

    def catch_up(self) -> None:
        """Work on everything that is due; the caller holds a transaction."""
        with self._database.reading() as connection:
            due = connection.execute(
                "SELECT seq, routing_key, action, dedup_key, shown, due_at FROM events "
                "WHERE outcome = 'waiting' AND due_at <= ? ORDER BY due_at, seq",
                (self.clock.now(),),
            ).fetchall()
            for seq, routing_key, action, dedup_key, shown, due_at in due:
                event = Event(routing_key, Action(action), dedup_key, json.loads(shown))
                outcome = "applied" if self._incidents.apply(event, due_at) else "dropped"
                connection.execute("UPDATE events SET outcome = ? WHERE seq = ?", (outcome, seq))

    def delay(self, delays: Json) -> None:
        """Set the seconds after which the actions named are worked on, for events to come.

        Raises:
            ValueError: an action that is none, or a delay below 0.
        """
        changed = {Action(name): int(seconds) for name, seconds in delays.items()}
        if any(seconds < 0 for seconds in changed.values()):
            raise ValueError("an event is not worked on before it comes")
        self.delays = self.delays | changed

    def limit(self, per_minute: int | None) -> None:
        """Set how many events of a key are accepted in a minute; None is without limit.

        Raises:
            ValueError: it is negative.
        """
        if per_minute is not None and per_minute < 0:
            raise ValueError("a rate is not negative")
        self.per_minute = per_minute

    def advance(self, seconds: int) -> None:
        """Move the clock on; the caller holds a transaction.

        Raises:
            ValueError: `seconds` is negative.
        """
        self.clock.advance(seconds)
        with self._database.reading() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO settings VALUES ('clock_offset', ?)", (self.clock.offset,)
            )

    def newest(self, limit: int) -> list[Json]:
        """The events that were accepted last, newest first, each with what became of it."""
        names = ("action", "dedup_key", "accepted_at", "due_at", "outcome")
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT action, dedup_key, accepted_at, due_at, outcome FROM events "
                "ORDER BY seq DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]

    def forget(self) -> None:
        """Delete everything, and set clock, delays and rate right; the caller holds a transaction."""
        with self._database.reading() as connection:
            connection.execute("DELETE FROM events")
            connection.execute("DELETE FROM settings")
        self.clock.offset = 0
        self.delays = dict.fromkeys(Action, 0)
        self.per_minute = PER_MINUTE

    def _offset(self) -> int:
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM settings WHERE name = 'clock_offset'").fetchone()
        return 0 if row is None else int(row[0])
