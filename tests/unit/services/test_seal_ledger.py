"""The sealer: what it seals and when, and that neither crashes nor rivals change the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import RECEIVABLE, SALES, Balance
from lambdas.domain.merkle import leaf_hash, root_of
from lambdas.domain.sealing import EntryKey, LogForked, Unreadable, checkpoint_path
from lambdas.domain.signed_note import Checkpoint, open_note
from lambdas.domain.tiles import bundle_path, decode_bundle, width_at
from lambdas.services import seal_ledger
from orders.ledger.verifier.verify import ed25519_verify
from tests.fakes.sealed_log import ORIGIN, Crash, Log, a_log, booked, booked_each_second

NOON = "2026-10-05T12:00:00.000Z"
QUARTER_PAST = "2026-10-05T12:15:00.000Z"
HALF_PAST = "2026-10-05T12:30:00.000Z"
TWENTY = "2026-10-05T12:20:00.000Z"


def sealed_bytes(log: Log) -> list[bytes]:
    """All entries in the log's own files."""
    last = log.batches.last()
    size = last.size if last else 0
    return [
        entry
        for index in range(-(-size // 256))
        for entry in decode_bundle(log.store.files[bundle_path(index, width_at(0, index, size))])
    ]


def checkpoint_of(log: Log, size: int) -> Checkpoint:
    note = log.store.files[checkpoint_path(size)]
    return Checkpoint.parse(open_note(note, log.signer.verifier_key, ed25519_verify))


def test_what_is_booked_longer_ago_than_the_grace_is_sealed_in_its_order() -> None:
    entries = booked_each_second(10, NOON)
    log = a_log(reversed(entries))
    assert log.seal_at("2026-10-05T12:15:05.000Z") == 5
    assert sealed_bytes(log) == [entry.canonical for entry in entries[:5]]
    assert log.seal_at(TWENTY) == 5
    assert sealed_bytes(log) == [entry.canonical for entry in entries]


def test_a_checkpoint_says_origin_size_and_root() -> None:
    entries = booked_each_second(3, NOON)
    log = a_log(entries)
    log.seal_at(TWENTY)
    root = root_of([leaf_hash(entry.canonical) for entry in entries])
    assert checkpoint_of(log, 3) == Checkpoint(ORIGIN, 3, root)


def test_entries_of_one_millisecond_are_ordered_by_their_keys() -> None:
    log = a_log([booked(n, NOON) for n in (3, 1, 2)])
    log.seal_at(TWENTY)
    assert log.leaves() == [EntryKey(OrderId(f"ord_{n:026d}"), 1) for n in (1, 2, 3)]


def test_a_run_without_anything_new_writes_nothing_to_the_log() -> None:
    log = a_log(booked_each_second(3, NOON))
    log.seal_at(TWENTY)
    before = dict(log.store.files)
    assert log.seal_at(TWENTY) == 0
    assert log.store.files == before


def test_an_entry_that_the_index_shows_late_is_in_the_next_batch_and_reported() -> None:
    log = a_log(booked_each_second(3, NOON))
    log.seal_at(TWENTY)
    late = booked(99, "2026-10-05T12:00:01.500Z")
    log.ledger.add(late)
    log.clock.advance(300)
    done = log.seal(lambda: 100.0)
    assert (done.sealed, done.late) == (1, [late.entry_id])
    assert log.batches.batches[3].late == (late.entry_id,)
    assert sealed_bytes(log)[3] == late.canonical


def test_an_entry_in_its_time_is_not_called_late() -> None:
    log = a_log(booked_each_second(1, NOON))
    log.seal_at(QUARTER_PAST[:-5] + ".001Z")
    log.ledger.add(booked(7, NOON))  # the same millisecond as the last sealed one, at the batch's own end
    log.ledger.add(booked(8, "2026-10-05T12:00:00.001Z"))
    log.clock.advance(300)
    done = log.seal(lambda: 100.0)
    assert done.sealed == 2
    assert done.late == [booked(7, NOON).entry_id]


def test_the_old_entries_are_never_read_again() -> None:
    log = a_log(booked_each_second(5_000, NOON))
    log.seal_at("2026-10-05T14:00:00.000Z")
    log.seal_at("2026-10-05T14:30:00.000Z")
    log.ledger.reads = 0
    log.ledger.add(*booked_each_second(10, "2026-10-05T14:20:00.000Z", first=5_000))
    assert log.seal_at("2026-10-05T14:40:00.000Z") == 10
    assert log.ledger.reads == 10


def test_more_than_a_batch_is_sealed_in_one_run_when_there_is_time() -> None:
    entries = booked_each_second(5_000, NOON)
    log = a_log(entries)
    assert log.seal_at("2026-10-05T14:00:00.000Z") == 5_000
    assert [len(b.entries) for b in log.batches.batches.values()] == [2_048, 2_048, 904]
    assert sealed_bytes(log) == [entry.canonical for entry in entries]


def test_a_run_out_of_time_stops_after_a_batch_and_the_next_goes_on() -> None:
    entries = booked_each_second(5_000, NOON)
    log = a_log(entries)
    log.seal_at(NOON)
    log.clock.advance(7_200)
    first = log.seal(lambda: 1.0)
    assert (first.sealed, first.unfinished) == (2_048, True)
    second, third = log.seal(lambda: 1.0), log.seal(lambda: 1.0)
    assert (second.unfinished, third.unfinished, third.size) == (True, False, 5_000)
    assert [*first.late, *second.late, *third.late] == []
    assert sealed_bytes(log) == [entry.canonical for entry in entries]


def test_a_batch_that_ends_within_a_millisecond_loses_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_ledger, "BATCH", 2)
    log = a_log([booked(n, NOON) for n in range(5)])
    log.seal_at(NOON)
    log.clock.advance(7_200)
    runs = [log.seal(lambda: 1.0) for _ in range(3)]
    assert [run.sealed for run in runs] == [2, 2, 1]
    assert not any(run.late for run in runs)
    assert len(set(log.leaves())) == 5


@pytest.mark.parametrize("survives", range(9))
def test_a_crash_at_any_write_leaves_a_log_that_the_next_run_completes(survives: int) -> None:
    """Nine files: two batches of 200 and 300 entries, with tiles of two levels, bundles and checkpoints."""
    whole, crashed = a_log(booked_each_second(200, NOON)), a_log(booked_each_second(200, NOON))
    more = booked_each_second(300, "2026-10-05T12:10:00.000Z", first=200)
    crashed.store.left = survives
    for log in (whole, crashed):
        for at in (TWENTY, HALF_PAST):
            if at == HALF_PAST:
                log.ledger.add(*more)
            try:
                log.seal_at(at)
            except Crash:
                log.store.left = None
    assert len(whole.store.files) == 9
    # The crashed run's batch is kept as it was committed; a last run completes whatever is left.
    crashed.seal_at("2026-10-05T12:45:00.000Z")
    assert crashed.leaves() == whole.leaves()
    assert crashed.store.files == whole.store.files


def test_a_batch_that_was_committed_is_completed_before_anything_new_is_sealed() -> None:
    log = a_log(booked_each_second(3, NOON))
    log.store.left = 1
    with pytest.raises(Crash):
        log.seal_at(TWENTY)
    log.store.left = None
    late = booked(50, "2026-10-05T11:59:59.000Z")  # would have come first
    log.ledger.add(late)
    assert log.seal_at(TWENTY) == 1
    assert sealed_bytes(log)[3] == late.canonical
    assert {3, 4} == {int(path[-4:]) for path in log.store.files if path.startswith("checkpoints/")}


def test_of_two_sealers_at_once_one_gives_up() -> None:
    rival = a_log(booked_each_second(5, NOON))
    rival.seal_at(TWENTY)
    log = a_log(booked_each_second(7, NOON))
    log.batches.before_add.append(rival.batches.batches[0])
    log.clock.moment = rival.clock.moment
    done = log.seal(lambda: 100.0)
    assert (done.overtaken, done.sealed) == (True, 0)
    assert log.store.files == {}, "the rival writes what the rival has committed"
    assert log.seal_at(TWENTY) == 2
    assert sealed_bytes(log) == [entry.canonical for entry in booked_each_second(7, NOON)]


def test_two_sealers_that_complete_the_same_batch_write_the_same() -> None:
    log = a_log(booked_each_second(300, NOON))
    log.store.left = 0
    with pytest.raises(Crash):
        log.seal_at(TWENTY)
    log.store.left = None
    batch = log.batches.batches[0]
    log.seal.completed(batch)
    files = dict(log.store.files)
    del log.store.files[checkpoint_path(300)]  # the other one has not come to it yet
    log.seal.completed(batch)
    assert log.store.files == files


@pytest.mark.parametrize("tamper", ["change", "delete"])
def test_an_entry_that_changes_between_commit_and_writing_stops_the_sealer(tamper: str) -> None:
    log = a_log(booked_each_second(3, NOON))
    log.store.left = 0
    with pytest.raises(Crash):
        log.seal_at(TWENTY)
    log.store.left = None
    first, *rest = log.ledger.booked
    assert not isinstance(first, Unreadable)
    log.ledger.booked = rest if tamper == "delete" else [replace(first, psp_reference="pi_x"), *rest]
    with pytest.raises(LogForked, match=r"not in the ledger any more|not those that were to be sealed"):
        log.seal_at(TWENTY)


def test_an_item_that_is_no_entry_is_reported_and_holds_nothing_up() -> None:
    log = a_log(booked_each_second(2, NOON))
    log.ledger.booked.append(Unreadable(EntryKey(OrderId("ord_x"), 1), "UnbalancedEntry"))
    log.clock.moment = log.clock.moment.replace(year=2026, month=10, day=5, hour=13)
    done = log.seal(lambda: 100.0)
    assert (done.sealed, [item.fault for item in done.unreadable]) == (2, ["UnbalancedEntry"])


def test_a_quiet_ledger_is_noted_so_that_its_days_are_not_read_again() -> None:
    log = a_log(booked_each_second(1, NOON))
    log.seal_at(TWENTY)
    log.seal_at("2026-10-07T12:00:00.000Z")
    assert log.batches.read == "2026-10-07T11:45:00.000Z"
    log.seal_at("2026-10-07T12:05:00.000Z")
    assert log.batches.read == "2026-10-07T11:45:00.000Z", "not at every run"


def test_a_batch_carries_the_running_totals_of_its_months() -> None:
    log = a_log(booked_each_second(2, "2026-10-31T23:59:59.000Z"))
    log.seal_at("2026-11-01T01:00:00.000Z")
    log.ledger.add(booked(9, "2026-11-01T01:00:00.000Z", amount=7))
    log.seal_at("2026-11-01T02:00:00.000Z")
    last = log.batches.last()
    assert last is not None
    assert [(t.month, t.entries, t.balances) for t in last.totals] == [
        ("2026-10", 1, (Balance(RECEIVABLE, "GBP", 100, 0), Balance(SALES, "GBP", 0, 100))),
        ("2026-11", 2, (Balance(RECEIVABLE, "GBP", 107, 0), Balance(SALES, "GBP", 0, 107))),
    ]
