"""How a call over HTTP can end without an answer that says what it came to: the columns of the table.

Each ending happens on the wire, between the adapter and the stand-in (or instead of it), to one call.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import urllib3

from orders.local.standins.faults import FaultKind
from orders.local.standins.standin import StandIn
from orders.local.standins.stripe import PaymentStandIn
from orders.local.standins.warehouse import WarehouseStandIn
from tests.adapters.endpoints import answering, http_answer, refusing_port, resetting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders.local.standins.faults import Fault
    from orders.local.standins.messages import Reply, Request
    from orders.local.standins.remote import RemoteControl

# Beyond what a busy machine needs. A call that hangs is given up at once, the calls beside it never.
PATIENT: Final = urllib3.Timeout(total=60)
IMPATIENT: Final = urllib3.Timeout(connect=60, read=0.03)


class Meaning(Enum):
    """What an ending tells of the call."""

    UNKNOWN = "unknown"
    NOT_DONE = "not done"


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end: by a rule of the stand-in, or `instead` of it at an address that behaves so.

    `happened` tells whether the call had its effect; a call that `hangs` is ended by its own timeout.
    """

    name: str
    rule: dict[str, str | int | float] | None = None
    instead: str | bytes | None = None
    happened: bool = False
    meaning: Meaning = Meaning.UNKNOWN

    @property
    def hangs(self) -> bool:
        """Whether the stand-in stays silent for longer than the test runs."""
        return self.rule is not None and str(self.rule["kind"]).startswith("hang")

    @property
    def saved(self) -> bool:
        """Whether the provider keeps this failure under the call's key, and replays it for a day."""
        return self.rule is not None and self.rule.get("status") == 500

    @contextlib.contextmanager
    def address(self) -> Iterator[str | None]:
        """Where the call goes instead of the stand-in, while this lasts."""
        match self.instead:
            case bytes(answer):
                with answering(answer) as url:
                    yield url
            case "refusing":
                yield f"http://127.0.0.1:{refusing_port()}"
            case "resetting":
                with resetting() as url:
                    yield url
            case _:
                yield None


def _rule(kind: FaultKind, **facts: float) -> dict[str, str | int | float]:
    return {"kind": kind.value, **facts}


def _locked() -> bytes:
    """https://docs.stripe.com/error-codes: `idempotency_key_in_use`, 409."""
    error = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "in use"}
    return http_answer(409, json.dumps({"error": error}).encode())


_HANG_SECONDS: Final = 600
_SERVER_ERRORS: Final = (500, 502, 503, 504)
LOCKED: Final = Ending("409 locked", instead=_locked(), meaning=Meaning.NOT_DONE)
ENDINGS: Final = (
    Ending("refused", instead="refusing"),
    Ending("reset unread", instead="resetting"),
    Ending("closed unanswered", instead=b""),
    Ending("a proxy's page", instead=http_answer(200, b"<html>hello</html>")),
    Ending("another object", instead=http_answer(200, b'{"object":"page"}')),
    Ending("no object", instead=http_answer(200, b"null")),
    Ending("reset before", _rule(FaultKind.RESET_BEFORE)),
    Ending("hang before", _rule(FaultKind.HANG_BEFORE, seconds=_HANG_SECONDS)),
    Ending("429", _rule(FaultKind.RATE_LIMIT), meaning=Meaning.NOT_DONE),
    LOCKED,
    *(Ending(f"{s} before", _rule(FaultKind.ERROR_BEFORE, status=s)) for s in _SERVER_ERRORS),
    Ending("reset after", _rule(FaultKind.RESET_AFTER), happened=True),
    Ending("hang after", _rule(FaultKind.HANG_AFTER, seconds=_HANG_SECONDS), happened=True),
    Ending("torn", _rule(FaultKind.TORN), happened=True),
    Ending("garbled", _rule(FaultKind.GARBLED), happened=True),
    *(Ending(f"{s} after", _rule(FaultKind.ERROR_AFTER, status=s), happened=True) for s in _SERVER_ERRORS),
)


class Wire(urllib3.PoolManager):
    """The adapter's connection pool, whose next call of one kind ends as a test says.

    `through` is set by the stand-in when a disturbed call has had its effect, if it was to have one.
    """

    def __init__(self, control: RemoteControl, through: threading.Event) -> None:
        """Wait for every answer, but for those that never come."""
        super().__init__(timeout=PATIENT, retries=False)
        self._control = control
        self._through = through
        self._next: tuple[str, re.Pattern[str], Ending] | None = None

    def disturb(self, method: str, path: str, ending: Ending) -> None:
        """Let the next call of this method and path (`*` is one segment) end so."""
        self._next = method, re.compile(re.escape(path).replace(r"\*", "[^/]+")), ending

    @property
    def disturbed(self) -> bool:
        """Whether the call that was to be disturbed was made."""
        return self._next is None

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """Call, or end as was said."""
        path = urlsplit(url).path
        if self._next is None or method.upper() != self._next[0] or not self._next[1].fullmatch(path):
            return super().request(method, url, *args, **kwargs)
        ending, self._next = self._next[2], None
        if ending.rule is not None:
            self._control.call("POST", "faults", {**ending.rule, "method": method.upper(), "path": path})
        kwargs["timeout"] = IMPATIENT if ending.hangs else PATIENT
        self._through.clear()
        with ending.address() as instead:
            try:
                return super().request(method, url if instead is None else instead + path, *args, **kwargs)
            finally:
                self._let_it_arrive(ending)

    def _let_it_arrive(self, ending: Ending) -> None:
        """Wait for the stand-in, where the client gave up: its next call must not come first."""
        if ending.happened:
            assert self._through.wait(timeout=60)
        while ending.hangs and self._control.call("GET", "faults")["faults"]:
            time.sleep(0.001)


class Watched(StandIn):
    """A stand-in of which a test sees when a disturbed call is through; to mix in."""

    through: threading.Event

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        """Answer, then tell."""
        reply = super().answer(request, fault)  # type: ignore[safe-super] # the next base's
        if fault is not None:
            self.through.set()
        return reply


class WatchedProvider(Watched, PaymentStandIn):
    """The payment provider, in memory."""

    def __init__(self) -> None:
        """Serve on a free port."""
        super().__init__()
        self.through = threading.Event()


class WatchedDepot(Watched, WarehouseStandIn):
    """The warehouse, in memory."""

    def __init__(self) -> None:
        """Serve on a free port."""
        super().__init__()
        self.through = threading.Event()
