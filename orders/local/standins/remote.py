"""A client of the control API, for tests, the local run and its demonstrations."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from orders.local.standins.messages import Json

TIMEOUT_SECONDS = 10.0


class ControlFailedError(Exception):
    """A control call that was refused."""


class RemoteControl:
    """Calls `/_standin/…` of one stand-in.

    Args:
        url: the stand-in's address, e.g. `PaymentStandIn.url`.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._timeout = timeout
        self._address = urlsplit(url).netloc

    def call(self, method: str, name: str, body: Json | None = None) -> Json:
        """Call e.g. `("POST", "payouts", {"currency": "usd"})`.

        Raises:
            ControlFailedError: the answer is not 200; its text is the reason.
            OSError: nobody answers.
        """
        connection = http.client.HTTPConnection(self._address, timeout=self._timeout)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"/_standin/{name}", text)
            response = connection.getresponse()
            answer: Json = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ControlFailedError(str(answer.get("error")))
        return answer

    def fault(self, kind: str, **rule: str | float | None) -> None:
        """Order a fault; the rule's fields are those of `faults.Fault`."""
        self.call("POST", "faults", {"kind": kind, **rule})

    def statistics(self) -> Json:
        """See `calls.CallStatistics.snapshot`."""
        return self.call("GET", "statistics")

    def reset(self) -> None:
        """Forget everything."""
        self.call("POST", "reset")
