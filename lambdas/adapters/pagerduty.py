"""PagerDuty's Events API v2 over plain HTTP: 202 means that it took the event, and works on it later.

https://developer.pagerduty.com/docs/send-alert-event. The official client costs 80 ms of cold start and
sleeps after a 429; here the schedule tries again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import urllib3

from lambdas.adapters.http_pool import make_pool
from lambdas.domain.errors import PagerRefused, PagerUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.adapters.secrets import CachedSecret

LARGEST_EVENT: Final = 512 * 1024
_TAKEN: Final = 202
_REFUSED: Final = 400
_TIMED_OUT: Final = 408
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(slots=True)
class PagerDuty:
    """Satisfies `Pager`. `base_url` has no trailing slash, `secret` is the routing key."""

    secret: CachedSecret
    base_url: str
    pool: urllib3.PoolManager = field(default_factory=make_pool)

    def send(self, event: Mapping[str, Any]) -> None:
        """Send an event, and once more with a fresh key where PagerDuty refuses the one that was kept.

        It has no status of its own for a wrong key: it is a 400 like any event that is not valid.
        """
        key = self.secret.value()
        status = self._post(event, key)
        if _is_refusal(status):
            self.secret.forget()
            fresh = self.secret.value()
            if fresh != key:
                status = self._post(event, fresh)
        if status == _TAKEN:
            return
        if _is_refusal(status):
            raise PagerRefused(f"PagerDuty answered {status}")
        raise PagerUnavailable(f"PagerDuty answered {status}")

    def _post(self, event: Mapping[str, Any], key: str) -> int:
        body = json.dumps({**event, "routing_key": key}, separators=(",", ":")).encode()
        if len(body) > LARGEST_EVENT:
            raise PagerRefused(f"an event of {len(body)} bytes")
        headers = {"Content-Type": "application/json"}
        try:
            answer = self.pool.request("POST", f"{self.base_url}/v2/enqueue", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise PagerUnavailable(type(error).__name__) from error
        return answer.status


def _is_refusal(status: int) -> bool:
    """Tell whether PagerDuty says no to the event; a page of something on the way is no answer of its."""
    return _REFUSED <= status < _SERVER_ERROR and status not in {_TIMED_OUT, _TOO_MANY}
