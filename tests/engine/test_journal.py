"""The journal's files: what a kill and a full disk leave, and what is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from orders.local.engine.journal.segment import HEADING, JournalDamagedError, frame, segments
from orders.local.engine.journal.writer import Journal, JournalWriteError
from orders.local.engine.snapshots import newest_snapshot, remove_leftovers, write_snapshot

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [b'{"n":1}', b"", b'{"n":"' + b"3" * 300 + b'"}']


def written(folder: Path, *records: bytes) -> Path:
    """A journal of one segment."""
    journal = Journal(folder)
    for record in records:
        journal.append(record)
    (segment,) = segments(folder)
    return segment.path


def read(folder: Path) -> list[bytes]:
    return [payload for segment in segments(folder) for payload in segment.payloads()]


def test_records_come_back_in_order_over_all_segments(tmp_path: Path) -> None:
    written(tmp_path, *RECORDS)
    journal = Journal(tmp_path)
    journal.append(b"next start")
    second = journal.rotate()
    journal.append(b"after the cut")
    assert read(tmp_path) == [*RECORDS, b"next start", b"after the cut"]
    journal.drop_before(second)
    assert read(tmp_path) == [b"after the cut"]


def test_a_record_that_was_cut_off_anywhere_is_left_out_and_told(tmp_path: Path) -> None:
    path = written(tmp_path, *RECORDS)
    whole = path.read_bytes()
    ends = [len(HEADING)]
    for record in RECORDS:
        ends.append(ends[-1] + len(frame(record)))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        (segment,) = segments(tmp_path)
        assert list(segment.payloads()) == RECORDS[: max(0, sum(end <= length for end in ends) - 1)]
        assert segment.cut_off == length - max((end for end in ends if end <= length), default=0)


def test_zeros_at_the_end_are_room_that_was_never_written(tmp_path: Path) -> None:
    path = written(tmp_path, *RECORDS)
    path.write_bytes(path.read_bytes() + bytes(64))
    assert read(tmp_path) == RECORDS


def test_damage_before_the_end_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path, *RECORDS)
    whole = path.read_bytes()
    last = len(whole) - len(frame(RECORDS[-1]))
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x20
        path.write_bytes(damaged)
        with pytest.raises(JournalDamagedError, match=r"is damaged at byte .*truncate|of version") as refusal:
            read(tmp_path)
        assert "\n" not in str(refusal.value)
        if at >= last:
            assert f"truncate -s {last} {path}" in str(refusal.value)


def test_a_journal_of_a_later_version_is_refused(tmp_path: Path) -> None:
    written(tmp_path).write_bytes(b"orders-journal 2\n...")
    with pytest.raises(JournalDamagedError, match="version 2, and this program writes version 1"):
        read(tmp_path)


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.append(b"before")
    write, full = os.write, [False]

    def half(descriptor: int, data: bytes) -> int:
        if full[0]:
            raise OSError(28, "No space left on device")
        full[0] = True
        return write(descriptor, bytes(data[: len(data) // 2]))

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(JournalWriteError, match="No space left on device"):
        journal.append(b"refused" * 10)
    monkeypatch.undo()
    journal.append(b"after")
    assert read(tmp_path) == [b"before", b"after"]


def test_it_tells_once_that_a_segment_has_grown_long(tmp_path: Path) -> None:
    journal, told = Journal(tmp_path), list[int]()
    journal.when_longer(100, lambda: told.append(journal.rotate()))
    for _ in range(20):
        journal.append(b"x" * 18)  # 30 bytes with its frame, three of them fit beside the heading
    assert told == [2, 3, 4, 5, 6, 7]


def test_a_record_that_is_rewritten_stays_one(tmp_path: Path) -> None:
    written(tmp_path, b"at :4566", b"of :4566")
    (segment,) = segments(tmp_path)
    segment.rewrite(lambda payload: payload.replace(b"4566", b"80"))
    assert read(tmp_path) == [b"at :80", b"of :80"]


def test_a_snapshot_replaces_the_one_before(tmp_path: Path) -> None:
    write_snapshot(tmp_path, 3, [("a.json", "{}"), ("b.json", "[]")])
    write_snapshot(tmp_path, 12, [("a.json", "1")])
    newest = newest_snapshot(tmp_path)
    assert newest is not None
    assert newest[0] == 12
    assert (newest[1] / "a.json").read_text() == "1"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_snapshot_that_was_not_finished_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_snapshot(tmp_path, 3, [("a.json", "{}")])

    def killed(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(OSError, match="No space left"):
        write_snapshot(tmp_path, 4, [("a.json", "1")])
    assert newest_snapshot(tmp_path) == (3, tmp_path / "000000000003")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["000000000003"]
