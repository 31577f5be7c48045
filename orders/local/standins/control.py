"""The control API that all stand-ins have, under `/_standin/`. JSON in, JSON out, no token.

| request | body | effect |
| --- | --- | --- |
| `GET /_standin/health` | | `{"status": "ok", "stand_in": name}` |
| `GET /_standin/faults` | | the rules that wait, the outage, the latency |
| `POST /_standin/faults` | `{"kind", "count": 1, "skip": 0, "method", "path", "order_id", "seconds": 30, "status": 500, "retry_after": 1}` | adds a rule (`faults.FaultKind` lists the kinds) |
| `DELETE /_standin/faults` | | no rules, no outage, no latency |
| `POST /_standin/down` | `{"seconds": 30, "status": 503}` | down for a while; `"status": null` cuts connections |
| `DELETE /_standin/down` | | up again |
| `POST /_standin/latency` | `{"seconds": 0.2}` | holds every call |
| `GET /_standin/statistics` | | calls per endpoint, outcomes, most calls in one second |
| `DELETE /_standin/statistics` | | counts from zero |
| `POST /_standin/credentials` | `{"accepted": ["token"]}` | only these tokens; `null`: any again |
| `POST /_standin/reset` | | forgets everything |

A rule that a call cannot obey is refused with 400, an unknown control call with 404.
"""  # noqa: E501 - a table row is one line

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from orders.local.standins.faults import Fault
from orders.local.standins.messages import Json, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.local.standins.calls import CallStatistics
    from orders.local.standins.credentials import Credentials
    from orders.local.standins.faults import FaultPlan

ControlCall: TypeAlias = "Callable[[Request], Json]"


class ControlRefusedError(Exception):
    """A control call that cannot be done as the stand-in is now; answered with 409."""


class ControlApi:
    """Routes control calls; a stand-in adds its own with `add`."""

    def __init__(
        self,
        name: str,
        faults: FaultPlan,
        calls: CallStatistics,
        credentials: Credentials,
        forget: Callable[[], None],
    ) -> None:
        self._name = name
        self._faults = faults
        self._calls = calls
        self._credentials = credentials
        self._forget = forget
        self._routes: dict[str, ControlCall] = {
            "GET health": lambda _: {"status": "ok", "stand_in": name},
            "GET faults": lambda _: faults.snapshot(),
            "POST faults": self._add_fault,
            "DELETE faults": self._clear_faults,
            "POST down": self._go_down,
            "DELETE down": self._come_up,
            "POST latency": self._set_latency,
            "GET statistics": lambda _: calls.snapshot(),
            "DELETE statistics": self._clear_statistics,
            "POST credentials": self._set_credentials,
            "POST reset": self._reset,
        }

    def add(self, route: str, call: ControlCall) -> None:
        """Add a call, named like `POST payouts/{id}/fail`."""
        self._routes[route] = call

    def answer(self, request: Request) -> Reply:
        """200 with the result, 400 for a body that cannot be, 404, 409."""
        segments = request.path.split("/")[2:]
        name = f"{request.method} {'/'.join(segments)}"
        if len(segments) > 1:
            name = f"{request.method} {'/'.join([segments[0], '{id}', *segments[2:]])}"
        call = self._routes.get(name)
        if call is None:
            return Reply.of(404, {"error": f"no control call {request.method} {request.path}"})
        try:
            return Reply.of(200, call(request))
        except (ValueError, TypeError, KeyError) as error:
            return Reply.of(400, {"error": f"{type(error).__name__}: {error}"})
        except ControlRefusedError as error:
            return Reply.of(409, {"error": str(error)})

    def _add_fault(self, request: Request) -> Json:
        self._faults.add(Fault(**request.json()))
        return self._faults.snapshot()

    def _clear_faults(self, _: Request) -> Json:
        self._faults.clear()
        return self._faults.snapshot()

    def _go_down(self, request: Request) -> Json:
        body: Json = {"seconds": 30.0, "status": 503} | request.json()
        self._faults.go_down(float(body["seconds"]), body["status"])
        return self._faults.snapshot()

    def _come_up(self, _: Request) -> Json:
        self._faults.come_up()
        return self._faults.snapshot()

    def _set_latency(self, request: Request) -> Json:
        self._faults.set_latency(float(request.json()["seconds"]))
        return self._faults.snapshot()

    def _clear_statistics(self, _: Request) -> Json:
        self._calls.reset()
        return self._calls.snapshot()

    def _set_credentials(self, request: Request) -> Json:
        accepted = request.json()["accepted"]
        self._credentials.accept_only(accepted)
        return {"accepted": None if accepted is None else len(accepted)}

    def _reset(self, _: Request) -> Json:
        self._faults.clear()
        self._calls.reset()
        self._credentials.accept_only(None)
        self._forget()
        return {"reset": self._name}


def path_id(request: Request) -> str:
    """The `{id}` of a control call such as `POST /_standin/payouts/{id}/fail`."""
    return request.path.split("/")[3]
