"""The sealer on the deployed template: its function, role, key and bucket, and the commands on its log."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from lambdas.domain.catalogue import Product
from lambdas.domain.sealing import checkpoint_path
from tests.e2e.bodies import body
from tests.e2e.conftest import ended
from tests.e2e.sealing import run_sealer, seal_everything, sealed_ledger
from tests.e2e.test_commands import orders as run_orders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Pipeline

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("home")]


@pytest.fixture(scope="module")
def entry_id(pipeline: Pipeline) -> str:
    """An entry that is sealed."""
    client = pipeline.client("sealed")
    pipeline.stock(Product("SEALED", "GBP", {"list": 1200, "sale": 900}, 2000, 1000))
    order = ended(client, client.submit(body(("SEALED", 1)), "sealed").order["order_id"])
    (entry,) = pipeline.entries(order["order_id"])
    found: str = entry["entry_id"]["S"]
    seal_everything(pipeline, {found})
    return found


def test_the_ledger_is_proven_by_a_command(entry_id: str) -> None:
    done = run_orders("ledger", "verify", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["proven"], found["broken"]) == (0, True, []), entry_id
    assert found["size"] >= 1
    spoken = run_orders("ledger", "verify", "--since", "2026-11-01")
    assert (spoken.returncode, spoken.stdout.startswith("proven leaves ")) == (0, True)


def test_an_entry_is_proven_offline(entry_id: str, tmp_path: Path) -> None:
    done = run_orders("ledger", "prove", entry_id, "--to", str(tmp_path / "proof"))
    assert done.returncode == 0, done.stderr
    (tmp_path / "key").write_text(done.stdout, "utf-8")
    verified = verifier("--key", str(tmp_path / "key"), str(tmp_path / "proof"))
    assert (verified.returncode, verified.stderr) == (0, "")
    assert f"proven: {entry_id} is leaf " in verified.stdout


def test_a_month_is_proven_offline(pipeline: Pipeline, entry_id: str, tmp_path: Path) -> None:
    month = max(sealed_ledger(pipeline).batches.newest_first(), key=lambda b: b.at).at[:7]
    done = run_orders("ledger", "prove", month, "--to", str(tmp_path / "proofs"))
    assert done.returncode == 0, done.stderr
    assert entry_id.split("_")[1] in (tmp_path / "proofs" / "entries.jsonl").read_text("utf-8")
    verified = verifier(str(tmp_path / "proofs"))
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.startswith("proven: ")


def verifier(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The verifier as its reader runs it."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "orders/ledger/verifier/verify.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_not_sealed_has_no_proof(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("sealed")
    order = ended(client, client.submit(body((mug, 1)), "fresh").order["order_id"])
    (entry,) = pipeline.entries(order["order_id"])
    done = run_orders("ledger", "prove", entry["entry_id"]["S"])
    assert (done.returncode, done.stdout) == (3, "")
    assert "not yet sealed" in done.stderr
    unknown = run_orders("ledger", "prove", "ent_nobodys_1")
    assert (unknown.returncode, unknown.stderr) == (1, "orders: there is no entry ent_nobodys_1\n")


def test_a_month_that_has_not_ended_is_not_closed(pipeline: Pipeline, entry_id: str) -> None:
    month = max(sealed_ledger(pipeline).batches.newest_first(), key=lambda b: b.at).at[:7]
    done = run_orders("ledger", "close", month)
    assert (done.returncode, done.stdout) == (3, ""), entry_id
    assert f"{month} can be closed from" in done.stderr
    wrong = run_orders("ledger", "close", "2026-13")
    assert (wrong.returncode, "no month" in wrong.stderr) == (3, True)


def test_a_month_is_closed_with_a_signed_record(pipeline: Pipeline, entry_id: str) -> None:
    assert entry_id
    done = run_orders("ledger", "close", "2026-10", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["period"], record["entries"], record["balances"]) == ("2026-10", 0, [])
    again = run_orders("ledger", "close", "2026-10", "--json")
    assert json.loads(again.stdout) == record
    assert sealed_ledger(pipeline).closed_periods() == ["2026-10"]


def test_the_metrics_are_those_that_the_alarms_watch(pipeline: Pipeline) -> None:
    run_sealer(pipeline)
    name = pipeline.addresses.outputs["SealFunctionName"]
    events = pipeline.aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [json.loads(e["message"]) for e in events if e["message"].startswith("{")]
    written = [line for line in lines if "_aws" in line][-1]
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Orders"
    assert (written["environment"], written["service"]) == ("local", "seal")
    assert {m["Name"] for m in directive["Metrics"]} == {"EntriesSealed", "EntriesLate", "EntriesUnreadable"}


def test_not_even_an_administrator_writes_to_the_log_or_signs(pipeline: Pipeline, entry_id: str) -> None:
    outputs, log = pipeline.addresses.outputs, sealed_ledger(pipeline)
    assert entry_id
    size = log.sizes()[-1]
    s3, kms = pipeline.aws("s3"), pipeline.aws("kms")
    bucket, file = outputs["LogBucketName"], checkpoint_path(size)
    version = s3.head_object(Bucket=bucket, Key=file)["VersionId"]
    retention = s3.get_object_retention(Bucket=bucket, Key=file, VersionId=version)["Retention"]
    assert retention["Mode"] == "GOVERNANCE"
    attempts: list[tuple[Any, dict[str, Any]]] = [
        (s3.put_object, {"Bucket": bucket, "Key": file, "Body": b"forged"}),
        (
            s3.put_object,
            {"Bucket": bucket, "Key": checkpoint_path(size + 1), "Body": b"x", "IfNoneMatch": "*"},
        ),
        (s3.delete_object, {"Bucket": bucket, "Key": file, "VersionId": version}),
        (
            kms.sign,
            {
                "KeyId": outputs["LogKeyArn"],
                "Message": b"forged",
                "MessageType": "RAW",
                "SigningAlgorithm": "ED25519_SHA_512",
            },
        ),
    ]
    for call, parameters in attempts:
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            call(**parameters)
    assert log.checkpoint(size).size == size
