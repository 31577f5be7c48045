"""Whatever fails, in whatever order: no letter is lost, none counts twice, and PagerDuty ends up true."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.commands import command_text, process_command
from lambdas.domain.errors import PagerRefused, PagerUnavailable, StoreUnavailable
from lambdas.domain.failure import DeadLetter, FailureContext
from lambdas.domain.identifiers import failure_id_for, unreadable_failure_id_for
from tests.fakes.failures_made import a_letter
from tests.fakes.faults import Fault, answer_lost, nothing_happened
from tests.fakes.incidents import Incidents

ORDERS: Final = 4
STORE: Final = StoreUnavailable("no answer")
STORE_FAULTS: Final = (
    None,
    None,
    nothing_happened(STORE),
    answer_lost(STORE),
    nothing_happened(KeyError("x")),
)
PAGER_FAULTS: Final = (
    None,
    nothing_happened(PagerUnavailable("503")),
    answer_lost(PagerUnavailable("timeout")),
    nothing_happened(PagerRefused("400")),
)
OPERATIONS: Final = (
    ("contexts", "find"),
    ("archive", "keep"),
    ("archive", "keep_unreadable"),
    ("failures", "get"),
    ("failures", "save"),
    ("failures", "group"),
    ("failures", "groups"),
    ("failures", "waiting_in"),
    ("failures", "save_paging"),
    ("heads", "heads"),
)
# Which order each letter is of (None: nobody can read it), and of which of two causes it died.
LETTERS: Final = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, ORDERS - 1)), st.sampled_from(["capture", "fulfil"])),
    min_size=1,
    max_size=8,
)
FAULTS: Final = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(OPERATIONS), st.sampled_from(STORE_FAULTS)),
        st.tuples(st.just(("pager", "send")), st.sampled_from(PAGER_FAULTS)),
    ),
    max_size=12,
)
SOLD: Final = st.sets(st.integers(0, ORDERS - 1))


def plan(desk: Incidents, faults: list[tuple[tuple[str, str], Fault | None]]) -> None:
    for (part, operation), fault in faults:
        getattr(desk, part).faults.plan(operation, fault)


def made(desk: Incidents, wanted: list[tuple[int | None, str]]) -> list[DeadLetter]:
    """The letters, with what dispatch kept of them."""
    orders = [desk.pipeline.accept(f"key-{n}") for n in range(ORDERS)]
    letters = []
    for number, (order, step) in enumerate(wanted):
        message_id = f"message-{number}"
        if order is None:
            letters.append(a_letter(message_id=message_id, body="no command"))
            continue
        desk.contexts.keep(failure_id_for(orders[order]), message_id, FailureContext(step, "Any"))
        body = command_text(process_command(orders[order]))
        letters.append(a_letter(message_id=message_id, body=body))
    return letters


def drain(desk: Incidents, letters: list[DeadLetter], batch: int) -> None:
    """Let the queue deliver until it is empty; the schedule runs in between."""
    queue = list(letters)
    for _ in range(200):
        if not queue:
            return
        taken, queue = queue[:batch], queue[batch:]
        kept = [d.letter for d in desk.batch(*taken).letters if d.keep]
        queue += [replace(letter, receives=letter.receives + 1) for letter in kept]
        desk.run()
    raise AssertionError("a letter stays for ever")


@given(wanted=LETTERS, faults=FAULTS, batch=st.integers(1, 4), sold=SOLD)
def test_nothing_is_lost_and_nothing_counts_twice(
    wanted: list[tuple[int | None, str]],
    faults: list[tuple[tuple[str, str], Fault | None]],
    batch: int,
    sold: set[int],
) -> None:
    desk = Incidents()
    letters = made(desk, wanted)
    plan(desk, faults)
    drain(desk, letters, batch)
    orders = [desk.pipeline.accept(f"key-{n}") for n in range(ORDERS)]
    for number in sold:
        for step in ("validate", "authorise", "fulfil", "capture"):
            desk.pipeline.step(step, orders[number])
    for _ in range(40):  # whatever was refused is tried again after a quarter of an hour
        desk.run()

    kept = {letter.message_id for letter, _ in desk.archive.letters.values()}
    assert kept == {
        letter.message_id for letter, (order, _) in zip(letters, wanted, strict=True) if order is not None
    }
    assert desk.archive.unreadable.keys() == {x.message_id for x in letters} - kept

    expected = {failure_id_for(orders[order]) for order, _ in wanted if order is not None} | {
        unreadable_failure_id_for(message_id) for message_id in desk.archive.unreadable
    }
    assert desk.failures.records.keys() == expected
    assert sum(failure.letters for failure in desk.failures.records.values()) == len(letters)

    waiting = Counter(f.fingerprint for f in desk.failures.records.values() if f.waiting)
    assert {name: group.open for name, group in desk.failures.counted.items() if group.open} == waiting
    assert not any(
        f.waiting and f.order_id in {orders[n] for n in sold} for f in desk.failures.records.values()
    )
    assert {key.rpartition("/")[2] for key in desk.pager.open} == set(waiting)
