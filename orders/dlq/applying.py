"""Applies a plan: canaries first, then ever faster, and no further when its cause strikes again."""

from __future__ import annotations

import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from orders.dlq.ramp import Ramp, comes_back
from orders.dlq.replaying import ENDED, REFUSED, Stand, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lambdas.domain.identifiers import FailureId
    from orders.dlq.plan import PlanEntry
    from orders.dlq.replaying import Replays

WORKERS: Final = 8
TICK_SECONDS: Final = 0.25
FIRST_LOOK_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 5.0
# Few enough that the next ones can be sent in their time.
LOOKS_AT_ONCE: Final = 5 * WORKERS
# All receives of a message that fails at each of them take about 13 minutes (dispatch's delays).
PATIENCE_SECONDS: Final = 20 * 60.0
# So seldom is looked whether others fail of the same cause.
WATCH_SECONDS: Final = 5.0
# With so many faults in a row it is not a single call that is wrong.
MOST_FAULTS: Final = 20


@dataclass(slots=True)
class _Flight:
    """A replay whose outcome is not known yet."""

    entry: PlanEntry
    began: float
    look_at: float
    pause: float = FIRST_LOOK_SECONDS


@dataclass(slots=True)
class Applied:
    """What came of each entry that was begun or refused. `stopped` says why the rest was not begun."""

    total: int
    stands: dict[FailureId, Stand] = field(default_factory=dict)
    stopped: str | None = None

    @property
    def concluded(self) -> int:
        """How many have an outcome or were refused."""
        return sum(stand.standing in ENDED for stand in self.stands.values())

    @property
    def not_begun(self) -> int:
        """How many nobody has touched."""
        return self.total - len(self.stands)

    def count(self, *standings: Standing) -> int:
        """Count the entries that stand so."""
        return sum(stand.standing in standings for stand in self.stands.values())

    def details(self, *standings: Standing) -> Counter[str]:
        """Count what there is to say of the entries that stand so."""
        return Counter(stand.detail for stand in self.stands.values() if stand.standing in standings)


