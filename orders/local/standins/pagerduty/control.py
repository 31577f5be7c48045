"""Control calls of PagerDuty, besides those of `orders.local.standins.control`.

| request | body | effect |
| --- | --- | --- |
| `GET /_standin/incidents` | query `state` (`all` or `open`), `dedup_key`, `limit` (1000), `after` | `{"incidents", "has_more", "open", "total"}`, newest first |
| `POST /_standin/incidents/{number}/acknowledge` | `{"by": "a person"}` | as a person does it; the incident |
| `POST /_standin/incidents/{number}/resolve` | `{"by": "a person"}` | as a person does it; the incident |
| `GET /_standin/log` | query `after` (0), `limit` (1000) | `{"entries", "newest"}`, what happened to all incidents, oldest first |
| `GET /_standin/events` | query `limit` (1000) | `{"events"}`, newest first, with what became of each |
| `GET /_standin/processing` | | `{"delays", "per_minute", "now"}` |
| `POST /_standin/processing` | `{"resolve": 30}` | from now on works on resolves 30 s after their 202; so for the other actions |
| `POST /_standin/rate` | `{"per_minute": 120}` | so many events of a key in a minute; `null`: any number |
| `POST /_standin/advance` | `{"seconds": 60}` | moves time on; what is due happens |

An incident is `{"number", "state": "triggered" | "acknowledged" | "resolved", "dedup_key", "integration",
"since", "alerts", "summary", "source", "severity", "timestamp", "component", "group", "class", "client",
"client_url", "custom_details", "links", "images", "log"}`: `since` is the Unix time at which it was opened,
`alerts` the number of its triggers, the texts are those of the last of them, `integration` is the end of the
`routing_key`. `log` has `{"at", "action", "by"}` for everything that happened to it, with `summary` for a
trigger; `by` is `events_api` or the person. In the log of all incidents an entry also has its place `seq`, to
go on `after`, whether it `opened` its incident, and the `incident` as it is now, without its log; `newest` is
the last place there is. An event is `{"action", "dedup_key", "accepted_at", "due_at",
"outcome": "waiting" | "applied" | "dropped"}`.

`POST /_standin/credentials` sets the routing keys that are known. An incident that is not open cannot be
acknowledged or resolved: 409.
"""  # noqa: E501 - a table row is one line

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from orders.local.standins.control import ControlRefusedError, path_id
from orders.local.standins.pagerduty.event import Action
from orders.local.standins.pagerduty.incidents import NotOpenError

if TYPE_CHECKING:
    from orders.local.standins.control import ControlApi, ControlCall
    from orders.local.standins.database import Database
    from orders.local.standins.messages import Json, Request
    from orders.local.standins.pagerduty.incidents import Incidents
    from orders.local.standins.pagerduty.processing import Processing

LARGEST_PAGE = 1000
SOMEBODY = "somebody"


class PagerDutyControl:
    """What people see and do, and what the sender cannot have a say in."""

    def __init__(self, database: Database, processing: Processing, incidents: Incidents) -> None:
        self._database = database
        self._processing = processing
        self._incidents = incidents

    def register(self, api: ControlApi) -> None:
        """Add these calls; each is one transaction, and finds what is due done."""
        for route, call in (
            ("GET incidents", self._list),
            ("GET log", self._log),
            ("POST incidents/{id}/acknowledge", lambda r: self._act(r, Action.ACKNOWLEDGE)),
            ("POST incidents/{id}/resolve", lambda r: self._act(r, Action.RESOLVE)),
            ("GET events", lambda r: {"events": self._processing.newest(_limit(_query(r)))}),
            ("GET processing", lambda _: self._settings()),
            ("POST processing", self._delay),
            ("POST rate", self._limit),
            ("POST advance", self._advance),
        ):
            api.add(route, self._caught_up(call))

    def _caught_up(self, call: ControlCall) -> ControlCall:
        def run(request: Request) -> Json:
            with self._database.transaction():
                self._processing.catch_up()
                return call(request)

        return run

    def _list(self, request: Request) -> Json:
        query = _query(request)
        state = query.get("state", "all")
        if state not in ("all", "open"):
            raise ValueError("state is all or open")
        incidents, more = self._incidents.page(
            open_only=state == "open",
            dedup_key=query.get("dedup_key"),
            limit=_limit(query),
            before=int(query["after"]) if "after" in query else None,
        )
        return {"incidents": incidents, "has_more": more, **self._incidents.totals()}

    def _log(self, request: Request) -> Json:
        query = _query(request)
        entries = self._incidents.happened(int(query.get("after", 0)), _limit(query))
        return {"entries": entries, "newest": self._incidents.newest()}

    def _act(self, request: Request, action: Action) -> Json:
        by = str(request.json().get("by", SOMEBODY))
        try:
            return self._incidents.act(int(path_id(request)), action, by, self._processing.clock.now())
        except NotOpenError as error:
            raise ControlRefusedError(str(error)) from error

    def _delay(self, request: Request) -> Json:
        self._processing.delay(request.json())
        return self._settings()

    def _limit(self, request: Request) -> Json:
        per_minute = request.json()["per_minute"]
        self._processing.limit(None if per_minute is None else int(per_minute))
        return self._settings()

    def _advance(self, request: Request) -> Json:
        self._processing.advance(int(request.json()["seconds"]))
        self._processing.catch_up()
        return self._settings()

    def _settings(self) -> Json:
        processing = self._processing
        return {
            "delays": processing.delays,
            "per_minute": processing.per_minute,
            "now": processing.clock.now(),
        }


def _query(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.query).items()}


def _limit(query: dict[str, str]) -> int:
    return min(int(query.get("limit", LARGEST_PAGE)), LARGEST_PAGE)
