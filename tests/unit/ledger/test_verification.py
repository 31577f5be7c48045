"""`orders ledger verify` and `prove` on a log in memory: proven, not yet sealed, broken at an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.ledger import JournalEntry
from lambdas.domain.sealing import EntryKey, Unreadable, checkpoint_path
from lambdas.domain.tiles import decode_bundle, encode_bundle
from lambdas.domain.timestamps import from_text
from orders.ledger.proofs import NotSealed, prove
from orders.ledger.sealed import first_batch, key_of, leaf_of
from orders.ledger.verification import verify_ledger
from tests.fakes.sealed_log import Log, a_log, booked, booked_each_second
from tests.unit.ledger.sealed import a_sealed_month, reading

if TYPE_CHECKING:
    from orders.ledger.verification import Verification

NOW = from_text("2026-11-02T01:00:00.000Z")
AFTER_ALL = 739


def verified(log: Log, since: str | int | None = None) -> Verification:
    return verify_ledger(reading(log), since, NOW)


def entry(log: Log, number: int) -> JournalEntry:
    found = log.ledger.booked[number]
    assert isinstance(found, JournalEntry)
    return found


def broken(log: Log, since: str | int | None = None) -> list[str]:
    return [str(one) for one in verified(log, since).broken]


@pytest.fixture
def log() -> Log:
    return a_sealed_month()


def test_a_sound_ledger_is_proven_to_its_last_checkpoint(log: Log) -> None:
    found = verified(log)
    assert (found.first, found.size, found.checkpoints) == (0, AFTER_ALL, 5)
    assert (found.unsealed, found.broken) == (0, [])
    assert found.sealed_until == "2026-11-02T00:45:00.000Z"


def test_what_the_next_runs_will_seal_is_counted(log: Log) -> None:
    log.ledger.add(*booked_each_second(3, "2026-11-02T00:50:00.000Z", first=900))
    found = verified(log)
    assert (found.unsealed, found.broken) == (3, [])


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("2026-10-01", 0),
        ("2026-10-05T00:10:00.000Z", 0),
        ("2026-10-06", 300),
        ("2026-10-20", 305),
        ("2026-11-01", 705),
        ("2026-11-02T12:00:00.000Z", AFTER_ALL),
        (0, 0),
        (299, 0),
        (300, 300),
        (738, 709),
        (5_000, AFTER_ALL),
    ],
)
def test_it_begins_at_the_checkpoint_before(log: Log, since: str | int, first: int) -> None:
    found = verified(log, since)
    assert (found.first, found.broken, found.unsealed) == (first, [], 0)
    assert found.size == AFTER_ALL


def test_an_amount_that_is_changed_in_the_ledger_is_named(log: Log) -> None:
    victim = entry(log, 310)
    assert isinstance(victim, JournalEntry)
    log.ledger.booked[310] = booked(310, victim.booked_at, amount=1)
    assert broken(log) == [f"leaf 310 {victim.entry_id}: changed in the ledger after it was sealed"]
    assert broken(log, 305) == broken(log)
    assert broken(log, 709) == [], "what is not asked for is not read"


def test_a_time_that_is_changed_in_the_ledger_is_named(log: Log) -> None:
    victim = entry(log, 310)
    log.ledger.booked[310] = replace(victim, booked_at="2026-10-29T00:00:00.000Z")
    assert broken(log) == [f"leaf 310 {victim.entry_id}: changed in the ledger after it was sealed"]


def test_an_entry_that_is_deleted_from_the_ledger_is_named(log: Log) -> None:
    victim = entry(log, 310)
    del log.ledger.booked[310]
    assert broken(log) == [
        f"leaf 310 {victim.entry_id}: sealed, and gone from the ledger or unreadable there"
    ]


def test_an_entry_that_is_slipped_in_is_named(log: Log) -> None:
    slipped = booked(4_000, "2026-10-20T00:01:00.500Z")
    log.ledger.add(slipped)
    (said,) = broken(log)
    assert said.startswith(f"{slipped.entry_id}: booked at 2026-10-20T00:01:00.500Z and never sealed")


def test_an_item_that_cannot_be_read_is_named(log: Log) -> None:
    victim = entry(log, 310)
    log.ledger.booked[310] = Unreadable(EntryKey(victim.order_id, 1), "UnbalancedEntry")
    assert f"{victim.entry_id}: unreadable in the ledger: UnbalancedEntry" in broken(log)


def test_an_entry_that_came_late_is_proven(log: Log) -> None:
    late = booked(4_000, "2026-11-02T00:40:00.000Z")
    log.ledger.add(late)
    log.seal_at("2026-11-02T01:05:00.000Z")
    assert verified(log).size == AFTER_ALL + 1
    for since in (None, AFTER_ALL):
        assert broken(log, since) == []
    assert leaf_of(reading(log), EntryKey(late.order_id, 1), late.booked_at) == AFTER_ALL


def test_an_entry_that_is_changed_in_the_log_is_named(log: Log) -> None:
    path = "tile/entries/001"
    entries = decode_bundle(log.store.files[path])
    entries[54] = booked(310, "2026-10-20T00:00:05.000Z", amount=1).canonical
    log.store.files[path] = encode_bundle(entries)
    assert f"leaf 310 {booked(310, '').entry_id}: the log's entry is not the one that was sealed" in broken(
        log
    )


def test_a_log_that_was_rewritten_does_not_continue_its_checkpoint(log: Log) -> None:
    other = a_log([booked(n, "2026-10-05T00:00:00.000Z", amount=5) for n in range(305)])
    other.seal_at("2026-10-06T01:00:00.000Z")
    log.store.files[checkpoint_path(305)] = other.store.files[checkpoint_path(305)]
    assert broken(log) == ["leaf 304: checkpoint 305: its root is not that of the entries up to it"]
    assert broken(log, 305) == ["leaf 304: the signed checkpoint 305 is not that of the tiles"]


def test_a_signature_that_is_broken_is_named(log: Log) -> None:
    log.store.files[checkpoint_path(305)] = log.store.files[checkpoint_path(305)].replace(b"305", b"306")
    (said,) = broken(log)
    assert said.startswith("leaf 304: checkpoint 305: invalid signature for key orders.example/ledger+")


def test_a_log_without_a_file_ends_there(log: Log) -> None:
    del log.store.files["tile/entries/001"]
    (said,) = broken(log)
    assert "the log ends here: 'tile/entries/001'" in said


def test_one_more_day_costs_in_proportion_to_the_day() -> None:
    """The files and entries that are read do not depend on what lies before."""
    reads = []
    for before in (1_000, 20_000):
        log = a_log(booked_each_second(before, "2026-10-05T00:00:00.000Z"))
        log.seal_at("2026-10-06T00:00:00.000Z")
        log.ledger.add(*booked_each_second(500, "2026-10-07T00:00:00.000Z", first=before))
        log.seal_at("2026-10-08T00:00:00.000Z")
        log.store.reads = log.ledger.reads = 0
        found = verify_ledger(reading(log), "2026-10-07", from_text("2026-10-08T00:00:00.000Z"))
        assert (found.first, found.size, found.broken) == (before, before + 500, [])
        assert log.ledger.reads == 500
        reads.append(log.store.reads)
    assert reads[1] <= reads[0] + 2, "one level of tiles more, perhaps"


def test_a_batch_is_found_by_a_handful_of_reads() -> None:
    log = a_log()
    for n in range(64):
        log.ledger.add(booked(n, f"2026-10-05T{n // 4:02d}:{n % 4 * 15:02d}:00.000Z"))
        log.seal_at(f"2026-10-05T{(n + 2) // 4:02d}:{(n + 2) % 4 * 15:02d}:01.000Z")
    assert len(log.batches.batches) == 64
    calls = []

    class Counting:
        last = log.batches.last
        newest_first = log.batches.newest_first
        add = log.batches.add
        read_until = log.batches.read_until
        note_read = log.batches.note_read

        def holding(self, leaf: int) -> object:
            calls.append(leaf)
            return log.batches.holding(leaf)

    for wanted in (0, 1, 31, 62, 63):
        calls.clear()
        found = first_batch(Counting(), lambda b, wanted=wanted: b.start >= wanted)  # type: ignore[arg-type, misc]
        assert found is not None
        assert found.start == wanted
        assert len(calls) <= 7


def test_every_entry_is_found_in_the_log(log: Log) -> None:
    for number in range(0, AFTER_ALL, 37):
        found = entry(log, number)
        assert leaf_of(reading(log), EntryKey(found.order_id, 1), found.booked_at) == number


def test_an_entry_that_is_not_sealed_yet_has_no_proof(log: Log) -> None:
    young = booked(4_000, "2026-11-02T00:50:00.000Z")
    log.ledger.add(young)
    with pytest.raises(NotSealed, match=r"the log is sealed to 2026-11-02T00:45:00\.000Z"):
        prove(reading(log), EntryKey(young.order_id, 1))
    with pytest.raises(KeyError):
        prove(reading(log), EntryKey(booked(9_999, "").order_id, 1))


def test_an_empty_log_proves_nothing_and_says_so() -> None:
    log = a_log([booked(1, "2026-11-02T00:59:00.000Z")])
    found = verified(log)
    assert (found.size, found.checkpoints, found.broken) == (0, 0, [])
    # Nothing was ever sealed: the next run will begin with all of it.
    assert found.unsealed == 1


@pytest.mark.parametrize("text", ["", "ent_a", "ord_a_1", "ent_a_x", "ent_a_1_2"])
def test_what_is_no_entrys_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        key_of(text)


def test_an_entrys_id_names_its_key() -> None:
    made = booked(12, "")
    assert key_of(made.entry_id) == EntryKey(made.order_id, 1)