@dataclass(slots=True)
class Applying:
    """One run over the safe entries of a plan; what an earlier run began is looked after, not begun anew.

    `watch` returns what has failed of the plan's causes since this run began; it ends with more than
    `tolerate` of them. `begin_canary` and, afterwards, `begin_rest` hear how many there are, and what they
    return hears how many are concluded. `sleep` and `now` (seconds) are replaceable.
    """

    replays: Replays
    rate: float
    watch: Callable[[], frozenset[FailureId]] = frozenset
    tolerate: int = 0
    begin_canary: Callable[[int], Callable[[int], None]] = lambda _: lambda _: None
    begin_rest: Callable[[int], Callable[[int], None]] = lambda _: lambda _: None
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    patience: float = PATIENCE_SECONDS
    applied: Applied = field(default_factory=lambda: Applied(0))
    _flights: list[_Flight] = field(default_factory=list)
    _faults: int = 0
    _back_before: frozenset[FailureId] = frozenset()
    _struck: frozenset[FailureId] = frozenset()
    _watch_at: float = 0.0

    def run(self, entries: Sequence[PlanEntry], *, again: bool = False) -> Applied:
        """Replay all that may be; `again` when the plan was applied before.

        Raises:
            StoreUnavailable, QueueUnavailable: they fail all the time; the plan can be applied again.
        """
        self.applied.total = len(entries)
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                waiting = deque(self._recall(entries, pool) if again else entries)
                self._back_before = frozenset(self._back())
                if self._try_canaries(waiting, pool):
                    self._replay_all(waiting, pool)
            except BaseException:
                # Whoever interrupts waits for the calls that are made, and for none that are not.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return self.applied

    def _recall(self, entries: Sequence[PlanEntry], pool: ThreadPoolExecutor) -> list[PlanEntry]:
        """Take up what earlier runs began; return what they did not."""
        left = []
        for entry, stand in zip(entries, pool.map(self.replays.recall, entries), strict=True):
            if stand is None:
                left.append(entry)
            else:
                self._note(entry, stand)
        return left

    def _try_canaries(self, waiting: deque[PlanEntry], pool: ThreadPoolExecutor) -> bool:
        """Replay one of each fingerprint and wait for what comes of it; False when that says stop.

        What an earlier run has under way is waited for too.
        """
        for fingerprint in dict.fromkeys(entry.fingerprint for entry in waiting):
            group = [entry for entry in waiting if entry.fingerprint == fingerprint]
            for entry in group:
                waiting.remove(entry)
                self._begin([entry], pool)
                if self.applied.stands[entry.failure_id].standing not in REFUSED:
                    break  # a refused one tells nothing of the others: the next one is tried
        canaries = len(self._flights)
        tell = self.begin_canary(canaries)
        while self._flights:
            self._look(pool)
            tell(canaries - len(self._flights))
            if self._flights:
                self.sleep(TICK_SECONDS)
            if self._too_late():
                self.applied.stopped = "the canary has no outcome yet"
                return False
        if self._back() - self._back_before:
            self.applied.stopped = "the canary came back"
        return not self._must_stop()

    def _replay_all(self, waiting: deque[PlanEntry], pool: ThreadPoolExecutor) -> None:
        ramp, tell = Ramp(self.rate, self.now()), self.begin_rest(self.applied.total)
        while waiting or self._flights:
            if self.applied.stopped is None:
                number = min(len(waiting), ramp.take(self.now(), len(self._flights)))
                self._begin([waiting.popleft() for _ in range(number)], pool)
            self._look(pool)
            tell(self.applied.concluded)
            self._must_stop()
            if self._too_late() or (self.applied.stopped and not self._flights):
                return
            if waiting or self._flights:
                self.sleep(TICK_SECONDS)

    def _must_stop(self) -> bool:
        """Tell whether no more may begin; the first reason stays."""
        if self.applied.stopped is None:
            same = self._of_the_same_cause()
            if len(same) > self.tolerate:
                self.applied.stopped = "its cause is not gone"
            elif comes_back(len(self._back() - self._back_before - same), self._outcomes()):
                self.applied.stopped = "too many of them come back"
        return self.applied.stopped is not None

    def _of_the_same_cause(self) -> frozenset[FailureId]:
        """Return what failed of the plan's causes during this run, replayed by it or not."""
        if self.now() >= self._watch_at:
            self._watch_at = self.now() + WATCH_SECONDS
            self._struck |= self.watch()
        own = {failure_id for failure_id, stand in self.applied.stands.items() if stand.same_cause}
        return self._struck | (own - self._back_before)

    def _back(self) -> set[FailureId]:
        stands = self.applied.stands.items()
        return {failure_id for failure_id, stand in stands if stand.standing is Standing.CAME_BACK}

    def _begin(self, entries: Iterable[PlanEntry], pool: ThreadPoolExecutor) -> None:
        for entry, stand in self._each(list(entries), pool):
            self._note(entry, stand)

    def _note(self, entry: PlanEntry, stand: Stand) -> None:
        self.applied.stands[entry.failure_id] = stand
        if stand.standing is Standing.UNDER_WAY:
            self._flights.append(_Flight(entry, self.now(), self.now() + FIRST_LOOK_SECONDS))

    def _look(self, pool: ThreadPoolExecutor) -> None:
        now = self.now()
        first = sorted((f for f in self._flights if f.look_at <= now), key=lambda f: f.look_at)
        due = {flight.entry.failure_id: flight for flight in first[:LOOKS_AT_ONCE]}
        for entry, stand in self._each([flight.entry for flight in due.values()], pool):
            self.applied.stands[entry.failure_id] = stand
            flight = due[entry.failure_id]
            flight.pause = min(LONGEST_PAUSE_SECONDS, flight.pause * 1.5)
            flight.look_at = self.now() + flight.pause
        self._flights = [
            flight
            for flight in self._flights
            if self.applied.stands[flight.entry.failure_id].standing is Standing.UNDER_WAY
        ]

    def _each(self, entries: list[PlanEntry], pool: ThreadPoolExecutor) -> Iterator[tuple[PlanEntry, Stand]]:
        """Begin several at once, or go on with them; one whose call failed is looked at again."""
        futures = [pool.submit(self.replays.begin, entry) for entry in entries]
        for entry, future in zip(entries, futures, strict=True):
            try:
                yield entry, future.result()
            except (StoreUnavailable, QueueUnavailable):
                self._faults += 1
                if self._faults > MOST_FAULTS:
                    raise
                yield entry, Stand(Standing.UNDER_WAY)
            else:
                self._faults = 0

    def _too_late(self) -> bool:
        return any(self.now() - flight.began > self.patience for flight in self._flights)

    def _outcomes(self) -> int:
        return self.applied.count(Standing.DONE, Standing.CAME_BACK)
