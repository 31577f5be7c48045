from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from lambdas.domain.ledger import Posting
from orders.ledger.exports import COLUMNS, csv_export, jsonl_export, write_whole
from orders.ledger.parquet import DuckDbMissing, write_parquet
from tests.unit.ledger.books import ENTRIES, SOLD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lambdas.domain.ledger import JournalEntry


def test_the_csv_has_a_line_for_each_posting_with_exact_amounts() -> None:
    rows = list(csv.DictReader(io.StringIO("".join(csv_export(ENTRIES)))))
    assert list(rows[0]) == list(COLUMNS)
    assert [(r["currency"], r["amount"], r["amount_minor"]) for r in rows[:7]] == [
        ("GBP", "12.00", "1200"),
        ("GBP", "-10.00", "-1000"),
        ("GBP", "-2.00", "-200"),
        ("JPY", "1100", "1100"),
        ("JPY", "-1000", "-1000"),
        ("JPY", "-100", "-100"),
        ("KWD", "1.001", "1001"),
    ]
    assert (rows[9]["reverses"], rows[0]["reverses"]) == (SOLD.entry_id, "")
    assert rows[9]["event_id"] == 'ref_"a".succeeded'
    postings = [Posting(r["account"], r["currency"], int(r["amount_minor"])) for r in rows]
    assert postings == [p for e in ENTRIES for p in e.postings]


def test_the_lines_of_jsonl_are_what_the_sealed_log_is_made_of() -> None:
    lines = list(jsonl_export(ENTRIES))
    assert [hashlib.sha256(n.removesuffix("\n").encode()).hexdigest() for n in lines] == [
        e.hash for e in ENTRIES
    ]
    assert json.loads(lines[0])["postings"][0] == ["Assets:Receivable:Stripe", "GBP", 1200]


def test_parquet_has_the_same_rows_with_exact_types(tmp_path: Path) -> None:
    file = tmp_path / "it's.parquet"
    write_parquet(ENTRIES, file)
    with duckdb.connect() as database:
        rows = database.read_parquet(str(file)).fetchall()
    assert len(rows) == 12
    found = dict(zip(COLUMNS, rows[6], strict=True))
    assert (found["currency"], found["amount"], found["amount_minor"]) == ("KWD", Decimal("1.001"), 1001)
    assert isinstance(found["amount"], Decimal)
    assert found["booked_at"] == datetime(2026, 12, 2, 8)  # noqa: DTZ001 - Parquet's, of UTC
    assert (found["reverses"], rows[9][9]) == (None, SOLD.entry_id)
    assert [p.name for p in tmp_path.iterdir()] == ["it's.parquet"]


def test_without_duckdb_a_person_is_told_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(DuckDbMissing, match="pip install duckdb"):
        write_parquet(ENTRIES, tmp_path / "ledger.parquet")
    assert not list(tmp_path.iterdir())


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    def half() -> Iterator[JournalEntry]:
        yield SOLD
        raise ConnectionError

    file = tmp_path / "ledger.csv"
    write_whole(file, ["as it was"])
    with pytest.raises(ConnectionError):
        write_whole(file, csv_export(half()))
    with pytest.raises(ConnectionError):
        write_parquet(half(), file)
    assert file.read_text("utf-8") == "as it was"
    assert [p.name for p in tmp_path.iterdir()] == ["ledger.csv"]
