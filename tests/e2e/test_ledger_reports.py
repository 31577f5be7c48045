"""`orders ledger` on what the deployed template has booked: reports, checks, exports and the audit pack."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.bodies import body, refund_of
from tests.e2e.conftest import ended, refunds_ended
from tests.e2e.in_process import run_here
from tests.e2e.sealing import seal_everything

if TYPE_CHECKING:
    from tests.e2e.conftest import Pipeline

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("home")]

RECEIVABLE = "Assets:Receivable:Stripe"
BEAN_CHECK = Path(sys.executable).with_name("bean-check")


@pytest.fixture
def order_id(pipeline: Pipeline, mug: str, request: pytest.FixtureRequest) -> str:
    """An order of two mugs for 24.00 GBP, of which one came back."""
    client = pipeline.client("reports")
    placed: str = client.submit(body((mug, 2)), request.node.name).order["order_id"]
    ended(client, placed)
    back = refund_of(lines=[{"line": 1, "quantity": 1}])
    client.refund(placed, back, f"{request.node.name}-back")
    assert [r["status"] for r in refunds_ended(client, placed)] == ["succeeded"]
    return placed


def ledger(*arguments: str) -> str:
    """Run a command of `orders ledger` that finds nothing wrong."""
    done = run_here("ledger", *arguments)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def as_json(*arguments: str) -> Any:
    """The same, for programs."""
    return json.loads(ledger(*arguments, "--json"))


def test_from_the_total_to_the_order_and_its_payment_and_back(pipeline: Pipeline, order_id: str) -> None:
    balances = {b["account"]: b for b in as_json("balance", "--order", order_id)["balances"]}
    assert {name: b["balance"] for name, b in balances.items()} == {
        RECEIVABLE: "12.00",
        "Income:Sales": "-10.00",
        "Liabilities:SalesTax": "-2.00",
    }
    statement = [json.loads(n) for n in ledger("register", RECEIVABLE, "--json").splitlines()]
    ours = [line for line in statement if line["order_id"] == order_id]
    assert [(line["kind"], line["amount"]) for line in ours] == [("capture", "24.00"), ("refund", "-12.00")]
    assert ours[0]["psp_reference"] == pipeline.intents(order_id)[0]["id"]
    total = as_json("balance", "--account", RECEIVABLE, "--currency", "GBP")
    assert total["balances"][0]["balance"] == statement[-1]["balance"]
    printed = ledger("print", "--order", order_id)
    assert printed.count(f" {order_id}\n") == 2
    assert f"reverses:{ours[0]['entry_id']}" in printed
    shown = ledger("register", "Income", "--order", order_id).splitlines()
    assert [line.split()[-3:-1] for line in shown[1:]] == [["-20.00", "-20.00"], ["10.00", "-10.00"]]
    table = [line.split() for line in ledger("balance", "--order", order_id).splitlines()]
    assert [RECEIVABLE, "GBP", "24.00", "12.00", "12.00"] in table


def test_every_export_has_the_balance(tmp_path: Path, order_id: str) -> None:
    balance = as_json("balance")
    expected = {b["account"]: Decimal(b["balance"]) for b in balance["balances"] if b["currency"] == "GBP"}
    rows = csv.DictReader(io.StringIO(ledger("export", "--format", "csv")))
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row["currency"] == "GBP":
            sums[row["account"]] = sums.get(row["account"], Decimal(0)) + Decimal(row["amount"])
    assert sums == expected
    lines = ledger("export", "--format", "jsonl").splitlines()
    assert len(lines) == balance["entries"]
    assert any(json.loads(n)["order_id"] == order_id for n in lines)
    journal = tmp_path / "ledger.beancount"
    ledger("export", "--format", "beancount", "--to", str(journal))
    assert f"balance {RECEIVABLE}" in journal.read_text("utf-8")
    subprocess.run([BEAN_CHECK, "--no-cache", journal], check=True, capture_output=True)


def test_the_checks_are_silent_over_a_sound_ledger(order_id: str) -> None:
    done = run_here("ledger", "check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), order_id


def test_an_audit_pack_verifies_with_nothing_but_the_pack(
    pipeline: Pipeline, order_id: str, tmp_path: Path
) -> None:
    ids = {e["entry_id"]["S"] for e in pipeline.entries(order_id)}
    seal_everything(pipeline, ids)
    month = pipeline.entries(order_id)[0]["booked_at"]["S"][:7]
    folder = tmp_path / "pack"
    told = as_json("audit-pack", month, "--to", str(folder))
    assert (told["exceptions"], told["provider_silent"]) == ({}, "")
    assert told["entries"] == len((folder / "journal.jsonl").read_bytes().splitlines()) >= 2
    for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    verified = subprocess.run(
        [sys.executable, "-I", "-S", folder / "proofs/verify.py", folder / "proofs"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    journal, proven = (
        {n for n in (folder / name).read_bytes().splitlines() if order_id.encode() in n}
        for name in ("journal.jsonl", "proofs/entries.jsonl")
    )
    assert journal == proven
    assert len(journal) == 2
    subprocess.run([BEAN_CHECK, "--no-cache", folder / "journal.beancount"], check=True, capture_output=True)
    assert "Exceptions: none." in (folder / "README.md").read_text("utf-8")
    again = run_here("ledger", "audit-pack", month, "--to", str(folder))
    assert (again.returncode, again.stdout) == (2, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("balance", "--period", "2026-13"),
        ("balance", "--as-of", "2026-12-01", "--period", "2026-12"),
        ("balance", "--period", "2026-12", "--since", "2026-12-01"),
        ("register", "Income", "--since", "2026-12-02", "--until", "2026-12-01"),
        ("export", "--format", "parquet"),
        ("audit-pack", "december"),
        ("balance", "--currency", "XXX"),
        ("print", "--order", "ord_1"),
    ],
)
def test_what_contradicts_itself_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    done = run_here("ledger", *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
