"""Idempotency keys of the v1 API (https://docs.stripe.com/api/idempotent_requests).

- The status and body of the first request are kept for 24 hours, 500s and declines included, and
  given again with `Idempotent-Replayed: true`. They are committed together with the effect.
- Not kept: 401, 404 of an unknown URL, 409, 429, 5xx other than 500, and requests that could not
  be valid by themselves (parameters, amounts). These leave the key unused.
- Same key, other parameters or another endpoint: 400 `idempotency_error`, looked at first.
- Same key while the first runs: 409 `idempotency_key_in_use`. It runs until its effect is
  committed: a call that merely waits for its answer (`hang_after`) no longer holds the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders.local.standins.messages import Reply
from orders.local.standins.stripe.errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orders.local.standins.clock import Clock
    from orders.local.standins.database import Database
    from orders.local.standins.stripe.form import Form

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class KeyedCall:
    """A POST as the idempotency layer sees it. Parameters are kept as a hash only."""

    key: str
    path: str
    fingerprint: str

    @classmethod
    def of(cls, key: str, path: str, form: Form) -> KeyedCall:
        """Parameters in another order are the same parameters."""
        text = json.dumps(form, sort_keys=True)
        return cls(key, path, hashlib.sha256(text.encode()).hexdigest())


class IdempotencyKeys:
    """Keeps the answers, and which keys are in use."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._running: set[str] = set()

    @contextlib.contextmanager
    def claim(self, key: str) -> Iterator[None]:
        """Hold the key while its call runs.

        Raises:
            ApiError: 409 while another call holds it, 400 when it is too long.
        """
        if len(key) > LONGEST_KEY:
            raise invalid(f"Idempotency keys can be at most {LONGEST_KEY} characters long.")
        with self._lock:
            if key in self._running:
                raise _in_use(key)
            self._running.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key)

    def replay(self, call: KeyedCall) -> Reply | None:
        """The answer kept under the key, or None.

        Raises:
            ApiError: 400 `idempotency_error`.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT saved_at, path, fingerprint, status, body FROM answers WHERE key = ?",
                (call.key,),
            ).fetchone()
        if row is None:
            return None
        saved_at, path, fingerprint, status, body = row
        if saved_at + KEPT_SECONDS <= self._clock.now():
            return None
        if path != call.path:
            raise _mismatch(
                call.key, f"for the same endpoint they were first used for ('{call.path}' vs '{path}')"
            )
        if fingerprint != call.fingerprint:
            raise _mismatch(call.key, "with the same parameters they were first used with")
        return Reply(status, body, {"Idempotent-Replayed": "true"})

    def run(self, call: KeyedCall | None, effect: Callable[[], Reply]) -> Reply:
        """Run the effect and keep its answer in one transaction.

        An `ApiError` is an answer too: what was changed before it, such as a declined intent,
        stays.
        """
        with self._database.transaction() as connection:
            try:
                reply, saved = effect(), True
            except ApiError as error:
                reply, saved = error.reply, error.saved
            if saved and call is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        call.key,
                        self._clock.now(),
                        call.path,
                        call.fingerprint,
                        reply.status,
                        reply.body,
                    ),
                )
        return reply

    def forget(self) -> int:
        """Forget all answers, as Stripe may after a day; how many there were."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM answers").rowcount


def _mismatch(key: str, rule: str) -> ApiError:
    return ApiError(
        400,
        "idempotency_error",
        f"Keys for idempotent requests can only be used {rule}. Try using a key other than '{key}' "
        "if you meant to execute a different request.",
        saved=False,
    )


def _in_use(key: str) -> ApiError:
    return ApiError(
        409,
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key (that probably "
        f"means you submitted twice, and the other request is still going through): {key}. Please "
        "try again later.",
        code="idempotency_key_in_use",
        saved=False,
    )
