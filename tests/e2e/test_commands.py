"""The commands as programs, against a pipeline that is up: stdout, stderr and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from orders.local.run_file import remove_run_file, run_file, write_run_file
from tests.cli.test_local_run import ORDERS
from tests.e2e.bodies import body

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine


def orders(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run the program."""
    return subprocess.run(
        [ORDERS, *arguments], input=given.decode(), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.usefixtures("home")
def test_an_order_is_submitted_shown_and_listed(mug: str, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_bytes(body((mug, 2), reference="from a file"))
    done = orders("submit", str(file), "--key", "cli-1", "--wait", "--client", "cli")
    assert done.returncode == 0, done.stderr
    assert "completed" in done.stdout
    assert "24.00 GBP (tax 4.00 GBP)" in done.stdout
    again = orders("submit", "-", "--key", "cli-1", "--json", "--client", "cli", given=file.read_bytes())
    order = json.loads(again.stdout)
    assert order["replayed"]
    shown = orders("get", order["order_id"], "--client", "cli")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "from a file" in shown.stdout
    listed = json.loads(orders("list", "--json", "--client", "cli").stdout)
    assert [o["order_id"] for o in listed["orders"]] == [order["order_id"]]
    assert order["order_id"] in orders("list", "--client", "cli").stdout


@pytest.mark.usefixtures("home")
def test_a_refused_order_says_everything_that_is_wrong_and_exits_1(mug: str) -> None:
    done = orders("submit", "-", given=body((mug, -1), colour="red"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "/lines/0/quantity" in done.stderr
    assert "/colour" in done.stderr
    problem = json.loads(orders("submit", "-", "--json", given=b"not json").stdout)
    assert problem["code"] == "malformed_json"


@pytest.mark.usefixtures("home")
def test_output_for_nobody_has_no_colour_and_cuts_nothing(mug: str) -> None:
    order_id = json.loads(orders("submit", "-", "--json", "--wait", given=body((mug, 1))).stdout)["order_id"]
    listed = orders("list", "--limit", "1")
    assert "\x1b[" not in listed.stdout + listed.stderr
    assert order_id in listed.stdout


def test_without_a_pipeline_it_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path))
    done = orders("list")
    assert done.returncode == 1
    assert "orders up" in done.stderr
    done = orders("list", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "nobody answers at http://127.0.0.1:9" in done.stderr


def test_wrong_usage_exits_2_and_a_missing_file_1(tmp_path: Path) -> None:
    assert orders("get").returncode == 2
    assert orders("list", "--limit", "0").returncode == 2
    assert orders().returncode == 2
    done = orders("submit", str(tmp_path / "missing.json"))
    assert done.returncode == 1
    assert "missing.json: No such file" in done.stderr


def test_the_file_of_another_run_is_left_alone(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path))
    write_run_file(pipeline.addresses)
    other = json.loads(run_file().read_text())
    run_file().write_text(json.dumps({**other, "pid": os.getppid()}))
    remove_run_file()
    assert run_file().exists()
    write_run_file(pipeline.addresses)
    remove_run_file()
    assert not run_file().exists()
