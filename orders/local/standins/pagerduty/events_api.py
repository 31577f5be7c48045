"""PagerDuty's Events API v2: `POST /v2/enqueue`, for alert events.

| answer | when |
| --- | --- |
| 202 `{"status": "success", "message": "Event processed", "dedup_key"}` | the event is valid; it is worked on later |
| 400 `{"status": "invalid event", "message": "Event object is invalid", "errors": [text]}` | see `event`; also above 512 KB |
| 400 `{"status": "Unrecognized object", "message": "Event object format is unrecognized", "errors": ["JSON parse error"]}` | the body is no JSON object |
| 400 `Invalid routing key`, as plain text | the key has the right form and is of no integration |
| 429 `{"status": "throttle exceeded", "message"}` | the key has sent more than 120 events in a minute; not ingested |
| 5xx `{"status", "message"}` | a fault |

Statuses, which of them to try again, and the limit of 512 KB are those of
https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/01-Overview.md; the formats of 202,
400 and 5xx are those of
https://github.com/PagerDuty/api-schema/blob/main/reference/events-v2/openapiv3.json. Not documented are:

- what an unknown key gets. Two clients that print the body as it is show plain text:
  https://github.com/robusta-dev/robusta/issues/571 is one;
- the body of a 429: the words are those in the tests of PagerDuty's own Go client (`go-pagerduty`). No header
  says when to come back, so the `retry_after` of a fault is ignored;
- the status of an event that is too large, and how large a KB is. Here it is 400 above 512,000 bytes: what
  passes here passes by either reading.

Change events (`/v2/change/enqueue`) are no alerts and are not here: 404.
"""  # noqa: E501 - a table row is one line

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.database import Database
from orders.local.standins.faults import Fault, FaultKind
from orders.local.standins.messages import Json, Reply, Request
from orders.local.standins.pagerduty import incidents, processing
from orders.local.standins.pagerduty.control import PagerDutyControl
from orders.local.standins.pagerduty.event import Event, InvalidEventError, parse_event
from orders.local.standins.pagerduty.incidents import Incidents
from orders.local.standins.pagerduty.processing import Processing
from orders.local.standins.standin import StandIn

if TYPE_CHECKING:
    from pathlib import Path

ENQUEUE = "POST /v2/enqueue"
LARGEST_EVENT = 512_000
TOO_MANY = "Requests for this service are arriving too quickly.  Please retry later."


class PagerDutyStandIn(StandIn):
    """Takes alert events; any routing key of the right form will do until some are set.

    Args:
        folder: where `pagerduty.sqlite` is kept; None keeps everything in memory.
        port: 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """

    def __init__(self, folder: Path | None = None, port: int = 0) -> None:
        path = folder / "pagerduty.sqlite" if folder else None
        database = Database(path, incidents.SCHEMA + processing.SCHEMA)
        self._incidents = Incidents(database)
        self._processing = Processing(database, self._incidents)
        super().__init__("pagerduty", database, port=port)
        PagerDutyControl(database, self._processing, self._incidents).register(self._control)

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        """One call of the API."""
        if self.endpoint_of(request) != ENQUEUE:
            return _reply(404, "not found", "there is no such address")
        if fault is not None and fault.kind is FaultKind.SLOW:
            self.pause(fault.seconds)
        if fault is not None and fault.fails_before_effect:
            return self.failure(fault.status, None)
        reply = self._enqueue(request)
        if fault is not None and fault.fails_after_effect:
            return self.failure(fault.status, None)
        return reply

    def _enqueue(self, request: Request) -> Reply:
        try:
            event = _read(request)
        except InvalidEventError as error:
            return _reply(400, "invalid event", "Event object is invalid", errors=error.errors)
        except ValueError:
            message = "Event object format is unrecognized"
            return _reply(400, "Unrecognized object", message, errors=["JSON parse error"])
        if not self.credentials.accepts(event.routing_key):
            return Reply(400, b"Invalid routing key", {"Content-Type": "text/plain"})
        if not self._processing.accept(event):
            return self.failure(429, None)
        return _reply(202, "success", "Event processed", dedup_key=event.dedup_key)

    def endpoint_of(self, request: Request) -> str:
        """The endpoint's name; all addresses that do not exist count as one."""
        name = f"{request.method} {request.path}"
        return name if name == ENQUEUE else "unrecognized"

    def order_id_of(self, request: Request) -> str | None:  # noqa: ARG002 - as the base has it
        """None: an event is about many orders."""
        return None

    def failure(self, status: int, retry_after: int | None) -> Reply:  # noqa: ARG002 - no such header
        """A 429 or 5xx in PagerDuty's words."""
        if status == 429:  # noqa: PLR2004 - HTTP's Too Many Requests
            return _reply(429, "throttle exceeded", TOO_MANY)
        return _reply(status, "server error", "the event was not processed: try again later")

    def forget(self) -> None:
        """Delete all events and incidents, and set clock, delays and rate right."""
        with self._database.transaction():
            self._incidents.forget()
            self._processing.forget()


def _read(request: Request) -> Event:
    """Raises InvalidEventError, and ValueError for what is no JSON object."""
    if len(request.body) > LARGEST_EVENT:
        raise InvalidEventError([f"the event is too large (maximum is {LARGEST_EVENT} bytes)"])
    if not request.body:
        raise ValueError("an empty body")
    return parse_event(request.json())


def _reply(status: int, name: str, message: str, **more: object) -> Reply:
    body: Json = {"status": name, "message": message, **more}
    return Reply.of(status, body)
