"""`orders import-retail` against the whole pipeline: a small dirty file, and the real one if it is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orders.local.run_file import NotRunning, read_run_file, write_run_file
from tests.cli.test_local_run import ORDERS
from tests.e2e.conftest import eventually, free_ports, port_options
from tests.e2e.in_process import run_here
from tests.unit.retail.files import content, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

REAL_FILE = os.environ.get("ORDERS_RETAIL_CSV")
REAL_SECONDS = 1_200
# Made-up goods: a SKU of this test's own keeps its stock apart from other tests'.
DIRTY = content(
    line("700001", "E2E-LAMP", 6, "2.55"),
    line("700001", "E2E-LAMP", 4, "2.10"),
    line("700001", "POST", 1, "18.00"),
    line("700002", "E2E-BOX", 3, "0.85", customer=""),
    line("700003", "E2E-LAMP", -20, "0", customer=""),
    line("700004", "POST", 1, "5.00"),
    line("700005", "E2E-CARD", 1, "0"),
    line("700006", "E2E-BOX", "two"),
    *(line("700007", f"E2E-{n:04d}", 1, "1.00", customer="90002") for n in range(120)),
    line("C700008", "E2E-LAMP", -2, "2.55", at="02/12/2010 09:00"),
    line("C700008", "E2E-LAMP", -1, "2.10", at="02/12/2010 09:00"),
    line("C700008", "E2E-LAMP", -9, "2.10", at="02/12/2010 09:00"),
    line("C700009", "E2E-0003", -1, "1.00", customer="90002", at="03/12/2010 09:00"),
    line("C700010", "E2E-BOX", -1, "0.85", customer=""),
)


@pytest.fixture
def home(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pipeline as the command finds it."""
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path))
    write_run_file(pipeline.addresses)
    return tmp_path


def imported(file: Path, *options: str, seconds: float = 120) -> dict[str, Any]:
    """Run the command to its report."""
    done = subprocess.run(
        [ORDERS, "import-retail", str(file), "--json", *options],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def receivable() -> int:
    """What the ledger says that the provider owes us, in pence."""
    return minor(ledger("balance", "--account", "Assets:Receivable:Stripe", "--currency", "GBP", "--json"))


def ledger(*arguments: str) -> str:
    """Run a command of `orders ledger` that finds nothing wrong."""
    done = run_here("ledger", *arguments)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def minor(balance: str) -> int:
    """The sum of a balance in minor units."""
    return sum(int(Decimal(found["balance"]) * 100) for found in json.loads(balance)["balances"])


def unchanged(report: dict[str, Any]) -> dict[str, Any]:
    """What must be the same at a second run."""
    told = {"seconds", "accepted_before", "refunds_accepted_before", "products_created", "products_topped_up"}
    return {name: value for name, value in report.items() if name not in told}


@contextmanager
def serving(data: Path, ports: list[str]) -> Iterator[None]:
    """A pipeline that is up again on the data that it left."""

    def is_up() -> bool:
        try:
            return bool(read_run_file())
        except NotRunning:
            return False

    with subprocess.Popen([ORDERS, "up", "--data", str(data), *ports], stderr=subprocess.DEVNULL) as process:
        try:
            eventually(is_up, bool, 300)
            yield
        finally:
            process.send_signal(signal.SIGINT)


def test_a_dirty_file_is_imported_to_the_penny_and_a_second_time_without_a_trace(
    pipeline: Pipeline, home: Path
) -> None:
    file = home / "dirty.csv"
    file.write_bytes(DIRTY)
    before = receivable()
    report = imported(file, "--client", "dirty")
    assert receivable() - before == report["captured_minor"] - report["refunded_minor"]
    assert report["excluded_by_reason"] == {
        "credit_exceeds_sale": 1,
        "credit_without_customer": 1,
        "postage": 2,
        "stock_write_off": 1,
        "unreadable_quantity": 1,
    }
    assert report["rejected_by_reason"] == {
        "refused:out_of_range": 1,
        "refused:unknown_sku": 1,
        "refused:wrong_type": 1,
    }
    assert (report["submitted"], report["completed"], report["rejected"], report["stuck"]) == (7, 4, 3, 0)
    assert report["captured_minor"] == 6 * 255 + 4 * 210 + 3 * 85 + 120 * 100
    assert (report["refunded"], report["refunded_minor"]) == (2, 2 * 255 + 210 + 100)
    assert (report["ledger_balanced"], report["sums_that_do_not_close"]) == (True, [])
    # Ten lamps were stocked and sold, and three came back.
    assert (pipeline.on_hand("E2E-LAMP"), pipeline.on_hand("E2E-0003"), pipeline.on_hand("E2E-0004")) == (
        3,
        1,
        0,
    )
    again = imported(file, "--client", "dirty")
    assert unchanged(again) == unchanged(report)
    assert (again["accepted_before"], again["refunds_accepted_before"]) == (4, 2)
    assert (pipeline.on_hand("E2E-LAMP"), pipeline.on_hand("E2E-0003")) == (3, 1)


def test_an_import_that_is_interrupted_goes_on(pipeline: Pipeline, home: Path) -> None:
    file = home / "many.csv"
    file.write_bytes(content(*(line(f"71{n:04d}", "E2E-MANY", 1, "3.00") for n in range(80))))
    client = pipeline.client("interrupted")
    command = [ORDERS, "import-retail", str(file), "--client", "interrupted"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and len(client.page()[0]) < 10:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, messages = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "run the same command again to go on" in messages
    report = imported(file, "--client", "interrupted")
    assert (report["completed"], report["captured_minor"], report["stuck"]) == (80, 24_000, 0)
    assert report["accepted_before"] >= 10
    assert pipeline.on_hand("E2E-MANY") == 0
    assert len(client.page()[0]) == 80


@pytest.mark.skipif(
    REAL_FILE is None,
    reason="the data set Online Retail is not part of the project: get it at "
    "https://doi.org/10.24432/C5BW33, save it as CSV with dates as dd/mm/yyyy hh:mm, "
    "and name it in ORDERS_RETAIL_CSV",
)
def test_the_real_file_is_imported_to_the_penny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "home"))
    ports = port_options(free_ports(4))
    kept = ["--once", "--data", str(tmp_path / "data"), *ports]
    report = imported(Path(str(REAL_FILE)), *kept, seconds=REAL_SECONDS)
    assert report["submitted"] == report["invoices"] == report["completed"] + report["rejected"]
    assert report["rows_imported"] + report["rows_excluded"] == report["rows"]
    assert report["imported_total_minor"] + report["excluded_total_minor"] == report["file_total_minor"]
    assert (report["stuck"], report["ledger_balanced"], report["sums_that_do_not_close"]) == (0, True, [])
    assert report["refunded"] > 0
    again = imported(Path(str(REAL_FILE)), *kept, seconds=REAL_SECONDS)
    assert unchanged(again) == unchanged(report)
    assert again["accepted_before"] == report["accepted"]
    with serving(tmp_path / "data", ports):
        assert receivable() == report["captured_minor"] - report["refunded_minor"]
        assert ledger("check") == ""
