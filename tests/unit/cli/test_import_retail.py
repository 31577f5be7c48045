"""The import's command: its report on a terminal, the list of excluded rows, what it says when it stops."""

from __future__ import annotations

import csv
import io
import json
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lambdas.domain.ledger import RECEIVABLE, SALES, Balance
from orders.cli import import_retail
from orders.cli.console import Output
from orders.cli.exit_codes import ExitCode
from orders.cli.import_report import print_report
from orders.cli.main import main
from orders.cli.phase_bars import PhaseBars
from orders.local.books import Books
from orders.retail.errors import ImportFailed
from orders.retail.report import Report
from tests.fakes.passing_time import PassingTime
from tests.fakes.shop_api import ShopApi
from tests.unit.retail.files import content, line
from tests.unit.retail.importing import report_of, run_import
from tests.unit.retail.test_importing import DIRTY

if TYPE_CHECKING:
    from orders.retail.imported import Imported

OPTIONS = Namespace(file=Path("december[1].csv"), client="retail", once=False, data=None)


def output(*, terminal: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    """Where a command writes, and what it wrote: data and messages."""
    data, messages = io.StringIO(), io.StringIO()
    consoles = (Console(file=file, width=110, force_terminal=terminal) for file in (data, messages))
    return Output(False, *consoles), data, messages


def shown(report: Report, options: Namespace = OPTIONS) -> list[str]:
    """The report's lines, with single spaces."""
    out, data, _ = output()
    print_report(report, options, out)
    return [" ".join(text.split()) for text in data.getvalue().splitlines()]


def imported(*lines: str) -> tuple[ShopApi, Imported]:
    """A shop, and what an import of these lines came to."""
    shop = ShopApi()
    return shop, run_import(shop, *lines)


def test_the_report_tells_what_was_in_the_file_what_became_of_it_and_that_it_adds_up() -> None:
    shop, found = imported(*DIRTY)
    balances = [Balance(RECEIVABLE, "GBP", 2625, 720), Balance(SALES, "GBP", 720, 2625)]
    report = Report(found, Books(balances, 3, {"GBP": 1905}, {"GBP": 2625}, {"GBP": 720}), shop.captured())
    lines = shown(report)
    order_id = found.orders[0].order_id
    for expected in (
        "december[1].csv: 13 rows, 36.10 GBP",
        "6 invoices and 3 credit notes, 3 of them without a customer",
        "3 products: 3 new in the catalogue, 0 topped up",
        "completed 3 26.25",
        "rejected refused:out_of_range 1",
        "succeeded 1 7.20",
        "postage postage and carriage, no product 2 23.00",
        "credit_order_unknown no completed order of the customer before it, in this file 1 -2.55",
        "✓ rows 6 imported + 7 excluded = 13 in the file",
        "✓ money 19.05 imported + 17.05 excluded = 36.10 in the file",
        "✓ sales 26.25 imported - 0.00 not completed = 26.25 captured at the provider",
        "✓ refunds 7.20 imported - 0.00 not refunded = 7.20 refunded",
        "✓ ledger 33.45 debits = 33.45 credits",
        "✓ provider 26.25 captured - 7.20 refunded = 19.05 receivable in the ledger",
        "at the provider: 26.25 captured - 7.20 refunded = 19.05 GBP, the same as the receivable",
        ".venv/bin/orders list --client retail",
        f".venv/bin/orders trace {order_id}",
    ):
        assert expected in lines, "\n".join(lines)


def test_a_sum_that_does_not_close_stands_out() -> None:
    shop, found = imported(*DIRTY)
    found.file.total += 1
    lines = shown(report_of(shop, found))
    assert "✗ money 19.05 imported + 17.05 excluded ≠ 36.11 in the file" in lines


def test_what_is_stuck_is_named() -> None:
    shop = ShopApi(end=lambda _order: ("processing", None))
    found = run_import(shop, line())
    (order_id,) = shop.orders
    assert f"1 have not ended: {order_id}" in shown(report_of(shop, found))


def test_what_does_not_add_up_is_said_and_exits_3() -> None:
    out, _, messages = output()
    shop, found = imported(*DIRTY)
    assert import_retail.verdict(report_of(shop, found), out) is ExitCode.OK
    assert messages.getvalue() == ""
    found.file.total += 1
    assert import_retail.verdict(report_of(shop, found), out) is ExitCode.FINDINGS
    assert "these sums do not close: money" in messages.getvalue()
    stuck = ShopApi(end=lambda _order: ("processing", None))
    found = run_import(stuck, line())
    assert import_retail.verdict(report_of(stuck, found), out) is ExitCode.FINDINGS
    assert "1 have not ended" in messages.getvalue()


def test_a_report_of_a_pipeline_that_stops_does_not_point_at_it() -> None:
    shop, found = imported(line())
    lines = shown(report_of(shop, found), Namespace(**{**vars(OPTIONS), "once": True}))
    assert not any("orders list" in text for text in lines)
    assert ".venv/bin/orders import-retail 'december[1].csv'" in lines


def test_a_pipeline_that_is_kept_can_be_started_again() -> None:
    shop, found = imported(line())
    kept = Namespace(**{**vars(OPTIONS), "once": True, "data": Path("a folder")})
    lines = shown(report_of(shop, found), kept)
    assert ".venv/bin/orders up --data 'a folder'" in lines
    assert ".venv/bin/orders list --client retail" in lines


def test_rows_without_an_amount_are_owned_up_to() -> None:
    note = "What cannot be read has no amount: it is in the rows and in no sum of money."
    for lines, expected in (([line(), line(quantity="two")], True), ([line()], False)):
        shop, found = imported(*lines)
        assert (note in shown(report_of(shop, found))) is expected


def test_a_second_run_says_that_nothing_was_done_twice() -> None:
    shop, _ = imported(*DIRTY)
    lines = shown(report_of(shop, run_import(shop, *DIRTY)))
    assert "4 orders and refunds are of an earlier run; nothing was done twice" in lines


def test_excluded_rows_are_written_with_their_reasons_in_the_files_order(tmp_path: Path) -> None:
    _, found = imported(*DIRTY)
    import_retail.write_excluded(tmp_path / "excluded.csv", found)
    rows = list(csv.DictReader((tmp_path / "excluded.csv").read_text("utf-8").splitlines()))
    assert [(row["line"], row["reason"]) for row in rows] == [
        ("4", "postage"),
        ("6", "stock_write_off"),
        ("7", "postage"),
        ("9", "unreadable_quantity"),
        ("12", "credit_line_unknown"),
        ("13", "credit_without_customer"),
        ("14", "credit_order_unknown"),
    ]
    assert sum(int(row["amount_minor"]) for row in rows) == found.tally.excluded_minor
    with pytest.raises(ImportFailed, match="No such file"):
        import_retail.write_excluded(tmp_path / "none" / "excluded.csv", found)


def test_the_report_for_programs_has_what_it_promises() -> None:
    shop, found = imported(*DIRTY)
    report = json.loads(json.dumps(report_of(shop, found).as_json()))
    assert report.keys() >= {
        "submitted",
        "completed",
        "rejected",
        "refunded",
        "stuck",
        "captured_minor",
        "refunded_minor",
        "ledger_balanced",
        "rows_imported",
        "rows_excluded",
        "file_total_minor",
        "imported_total_minor",
        "excluded_total_minor",
        "excluded_by_reason",
        "excluded_minor_by_reason",
        "rejected_by_reason",
        "rejected_total_minor",
    }


@pytest.fixture
def nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a pipeline, and a file to import."""
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "home"))
    (tmp_path / "a.csv").write_bytes(content(line()))
    return tmp_path / "a.csv"


def test_without_a_pipeline_it_says_how_to_start_one(
    nothing_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import-retail", str(nothing_up)]) == ExitCode.FAILED
    assert "orders up" in capsys.readouterr().err


def test_a_file_of_another_format_is_refused_before_anything_starts(
    nothing_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing_up.write_text("a,b\n1,2\n")
    assert main(["import-retail", str(nothing_up), "--once"]) == ExitCode.FAILED
    written = capsys.readouterr()
    assert "no retail export" in written.err
    assert (written.out, "synthesised" in written.err) == ("", False)


def test_a_data_folder_without_a_pipeline_of_its_own_is_wrong_usage(
    nothing_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import-retail", str(nothing_up), "--data", "somewhere"]) == ExitCode.USAGE
    assert "--once" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("once", "data", "words"),
    [
        (False, None, "run the same command again to go on"),
        (True, Path("kept"), "run the same command again to go on"),
        (True, None, "With --data DIR the same command goes on"),
    ],
)
def test_what_is_said_when_it_is_stopped_is_true(once: bool, data: Path | None, words: str) -> None:
    assert words in import_retail.stopped(Namespace(once=once, data=data))


def test_where_nobody_watches_a_phase_is_a_line() -> None:
    out, data, messages = output()
    with PhaseBars(out) as bars:
        tell = bars.begin("orders accepted", 1_036)
        tell(500)
        bars.say("a word")
        tell(1_036)
        bars.begin("refunds accepted", 0)
    lines = [text.split() for text in messages.getvalue().splitlines()]
    assert [words[:4] for words in lines] == [
        ["a", "word"],
        ["✓", "orders", "accepted", "1,036"],
        ["✓", "refunds", "accepted", "0"],
    ]
    assert data.getvalue() == ""


def test_a_long_phase_is_told_in_between_while_it_moves() -> None:
    out, _, messages = output()
    passing = PassingTime()
    with PhaseBars(out, passing.now) as bars:
        tell = bars.begin("orders ended", 1_000)
        for done in (10, 20, 20, 20, 200, 200, 1_000, 1_000):
            passing.sleep(10)
            tell(done)
    assert [" ".join(text.split()) for text in messages.getvalue().splitlines()] == [
        "orders ended 20 of 1,000",
        "orders ended 200 of 1,000, about 200 s left",
        "✓ orders ended 1,000 70.0 s",
    ]


def test_a_phase_with_a_clock_tells_its_end_time_by_the_newest_pace() -> None:
    for terminal in (False, True):
        out, _, messages = output(terminal=terminal)
        passing = PassingTime()
        with PhaseBars(out, passing.now, lambda: datetime(2026, 3, 14, 9, 0, tzinfo=UTC)) as bars:
            tell = bars.begin("replayed", 10_000)
            for done in (0, 10, 20, 40, 140, 640):
                passing.sleep(20)
                tell(done)
        assert "until 09:0" in messages.getvalue()
        if not terminal:
            assert [" ".join(text.split()) for text in messages.getvalue().splitlines()] == [
                "replayed 0 of 10,000",
                "replayed 10 of 10,000, about 19980 s left, until 14:33:00 UTC",
                "replayed 20 of 10,000, about 19960 s left, until 14:32:40 UTC",
                "replayed 40 of 10,000, about 9960 s left, until 11:46:00 UTC",
                "replayed 140 of 10,000, about 1972 s left, until 09:32:52 UTC",
                "replayed 640 of 10,000, about 374 s left, until 09:06:14 UTC",
            ]


def test_on_a_terminal_a_phase_is_a_bar_with_its_count() -> None:
    out, _, messages = output(terminal=True)
    with PhaseBars(out) as bars:
        bars.begin("orders accepted", 1_036)(500)
    assert "500/1,036" in messages.getvalue()
    assert "left" in messages.getvalue()
